import { pino } from 'pino';
import type { Config } from './config.ts';
import type { Descriptor } from './sinks/descriptor.ts';

/** The sidecar's own diagnostics: JSON on stderr, never mixed with lines. */
export interface Log {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/** What waits for a stderr that nobody reads; beyond it messages are dropped. */
const MAX_WAITING_CHARS = 65_536;

export interface StderrLog extends Log {
  /** Resolves when all messages so far are out, or when `signal` aborts. */
  flush(signal: AbortSignal): Promise<void>;
}

export function createLog(level: Config['logLevel'], descriptor: Descriptor): StderrLog {
  let waiting: string[] = [];
  let isWriting = false;
  let onIdle: (() => void)[] = [];

  function writeNext(): void {
    if (isWriting) return;
    if (waiting.length === 0) {
      for (const resolve of onIdle) resolve();
      onIdle = [];
      return;
    }
    const text = waiting.join('');
    waiting = [];
    isWriting = true;
    descriptor.write(text, () => {
      isWriting = false;
      writeNext();
    });
  }

  const stream = {
    write(text: string) {
      const waitingChars = waiting.reduce((sum, each) => sum + each.length, 0);
      if (waitingChars + text.length > MAX_WAITING_CHARS) return;
      waiting.push(text);
      writeNext();
    },
  };
  const logger = pino(
    { base: { name: 'fargauge' }, level, timestamp: pino.stdTimeFunctions.isoTime },
    stream,
  );

  return {
    debug: (fields, message) => logger.debug(fields, message),
    info: (fields, message) => logger.info(fields, message),
    warn: (fields, message) => logger.warn(fields, message),
    error: (fields, message) => logger.error(fields, message),
    flush(signal) {
      if (!isWriting && waiting.length === 0) return Promise.resolve();
      return new Promise((resolve) => {
        onIdle.push(resolve);
        if (signal.aborted) resolve();
        signal.addEventListener('abort', () => resolve(), { once: true });
      });
    },
  };
}
