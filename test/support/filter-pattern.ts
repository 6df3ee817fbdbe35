/**
 * CloudWatch Logs' filter patterns for JSON, as metric and subscription filters take them, evaluated on a log event.
 *
 * Source: "Filter pattern syntax for metric filters, subscription filters, filter log events, and Live Tail", section
 * "Using filter patterns to match terms in JSON log events", in the CloudWatch Logs user guide. Of its syntax:
 *
 *     pattern     = "{" any "}"
 *     any         = all { "||" all }
 *     all         = condition { "&&" condition }
 *     condition   = "(" any ")" | selector "NOT EXISTS" | selector operator term
 *     selector    = "$." name { "." name }
 *     operator    = "=" | "!=" | "<" | "<=" | ">" | ">="
 *     term        = '"' characters '"' | word
 *
 * Array elements, `IS` and regular expressions are not read. Whatever is not understood, or what the page leaves open,
 * is an error, so that a test never believes a pattern that it did not understand.
 */

/** Whether a filter lets a log event pass; an event that is no JSON object never does. */
export type Filter = (message: string) => boolean;

type Fields = Readonly<Record<string, unknown>>;
type Condition = (fields: Fields) => boolean;

/** @throws SyntaxError for what is no such pattern, or not one of those read here */
export function parseFilterPattern(pattern: string): Filter {
  const tokens = new Tokens(pattern);
  tokens.expect('{');
  const condition = parseAny(tokens);
  tokens.expect('}');
  tokens.expectEnd();
  return (message) => {
    const fields = fieldsOf(message);
    return fields !== undefined && condition(fields);
  };
}

const TOKEN = /\s*(?:(\$(?:\.[\w-]+)+|NOT EXISTS\b|"[^"\\]*"|&&|\|\||[<>!]=|[(){}=<>]|[\w.*+-]+)|(\S))/y;

class Tokens {
  readonly #pattern: string;
  #at = 0;

  constructor(pattern: string) {
    this.#pattern = pattern;
  }

  peek(): string | undefined {
    TOKEN.lastIndex = this.#at;
    const [, token, unknown] = TOKEN.exec(this.#pattern) ?? [];
    if (unknown !== undefined) throw this.#error(`${unknown} is not understood`);
    return token;
  }

  next(): string {
    const token = this.peek();
    if (token === undefined) throw this.#error('something is missing at the end');
    this.#at = TOKEN.lastIndex;
    return token;
  }

  /** Takes the next token if it is this one. */
  take(token: string): boolean {
    const isNext = this.peek() === token;
    if (isNext) this.next();
    return isNext;
  }

  expect(token: string): void {
    const found = this.next();
    if (found !== token) throw this.#error(`${found} stands where ${token} must`);
  }

  expectEnd(): void {
    const token = this.peek();
    if (token !== undefined) throw this.#error(`${token} follows the end`);
  }

  #error(problem: string): SyntaxError {
    return new SyntaxError(`filter pattern ${this.#pattern}: ${problem}`);
  }
}

function parseAny(tokens: Tokens): Condition {
  const conditions = [parseAll(tokens)];
  while (tokens.take('||')) conditions.push(parseAll(tokens));
  return (fields) => conditions.some((condition) => condition(fields));
}

function parseAll(tokens: Tokens): Condition {
  const conditions = [parseCondition(tokens)];
  while (tokens.take('&&')) conditions.push(parseCondition(tokens));
  return (fields) => conditions.every((condition) => condition(fields));
}

function parseCondition(tokens: Tokens): Condition {
  if (tokens.take('(')) {
    const condition = parseAny(tokens);
    tokens.expect(')');
    return condition;
  }
  const selector = tokens.next();
  if (!selector.startsWith('$.')) throw new SyntaxError(`${selector} is no property selector`);
  const path = selector.split('.').slice(1);
  if (tokens.take('NOT EXISTS')) return (fields) => valueAt(fields, path) === undefined;
  return parseComparison(selector, path, tokens);
}

function parseComparison(selector: string, path: readonly string[], tokens: Tokens): Condition {
  const operator = tokens.next();
  const term = tokens.next();
  if (operator === '=') return (fields) => equals(valueAt(fields, path), term);
  if (operator === '!=') {
    return (fields) => {
      const value = valueAt(fields, path);
      if (value === undefined) {
        throw new Error(`${selector} != ${term}: the event has no such field, and the page leaves it open`);
      }
      return !equals(value, term);
    };
  }
  const compare = COMPARISONS[operator];
  const limit = Number(term);
  if (compare === undefined || Number.isNaN(limit)) {
    throw new SyntaxError(`${selector} ${operator} ${term} is no comparison`);
  }
  return (fields) => {
    const value = valueAt(fields, path);
    return typeof value === 'number' && compare(value, limit);
  };
}

const COMPARISONS: Readonly<Record<string, (value: number, limit: number) => boolean>> = {
  '<': (value, limit) => value < limit,
  '<=': (value, limit) => value <= limit,
  '>': (value, limit) => value > limit,
  '>=': (value, limit) => value >= limit,
};

/** Only strings and numbers are compared; `*` in the term stands for any characters. */
function equals(value: unknown, term: string): boolean {
  if (typeof value !== 'number' && typeof value !== 'string') return false;
  if (typeof value === 'number' && term.startsWith('"')) {
    throw new Error(`${term} is text, but the event has the number ${value} there: the page leaves it open`);
  }
  if (typeof value === 'number' && !term.includes('*')) return Number(term) === value;
  const source = term
    .replaceAll('"', '')
    .replace(/[.+?^${}()|[\]\\]/g, '\\$&')
    .replaceAll('*', '.*');
  return new RegExp(`^${source}$`, 's').test(String(value));
}

function fieldsOf(message: string): Fields | undefined {
  try {
    const value: unknown = JSON.parse(message);
    return isFields(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function valueAt(fields: Fields, path: readonly string[]): unknown {
  return path.reduce<unknown>((at, name) => (isFields(at) ? at[name] : undefined), fields);
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
