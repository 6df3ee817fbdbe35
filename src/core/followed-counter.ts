import { Counter } from './counter.ts';
import type { SampleSource } from './types.ts';

/** What the finer source had counted at one of its looks, since its first one. */
interface Look {
  readonly atMs: number;
  readonly grown: number;
}

/** An exact figure is seldom older than this many looks; for one that is, there is no upper bound. */
const MAX_LOOKS = 128;

/**
 * A counter of which two sources tell. The endpoint's figure is the truth, but comes seldom, and late: it is of some
 * moment before now. A finer source is looked at often, and may miss something, but does not make anything up: what
 * it grows by is at most what the counter grows by.
 *
 * So between two figures of the endpoint the total is the last one and what the finer source has grown by since the
 * first look after its moment. When the next figure comes, the total is put between two bounds: the figure and all
 * growth since the first look after its moment, and the figure and all growth since the last look before it. Nothing
 * is counted twice, what the finer source missed is made up for, and what it had too much, by the coarseness of its
 * units, is taken back.
 *
 * At a restart the endpoint loses what was used after its last figure. What the finer source saw of that is kept: from
 * the first figure of the new run on, the bounds lie higher by it.
 *
 * There may be several finer sources, one after the other. Each counts in its own way and knows of other losses, so
 * that a difference between the figures of two of them is no growth.
 */
export class FollowedCounter {
  readonly #exact = new Counter();
  #total: number | undefined;
  /** What there was at the last look at the least: some of a figure's growth after it may be in the next look's too. */
  #atLastLook = 0;
  /** All growth that the finer source has shown, and its latest value. */
  #grown = 0;
  #followed: number | undefined;
  /** Which source that value is from; undefined where any source goes on from it. */
  #followedSource: SampleSource | undefined;
  /** Those that may still be beside the moment of a figure to come. */
  #looks: Look[] = [];
  /** Whether the next figure is the first one of a new run. */
  #isNewRun = false;
  /**
   * What the endpoint did not tell of earlier runs, between its last figure of each and its end, and the finer source
   * saw: the least and the most that it may be.
   */
  #untold = { least: 0, most: 0 };
  /** Whether the next look's growth may be of both, what is untold and what the first figure of the run had. */
  #isUntoldOpen = false;

  /** Undefined until a value was seen. */
  get total(): number | undefined {
    return this.#total;
  }

  /** By the endpoint alone. */
  get exactTotal(): number | undefined {
    return this.#exact.total;
  }

  /**
   * The endpoint's figure.
   * @param atMs the moment that it is of, by the clock that dates the looks too
   */
  add(value: number | undefined, atMs: number): void {
    if (value === undefined) return;
    this.#exact.add(value);
    const exact = this.#exact.total ?? value;
    const isFirstOfRun = this.#isNewRun;
    this.#isNewRun = false;
    if (this.#followed === undefined) {
      this.#total = exact;
      return;
    }
    const before = this.#looks.findLastIndex((look) => look.atMs <= atMs);
    const after = this.#looks[before]?.atMs === atMs ? before : before + 1;
    const grownAfter = this.#grownSince(this.#looks[after], 0);
    const grownBefore = this.#grownSince(this.#looks[before], Number.POSITIVE_INFINITY);
    if (isFirstOfRun) {
      const untold = Math.max(this.#atLastLook - grownAfter - exact, this.#untold.least);
      const leastUntold = this.#atLastLook - grownBefore - exact;
      this.#untold = { least: Math.max(leastUntold, this.#untold.least), most: untold };
      this.#isUntoldOpen = after === this.#looks.length;
    }
    const least = exact + this.#untold.least + grownAfter;
    const most = exact + this.#untold.most + grownBefore;
    this.#atLastLook = Math.min(this.#atLastLook, most);
    if (after < this.#looks.length) this.#atLastLook = Math.max(this.#atLastLook, least);
    this.#total = Math.max(this.#atLastLook, least);
    this.#looks.splice(0, Math.max(0, before));
  }

  /** A finer source's figure, which counts from the start of what it counts as well. */
  follow(value: number | undefined, atMs: number, source: SampleSource): void {
    if (value === undefined) return;
    this.#followedSource ??= source;
    if (this.#followed === undefined || this.#followedSource !== source) {
      // All that it shows may be in what is counted already, and may be of several runs.
      this.#atLastLook = Math.max(this.#atLastLook, value);
      // What has grown between the last look at another source and this one is not known.
      this.#looks = [];
    } else {
      const growth = value < this.#followed ? value : value - this.#followed;
      this.#grown += growth;
      this.#atLastLook += growth;
      if (this.#isUntoldOpen) this.#untold.most += growth;
    }
    this.#isUntoldOpen = false;
    this.#atLastLook = Math.max(this.#atLastLook, this.#total ?? 0);
    this.#total = this.#atLastLook;
    this.#followed = value;
    this.#followedSource = source;
    this.#looks.push({ atMs, grown: this.#grown });
    if (this.#looks.length > MAX_LOOKS) this.#looks.shift();
  }

  /** For a clock that was set: between the moments before and those after there is no order. */
  forgetLooks(): void {
    this.#looks = [];
  }

  /** The endpoint's counter goes on from 0: for counters that restart together though not all of them fell. */
  startNewRun(): void {
    this.#exact.startNewRun();
    this.#isNewRun = true;
  }

  /** What is counted from now on is another thing, to both sources. */
  startAnother(): void {
    this.startNewRun();
    if (this.#followed !== undefined) this.#followed = 0;
    this.#followedSource = undefined;
  }

  #grownSince(look: Look | undefined, otherwise: number): number {
    return look === undefined ? otherwise : this.#grown - look.grown;
  }
}
