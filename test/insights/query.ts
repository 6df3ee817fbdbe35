/** A Logs Insights query as far as the saved queries go: no other command, function or operator is known here. */

export type Expression =
  | { readonly kind: 'number'; readonly value: number }
  | { readonly kind: 'text'; readonly value: string }
  /** `15m`, the width of a bin. */
  | { readonly kind: 'period'; readonly count: number; readonly unit: PeriodUnit }
  | { readonly kind: 'field'; readonly name: string }
  | { readonly kind: 'call'; readonly name: FunctionName; readonly args: readonly Expression[] }
  | {
      readonly kind: 'binary';
      readonly operator: Operator;
      readonly left: Expression;
      readonly right: Expression;
    }
  | { readonly kind: 'in'; readonly operand: Expression; readonly options: readonly string[] };

export type Operator = 'or' | 'and' | Comparison | Arithmetic;
export type Comparison = '=' | '!=' | '<' | '<=' | '>' | '>=';
export type Arithmetic = '+' | '-' | '*' | '/';

/**
 * How long each unit is, and how many of it there may be: `bin(300s)` is taken as 60 s, silently.
 * Source: "Datetime functions" in CWL_QuerySyntax-operations-functions.
 */
export const PERIOD_UNITS = {
  ms: { ms: 1, most: 1_000 },
  s: { ms: 1_000, most: 60 },
  m: { ms: 60_000, most: 60 },
  h: { ms: 3_600_000, most: 24 },
} as const;
export type PeriodUnit = keyof typeof PERIOD_UNITS;

/** What a command puts into a result, and under which name. */
export interface Column {
  readonly name: string;
  readonly expression: Expression;
}

export type Command =
  | { readonly kind: 'fields'; readonly columns: readonly Column[] }
  | { readonly kind: 'filter'; readonly condition: Expression }
  | { readonly kind: 'stats'; readonly columns: readonly Column[]; readonly by: readonly Column[] }
  | {
      readonly kind: 'sort';
      readonly keys: readonly { readonly name: string; readonly isDescending: boolean }[];
    }
  | { readonly kind: 'dedup'; readonly names: readonly string[] }
  | { readonly kind: 'limit'; readonly count: number };

export type Query = readonly Command[];

/** Source: "Functions to use with stats", CWL_QuerySyntax-Stats; the page says `countDistinct` too since 2026. */
const AGGREGATES = [
  'count',
  'count_distinct',
  'sum',
  'avg',
  'min',
  'max',
  'pct',
  'earliest',
  'latest',
] as const;
/** Source: CWL_QuerySyntax-operations-functions. */
const SCALARS = [
  'ispresent',
  'coalesce',
  'strcontains',
  'now',
  'toMillis',
  'floor',
  'greatest',
  'bin',
] as const;

export type AggregateName = (typeof AGGREGATES)[number];
export type ScalarName = (typeof SCALARS)[number];
export type FunctionName = AggregateName | ScalarName;

export function isAggregate(name: FunctionName): name is AggregateName {
  return (AGGREGATES as readonly string[]).includes(name);
}

/** Fewest and most arguments. */
export const ARITY: Readonly<Record<FunctionName, readonly [number, number]>> = {
  count: [0, 1],
  count_distinct: [1, 1],
  sum: [1, 1],
  avg: [1, 1],
  min: [1, 1],
  max: [1, 1],
  pct: [2, 2],
  earliest: [1, 1],
  latest: [1, 1],
  ispresent: [1, 1],
  coalesce: [2, Number.POSITIVE_INFINITY],
  strcontains: [2, 2],
  now: [0, 0],
  toMillis: [1, 1],
  floor: [1, 1],
  greatest: [2, Number.POSITIVE_INFINITY],
  bin: [1, 1],
};

/** The query would be refused, or would not say what its names say. */
export class QueryError extends Error {
  override readonly name = 'QueryError';
}
