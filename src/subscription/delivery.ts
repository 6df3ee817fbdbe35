import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';

/** One log event, as a subscription delivers it. */
export interface LogEvent {
  /** Made by CloudWatch Logs, unique; the same in a delivery that is repeated. */
  readonly id: string;
  /** ms since the epoch. */
  readonly timestamp: number;
  readonly message: string;
}

/** Log events of one log stream: what a subscription delivers at once. */
export interface Delivery {
  readonly owner: string;
  readonly logGroup: string;
  readonly logStream: string;
  readonly logEvents: readonly LogEvent[];
  /** Entries among the log events that are none. */
  readonly malformedCount: number;
}

/** What came is no delivery. The message says why; trying again does not help. */
export class DeliveryError extends Error {
  override readonly name = 'DeliveryError';
}

/**
 * A delivery may not be larger than this when it is unpacked. Lambda takes 6 MB of event at most, of which base64 leaves
 * 4.5 MB, and of an asynchronous event, as CloudWatch Logs sends it, 1 MB. Lines of one job pack to a fiftieth at best.
 * What unpacks to more would take the memory that the function has.
 */
export const MAX_UNPACKED_BYTES = 64 * 1024 * 1024;

const unzip = promisify(gunzip);

/**
 * Unpacks what a subscription sends to Lambda: base64 of gzip of JSON (CloudWatch Logs user guide, "Log group-level
 * subscription filters").
 * @returns undefined for a control message, by which CloudWatch Logs checks that the function is there
 * @throws DeliveryError
 */
export async function unpackDelivery(base64: string): Promise<Delivery | undefined> {
  const packed = Buffer.from(base64, 'base64');
  let json: Buffer;
  try {
    json = await unzip(packed, { maxOutputLength: MAX_UNPACKED_BYTES });
  } catch (cause) {
    const isTooLarge = (cause as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE';
    const problem = isTooLarge ? `unpacks to more than ${MAX_UNPACKED_BYTES} bytes` : 'is not gzip';
    throw new DeliveryError(`the delivery of ${packed.length} bytes ${problem}`, { cause });
  }
  let document: unknown;
  try {
    document = JSON.parse(json.toString('utf8'));
  } catch {
    // Without the cause: JSON.parse quotes its input.
    throw new DeliveryError(`the delivery of ${json.length} bytes, unpacked, is not JSON`);
  }
  return readDelivery(document);
}

/**
 * Reads a delivery that is unpacked already.
 * @returns undefined for a control message
 * @throws DeliveryError
 */
export function readDelivery(document: unknown): Delivery | undefined {
  const { messageType, owner, logGroup, logStream, logEvents } = asFields(document);
  if (messageType === 'CONTROL_MESSAGE') return undefined;
  if (messageType !== 'DATA_MESSAGE') {
    throw new DeliveryError(`messageType is ${shown(messageType)}, not "DATA_MESSAGE" or "CONTROL_MESSAGE"`);
  }
  if (!Array.isArray(logEvents)) throw new DeliveryError(`logEvents is ${shown(logEvents)}, not a list`);
  const readable = logEvents.filter(isLogEvent);
  return {
    owner: asText(owner),
    logGroup: asText(logGroup),
    logStream: asText(logStream),
    logEvents: readable,
    malformedCount: logEvents.length - readable.length,
  };
}

function isLogEvent(value: unknown): value is LogEvent {
  const { id, timestamp, message } = asFields(value);
  return typeof id === 'string' && Number.isSafeInteger(timestamp) && typeof message === 'string';
}

function asFields(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}

function asText(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

/** Short enough for a message, whatever it is and however deep. */
function shown(value: unknown): string {
  if (value === undefined) return 'missing';
  if (typeof value === 'object' && value !== null) return Array.isArray(value) ? 'a list' : 'an object';
  return JSON.stringify(value).slice(0, 40);
}
