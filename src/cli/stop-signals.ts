import { Procfs } from '../proc/procfs.ts';

/** In a terminal these reach the whole foreground process group: a command that runs in it gets them as well. */
const TERMINAL_SIGNALS = ['SIGINT', 'SIGQUIT', 'SIGHUP'] as const;
const STOP_SIGNALS = [...TERMINAL_SIGNALS, 'SIGTERM'] as const;

export type StopSignal = (typeof STOP_SIGNALS)[number];

export interface StopSignals {
  /** Resolves with the first of them. */
  readonly first: Promise<StopSignal>;
  /** Called at the second, and at every one after it. */
  onRepeat(listener: () => void): void;
  /** Signals have their usual effect again. */
  close(): void;
}

/** Listens for signals that ask this program to end, which from now on end it no more. */
export function listenForStop(signals: Pick<NodeJS.Process, 'on' | 'off'>): StopSignals {
  const { promise: first, resolve } = Promise.withResolvers<StopSignal>();
  const repeatListeners: (() => void)[] = [];
  let count = 0;
  const onSignal = (signal: NodeJS.Signals): void => {
    count += 1;
    if (count === 1) resolve(signal as StopSignal);
    else for (const listener of repeatListeners) listener();
  };
  for (const signal of STOP_SIGNALS) signals.on(signal, onSignal);
  return {
    first,
    onRepeat: (listener) => void repeatListeners.push(listener),
    close() {
      for (const signal of STOP_SIGNALS) signals.off(signal, onSignal);
    },
  };
}

/** Whether a terminal's signals reach this program, and whatever else is in its process group. */
export function isInForeground(): boolean {
  const self = new Procfs().stat(process.pid);
  return self !== undefined && self.processGroup === self.foregroundGroup;
}
