/** Largest relative error of `Distribution.quantile`: 0.5 %. */
export const QUANTILE_RELATIVE_ERROR = 0.005;

/** The values of a bucket lie within this factor, so that none is further from another than the error. */
const LOG_GAMMA = Math.log(1 + QUANTILE_RELATIVE_ERROR);

/** Values at or below this count as zero. */
const SMALLEST = 1e-3;
/** Values above this (four exabytes) share the top bucket; with SMALLEST it bounds the buckets to some 10,000. */
const LARGEST = 2 ** 62;

interface Bucket {
  count: number;
  sum: number;
}

/**
 * Count, sum, maximum and quantiles of any number of non-negative values in bounded memory.
 * Quantiles come from a log-bucketed histogram, as DDSketch's (Masson, Rim, Lee: "DDSketch: a fast and
 * fully-mergeable quantile sketch with relative-error guarantees", VLDB 2019) without its collapsing, and with the
 * mean of a bucket for its middle: what is constant is told exactly.
 */
export class Distribution {
  #count = 0;
  #sum = 0;
  #max: number | undefined;
  #zeroCount = 0;
  readonly #buckets = new Map<number, Bucket>();

  get count(): number {
    return this.#count;
  }

  get max(): number | undefined {
    return this.#max;
  }

  get mean(): number | undefined {
    return this.#count === 0 ? undefined : this.#sum / this.#count;
  }

  add(value: number): void {
    this.#count += 1;
    this.#sum += value;
    this.#max = Math.max(this.#max ?? 0, value);
    if (value <= SMALLEST) {
      this.#zeroCount += 1;
      return;
    }
    const bucket = Math.ceil(Math.log(Math.min(value, LARGEST)) / LOG_GAMMA);
    const held = this.#buckets.get(bucket);
    if (held === undefined) {
      this.#buckets.set(bucket, { count: 1, sum: value });
    } else {
      held.count += 1;
      held.sum += value;
    }
  }

  /** Counts a value for the maximum alone. */
  raise(value: number): void {
    this.#max = Math.max(this.#max ?? 0, value);
  }

  /**
   * The value of nearest rank: the smallest that at least `q` (0..1) of the values do not exceed, within
   * QUANTILE_RELATIVE_ERROR. Undefined without values.
   */
  quantile(q: number): number | undefined {
    if (this.#max === undefined || this.#count === 0) return undefined;
    const rank = Math.max(1, Math.ceil(q * this.#count));
    let seen = this.#zeroCount;
    if (seen >= rank) return 0;
    for (const [, { count, sum }] of [...this.#buckets].sort(([a], [b]) => a - b)) {
      seen += count;
      if (seen >= rank) return Math.min(sum / count, this.#max);
    }
    return this.#max;
  }
}
