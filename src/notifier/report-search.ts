import type { Clock } from '../clock.ts';
import { type CallFailure, classifyFailure } from '../sinks/retry.ts';
import type { LogLocation } from './log-location.ts';
import { findRunLines, type RunLines } from './run-lines.ts';

/** The last messages of a log stream. Rejects as the AWS SDK does. */
export type ReadTail = (location: LogLocation, sinceMs: number) => Promise<readonly string[]>;

export interface ReportSearch {
  readonly taskId: string;
  readonly locations: readonly LogLocation[];
  /** Nothing of the run is older; wall clock, ms since the epoch. */
  readonly sinceMs: number;
  /** How long the REPORT is waited for, ms; with 0 each log is looked at once. */
  readonly waitMs: number;
}

export type Search =
  | { readonly kind: 'found'; readonly lines: RunLines }
  | { readonly kind: 'missing'; readonly reason: string };

/** Between two looks: GetLogEvents allows 10 a second and account in small regions. */
const FIRST_PAUSE_MS = 500;
const MAX_PAUSE_MS = 4_000;

/**
 * Looks for a run's REPORT in the logs where it may stand. The event and the lines travel on ways of their own: either
 * may come first, mostly by seconds. Nothing rejects: a log that cannot be read is a reason.
 */
export async function searchReport(
  { taskId, locations, sinceMs, waitMs }: ReportSearch,
  readTail: ReadTail,
  { clock, random }: { readonly clock: Clock; readonly random: () => number },
): Promise<Search> {
  const giveUpAtMs = clock.elapsed() + waitMs;
  const refused = new Map<LogLocation, CallFailure>();
  let pauseMs = FIRST_PAUSE_MS;
  for (;;) {
    for (const location of locations) {
      if (refused.has(location)) continue;
      const look = await readTail(location, sinceMs).catch((error: unknown) => classifyFailure(error));
      if ('kind' in look) {
        if (!isPassing(look)) refused.set(location, look);
        continue;
      }
      const lines = findRunLines(look, taskId);
      if (lines) return { kind: 'found', lines };
    }
    const [first] = refused.values();
    if (first && refused.size === locations.length) {
      return { kind: 'missing', reason: `its log could not be read: ${first.reason}` };
    }
    // Between half the pause and the whole: a thousand runs that ended together do not ask together.
    const nextMs = pauseMs * (0.5 + random() / 2);
    if (clock.elapsed() + nextMs >= giveUpAtMs) {
      const within = waitMs > 0 ? ` within ${Math.round(waitMs / 1000)} s` : '';
      return { kind: 'missing', reason: `the REPORT did not come${within}` };
    }
    await clock.sleep(nextMs);
    pauseMs = Math.min(2 * pauseMs, MAX_PAUSE_MS);
  }
}

/** A stream is there from its first line on. */
function isPassing({ kind }: CallFailure): boolean {
  return kind === 'missing' || kind === 'throttled' || kind === 'transient';
}
