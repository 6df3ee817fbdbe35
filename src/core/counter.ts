/** A counter that only rises but for restarts of what it counts: its total over all runs. */
export class Counter {
  #earlierRuns = 0;
  #latest: number | undefined;

  /** Undefined until a value was seen. */
  get total(): number | undefined {
    return this.#latest === undefined ? undefined : this.#earlierRuns + this.#latest;
  }

  /** A value below the latest one belongs to a new run: what was counted before is kept. */
  add(value: number | undefined): void {
    if (value === undefined) return;
    if (this.#latest !== undefined && value < this.#latest) this.startNewRun();
    this.#latest = value;
  }

  /** Keeps what was counted and goes on from 0: for counters that restart together though not all of them fell. */
  startNewRun(): void {
    if (this.#latest === undefined) return;
    this.#earlierRuns += this.#latest;
    this.#latest = 0;
  }
}
