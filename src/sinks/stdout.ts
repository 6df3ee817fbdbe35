import type { Descriptor } from './descriptor.ts';
import { LineBuffer } from './line-buffer.ts';
import type { OutputLine, Sink } from './sink.ts';

/** What waits for a reader that is slow; beyond it lines are dropped in the buffer's order. */
const MAX_BUFFER_BYTES = 1_048_576;

/**
 * Lines to stdout, one write each, in order. A closed stdout (EPIPE) or a full disk (ENOSPC) costs the line that
 * met it and nothing else: it is counted, and the next line is tried again.
 */
export function createStdoutSink(descriptor: Descriptor): Sink {
  const buffer = new LineBuffer(MAX_BUFFER_BYTES);
  let writing: OutputLine | undefined;
  let lostCount = 0;
  let onIdle: (() => void)[] = [];

  function writeNext(): void {
    const next = buffer.lines[0];
    if (writing) return;
    if (next === undefined) {
      for (const resolve of onIdle) resolve();
      onIdle = [];
      return;
    }
    writing = next.line;
    buffer.take([next]);
    descriptor.write(`${next.line.text}\n`, (error) => {
      if (error) lostCount += 1;
      writing = undefined;
      writeNext();
    });
  }

  return {
    name: 'stdout',
    write(lines) {
      buffer.add(lines, () => undefined);
      writeNext();
    },
    flush(signal) {
      if (!writing && buffer.lines.length === 0) return Promise.resolve(true);
      return new Promise((resolve) => {
        onIdle.push(() => resolve(true));
        if (signal.aborted) resolve(false);
        signal.addEventListener('abort', () => resolve(false), { once: true });
      });
    },
    takeUndelivered: () => [...(writing ? [writing] : []), ...buffer.drain()],
    get droppedLineCount() {
      return lostCount + buffer.droppedCount;
    },
  };
}
