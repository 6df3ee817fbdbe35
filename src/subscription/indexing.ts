import type { Clock } from '../clock.ts';
import { type Backoff, fullJitterMs } from '../sinks/retry.ts';
import { BULK_FILTER, type BulkAnswer, readBulkAnswer } from './bulk-answer.ts';
import { bulkBody, packRequests, REQUEST_LIMITS, type RequestLimits } from './bulk-request.ts';
import type { Document } from './document.ts';
import type { SearchClient } from './search-client.ts';

export interface Failed<D> {
  readonly document: D;
  readonly reason: string;
}

/** Where each document is now: in the index, new or since before, or nowhere. */
export interface Indexed<D> {
  indexedCount: number;
  copyCount: number;
  readonly failed: Failed<D>[];
  /** Why nothing more would be taken either: the time is up, or we are not let in. */
  stopReason?: string;
}

export interface IndexingOptions {
  readonly client: SearchClient;
  readonly clock: Clock;
  /** 0 (inclusive) to 1. */
  readonly random: () => number;
  /** On `clock.elapsed()`: what is not indexed by then has failed. */
  readonly giveUpAtMs: number;
  readonly limits?: RequestLimits;
  readonly signal?: AbortSignal;
}

/** A node that is overloaded is given time; one invocation has minutes at most. */
export const BACKOFF: Backoff = { baseMs: 200, capMs: 10_000 };

/** Longer than an engine under load takes for 5 MB; one that hangs is asked again over another connection. */
export const ATTEMPT_TIMEOUT_MS = 30_000;

/**
 * A document that spoils its request of 5,000 is found in 13 halvings. When all of a request is at fault, which one more
 * half would not show, this many end the search.
 */
const MAX_HALVINGS = 100;

/**
 * Puts documents into their indices, each once however often it is tried: what is there already is a copy. Whatever may
 * succeed later is tried again until the time is up; a request that is too large, or in which something spoils all, is
 * halved.
 */
export function indexDocuments<D extends Document>(
  documents: readonly D[],
  options: IndexingOptions,
): Promise<Indexed<D>> {
  return new Indexing<D>(options).run(documents);
}

class Indexing<D extends Document> {
  readonly #options: IndexingOptions;
  readonly #result: Indexed<D> = { indexedCount: 0, copyCount: 0, failed: [] };
  /** Without anything getting better in between. */
  #failureCount = 0;
  #halvingCount = 0;
  #hasForgotten = false;

  constructor(options: IndexingOptions) {
    this.#options = options;
  }

  async run(documents: readonly D[]): Promise<Indexed<D>> {
    for (const request of packRequests(documents, this.#options.limits ?? REQUEST_LIMITS)) {
      await this.#index(request);
    }
    return this.#result;
  }

  async #index(request: readonly D[]): Promise<void> {
    let rest = request;
    let reason = 'not tried';
    while (rest.length > 0) {
      if (this.#result.stopReason === undefined && !(await this.#waitForTurn())) {
        this.#result.stopReason = `out of time: ${reason}`;
      }
      const { stopReason } = this.#result;
      if (stopReason !== undefined) return this.#fail(rest, stopReason);
      const answer = await this.#send(rest);
      switch (answer.kind) {
        case 'items':
          [rest, reason] = this.#take(rest, answer.verdicts);
          continue;
        case 'smaller':
          return this.#halve(rest, answer.reason);
        case 'never':
          return this.#fail(rest, answer.reason);
        case 'unauthorized':
          this.#refuse(answer.reason);
          continue;
        case 'later':
          this.#failureCount += 1;
          reason = answer.reason;
      }
    }
  }

  /** @returns whether there is still time for a request */
  async #waitForTurn(): Promise<boolean> {
    const { clock, random, giveUpAtMs, signal } = this.#options;
    const waitMs = this.#failureCount === 0 ? 0 : fullJitterMs(this.#failureCount, BACKOFF, random);
    if (clock.elapsed() + waitMs >= giveUpAtMs) return false;
    if (waitMs > 0) await clock.sleep(waitMs, signal);
    return signal?.aborted !== true;
  }

  async #send(documents: readonly D[]): Promise<BulkAnswer> {
    const { client, clock, giveUpAtMs, signal } = this.#options;
    const answer = await client.ask(
      {
        method: 'POST',
        path: '/_bulk',
        query: { filter_path: BULK_FILTER },
        body: { type: 'application/x-ndjson', text: bulkBody(documents) },
      },
      Math.min(ATTEMPT_TIMEOUT_MS, giveUpAtMs - clock.elapsed()),
      signal,
    );
    switch (answer.kind) {
      case 'answer':
        return readBulkAnswer(answer.status, answer.body, documents.length);
      case 'transient':
        return { kind: 'later', reason: answer.reason };
      case 'too-large':
        return { kind: 'smaller', reason: answer.reason };
      case 'permanent':
        return { kind: 'never', reason: answer.reason };
    }
  }

  /**
   * @param verdicts one for each of the documents
   * @returns what is to be tried again, and a reason why
   */
  #take(
    documents: readonly D[],
    verdicts: Extract<BulkAnswer, { kind: 'items' }>['verdicts'],
  ): [rest: readonly D[], reason: string] {
    const rest: D[] = [];
    let restReason = '';
    for (const [at, verdict] of verdicts.entries()) {
      const document = documents[at] as D;
      switch (verdict.kind) {
        case 'indexed':
          this.#result.indexedCount += 1;
          break;
        case 'copy':
          this.#result.copyCount += 1;
          break;
        case 'never':
          this.#result.failed.push({ document, reason: verdict.reason });
          break;
        case 'later':
          rest.push(document);
          restReason = verdict.reason;
      }
    }
    this.#failureCount = rest.length < documents.length ? Math.min(rest.length, 1) : this.#failureCount + 1;
    return [rest, restReason];
  }

  async #halve(documents: readonly D[], reason: string): Promise<void> {
    if (documents.length === 1 || this.#halvingCount >= MAX_HALVINGS) return this.#fail(documents, reason);
    this.#halvingCount += 1;
    const middle = Math.ceil(documents.length / 2);
    await this.#index(documents.slice(0, middle));
    await this.#index(documents.slice(middle));
  }

  /** The password may have been changed since it was read: it is read once more. */
  #refuse(reason: string): void {
    if (this.#hasForgotten) this.#result.stopReason = reason;
    this.#hasForgotten = true;
    this.#options.client.forgetAuthorization();
  }

  #fail(documents: readonly D[], reason: string): void {
    for (const document of documents) this.#result.failed.push({ document, reason });
  }
}
