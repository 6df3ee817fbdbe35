import { eventBytes, type LogTarget } from './log-events.ts';
import type { OutputLine } from './sink.ts';

/**
 * What goes first when the buffer is full, oldest of its kind first. CONTAINER and REPORT lines are never
 * dropped: a run has few of them, and they are what fargauge is for.
 */
export const DROP_ORDER: readonly OutputLine['type'][] = ['RECORD', 'SAMPLE', 'SUMMARY', 'START'];

/** A line on its way, and where to. */
export interface BufferedLine {
  readonly line: OutputLine;
  /** Place in the order of writing; unique. */
  readonly ordinal: number;
  /** UTF-8 bytes of the text and 26: what the line weighs in a request. */
  readonly bytes: number;
  /** Absent for a line that no stream will take: it is kept to be taken back. */
  readonly target: LogTarget | undefined;
}

/**
 * Lines that wait, in the order they were written, bounded in bytes of text (UTF-8, 26 for each line added: the
 * same sum as a request's). Above the bound lines go in DROP_ORDER, counted; only CONTAINER and REPORT lines
 * alone can hold it above. In memory a line costs some 200 bytes more.
 */
export class LineBuffer {
  readonly #maxBytes: number;
  #lines: BufferedLine[] = [];
  #bytes = 0;
  #nextOrdinal = 1;
  #droppedCount = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  get lines(): readonly BufferedLine[] {
    return this.#lines;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get droppedCount(): number {
    return this.#droppedCount;
  }

  add(lines: readonly OutputLine[], targetOf: (line: OutputLine) => LogTarget | undefined): void {
    this.#insert(
      lines.map((line) => ({
        line,
        ordinal: this.#nextOrdinal++,
        bytes: eventBytes(line.text),
        target: targetOf(line),
      })),
    );
  }

  /** Takes lines out for a request; until `putBack` they are the caller's. */
  take(taken: readonly BufferedLine[]): void {
    const ordinals = new Set(taken.map((entry) => entry.ordinal));
    this.#lines = this.#lines.filter((entry) => !ordinals.has(entry.ordinal));
    this.#bytes -= sumBytes(taken);
  }

  /** Returns lines that were taken out to their old places, should they still fit. */
  putBack(lines: readonly BufferedLine[]): void {
    this.#insert(lines);
  }

  /** Points every waiting line for `from` at `to`. */
  redirect(from: LogTarget, to: LogTarget): void {
    this.#lines = this.#lines.map((entry) => (entry.target === from ? { ...entry, target: to } : entry));
  }

  /** Empties the buffer, in the order of writing. */
  drain(): OutputLine[] {
    const lines = this.#lines.map((entry) => entry.line);
    this.#lines = [];
    this.#bytes = 0;
    return lines;
  }

  #insert(lines: readonly BufferedLine[]): void {
    this.#lines = [...this.#lines, ...lines].sort((a, b) => a.ordinal - b.ordinal);
    this.#bytes += sumBytes(lines);
    for (const type of DROP_ORDER) this.#dropOldest(type);
  }

  #dropOldest(type: OutputLine['type']): void {
    if (this.#bytes <= this.#maxBytes) return;
    this.#lines = this.#lines.filter((entry) => {
      if (this.#bytes <= this.#maxBytes || entry.line.type !== type) return true;
      this.#bytes -= entry.bytes;
      this.#droppedCount += 1;
      return false;
    });
  }
}

function sumBytes(lines: readonly BufferedLine[]): number {
  return lines.reduce((sum, entry) => sum + entry.bytes, 0);
}
