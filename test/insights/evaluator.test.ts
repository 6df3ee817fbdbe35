import { describe, expect, it } from 'vitest';
import { evaluate, type LogEvent } from './evaluator.ts';
import { parseQuery } from './parser.ts';
import { tableOf } from './table.ts';

const HOUR_MS = 3_600_000;

function event(atMs: number, fields: Readonly<Record<string, string | number>>): LogEvent {
  return { timestampMs: atMs, message: JSON.stringify(fields) };
}

const EVENTS = [
  event(HOUR_MS, { job: 'a', taskId: '1', seq: 1 }),
  event(HOUR_MS + 1, { job: 'a', taskId: '1', seq: 1 }),
  event(HOUR_MS + 2, { job: 'b', taskId: '2', seq: 5, exitCode: 7 }),
  event(2 * HOUR_MS, { job: 'b', taskId: '3', seq: 3 }),
  { timestampMs: 2 * HOUR_MS + 1, message: 'a text' },
];

function rowsOf(text: string): unknown[] {
  const { names, rows } = evaluate(parseQuery(text), EVENTS, 3 * HOUR_MS);
  return rows.map((row) => names.map((name) => row.get(name)));
}

describe('the evaluator', () => {
  it('shows the newest event first, and messages that are no JSON', () => {
    expect(rowsOf('fields @message, job | limit 2')).toEqual([
      ['a text', undefined],
      [EVENTS[3]?.message, 'b'],
    ]);
  });

  it('sees no fields in a line that was cut', () => {
    const cut = { timestampMs: 0, message: '{"job":"c","ta' };
    const { rows } = evaluate(parseQuery('filter ispresent(job)'), [...EVENTS, cut], HOUR_MS);
    expect(rows).toHaveLength(EVENTS.length - 1);
  });

  it('lets nothing through a comparison with what is not there', () => {
    expect(rowsOf('filter exitCode = 7 or exitCode != 7 | fields taskId')).toEqual([['2']]);
  });

  it('drops copies, the first in the order of the sort is kept, and nothing that lacks a field', () => {
    expect(rowsOf('fields @timestamp, taskId | sort @timestamp asc | dedup taskId, seq')).toEqual([
      [HOUR_MS, '1'],
      [HOUR_MS + 2, '2'],
      [2 * HOUR_MS, '3'],
      [2 * HOUR_MS + 1, undefined],
    ]);
  });

  it('sorts numbers after what is no number', () => {
    expect(rowsOf('fields exitCode | sort exitCode asc').at(-1)).toEqual([7]);
    expect(rowsOf('fields exitCode | sort exitCode desc').at(0)).toEqual([7]);
  });

  it('aggregates what is there', () => {
    const text =
      'stats count(*) as lines, count(exitCode) as exits, count_distinct(taskId) as runs, sum(seq) as s, avg(seq) as m,';
    expect(
      rowsOf(`${text} min(seq) as low, max(seq) as high, pct(seq, 50) as p50, sum(nothing) as none by job`),
    ).toEqual([
      [undefined, 1, 0, 0, undefined, undefined, undefined, undefined, undefined, undefined],
      ['b', 2, 1, 2, 8, 4, 3, 5, 3, undefined],
      ['a', 2, 0, 1, 2, 1, 1, 1, 1, undefined],
    ]);
  });

  it('takes the earliest and the latest by the time of the event', () => {
    expect(rowsOf('filter ispresent(job) | stats earliest(taskId) as first, latest(taskId) as last')).toEqual(
      [['1', '3']],
    );
  });

  it('groups by time, and again by what the first stats made', () => {
    expect(rowsOf('stats count(*) as lines by bin(1h)')).toEqual([
      [2 * HOUR_MS, 2],
      [HOUR_MS, 3],
    ]);
    expect(rowsOf('stats max(seq) as high by job, taskId | stats sum(high) as total by job')).toEqual([
      [undefined, undefined],
      ['b', 8],
      ['a', 1],
    ]);
  });

  it('knows its functions', () => {
    const text =
      'filter taskId = "3" | fields coalesce(exitCode, seq) as c, strcontains(job, "b") as s, floor(seq / 2) as f';
    expect(
      rowsOf(
        `${text}, greatest(seq, 9) as g, now() * 1000 - toMillis(@timestamp) as age, exitCode + 1 as none`,
      ),
    ).toEqual([[3, 1, 1, 9, HOUR_MS, undefined]]);
  });

  it('refuses to divide by zero', () => {
    expect(() => rowsOf('fields seq / 0 as x')).toThrow('a division by zero');
  });

  it('shows rows as a table', () => {
    const result = evaluate(
      parseQuery('filter taskId = "2" | fields @timestamp, seq / 3 as third, nothing'),
      EVENTS,
      0,
    );
    expect(tableOf(result)).toBe(
      '@timestamp               third   nothing\n1970-01-01 01:00:00.002  1.6667\n',
    );
    expect(tableOf({ names: ['a'], rows: [] })).toBe('(no rows)\n');
  });
});
