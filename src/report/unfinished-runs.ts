import { larger } from '../core/usage.ts';
import { LineIdentities } from '../reading/line-identities.ts';

/** More runs than this at a time without a REPORT are not told apart; an account has not so many tasks. */
export const MAX_OPEN_RUNS = 200_000;

/** Silent for so long, a run has lost its sidecar; docs/queries.md draws the same line. */
export const SILENT_MS = 600_000;

/**
 * So long after the window a REPORT still tells that a run was not lost in it. The log after it is read for that alone,
 * and must not be without end.
 */
export const LATE_REPORT_MS = 86_400_000;

/** A run that began and has no REPORT. */
export interface OpenRun {
  readonly taskId: string;
  readonly job: string;
  /** When it was last heard of, ms since the epoch. */
  readonly lastLineMs: number;
  /** The highest of its SUMMARY lines, of the limit. */
  readonly memoryUtilizationPercent: number | undefined;
}

/** Which runs left a START or SUMMARY and no REPORT, in whatever order the lines are read. */
export class UnfinishedRuns {
  readonly #open = new Map<string, OpenRun>();
  readonly #reported = new LineIdentities();

  /** Takes a START or SUMMARY. @returns false when there are too many runs to keep this one in mind */
  begin(run: OpenRun): boolean {
    const { taskId } = run;
    const known = this.#open.get(taskId);
    if (known === undefined) {
      if (this.#reported.has(taskId, 0)) return true;
      if (this.#open.size >= MAX_OPEN_RUNS) return false;
      this.#open.set(taskId, run);
      return true;
    }
    this.#open.set(taskId, {
      ...known,
      lastLineMs: Math.max(known.lastLineMs, run.lastLineMs),
      memoryUtilizationPercent: larger(known.memoryUtilizationPercent, run.memoryUtilizationPercent),
    });
    return true;
  }

  /** Takes a REPORT. */
  end(taskId: string): void {
    this.#reported.add(taskId, 0);
    this.#open.delete(taskId);
  }

  *[Symbol.iterator](): Iterator<OpenRun> {
    yield* this.#open.values();
  }
}
