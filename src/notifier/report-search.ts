import type { Clock } from '../clock.ts';
import { type CallFailure, classifyFailure } from '../sinks/retry.ts';
import type { LogLocation } from './log-location.ts';
import { findRunLines, type RunLines } from './run-lines.ts';

/**
 * The last messages of a log stream, page by page: the newest page first, each page the oldest message first. Rejects as
 * the AWS SDK does, and when so many ms are over.
 */
export type ReadTail = (
  location: LogLocation,
  sinceMs: number,
  timeoutMs: number,
) => AsyncIterable<readonly string[]>;

export interface ReportSearch {
  readonly taskId: string;
  readonly locations: readonly LogLocation[];
  /** Nothing of the run is older; wall clock, ms since the epoch. */
  readonly sinceMs: number;
  /** How long the REPORT is waited for, ms; with 0 each log is looked at once. */
  readonly waitMs: number;
  /** When all must be over, even the only look; by clock.elapsed(). */
  readonly untilMs: number;
}

export type Search =
  | { readonly kind: 'found'; readonly lines: RunLines }
  | { readonly kind: 'missing'; readonly reason: string };

/** Between two looks: GetLogEvents allows 10 a second and account in small regions. */
const FIRST_PAUSE_MS = 500;
const MAX_PAUSE_MS = 4_000;
/** One log that does not answer holds up the others for so long. */
const MAX_LOOK_MS = 8_000;

export interface SearchDependencies {
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: (fields: Readonly<Record<string, unknown>>) => void;
}

/**
 * Looks for a run's REPORT in the logs where it may stand, in all of them at a time. The event and the lines travel on
 * ways of their own: either may come first, mostly by seconds. Nothing rejects: a log that cannot be read is a reason.
 */
export async function searchReport(
  { taskId, locations, sinceMs, waitMs, untilMs }: ReportSearch,
  readTail: ReadTail,
  { clock, random, log }: SearchDependencies,
): Promise<Search> {
  const giveUpAtMs = Math.min(clock.elapsed() + waitMs, untilMs);
  const refused = new Map<LogLocation, CallFailure>();
  let pauseMs = FIRST_PAUSE_MS;
  for (let lookUntilMs = untilMs; ; lookUntilMs = giveUpAtMs) {
    const timeoutMs = Math.min(MAX_LOOK_MS, lookUntilMs - clock.elapsed());
    if (timeoutMs <= 0) return { kind: 'missing', reason: 'no time was left to look for the REPORT' };
    const open = locations.filter((location) => !refused.has(location));
    const looks = await Promise.all(
      open.map((location) => look(() => readTail(location, sinceMs, timeoutMs), taskId)),
    );
    for (const [index, location] of open.entries()) {
      const seen = looks[index];
      if (seen === undefined) continue;
      if (!('kind' in seen)) return { kind: 'found', lines: seen };
      if (isPassing(seen)) continue;
      refused.set(location, seen);
      const { logGroupName, logStreamName } = location;
      const { reason } = seen;
      log({ level: 'warn', message: 'a log could not be read', logGroupName, logStreamName, reason });
    }
    const [first] = refused.values();
    if (first && refused.size === locations.length) {
      return { kind: 'missing', reason: `its log could not be read: ${first.reason}` };
    }
    // Between half the pause and the whole: a thousand runs that ended together do not ask together.
    const nextMs = pauseMs * (0.5 + random() / 2);
    if (clock.elapsed() + nextMs >= giveUpAtMs) {
      const within = waitMs > 0 ? ` within ${Math.round(waitMs / 1000)} s` : '';
      // The one that may stand where it cannot be read.
      const unread = first ? `; a log could not be read: ${first.reason}` : '';
      return { kind: 'missing', reason: `the REPORT did not come${within}${unread}` };
    }
    await clock.sleep(nextMs);
    pauseMs = Math.min(2 * pauseMs, MAX_PAUSE_MS);
  }
}

/** What one log has of the run; undefined when it has nothing yet. */
async function look(
  readPages: () => AsyncIterable<readonly string[]>,
  taskId: string,
): Promise<RunLines | CallFailure | undefined> {
  let messages: readonly string[] = [];
  let lines: RunLines | undefined;
  try {
    for await (const page of readPages()) {
      messages = [...page, ...messages];
      lines = findRunLines(messages, taskId);
      // The CONTAINER lines stand before the REPORT: the page may begin between them.
      if (lines && lines.containers.length > 0) break;
    }
  } catch (error) {
    return lines ?? classifyFailure(error);
  }
  return lines;
}

/** A stream is there from its first line on. */
function isPassing({ kind }: CallFailure): boolean {
  return kind === 'missing' || kind === 'throttled' || kind === 'transient';
}
