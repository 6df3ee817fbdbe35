import type { OutputLine } from './sink.ts';

/**
 * What one PutLogEvents request may hold, and what its answer means. Pure.
 * Limits: https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutLogEvents.html
 */

/** "The maximum batch size is 1,048,576 bytes [...] the sum of all event messages in UTF-8, plus 26 bytes for each log event." */
export const MAX_REQUEST_BYTES = 1_048_576;
export const EVENT_OVERHEAD_BYTES = 26;
/** "The maximum number of log events in a batch is 10,000." */
export const MAX_REQUEST_EVENTS = 10_000;
/** "The time span in a single batch cannot exceed 24 hours. Otherwise, the operation fails." */
export const MAX_REQUEST_SPAN_MS = 24 * 60 * 60 * 1000;

/** Where lines go. */
export interface LogTarget {
  readonly logGroupName: string;
  readonly logStreamName: string;
}

/** What one line weighs in a request, in bytes. */
export function eventBytes(text: string): number {
  return Buffer.byteLength(text, 'utf8') + EVENT_OVERHEAD_BYTES;
}

/** An event's timestamp: whole milliseconds, cut and not rounded, as the line's own `time` is. */
export function eventTimestampMs(line: OutputLine): number {
  return Math.trunc(line.timeMs);
}

/**
 * The lines of one stream as requests that obey every limit. The requests laid end to end are the lines in
 * ascending order of time, equal times in the order given: a request that is not sorted is refused as a whole.
 * A line that fits in no request stands in one of its own; CloudWatch Logs will refuse it.
 */
export function packRequests<L extends { readonly line: OutputLine }>(lines: readonly L[]): L[][] {
  const requests: L[][] = [];
  let current: L[] = [];
  let currentBytes = 0;
  let firstMs = 0;
  for (const entry of lines.toSorted((a, b) => eventTimestampMs(a.line) - eventTimestampMs(b.line))) {
    const bytes = eventBytes(entry.line.text);
    const timestampMs = eventTimestampMs(entry.line);
    const fits =
      current.length > 0 &&
      current.length < MAX_REQUEST_EVENTS &&
      currentBytes + bytes <= MAX_REQUEST_BYTES &&
      timestampMs - firstMs <= MAX_REQUEST_SPAN_MS;
    if (!fits) {
      current = [];
      requests.push(current);
      currentBytes = 0;
      firstMs = timestampMs;
    }
    current.push(entry);
    currentBytes += bytes;
  }
  return requests;
}

/** `rejectedLogEventsInfo` of a PutLogEvents answer. */
export interface RejectedLogEventsInfo {
  readonly tooNewLogEventStartIndex?: number | undefined;
  readonly tooOldLogEventEndIndex?: number | undefined;
  readonly expiredLogEventEndIndex?: number | undefined;
}

/** How a request that was answered with success was split up: CloudWatch Logs stores `[acceptedStart, acceptedEnd)` of it. */
export interface Acceptance {
  readonly acceptedStart: number;
  readonly acceptedEnd: number;
  /** Older than 14 days. */
  readonly tooOldCount: number;
  /** Younger than 14 days, but older than the group's retention. */
  readonly expiredCount: number;
  /** More than two hours ahead of CloudWatch's clock. */
  readonly tooNewCount: number;
}

/**
 * Reads which of `eventCount` sorted events were stored. The two old ends are exclusive, the new start is
 * inclusive (API reference of RejectedLogEventsInfo). An answer of 200 may have stored none at all.
 */
export function readAcceptance(info: RejectedLogEventsInfo | undefined, eventCount: number): Acceptance {
  const tooOldEnd = clamp(info?.tooOldLogEventEndIndex ?? 0, 0, eventCount);
  const expiredEnd = clamp(info?.expiredLogEventEndIndex ?? 0, 0, eventCount);
  const acceptedStart = Math.max(tooOldEnd, expiredEnd);
  const acceptedEnd = clamp(info?.tooNewLogEventStartIndex ?? eventCount, acceptedStart, eventCount);
  return {
    acceptedStart,
    acceptedEnd,
    tooOldCount: tooOldEnd,
    expiredCount: acceptedStart - tooOldEnd,
    tooNewCount: eventCount - acceptedEnd,
  };
}

/** Names as CreateLogGroup and CreateLogStream document them; undefined when both are good, else what is wrong. */
export function problemOfTarget({ logGroupName, logStreamName }: LogTarget): string | undefined {
  if (!/^[.\-_/#A-Za-z0-9]{1,512}$/.test(logGroupName)) {
    return `log group name ${JSON.stringify(logGroupName)}: 1 to 512 of the characters a-z, A-Z, 0-9, and _ - / . # are allowed`;
  }
  if (!/^[^:*]{1,512}$/.test(logStreamName)) {
    return `log stream name ${JSON.stringify(logStreamName)}: 1 to 512 characters are allowed, none of them : or *`;
  }
  return undefined;
}

function clamp(value: number, low: number, high: number): number {
  return Math.min(Math.max(value, low), high);
}
