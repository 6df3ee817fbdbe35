import stringWidth from 'string-width';

export type Style = 'bold' | 'dim' | 'red' | 'green' | 'yellow';

/** Of the terminal's own palette, what is readable on dark and on light. */
const CODES: Readonly<Record<Style, readonly [on: number, off: number]>> = {
  bold: [1, 22],
  dim: [2, 22],
  red: [31, 39],
  green: [32, 39],
  yellow: [33, 39],
};

export interface Cell {
  readonly text: string;
  readonly style?: Style | undefined;
}

export interface Column<Row> {
  readonly title: string;
  readonly align: 'left' | 'right';
  /** Where lines are too short, columns of the lowest number go first, those of one number together; 0 always stays. */
  readonly rank: number;
  /** Cut to the width that is left, down to this; otherwise it has the width that it needs. */
  readonly minWidth?: number;
  cell(row: Row): Cell;
}

export interface TextTable {
  readonly lines: readonly string[];
  /** Titles of columns that did not fit. */
  readonly leftOut: readonly string[];
}

const GAP = '  ';

/** @param columns of a line; undefined for any width */
export function textTable<Row>(
  all: readonly Column<Row>[],
  rows: readonly Row[],
  { columns, isColoured }: { readonly columns: number | undefined; readonly isColoured: boolean },
): TextTable {
  const cells = new Map(all.map((column) => [column, rows.map((row) => column.cell(row))]));
  const natural = new Map(
    all.map((column) => [
      column,
      Math.max(stringWidth(column.title), ...(cells.get(column) ?? []).map(({ text }) => stringWidth(text))),
    ]),
  );
  const widthOf = (column: Column<Row>) => natural.get(column) ?? 0;
  const shown = fitting(all, widthOf, columns);
  const widths = shrunk(shown, widthOf, columns);
  const line = (texts: readonly Cell[]) =>
    texts
      .map((cell, index) => padded(cell, widths[index] ?? 0, shown[index]?.align ?? 'left', isColoured))
      .join(GAP)
      .trimEnd();
  const titles = shown.map(({ title }): Cell => ({ text: title, style: 'bold' }));
  return {
    lines: [
      line(titles),
      ...rows.map((_, at) => line(shown.map((column) => cells.get(column)?.[at] ?? { text: '' }))),
    ],
    leftOut: all.filter((column) => !shown.includes(column)).map(({ title }) => title),
  };
}

/** The columns that fit beside one another: those of a rank wherever they fit beside those of lower ranks. */
function fitting<Row>(
  all: readonly Column<Row>[],
  widthOf: (column: Column<Row>) => number,
  columns: number | undefined,
): readonly Column<Row>[] {
  if (columns === undefined) return all;
  const least = (column: Column<Row>) => Math.min(column.minWidth ?? widthOf(column), widthOf(column));
  const ranks = new Set(all.map(({ rank }) => rank));
  const shown = new Set([0]);
  const isShown = ({ rank }: Column<Row>) => shown.has(rank);
  for (const rank of [...ranks].toSorted((a, b) => a - b)) {
    shown.add(rank);
    if (rank > 0 && total(all.filter(isShown).map(least)) > columns) shown.delete(rank);
  }
  return all.filter(isShown);
}

/** Takes what is too much from the columns that may be cut, first from the first. */
function shrunk<Row>(
  shown: readonly Column<Row>[],
  widthOf: (column: Column<Row>) => number,
  columns: number | undefined,
): readonly number[] {
  let excess = columns === undefined ? 0 : total(shown.map(widthOf)) - columns;
  return shown.map((column) => {
    const width = widthOf(column);
    const cut = Math.min(Math.max(0, excess), Math.max(0, width - (column.minWidth ?? width)));
    excess -= cut;
    return width - cut;
  });
}

function total(widths: readonly number[]): number {
  return widths.reduce((sum, width) => sum + width, 0) + GAP.length * Math.max(0, widths.length - 1);
}

function padded({ text, style }: Cell, width: number, align: 'left' | 'right', isColoured: boolean): string {
  const cut = truncated(text, width);
  const gap = ' '.repeat(Math.max(0, width - stringWidth(cut)));
  const styled = style !== undefined && isColoured ? coloured(cut, style) : cut;
  return align === 'right' ? gap + styled : styled + gap;
}

/** Cut by whole characters, as a reader sees them, with an ellipsis. */
export function truncated(text: string, width: number): string {
  if (stringWidth(text) <= width) return text;
  let cut = '';
  for (const { segment } of new Intl.Segmenter().segment(text)) {
    if (stringWidth(cut + segment) > width - 1) break;
    cut += segment;
  }
  return `${cut}…`;
}

export function coloured(text: string, style: Style): string {
  const [on, off] = CODES[style];
  return `\u001b[${on}m${text}\u001b[${off}m`;
}

/** Words on lines of this width, further lines indented; a word that is longer stands alone. */
export function wrapped(text: string, columns: number | undefined, indent = '  '): readonly string[] {
  if (columns === undefined) return [text];
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    const longer = line === '' ? word : `${line} ${word}`;
    if (line !== '' && stringWidth(longer) > columns) {
      lines.push(line);
      line = `${indent}${word}`;
    } else {
      line = longer;
    }
  }
  return [...lines, line];
}
