import { Distribution, QUANTILE_RELATIVE_ERROR } from '../core/distribution.ts';
import type { Spread } from './report-document.ts';

/** Up to so many values are kept as they are. */
export const MAX_EXACT_COUNT = 20_000;

const FIRST_CAPACITY = 8;

/** One figure of many runs, none of them negative: exact percentiles of the first 20,000, within 0.5 % beyond. */
export class RunValues {
  #values: Float64Array | undefined = new Float64Array(FIRST_CAPACITY);
  #count = 0;
  #distribution: Distribution | undefined;

  add(value: number): void {
    if (this.#values === undefined) {
      this.#distribution?.add(value);
      return;
    }
    if (this.#count === MAX_EXACT_COUNT) {
      this.#distribution = new Distribution();
      for (const each of this.#values.subarray(0, this.#count)) this.#distribution.add(each);
      this.#distribution.add(value);
      this.#values = undefined;
      return;
    }
    if (this.#count === this.#values.length) this.#grow(this.#values);
    this.#values[this.#count] = value;
    this.#count += 1;
  }

  /** How far the percentiles may be off. */
  get errorPercent(): number {
    return this.#distribution === undefined ? 0 : QUANTILE_RELATIVE_ERROR * 100;
  }

  /** Undefined without values. */
  spread(): Spread | undefined {
    const quantile = this.#quantile();
    const [p50, p95, max] = [quantile(0.5), quantile(0.95), quantile(1)];
    if (p50 === undefined || p95 === undefined || max === undefined) return undefined;
    return { p50, p95, max };
  }

  /** The value of nearest rank. */
  #quantile(): (q: number) => number | undefined {
    const distribution = this.#distribution;
    if (distribution !== undefined) {
      return (q) => (q === 1 ? distribution.max : distribution.quantile(q));
    }
    const sorted = this.#values?.slice(0, this.#count).sort();
    return (q) => sorted?.[Math.max(0, Math.ceil(q * this.#count) - 1)];
  }

  #grow(values: Float64Array): void {
    const larger = new Float64Array(Math.min(MAX_EXACT_COUNT, Math.ceil(values.length * 1.5)));
    larger.set(values);
    this.#values = larger;
  }
}
