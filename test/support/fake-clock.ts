import type { Clock } from '../../src/clock.ts';

interface Sleeper {
  readonly wakeAtMs: number;
  readonly wake: () => void;
}

/** A clock that stands still until it is told to go on. Wall and monotonic clock go together. */
export class FakeClock implements Clock {
  readonly #startMs: number;
  #elapsedMs = 0;
  #sleepers: Sleeper[] = [];

  /** @param startMs the wall clock's first reading, ms since the epoch */
  constructor(startMs = Date.UTC(2026, 0, 5, 3)) {
    this.#startMs = startMs;
  }

  now(): number {
    return this.#startMs + this.#elapsedMs;
  }

  elapsed(): number {
    return this.#elapsedMs;
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    if (signal?.aborted) return Promise.resolve();
    const { promise, resolve } = Promise.withResolvers<void>();
    const sleeper = { wakeAtMs: this.#elapsedMs + ms, wake: resolve };
    this.#sleepers.push(sleeper);
    signal?.addEventListener('abort', () => {
      this.#sleepers = this.#sleepers.filter((other) => other !== sleeper);
      resolve();
    });
    return promise;
  }

  get sleeperCount(): number {
    return this.#sleepers.length;
  }

  /** How far the earliest sleeper is away, ms; undefined when nobody sleeps. */
  get nextWakeMs(): number | undefined {
    if (this.#sleepers.length === 0) return undefined;
    return Math.min(...this.#sleepers.map((sleeper) => sleeper.wakeAtMs)) - this.#elapsedMs;
  }

  /** Goes on by `ms` and wakes whose time has come, in the order of their times. */
  advance(ms: number): void {
    this.#elapsedMs += ms;
    const due = this.#sleepers.filter((sleeper) => sleeper.wakeAtMs <= this.#elapsedMs);
    this.#sleepers = this.#sleepers.filter((sleeper) => sleeper.wakeAtMs > this.#elapsedMs);
    for (const sleeper of due.toSorted((a, b) => a.wakeAtMs - b.wakeAtMs)) sleeper.wake();
  }
}
