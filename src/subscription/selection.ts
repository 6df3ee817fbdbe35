import { isoTime } from '../core/line.ts';
import { parseLine } from '../core/parsed-line.ts';
import type { Delivery, LogEvent } from './delivery.ts';
import { type Document, isIndexed, lineDocument, nestingProblem } from './document.ts';
import { asXmlText } from './failure-message.ts';
import { indexNameOf } from './index-name.ts';

/**
 * Why a log event gets no document:
 * - `foreign`: somebody else's, and others are left.
 * - `broken`: ours by its mark, but cut, with a field that is not what it should be, or nested without end.
 * - `other-type`: a line of a type that is not indexed.
 * - `time-apart`: the line's time is too far from its event's.
 * - `too-long`: longer than a message of the failure queue can take.
 * - `malformed`: no log event at all.
 */
export type Refusal = 'foreign' | 'broken' | 'other-type' | 'time-apart' | 'too-long' | 'malformed';

/** A document and the log event that it was made of. */
export interface EventDocument extends Document {
  readonly event: LogEvent;
}

export interface Selected {
  readonly documents: readonly EventDocument[];
  readonly refusals: ReadonlyMap<Refusal, number>;
  /** What was wrong with the first few broken lines; untrusted text is in it. */
  readonly brokenReasons: readonly string[];
}

/**
 * CloudWatch Logs takes events of the last 14 days and of the next two hours, and a line's time is its event's. A line
 * that the sidecar could not deliver is printed at the end of the run at the latest, under a later time. What is further
 * apart was not written by a sidecar: each day that somebody makes up would make an index.
 */
const MAX_OLDER_MS = 14 * 24 * 60 * 60_000;
const MAX_NEWER_MS = 24 * 60 * 60_000;

/** As text of a message. A message of the failure queue takes 262,144 bytes, and the rest of it needs some of them. */
const MAX_EVENT_BYTES = 200_000;
/** JSON text has six bytes for a UTF-16 unit at most. */
const MAX_JSON_BYTES_PER_UNIT = 6;

const MAX_BROKEN_REASONS = 3;

type Judged =
  | { readonly document: EventDocument }
  | { readonly refusal: Refusal /** Of a broken line. */; readonly reason?: string };

/**
 * Makes documents of a delivery's events.
 * @param othersIndexPrefix indices for what is not ours; undefined: it is left
 */
export function selectDocuments(delivery: Delivery, othersIndexPrefix: string | undefined): Selected {
  const documents: EventDocument[] = [];
  const refusals = new Map<Refusal, number>();
  const brokenReasons: string[] = [];
  if (delivery.malformedCount > 0) refusals.set('malformed', delivery.malformedCount);
  for (const event of delivery.logEvents) {
    const judged = judgeWhatever(event, delivery, othersIndexPrefix);
    if ('document' in judged) {
      documents.push(judged.document);
      continue;
    }
    const { refusal, reason } = judged;
    refusals.set(refusal, (refusals.get(refusal) ?? 0) + 1);
    if (reason !== undefined && brokenReasons.length < MAX_BROKEN_REASONS) brokenReasons.push(reason);
  }
  return { documents, refusals, brokenReasons };
}

/** One event that nobody thought of must not keep those beside it from the index. */
function judgeWhatever(event: LogEvent, delivery: Delivery, othersIndexPrefix: string | undefined): Judged {
  try {
    return judge(event, delivery, othersIndexPrefix);
  } catch (error) {
    return { refusal: 'broken', reason: `cannot be read: ${(error as Error).message}` };
  }
}

function judge(event: LogEvent, delivery: Delivery, othersIndexPrefix: string | undefined): Judged {
  const { message, timestamp } = event;
  if (isTooLong(message)) return { refusal: 'too-long' };
  const parsed = parseLine(message);
  if (parsed.kind === 'broken') return { refusal: 'broken', reason: parsed.reason };
  if (parsed.kind === 'foreign') {
    if (othersIndexPrefix === undefined) return { refusal: 'foreign' };
    return { document: { ...othersDocument(event, delivery, othersIndexPrefix), event } };
  }
  const { line } = parsed;
  if (!isIndexed(line.type)) return { refusal: 'other-type' };
  const problem = nestingProblem(line);
  if (problem !== undefined) return { refusal: 'broken', reason: problem };
  const olderMs = timestamp - line.timeMs;
  if (olderMs > MAX_OLDER_MS || olderMs < -MAX_NEWER_MS) return { refusal: 'time-apart' };
  return { document: { ...lineDocument(line, message), event } };
}

function isTooLong(message: string): boolean {
  if (message.length * MAX_JSON_BYTES_PER_UNIT < MAX_EVENT_BYTES) return false;
  return Buffer.byteLength(asXmlText(JSON.stringify(message))) > MAX_EVENT_BYTES;
}

/**
 * What is not ours is kept as text: its own keys as fields would meet other types, and make fields without end. A
 * pipeline of the engine can parse it.
 */
function othersDocument(event: LogEvent, { logGroup, logStream }: Delivery, prefix: string): Document {
  const { id, timestamp, message } = event;
  return {
    index: indexNameOf(timestamp, `${prefix}-`),
    id,
    json: JSON.stringify({ time: isoTime(timestamp), logGroup, logStream, message }),
  };
}
