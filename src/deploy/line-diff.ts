const CONTEXT_LINES = 3;

interface DiffLine {
  readonly mark: ' ' | '-' | '+';
  readonly text: string;
}

/**
 * The differences between two texts in the unified form that `patch` reads; empty when there are none.
 * Time and memory grow with the product of the two lengths between the first and the last difference.
 */
export function unifiedDiff(before: string, after: string, name: string): string {
  if (before === after) return '';
  const lines = diffLines(splitLines(before), splitLines(after));
  return [`--- ${name}\n`, `+++ ${name}\n`, ...hunks(lines)].join('');
}

/** With their line breaks, so that one that is missing at the end of the text shows. */
function splitLines(text: string): string[] {
  return text.match(/[^\n]*\n|[^\n]+$/g) ?? [];
}

function diffLines(before: readonly string[], after: readonly string[]): DiffLine[] {
  const shorter = Math.min(before.length, after.length);
  let start = 0;
  while (start < shorter && before[start] === after[start]) start += 1;
  let end = 0;
  while (end < shorter - start && before.at(-1 - end) === after.at(-1 - end)) end += 1;
  const same = (lines: readonly string[]): DiffLine[] => lines.map((text) => ({ mark: ' ', text }));
  const [oldEnd, freshEnd] = [before.length - end, after.length - end];
  return [
    ...same(before.slice(0, start)),
    ...diffDifferent(before.slice(start, oldEnd), after.slice(start, freshEnd)),
    ...same(before.slice(oldEnd)),
  ];
}

function diffDifferent(before: readonly string[], after: readonly string[]): DiffLine[] {
  const common = commonLengths(before, after);
  const lines: DiffLine[] = [];
  let [i, j] = [0, 0];
  while (i < before.length || j < after.length) {
    const [old, fresh] = [before[i], after[j]];
    if (old !== undefined && old === fresh) {
      lines.push({ mark: ' ', text: old });
      i += 1;
      j += 1;
    } else if (old !== undefined && (fresh === undefined || at(common, i + 1, j) >= at(common, i, j + 1))) {
      lines.push({ mark: '-', text: old });
      i += 1;
    } else {
      lines.push({ mark: '+', text: fresh ?? '' });
      j += 1;
    }
  }
  return lines;
}

/** At i, j: the length of the longest common subsequence of what follows there. */
function commonLengths(before: readonly string[], after: readonly string[]): readonly Uint32Array[] {
  const rows = Array.from({ length: before.length + 1 }, () => new Uint32Array(after.length + 1));
  for (let i = before.length - 1; i >= 0; i -= 1) {
    for (let j = after.length - 1; j >= 0; j -= 1) {
      const length =
        before[i] === after[j]
          ? at(rows, i + 1, j + 1) + 1
          : Math.max(at(rows, i + 1, j), at(rows, i, j + 1));
      rows[i]?.fill(length, j, j + 1);
    }
  }
  return rows;
}

function at(rows: readonly Uint32Array[], i: number, j: number): number {
  return rows[i]?.[j] ?? 0;
}

function hunks(lines: readonly DiffLine[]): string[] {
  const changes = lines.flatMap(({ mark }, index) => (mark === ' ' ? [] : [index]));
  const groups: { from: number; to: number }[] = [];
  for (const index of changes) {
    const last = groups.at(-1);
    if (last && index - last.to <= 2 * CONTEXT_LINES) last.to = index;
    else groups.push({ from: index, to: index });
  }
  return groups.map(({ from, to }) =>
    renderHunk(lines, Math.max(0, from - CONTEXT_LINES), Math.min(lines.length, to + 1 + CONTEXT_LINES)),
  );
}

function renderHunk(lines: readonly DiffLine[], from: number, to: number): string {
  const shown = lines.slice(from, to);
  const range = (own: DiffLine['mark']) => {
    const isOwn = ({ mark }: DiffLine) => mark === ' ' || mark === own;
    const length = shown.filter(isOwn).length;
    const above = lines.slice(0, from).filter(isOwn).length;
    // A range of no lines names the line before it.
    return `${length === 0 ? above : above + 1},${length}`;
  };
  const body = shown.map(({ mark, text }) =>
    text.endsWith('\n') ? mark + text : `${mark}${text}\n\\ No newline at end of file\n`,
  );
  return `@@ -${range('-')} +${range('+')} @@\n${body.join('')}`;
}
