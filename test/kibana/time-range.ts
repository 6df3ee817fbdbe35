/** What the time picker says, and how wide a bar is then. */
export interface TimeRange {
  readonly fromMs: number;
  /** Included. */
  readonly toMs: number;
}

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

/** [at or below this distance of two bars, the width that is taken]. */
const WIDTHS = [
  [500, '100ms', 100],
  [5_000, '1s', 1_000],
  [7_500, '5s', 5_000],
  [15_000, '10s', 10_000],
  [45_000, '30s', 30_000],
  [3 * MINUTE_MS, '1m', MINUTE_MS],
  [9 * MINUTE_MS, '5m', 5 * MINUTE_MS],
  [20 * MINUTE_MS, '10m', 10 * MINUTE_MS],
  [45 * MINUTE_MS, '30m', 30 * MINUTE_MS],
  [2 * HOUR_MS, '1h', HOUR_MS],
  [6 * HOUR_MS, '3h', 3 * HOUR_MS],
  [DAY_MS, '12h', 12 * HOUR_MS],
] as const;

/** `histogram:barTarget` and Vega's `%autointerval%` without a number. */
const BAR_TARGET = 50;

/**
 * `auto` for up to fifty days. Sources: calc_auto_interval.ts and es_query_parser.ts in Kibana 7.10, which agree but for
 * the exact edges.
 */
export function automaticInterval({ fromMs, toMs }: TimeRange): {
  readonly expression: string;
  readonly ms: number;
} {
  const distanceMs = (toMs - fromMs) / BAR_TARGET;
  const found = WIDTHS.find(([most]) => distanceMs <= most);
  if (!found) throw new Error('a time range of more than fifty days');
  return { expression: found[1], ms: found[2] };
}

export function rangeFilter(field: string, { fromMs, toMs }: TimeRange): object {
  const bounds = { gte: new Date(fromMs).toISOString(), lte: new Date(toMs).toISOString() };
  return { range: { [field]: { ...bounds, format: 'strict_date_optional_time' } } };
}
