import type { LogTarget } from './log-events.ts';
import type { FailureKind } from './retry.ts';

/** Distance of two paced requests to one stream: not more than two a minute. */
const PACE_MS = 30_000;
/** A refusal is believed the third time in a row: a new role's policy takes seconds to be known everywhere. */
const REFUSALS_BELIEVED = 3;
/** More lines than this refused one after another, and it is not the lines that are wrong. */
const POISON_LINES_BELIEVED = 10;

/** Failures that no waiting mends. */
const REFUSALS: ReadonlySet<FailureKind> = new Set<FailureKind>(['missing', 'denied', 'invalid', 'unknown']);

/** One log stream: how it has been doing, and when it may be sent to. Times are monotonic ms. */
export class LogStream {
  readonly target: LogTarget;
  /** Its lines go elsewhere from now on. */
  isRefused = false;
  /** Created by us, and nothing accepted since. */
  isCreated = false;
  #sentAtMs = Number.NEGATIVE_INFINITY;
  /** Lines that can wait are held until then. */
  #pacedUntilMs = 0;
  /** All lines are held until then. */
  #backoffUntilMs = 0;
  /** These three in a row. */
  #failureCount = 0;
  #refusalCount = 0;
  #poisonLineCount = 0;
  #lastFailureKind: FailureKind | undefined;
  /** How many of the first lines are known to hold one that is not valid; 0 when none is known. */
  #suspectCount = 0;

  constructor({ logGroupName, logStreamName }: LogTarget) {
    this.target = { logGroupName, logStreamName };
  }

  /** In a row. */
  get failureCount(): number {
    return this.#failureCount;
  }

  /** The first lines begin to wait. */
  pace(nowMs: number, jitterMs: number): void {
    this.#pacedUntilMs = Math.max(nowMs + jitterMs, this.#sentAtMs + PACE_MS);
  }

  /** A deadline has come: what failed before is tried again at once. */
  hurry(): void {
    this.#failureCount = 0;
    this.#backoffUntilMs = 0;
  }

  /** When it may be sent to. A search for a line that is not valid goes on at once, too. */
  dueAtMs(isUrgent: boolean): number {
    if (isUrgent || this.#suspectCount > 0) return this.#backoffUntilMs;
    return Math.max(this.#backoffUntilMs, this.#pacedUntilMs);
  }

  /** How much of a request is to be sent: half of what holds a line that is not valid. */
  suspects<Item>(request: readonly Item[]): readonly Item[] {
    return this.#suspectCount > 0 ? request.slice(0, Math.ceil(this.#suspectCount / 2)) : request;
  }

  sent(nowMs: number): void {
    this.#sentAtMs = nowMs;
  }

  accepted(lineCount: number): void {
    this.#pacedUntilMs = Math.max(this.#pacedUntilMs, this.#sentAtMs + PACE_MS);
    this.#backoffUntilMs = 0;
    this.#failureCount = 0;
    this.#refusalCount = 0;
    this.#poisonLineCount = 0;
    this.#lastFailureKind = undefined;
    this.#suspectCount = Math.max(0, this.#suspectCount - lineCount);
    this.isCreated = false;
  }

  /** What was refused for want of the stream is sent again at once, though lines may have come since that could wait. */
  created(): void {
    this.isCreated = true;
    this.#pacedUntilMs = 0;
  }

  /** A request of several lines was not valid: one of these is at fault. */
  suspect(lineCount: number): void {
    this.#suspectCount = lineCount;
  }

  /** A line was not valid. @returns whether it is the stream, not the line, that is at fault */
  poisoned(): boolean {
    this.#suspectCount = 0;
    this.#poisonLineCount += 1;
    return this.#poisonLineCount >= POISON_LINES_BELIEVED;
  }

  /** @returns whether the failure is one that no waiting mends, and has come often enough to be believed */
  isRefusal(kind: FailureKind): boolean {
    this.#refusalCount = REFUSALS.has(kind) ? this.#refusalCount + 1 : 0;
    return this.#refusalCount >= REFUSALS_BELIEVED;
  }

  /** @returns the number of failures in a row, and whether this one is of another kind than the last */
  failed(kind: FailureKind): { readonly failureCount: number; readonly isNews: boolean } {
    const isNews = this.#lastFailureKind !== kind;
    this.#lastFailureKind = kind;
    this.#failureCount += 1;
    return { failureCount: this.#failureCount, isNews };
  }

  /** Nothing is sent until then; after that, all that waits. */
  backOff(untilMs: number): void {
    this.#backoffUntilMs = untilMs;
    this.#pacedUntilMs = 0;
  }
}
