import { percentOf } from '../core/units.ts';
import type { Trend } from './report-document.ts';
import type { Bucket } from './run-series.ts';

/** Fewer points make no line. */
const MIN_BUCKETS = 5;

interface Point {
  readonly x: number;
  readonly y: number;
}

/**
 * What became of a job's successful runs; undefined where there are too few buckets with some.
 * @param buckets by their number
 */
export function trendOf(buckets: ReadonlyMap<number, Bucket>): Trend | undefined {
  const points = (mean: (bucket: Bucket) => number | undefined): Point[] =>
    [...buckets].flatMap(([x, bucket]) => {
      const y = mean(bucket);
      return y === undefined ? [] : [{ x, y }];
    });
  const durations = points(({ successDurationMs }) => successDurationMs.mean);
  const durationPercent = growthPercent(durations);
  if (durationPercent === undefined) return undefined;
  return {
    durationPercent,
    memoryPercent: growthPercent(points(({ successMemoryMB }) => successMemoryMB.mean)),
    bucketCount: durations.length,
  };
}

/**
 * From the first point to the last along the line of Theil and Sen: the median of the slopes of all pairs, through the
 * median of what each point leaves for the intercept. Source: Sen, "Estimates of the regression coefficient based on
 * Kendall's tau", Journal of the American Statistical Association 63 (1968). Undefined for fewer than five points, and
 * where the line does not begin above zero.
 */
export function growthPercent(points: readonly Point[]): number | undefined {
  if (points.length < MIN_BUCKETS) return undefined;
  const slope = median(
    points.flatMap((a) => points.filter((b) => b.x > a.x).map((b) => (b.y - a.y) / (b.x - a.x))),
  );
  const intercept = median(points.map(({ x, y }) => y - slope * x));
  const xs = points.map(({ x }) => x);
  const [first, last] = [Math.min(...xs), Math.max(...xs)];
  return percentOf(slope * (last - first), intercept + slope * first);
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  return ((sorted[Math.ceil(middle) - 1] ?? 0) + (sorted[Math.floor(middle)] ?? 0)) / 2;
}
