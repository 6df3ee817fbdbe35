import { EXIT_INTERRUPTED } from './command.ts';
import { listenForStop } from './stop-signals.ts';

export interface Interruption {
  /** Aborts at the first signal. */
  readonly signal: AbortSignal;
  /** Signals have their usual effect again. */
  close(): void;
}

/** Ctrl-C and its like let the work end in order; a second time they end this program at once. */
export function listenForInterruption(signals: Pick<NodeJS.Process, 'on' | 'off'>): Interruption {
  const stop = listenForStop(signals);
  const stopping = new AbortController();
  void stop.first.then(() => stopping.abort());
  stop.onRepeat(() => process.exit(EXIT_INTERRUPTED));
  return { signal: stopping.signal, close: () => stop.close() };
}
