import type { Clock } from '../clock.ts';
import { fullJitterMs } from '../sinks/retry.ts';
import { type Delivery, DeliveryError, unpackDelivery } from './delivery.ts';
import { failureMessages, packedDeliveryIn, readFailureMessage } from './failure-message.ts';
import { type FailureQueue, FailureQueueError } from './failure-queue.ts';
import { ATTEMPT_TIMEOUT_MS, BACKOFF, type Failed, indexDocuments } from './indexing.ts';
import type { SearchClient } from './search-client.ts';
import { type EventDocument, type Refusal, selectDocuments } from './selection.ts';
import { ensureTemplate } from './template.ts';

export type Log = (level: 'info' | 'warn' | 'error', fields: object, message: string) => void;

export interface ForwarderOptions {
  readonly client: SearchClient;
  readonly failureQueue: FailureQueue;
  readonly othersIndexPrefix: string | undefined;
  readonly clock: Clock;
  /** 0 (inclusive) to 1. */
  readonly random: () => number;
  readonly log: Log;
}

/** What Lambda is told of messages out of the queue: these stay in it ("Reporting batch item failures"). */
export interface MessageFailures {
  readonly batchItemFailures: readonly { readonly itemIdentifier: string }[];
}

/** Of what is left of an invocation, kept for the failure queue: of three attempts each may take four seconds. */
const RESERVE_MS = 15_000;
/** Where that is most of it. */
const MAX_RESERVE_SHARE = 1 / 3;

const MAX_REASONS = 5;

/** Where the log events of one or more deliveries are now: each is counted once. */
interface Tally {
  eventCount: number;
  indexedCount: number;
  copyCount: number;
  failedCount: number;
  readonly refused: Map<Refusal, number>;
  /** The first few of them, with their numbers; untrusted text is in them. */
  readonly failedReasons: Map<string, number>;
  readonly brokenReasons: string[];
}

/**
 * Puts what CloudWatch Logs delivers into the index. Each log event ends in the index, in the failure queue, or refused
 * with a reason that is counted. Where not even the queue takes what failed, the invocation fails, and whoever called
 * does what it does then: Lambda calls again, twice, and then keeps the event itself.
 */
export class Forwarder {
  readonly #options: ForwarderOptions;
  #isTemplateThere = false;

  constructor(options: ForwarderOptions) {
    this.#options = options;
  }

  /**
   * @param event of a subscription, or of the failure queue
   * @param remainingMs until Lambda ends the invocation
   * @throws DeliveryError for what is neither; FailureQueueError
   */
  async forward(event: unknown, remainingMs: number): Promise<MessageFailures | undefined> {
    const reserveMs = Math.min(RESERVE_MS, remainingMs * MAX_RESERVE_SHARE);
    const giveUpAtMs = this.#options.clock.elapsed() + remainingMs - reserveMs;
    const packed = packedDeliveryIn(event);
    if (packed !== undefined) {
      await this.#forwardDelivery(packed, giveUpAtMs);
      return undefined;
    }
    const messages = messagesIn(event);
    if (messages !== undefined) return this.#replay(messages, giveUpAtMs);
    throw new DeliveryError('the event is neither of a CloudWatch Logs subscription nor of an SQS queue');
  }

