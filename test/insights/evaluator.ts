/**
 * Runs a query over recorded log events, as far as the documentation says what comes out (its pages are named in
 * parser.ts). Where it does not say, the evaluator refuses or takes the plainest way: a percentile is the nearest rank
 * (Logs Insights approximates), a division by zero is an error, so that a query must keep it from happening.
 */
import {
  type AggregateName,
  type Column,
  type Command,
  type Expression,
  isAggregate,
  type Operator,
  PERIOD_UNITS,
  type Query,
  QueryError,
  type ScalarName,
} from './query.ts';

/** A timestamp is a number of ms since the epoch. What is not there is undefined. */
export type Value = string | number | boolean | undefined;
export type Row = ReadonlyMap<string, Value>;

/** A log event as Logs Insights sees it. */
export interface LogEvent {
  readonly timestampMs: number;
  readonly message: string;
}

export interface Result {
  /** In the order of the query. */
  readonly names: readonly string[];
  readonly rows: readonly Row[];
}

/** @param nowMs what `now()` is */
export function evaluate(query: Query, events: readonly LogEvent[], nowMs: number): Result {
  // Without a sort the newest event comes first.
  const newestFirst = events.toSorted((a, b) => b.timestampMs - a.timestampMs);
  const rows = query.reduce<readonly Row[]>(
    (before, command) => applied(command, before, nowMs),
    newestFirst.map(rowOf),
  );
  return { names: namesOf(query), rows };
}

/** Fields are discovered in messages that are JSON objects. Source: CWL_AnalyzeLogData-discoverable-fields. */
function rowOf({ timestampMs, message }: LogEvent): Row {
  const system: [string, Value][] = [
    ['@timestamp', timestampMs],
    ['@message', message],
  ];
  return new Map([...system, ...Object.entries(fieldsOf(message))]);
}

/** None of what only looks like an object: a line that was cut. */
function fieldsOf(message: string): Record<string, Value> {
  if (!message.startsWith('{')) return {};
  try {
    return JSON.parse(message) as Record<string, Value>;
  } catch {
    return {};
  }
}

/** What `fields` named, or the last `stats` made: groups first. */
function namesOf(query: Query): readonly string[] {
  let names: string[] = [];
  for (const command of query) {
    if (command.kind === 'fields') names.push(...command.columns.map(({ name }) => name));
    if (command.kind === 'stats') names = [...command.by, ...command.columns].map(({ name }) => name);
  }
  return names;
}

function applied(command: Command, rows: readonly Row[], nowMs: number): readonly Row[] {
  switch (command.kind) {
    case 'fields':
      return rows.map((row) => withColumns(row, command.columns, nowMs));
    case 'filter':
      return rows.filter((row) => resultOf(command.condition, { row, nowMs }) === true);
    case 'stats':
      return grouped(rows, command, nowMs);
    case 'sort':
      return rows.toSorted((a, b) => {
        const differences = command.keys.map(
          ({ name, isDescending }) => compare(a.get(name), b.get(name)) * (isDescending ? -1 : 1),
        );
        return differences.find((difference) => difference !== 0) ?? 0;
      });
    case 'dedup':
      return rows.filter((row, at) => {
        const isSame = (other: Row) => command.names.every((name) => other.get(name) === row.get(name));
        const isComplete = command.names.every((name) => row.get(name) !== undefined);
        return !isComplete || rows.findIndex(isSame) === at;
      });
    case 'limit':
      return rows.slice(0, command.count);
  }
}

function withColumns(row: Row, columns: readonly Column[], nowMs: number): Row {
  return new Map([
    ...row,
    ...columns.map(({ name, expression }) => [name, resultOf(expression, { row, nowMs })] as const),
  ]);
}

function grouped(
  rows: readonly Row[],
  { columns, by }: Command & { kind: 'stats' },
  nowMs: number,
): readonly Row[] {
  const groups = Map.groupBy(rows, (row) =>
    JSON.stringify(by.map(({ expression }) => resultOf(expression, { row, nowMs }))),
  );
  return [...groups.values()].map((group) => {
    const [first = new Map()] = group;
    const made = new Map(withColumns(first, by, nowMs));
    const row = new Map(by.map(({ name }) => [name, made.get(name)]));
    for (const { name, expression } of columns) row.set(name, resultOf(expression, { row, group, nowMs }));
    return row;
  });
}

