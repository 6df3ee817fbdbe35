import { setTimeout as delay } from 'node:timers/promises';

/** Time as a parameter: everything that waits or dates a line takes one of these. */
export interface Clock {
  /** Wall clock, ms since the epoch. May jump. */
  now(): number;
  /** Monotonic clock, ms since an arbitrary start. Never jumps, never falls. */
  elapsed(): number;
  /** Resolves after `ms`, or at once when `signal` aborts; never rejects. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  elapsed: () => performance.now(),
  async sleep(ms, signal) {
    if (signal?.aborted) return;
    await delay(Math.max(0, ms), undefined, signal ? { signal } : {}).catch(() => {});
  },
};
