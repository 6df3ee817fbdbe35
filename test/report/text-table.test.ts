import stringWidth from 'string-width';
import { describe, expect, it } from 'vitest';
import { type Column, textTable, truncated, wrapped } from '../../src/report/text-table.ts';

interface Row {
  readonly name: string;
  readonly count: number;
  readonly note: string;
}

const COLUMNS: readonly Column<Row>[] = [
  { title: 'NAME', align: 'left', rank: 0, minWidth: 6, cell: ({ name }) => ({ text: name }) },
  { title: 'COUNT', align: 'right', rank: 0, cell: ({ count }) => ({ text: String(count), style: 'red' }) },
  { title: 'NOTE', align: 'left', rank: 1, cell: ({ note }) => ({ text: note }) },
];
const ROWS: readonly Row[] = [
  { name: 'first of all', count: 7, note: 'short' },
  { name: '日本', count: 1_234, note: 'somewhat longer' },
];
const plain = (columns?: number) => textTable(COLUMNS, ROWS, { columns, isColoured: false });

describe('a table', () => {
  it('is as wide as its texts, wide characters counted twice', () => {
    expect(plain().lines).toEqual([
      'NAME          COUNT  NOTE',
      'first of all      7  short',
      '日本           1234  somewhat longer',
    ]);
  });

  it('is cut where it may be, then loses columns and says which', () => {
    expect(plain(30)).toEqual({
      lines: ['NAME    COUNT  NOTE', 'first…      7  short', '日本     1234  somewhat longer'],
      leftOut: [],
    });
    expect(plain(22)).toEqual({
      lines: ['NAME          COUNT', 'first of all      7', '日本           1234'],
      leftOut: ['NOTE'],
    });
  });

  it('keeps a column of a later rank where one of an earlier does not fit', () => {
    const mark: Column<Row> = { title: 'X', align: 'right', rank: 2, cell: () => ({ text: 'x' }) };
    expect(textTable([...COLUMNS, mark], ROWS, { columns: 22, isColoured: false })).toEqual({
      lines: ['NAME          COUNT  X', 'first of all      7  x', '日本           1234  x'],
      leftOut: ['NOTE'],
    });
  });

  it('has colours, which take no room', () => {
    const coloured = textTable(COLUMNS, ROWS, { columns: 30, isColoured: true });
    expect(coloured.lines[1]).toBe('first…      \u001b[31m7\u001b[39m  short');
    expect(coloured.lines.map((line) => stringWidth(line))).toEqual(
      plain(30).lines.map((line) => stringWidth(line)),
    );
  });
});

it('text is cut between characters as they are seen', () => {
  expect(truncated('日本語', 6)).toBe('日本語');
  expect(truncated('日本語', 5)).toBe('日本…');
  expect(truncated('e\u0301e\u0301e\u0301', 2)).toBe('e\u0301…');
});

it('lines are broken between words', () => {
  expect(wrapped('one two three four', 9)).toEqual(['one two', '  three', '  four']);
  expect(wrapped('incomprehensible word', 9)).toEqual(['incomprehensible', '  word']);
  expect(wrapped('any width', undefined)).toEqual(['any width']);
});