  async #forwardDelivery(packed: string, giveUpAtMs: number): Promise<void> {
    const { clock, failureQueue } = this.#options;
    const startedAtMs = clock.elapsed();
    const delivery = await unpackDelivery(packed);
    if (delivery === undefined) {
      this.#options.log('info', {}, 'control message: the subscription is there');
      return;
    }
    const tally = newTally();
    const failed = await this.#index(delivery, giveUpAtMs, tally);
    const { logGroup, logStream } = delivery;
    const messages = failureMessages(
      delivery,
      failed.map(({ document: { event }, reason }) => ({ event, reason })),
    );
    try {
      if (messages.length > 0) await failureQueue.send(messages);
    } catch (error) {
      if (!(error instanceof FailureQueueError)) throw error;
      this.#report(tally, {
        logGroup,
        logStream,
        startedAtMs,
        to: 'nowhere: the failure queue did not take them',
      });
      throw error;
    }
    this.#report(tally, { logGroup, logStream, startedAtMs, to: 'in the failure queue' });
  }

  /** What fails again stays in the queue, and so does what cannot be read: it keeps no other of its batch there. */
  async #replay(messages: readonly Message[], giveUpAtMs: number): Promise<MessageFailures> {
    const startedAtMs = this.#options.clock.elapsed();
    const tally = newTally();
    const batchItemFailures: { itemIdentifier: string }[] = [];
    for (const { messageId, body } of messages) {
      const isDone = await this.#replayMessage(body, giveUpAtMs, tally).catch((error: unknown) => {
        this.#options.log('error', { messageId }, `message cannot be replayed: ${(error as Error).message}`);
        return false;
      });
      if (!isDone) batchItemFailures.push({ itemIdentifier: messageId });
    }
    this.#report(tally, { messageCount: messages.length, startedAtMs, to: 'still in the failure queue' });
    return { batchItemFailures };
  }

  async #replayMessage(body: string, giveUpAtMs: number, tally: Tally): Promise<boolean> {
    const delivery = await readFailureMessage(body);
    if (delivery === undefined) return true;
    return (await this.#index(delivery, giveUpAtMs, tally)).length === 0;
  }

  /** @returns what was not indexed */
  async #index(
    delivery: Delivery,
    giveUpAtMs: number,
    tally: Tally,
  ): Promise<readonly Failed<EventDocument>[]> {
    const { othersIndexPrefix, client, clock, random } = this.#options;
    const { documents, refusals, brokenReasons } = selectDocuments(delivery, othersIndexPrefix);
    tally.eventCount += delivery.logEvents.length + delivery.malformedCount;
    for (const [refusal, count] of refusals) add(tally.refused, refusal, count);
    tally.brokenReasons.push(...brokenReasons.slice(0, MAX_REASONS - tally.brokenReasons.length));
    if (documents.length === 0) return [];
    const problem = await this.#settleTemplate(giveUpAtMs);
    const { indexedCount, copyCount, failed } =
      problem === undefined
        ? await indexDocuments(documents, { client, clock, random, giveUpAtMs })
        : {
            indexedCount: 0,
            copyCount: 0,
            failed: documents.map((document) => ({ document, reason: problem })),
          };
    tally.indexedCount += indexedCount;
    tally.copyCount += copyCount;
    tally.failedCount += failed.length;
    for (const { reason } of failed) {
      if (tally.failedReasons.has(reason) || tally.failedReasons.size < MAX_REASONS) {
        add(tally.failedReasons, reason, 1);
      }
    }
    return failed;
  }

  /**
   * Sees that the index template is there, until it is. Where we may not even look, somebody else has to have put it, and
   * the next call looks again: whoever deploys us may let us in only then.
   * @returns why nothing may be indexed yet
   */
  async #settleTemplate(giveUpAtMs: number): Promise<string | undefined> {
    const { client, clock, random, log } = this.#options;
    for (let failureCount = 1; !this.#isTemplateThere; failureCount += 1) {
      const timeoutMs = Math.min(ATTEMPT_TIMEOUT_MS, giveUpAtMs - clock.elapsed());
      if (timeoutMs <= 0) return 'out of time: not tried';
      const state = await ensureTemplate(client, timeoutMs);
      switch (state.kind) {
        case 'later': {
          const waitMs = fullJitterMs(failureCount, BACKOFF, random);
          if (clock.elapsed() + waitMs >= giveUpAtMs) return `out of time: ${state.reason}`;
          await clock.sleep(waitMs);
          continue;
        }
        case 'missing':
          return `the index template is missing, and it cannot be put: ${state.reason}`;
        case 'refused':
          log('warn', {}, `the index template may be missing, and it cannot be looked for: ${state.reason}`);
          return undefined;
        case 'put':
          log('info', {}, 'the index template was missing and is there now');
      }
      this.#isTemplateThere = true;
    }
    return undefined;
  }

  /** @param about where the failed ones are, `to`, and what the log events are of */
  #report(tally: Tally, { startedAtMs, to, ...of }: About): void {
    const { refused, failedReasons, brokenReasons, failedCount, eventCount, ...counts } = tally;
    const isWell = failedCount === 0;
    this.#options.log(
      isWell ? 'info' : 'error',
      {
        ...of,
        eventCount,
        ...counts,
        failedCount,
        refused: Object.fromEntries(refused),
        ...(brokenReasons.length > 0 && { brokenReasons }),
        ...(!isWell && { failedReasons: Object.fromEntries(failedReasons) }),
        elapsedMs: Math.round(this.#options.clock.elapsed() - startedAtMs),
      },
      isWell ? 'done' : `${failedCount} of ${eventCount} log events are ${to}`,
    );
  }
}

interface About {
  readonly startedAtMs: number;
  readonly to: string;
  readonly logGroup?: string;
  readonly logStream?: string;
  readonly messageCount?: number;
}

function newTally(): Tally {
  return {
    eventCount: 0,
    indexedCount: 0,
    copyCount: 0,
    failedCount: 0,
    refused: new Map(),
    failedReasons: new Map(),
    brokenReasons: [],
  };
}

function add<Key>(counts: Map<Key, number>, key: Key, count: number): void {
  counts.set(key, (counts.get(key) ?? 0) + count);
}

/** A message as Lambda polls it from SQS. */
interface Message {
  readonly messageId: string;
  readonly body: string;
}

/** Undefined when the event is none of an SQS queue. */
function messagesIn(event: unknown): readonly Message[] | undefined {
  const records = (event as { Records?: unknown } | null | undefined)?.Records;
  if (!Array.isArray(records) || !records.every(isMessage)) return undefined;
  return records;
}

function isMessage(record: unknown): record is Message {
  const { eventSource, messageId, body } = (record ?? {}) as Readonly<Record<string, unknown>>;
  return eventSource === 'aws:sqs' && typeof messageId === 'string' && typeof body === 'string';
}
