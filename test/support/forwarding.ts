/** The forwarder in this process, on real sockets, with what it asks and what it says in view of the test. */
import { systemClock } from '../../src/clock.ts';
import { NO_AUTHORIZATION } from '../../src/subscription/authorization.ts';
import { readDelivery } from '../../src/subscription/delivery.ts';
import { openFailureQueue } from '../../src/subscription/failure-queue.ts';
import { Forwarder, type ForwarderOptions } from '../../src/subscription/forwarder.ts';
import {
  connectSearchEngine,
  type SearchAnswer,
  type SearchClient,
} from '../../src/subscription/search-client.ts';
import type { LogLine } from './lambda-function.ts';

/** A client that tells what `_bulk` was answered, before the forwarder hears of it. */
export function watchedClient(
  url: string,
  onAnswer: (answer: SearchAnswer) => void | Promise<void>,
): SearchClient {
  const client = connectSearchEngine(new URL(url), NO_AUTHORIZATION);
  return {
    ...client,
    async ask(request, timeoutMs, signal) {
      const answer = await client.ask(request, timeoutMs, signal);
      if (request.path === '/_bulk') await onAnswer(answer);
      return answer;
    },
  };
}

const QUEUE_CLIENT = {
  region: 'eu-west-1',
  credentials: { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'the-secret-key' },
};

export interface Forwarding {
  readonly forwarder: Forwarder;
  readonly log: readonly LogLine[];
  close(): Promise<void>;
}

export function openForwarding(
  url: string,
  queueUrl: string,
  {
    onAnswer = () => {},
    ...options
  }: Partial<ForwarderOptions> & { onAnswer?: (answer: SearchAnswer) => void | Promise<void> } = {},
): Forwarding {
  const client = watchedClient(url, onAnswer);
  const log: LogLine[] = [];
  const forwarder = new Forwarder({
    client,
    failureQueue: openFailureQueue(queueUrl, QUEUE_CLIENT),
    othersIndexPrefix: undefined,
    clock: systemClock,
    random: Math.random,
    log: (level, fields, message) => log.push({ level, message, ...fields }),
    ...options,
  });
  return { forwarder, log, close: () => client.close() };
}

/** The messages and reasons of the log events in messages of the failure queue. */
export function eventsInMessages(messages: readonly string[]): { message: string; reason: string }[] {
  return messages.flatMap((body) => {
    const events = readDelivery(JSON.parse(body))?.logEvents ?? [];
    return events.map((event) => ({ reason: '', ...event }));
  });
}
