import type { Clock } from '../clock.ts';
import type { Streams } from './command.ts';

const INTERVAL_MS = 100;
const CLEAR_LINE = '\r\u001b[K';

/** What goes on, on one line of a terminal that is written over; nothing where stderr is none. */
export class Progress {
  readonly #stderr: Streams['stderr'];
  readonly #clock: Pick<Clock, 'elapsed'>;
  #toldAtMs = Number.NEGATIVE_INFINITY;
  #isShown = false;

  constructor(stderr: Streams['stderr'], clock: Pick<Clock, 'elapsed'>) {
    this.#stderr = stderr;
    this.#clock = clock;
  }

  /** @param text made only when it is shown: ten times a second at the most */
  tell(text: () => string): void {
    if (!this.#stderr.isTTY) return;
    const nowMs = this.#clock.elapsed();
    if (nowMs - this.#toldAtMs < INTERVAL_MS) return;
    this.#toldAtMs = nowMs;
    this.#isShown = true;
    this.#stderr.write(`${CLEAR_LINE}${text()}`);
  }

  /** Leaves the line empty, for what comes next. */
  clear(): void {
    if (this.#isShown) this.#stderr.write(CLEAR_LINE);
    this.#isShown = false;
  }
}
