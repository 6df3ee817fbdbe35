/** Deliveries of CloudWatch Logs, as Lambda gets them from a subscription. */
import { gzipSync } from 'node:zlib';
import type { LogEvent } from '../../src/subscription/delivery.ts';

export interface SubscriptionEvent {
  readonly awslogs: { readonly data: string };
}

export const CONTROL_MESSAGE = packed({
  messageType: 'CONTROL_MESSAGE',
  owner: 'CloudwatchLogs',
  logGroup: '',
  logStream: '',
  subscriptionFilters: [],
  logEvents: [
    {
      id: '',
      timestamp: 1_750_000_000_000,
      message: 'CWL CONTROL MESSAGE: Checking health of destination Lambda.',
    },
  ],
});

let eventCount = 0;

/** Log events of these messages: each with an id that no other has, at the time that its line says or at `timestamp`. */
export function logEvents(messages: readonly string[], timestamp?: number): LogEvent[] {
  return messages.map((message) => {
    eventCount += 1;
    return { id: String(eventCount).padStart(56, '3'), timestamp: timestamp ?? timeIn(message), message };
  });
}

function timeIn(message: string): number {
  const [, time = '2026-06-15T00:00:00.000Z'] = /"time": ?"([^"]+)"/.exec(message) ?? [];
  return Date.parse(time);
}

/** What the user guide shows of a delivery: "Log group-level subscription filters", the example with Lambda. */
export function deliveryOf(events: readonly unknown[], logStream = 'batch/batch/0123'): SubscriptionEvent {
  return packed({
    messageType: 'DATA_MESSAGE',
    owner: '123456789012',
    logGroup: '/ecs/nightly-batch',
    logStream,
    subscriptionFilters: ['fargauge'],
    logEvents: events,
  });
}

/** A delivery of these messages. */
export function delivered(messages: readonly string[], timestamp?: number): SubscriptionEvent {
  return deliveryOf(logEvents(messages, timestamp));
}

export function packed(document: unknown): SubscriptionEvent {
  return { awslogs: { data: gzipSync(JSON.stringify(document)).toString('base64') } };
}
