/** Looks at /proc may take this share of one CPU over time … */
const MAX_SHARE = 0.02;
/** … and this much at once: the first ones are dear, and a single one may be. */
const MAX_CREDIT_MS = 200;

/**
 * When to look at /proc: at a fixed interval on a monotonic clock, and more seldom where a look is so dear (thousands
 * of processes) that the looks would take more than their share.
 */
export class LookPlanner {
  readonly #intervalMs: number;
  #lastLookMs: number;
  #creditMs = MAX_CREDIT_MS;
  #creditedAtMs: number;

  constructor(intervalMs: number, nowElapsedMs: number) {
    this.#intervalMs = intervalMs;
    this.#lastLookMs = nowElapsedMs;
    this.#creditedAtMs = nowElapsedMs;
  }

  /**
   * Takes down what a look has cost.
   * @returns when the next one is due, and whether that is later than the interval has it; monotonic clock
   */
  next(nowElapsedMs: number, costMs: number): { readonly atElapsedMs: number; readonly isThinned: boolean } {
    const earnedMs = (nowElapsedMs - this.#creditedAtMs) * MAX_SHARE;
    this.#creditMs = Math.min(MAX_CREDIT_MS, this.#creditMs + earnedMs) - costMs;
    this.#creditedAtMs = nowElapsedMs;
    // What is late is left out, not made up for.
    const behind = Math.max(0, Math.floor((nowElapsedMs - this.#lastLookMs) / this.#intervalMs));
    this.#lastLookMs += (behind + 1) * this.#intervalMs;
    const paidAtMs = nowElapsedMs + Math.max(0, -this.#creditMs) / MAX_SHARE;
    const isThinned = paidAtMs > this.#lastLookMs;
    if (isThinned) this.#lastLookMs = paidAtMs;
    return { atElapsedMs: this.#lastLookMs, isThinned };
  }
}
