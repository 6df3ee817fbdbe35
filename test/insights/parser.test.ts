import { describe, expect, it } from 'vitest';
import { parseQuery } from './parser.ts';
import { QueryError } from './query.ts';

describe('a query', () => {
  it('is read with its comments left out', () => {
    expect(parseQuery('# What?\nfields job # whose\n| sort job desc\n# | limit 1\n| limit 2')).toEqual([
      { kind: 'fields', columns: [{ name: 'job', expression: { kind: 'field', name: 'job' } }] },
      { kind: 'sort', keys: [{ name: 'job', isDescending: true }] },
      { kind: 'limit', count: 2 },
    ]);
  });

  it('multiplies before it adds, and from left to right', () => {
    const [command] = parseQuery('fields 1 + 2 * 3 / seq as x');
    const product = {
      kind: 'binary',
      operator: '*',
      left: { kind: 'number', value: 2 },
      right: { kind: 'number', value: 3 },
    };
    const quotient = { kind: 'binary', operator: '/', left: product, right: { kind: 'field', name: 'seq' } };
    const sum = { kind: 'binary', operator: '+', left: { kind: 'number', value: 1 }, right: quotient };
    expect(command).toEqual({ kind: 'fields', columns: [{ name: 'x', expression: sum }] });
  });
});

describe('refused is', () => {
  it.each([
    ['a command that is not known here', 'parse @message "*" as x', 'the command parse is not known here'],
    ['a function that is not known here', 'fields strlen(job) as x', 'the function strlen is not known here'],
    [
      'an operator that is not known here',
      'filter job like "x"',
      'line 1: a | before the next command is wanted, not like',
    ],
    ['a sign that is not known here', 'fields a ^ b', 'line 1: "^" is not known here'],
    ['a text without its end', 'filter job = "x', 'line 1: "\\"" is not known here'],
    [
      'a command without its pipe',
      'fields job\nsort job asc',
      'line 2: a | before the next command is wanted, not sort',
    ],
    [
      '`and` beside `or` without parentheses',
      'filter a and b or c',
      'line 1: parentheses between `and` and `or`',
    ],
    ['too few arguments', 'fields coalesce(job) as x', 'coalesce has 1 arguments'],
    ['a result without a name', 'stats sum(seq) by job', 'line 1: `as` and a name is wanted, not by'],
    ['a sort without a direction', 'sort job', 'line 1: asc or desc is wanted, not the end'],
    ['a third stats', 'stats sum(a) as b | stats sum(b) as c | stats sum(c) as d', '3 stats are more than 2'],
    [
      'a sort before the last stats',
      'sort job asc | stats count(*) as runs',
      'sort stands before the last stats',
    ],
    [
      'a limit before the last stats',
      'limit 9 | stats count(*) as runs',
      'limit stands before the last stats',
    ],
    ['a sort after dedup', 'dedup job | sort job asc', 'sort follows dedup, after which only limit may come'],
    ['stats after dedup', 'dedup job | stats count(*) as runs', 'stats follows dedup'],
    ['a limit above the rows that there can be', 'limit 10001', 'limit 10001 is more than 10000'],
    ['a bin that would be cut', 'stats count(*) as runs by bin(300s)', '300s would be cut to 60s'],
    [
      'a bin after stats',
      'stats count(*) as runs by job | stats sum(runs) as all by bin(1h)',
      'bin needs @timestamp',
    ],
    [
      'latest after stats',
      'stats count(*) as runs by job | stats latest(runs) as last',
      'latest needs @timestamp',
    ],
    ['an aggregate in a filter', 'filter max(seq) > 1', 'max stands in filter, and not in stats'],
    ['an aggregate of an aggregate', 'stats max(sum(seq)) as x', 'max is of an aggregate'],
    ['a group by an aggregate', 'stats count(*) as runs by max(seq) as x', 'stats groups by the aggregate x'],
    ['a field in stats that is not aggregated', 'stats seq as x', 'stats has x, which is no aggregate'],
    [
      'a query that is too long',
      `fields job # ${'x'.repeat(10_000)}`,
      '10013 characters are more than 10000',
    ],
  ])('%s', (_, text, message) => {
    expect(() => parseQuery(text)).toThrow(QueryError);
    expect(() => parseQuery(text)).toThrow(message);
  });
});