interface Context {
  readonly row: Row;
  /** The rows that an aggregate is of. */
  readonly group?: readonly Row[];
  readonly nowMs: number;
}

function resultOf(expression: Expression, context: Context): Value {
  switch (expression.kind) {
    case 'number':
    case 'text':
      return expression.value;
    case 'period':
      return expression.count * PERIOD_UNITS[expression.unit].ms;
    case 'field':
      return context.row.get(expression.name);
    case 'in':
      return expression.options.includes(String(resultOf(expression.operand, context)));
    case 'binary':
      return binary(
        expression.operator,
        resultOf(expression.left, context),
        resultOf(expression.right, context),
      );
    case 'call': {
      const { name, args } = expression;
      if (isAggregate(name)) return aggregate(name, args, context);
      return scalar(
        name,
        args.map((arg) => resultOf(arg, context)),
        context,
      );
    }
  }
}

function binary(operator: Operator, left: Value, right: Value): Value {
  if (operator === 'and') return left === true && right === true;
  if (operator === 'or') return left === true || right === true;
  if (left === undefined || right === undefined) return isArithmetic(operator) ? undefined : false;
  switch (operator) {
    case '=':
      return left === right;
    case '!=':
      return left !== right;
    case '<':
      return left < right;
    case '<=':
      return left <= right;
    case '>':
      return left > right;
    case '>=':
      return left >= right;
    case '+':
      return Number(left) + Number(right);
    case '-':
      return Number(left) - Number(right);
    case '*':
      return Number(left) * Number(right);
    case '/':
      if (right === 0) throw new QueryError('a division by zero: no page says what comes of it');
      return Number(left) / Number(right);
  }
}

function isArithmetic(operator: Operator): boolean {
  return ['+', '-', '*', '/'].includes(operator);
}

function scalar(name: ScalarName, args: readonly Value[], { row, nowMs }: Context): Value {
  const [first, second] = args;
  switch (name) {
    case 'ispresent':
      return first !== undefined;
    case 'coalesce':
      return args.find((arg) => arg !== undefined);
    case 'now':
      return Math.floor(nowMs / 1_000);
    case 'bin':
      return Math.floor(Number(row.get('@timestamp')) / Number(first)) * Number(first);
  }
  if (args.includes(undefined)) return undefined;
  switch (name) {
    case 'strcontains':
      return String(first).includes(String(second)) ? 1 : 0;
    case 'toMillis':
      return first;
    case 'floor':
      return Math.floor(Number(first));
    case 'greatest':
      return Math.max(...args.map(Number));
  }
}

function aggregate(
  name: AggregateName,
  [arg, parameter]: readonly Expression[],
  { group = [], nowMs }: Context,
): Value {
  if (arg === undefined) return group.length;
  const inTime = name === 'earliest' || name === 'latest' ? group.toSorted(byTimestamp) : group;
  const values = inTime.map((row) => resultOf(arg, { row, nowMs })).filter((value) => value !== undefined);
  switch (name) {
    case 'count':
      return values.length;
    case 'count_distinct':
      return new Set(values).size;
    case 'earliest':
      return values[0];
    case 'latest':
      return values.at(-1);
  }
  const numbers = values.map(Number).toSorted((a, b) => a - b);
  if (numbers.length === 0) return undefined;
  switch (name) {
    case 'sum':
      return total(numbers);
    case 'avg':
      return total(numbers) / numbers.length;
    case 'min':
      return numbers[0];
    case 'max':
      return numbers.at(-1);
    case 'pct': {
      const percentage = parameter?.kind === 'number' ? parameter.value : Number.NaN;
      return numbers[Math.max(0, Math.ceil((percentage / 100) * numbers.length) - 1)];
    }
  }
}

function byTimestamp(a: Row, b: Row): number {
  return Number(a.get('@timestamp')) - Number(b.get('@timestamp'));
}

function total(numbers: readonly number[]): number {
  return numbers.reduce((sum, number) => sum + number, 0);
}

/** Ascending: what is no number comes before what is one. Source: CWL_QuerySyntax-Sort. */
function compare(a: Value, b: Value): number {
  if (typeof a === 'number' && typeof b === 'number') return a - b;
  if (typeof a === 'number') return 1;
  if (typeof b === 'number') return -1;
  return String(a ?? '').localeCompare(String(b ?? ''), 'en');
}
