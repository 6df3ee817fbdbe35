import { QueryError } from './query.ts';

export interface Token {
  readonly kind: 'name' | 'number' | 'period' | 'text' | 'sign' | 'end';
  readonly text: string;
  /** From 1. */
  readonly line: number;
}

/** In this order: `15m` is a period before it is a number. Names with other characters need back-ticks: not used here. */
const PATTERNS: readonly (readonly [Token['kind'] | 'space', RegExp])[] = [
  ['space', /\s+|#[^\n]*/y],
  ['name', /@?[A-Za-z_][\w.]*/y],
  ['period', /[1-9]\d*(?:ms|s|m|h)\b/y],
  ['number', /\d+(?:\.\d+)?(?![\w.])/y],
  ['text', /"[^"\n\\]*"|'[^'\n\\]*'/y],
  ['sign', /!=|<=|>=|[|,()[\]=<>+\-*/]/y],
];

/** Comments begin with `#` and end with their line. Source: CWL_QuerySyntax-alias, "Use comments". */
export function tokensOf(text: string): Token[] {
  const tokens: Token[] = [];
  let offset = 0;
  let line = 1;
  while (offset < text.length) {
    const [kind, found] = tokenAt(text, offset);
    if (kind === undefined)
      throw new QueryError(`line ${line}: ${JSON.stringify(text[offset])} is not known here`);
    if (kind !== 'space') tokens.push({ kind, text: found, line });
    line += found.split('\n').length - 1;
    offset += found.length;
  }
  return [...tokens, { kind: 'end', text: 'the end', line }];
}

function tokenAt(text: string, offset: number): readonly [Token['kind'] | 'space' | undefined, string] {
  for (const [kind, pattern] of PATTERNS) {
    pattern.lastIndex = offset;
    const [found] = pattern.exec(text) ?? [];
    if (found !== undefined) return [kind, found];
  }
  return [undefined, ''];
}
