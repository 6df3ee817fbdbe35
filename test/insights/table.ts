import type { Result, Value } from './evaluator.ts';

/** Rows as text, one column beside the other, to be read and compared; what is not there is empty. */
export function tableOf({ names, rows }: Result): string {
  if (rows.length === 0) return '(no rows)\n';
  const cells = [names, ...rows.map((row) => names.map((name) => cellOf(name, row.get(name))))];
  const widths = names.map((_, column) => Math.max(...cells.map((line) => line[column]?.length ?? 0)));
  return cells
    .map(
      (line) =>
        `${line
          .map((cell, column) => cell.padEnd(widths[column] ?? 0))
          .join('  ')
          .trimEnd()}\n`,
    )
    .join('');
}

/** Numbers are rounded to four decimals. */
function cellOf(name: string, value: Value): string {
  if (value === undefined) return '';
  if (typeof value !== 'number') return String(value);
  const isInstant = name === '@timestamp' || name.startsWith('bin(');
  return isInstant
    ? new Date(value).toISOString().replace('T', ' ').replace('Z', '')
    : String(Number(value.toFixed(4)));
}
