/**
 * This module is evaluated before every other one: a signal that arrives while the program is still loading must not
 * end it without a REPORT.
 */

/** Why and when the program is to end. */
export interface Shutdown {
  /** Aborted by the first SIGTERM or SIGINT. */
  readonly stop: AbortSignal;
  /** Aborted by the second: give up waiting, print what is left, exit. */
  readonly giveUp: AbortSignal;
  /** Monotonic clock (performance.now) at the first signal. */
  readonly stoppedAtElapsedMs: number | undefined;
}

const SIGNALS = ['SIGTERM', 'SIGINT'] as const;

function listenForSignals(): Shutdown {
  const stop = new AbortController();
  const giveUp = new AbortController();
  let stoppedAtElapsedMs: number | undefined;
  for (const signal of SIGNALS) {
    process.on(signal, () => {
      if (stop.signal.aborted) return giveUp.abort(signal);
      stoppedAtElapsedMs = performance.now();
      stop.abort(signal);
    });
  }
  return {
    stop: stop.signal,
    giveUp: giveUp.signal,
    get stoppedAtElapsedMs() {
      return stoppedAtElapsedMs;
    },
  };
}

export const shutdown: Shutdown = listenForSignals();
