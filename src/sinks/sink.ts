/** One finished line on its way out. */
export interface OutputLine {
  readonly type: 'START' | 'SUMMARY' | 'CONTAINER' | 'REPORT' | 'SAMPLE' | 'RECORD';
  /** The line's `time`, ms since the epoch: the event's timestamp in CloudWatch. */
  readonly timeMs: number;
  /** The line as text: one JSON object, no newline. */
  readonly text: string;
  /** The container a SUMMARY or CONTAINER line is about; absent for lines about the task. */
  readonly container?: string;
}

/**
 * Where lines go. `write` never blocks and never throws: a sink that cannot keep up drops, by its own stated
 * order, and counts.
 */
export interface Sink {
  readonly name: string;
  write(lines: readonly OutputLine[]): void;
  /** Resolves with true when all lines written so far are out or lost, with false when `signal` aborted first. */
  flush(signal: AbortSignal): Promise<boolean>;
  /** Takes back, in order, the lines that were not delivered, so that they can be printed elsewhere. */
  takeUndelivered(): readonly OutputLine[];
  /** Lines lost so far: neither delivered nor to be had from `takeUndelivered`. */
  readonly droppedLineCount: number;
}
