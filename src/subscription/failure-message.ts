import { type Delivery, DeliveryError, type LogEvent, readDelivery, unpackDelivery } from './delivery.ts';

/** A log event that was not indexed, with the reason. */
export interface FailedEvent {
  readonly event: LogEvent;
  readonly reason: string;
}

/** SQS has allowed more since 2025; this much every queue takes. UTF-8 bytes. */
export const MAX_MESSAGE_BYTES = 262_144;

/**
 * Messages of the failure queue: what failed of a delivery, in the form of a delivery, unpacked, each log event with its
 * `reason`. A message is read and replayed like a delivery.
 */
export function failureMessages(
  delivery: Delivery,
  failed: readonly FailedEvent[],
  maxBytes = MAX_MESSAGE_BYTES,
): string[] {
  const { owner, logGroup, logStream } = delivery;
  const frame = asXmlText(
    JSON.stringify({ messageType: 'DATA_MESSAGE', owner, logGroup, logStream, logEvents: [] }),
  );
  const [start, end] = [frame.slice(0, -2), ']}'];
  const room = maxBytes - Buffer.byteLength(frame);
  const messages: string[] = [];
  let events: string[] = [];
  let bytes = 0;
  const close = () => {
    if (events.length > 0) messages.push(start + events.join(',') + end);
    events = [];
    bytes = 0;
  };
  for (const { event, reason } of failed) {
    const { id, timestamp, message } = event;
    const text = asXmlText(JSON.stringify({ id, timestamp, message, reason }));
    const textBytes = Buffer.byteLength(text) + 1;
    if (bytes + textBytes > room) close();
    events.push(text);
    bytes += textBytes;
  }
  close();
  return messages;
}

/** JSON.stringify escapes all else that XML, and so SQS, has no place for: control characters and half surrogates. */
export function asXmlText(json: string): string {
  return json.replace(/[\uFFFE\uFFFF]/g, (character) => `\\u${character.charCodeAt(0).toString(16)}`);
}

/**
 * Reads a message of the failure queue: one of ours, or Lambda's own record of an invocation that failed to the last,
 * which holds the delivery as it came in `requestPayload` (Lambda developer guide, "Capturing records of Lambda
 * asynchronous invocations").
 * @throws DeliveryError
 */
export async function readFailureMessage(body: string): Promise<Delivery | undefined> {
  let document: unknown;
  try {
    document = JSON.parse(body);
  } catch {
    throw new DeliveryError('the message is not JSON');
  }
  const packed = packedDeliveryIn((document as InvocationRecord | null)?.requestPayload);
  return packed === undefined ? readDelivery(document) : unpackDelivery(packed);
}

interface InvocationRecord {
  readonly requestPayload?: unknown;
}

/** `{"awslogs": {"data": "…"}}`: an event of a subscription. Undefined when it is none. */
export function packedDeliveryIn(event: unknown): string | undefined {
  const packed = (event as { awslogs?: { data?: unknown } } | null | undefined)?.awslogs?.data;
  return typeof packed === 'string' ? packed : undefined;
}
