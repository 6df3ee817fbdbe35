/** What a figure is to be at most; it is the median that is judged. */
export interface Target {
  /** Of the figure itself, of its ratio to bare Node's, or of its distance from bare Node's. */
  readonly of: 'value' | 'ratio' | 'difference';
  readonly atMost: number;
  /** Better than asked. */
  readonly stretch?: number;
}

/** One row of the bench. */
export interface Figure {
  /** What was measured, for the reader to find rows that belong together. */
  readonly subject: string;
  readonly name: string;
  readonly unit: 'MB' | 'ms' | 'ms/min' | 'µs' | 'lines/s';
  readonly p50: number;
  /** Absent where there is one value only. */
  readonly p99?: number;
  /** The median of bare Node. */
  readonly bareP50?: number;
  readonly target?: Target;
}

export type Verdict = 'ok' | 'stretch' | 'over';

/** The nearest-rank quantile of at least one value. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  const value = sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)];
  if (value === undefined) throw new Error('a quantile of no values');
  return value;
}

/** Median and 99th percentile of the values. */
export function spread(values: readonly number[]): { p50: number; p99: number } {
  return { p50: quantile(values, 0.5), p99: quantile(values, 0.99) };
}

/** What the target is about; undefined where it needs a figure of bare Node and there is none. */
export function judged({ p50, bareP50, target }: Figure): number | undefined {
  if (target?.of === 'value') return p50;
  if (bareP50 === undefined) return undefined;
  return target?.of === 'ratio' ? p50 / bareP50 : p50 - bareP50;
}

export function verdict(figure: Figure): Verdict | undefined {
  const value = judged(figure);
  if (value === undefined || figure.target === undefined) return undefined;
  const { atMost, stretch } = figure.target;
  if (stretch !== undefined && value <= stretch) return 'stretch';
  return value <= atMost ? 'ok' : 'over';
}
