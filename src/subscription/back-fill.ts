import { REQUEST_LIMITS, type RequestLimits } from './bulk-request.ts';
import type { Document } from './document.ts';
import { type Indexed, type IndexingOptions, indexDocuments } from './indexing.ts';

/** An engine that does not take a request in this time will not take the next. */
const PATIENCE_MS = 120_000;

const MAX_REASONS = 10;

/** What became of the documents so far. */
export interface BackFillCounts {
  indexed: number;
  copies: number;
  failed: number;
  /** Why, the first ten reasons with their numbers; untrusted text is in them. */
  readonly failedReasons: Map<string, number>;
}

export interface BackFillOptions extends Omit<IndexingOptions, 'giveUpAtMs'> {
  /** Told after each request. */
  readonly onProgress?: (counts: BackFillCounts) => void;
}

/**
 * Puts documents into their indices as they come, a request at a time: while the engine works on one, the next is
 * gathered. Whatever was indexed before, by whomever, is a copy.
 */
export class BackFill {
  readonly counts: BackFillCounts = { indexed: 0, copies: 0, failed: 0, failedReasons: new Map() };
  readonly #options: BackFillOptions;
  readonly #limits: RequestLimits;
  #gathered: Document[] = [];
  #gatheredLength = 0;
  #underWay: Promise<void> = Promise.resolve();
  #stopReason: string | undefined;

  constructor(options: BackFillOptions) {
    this.#options = options;
    this.#limits = options.limits ?? REQUEST_LIMITS;
  }

  /** Why no more is to be added: the engine takes nothing any more. */
  get stopReason(): string | undefined {
    return this.#stopReason;
  }

  async add(document: Document): Promise<void> {
    this.#gathered.push(document);
    // In UTF-16 units: what has more bytes than one request may have becomes two.
    this.#gatheredLength += document.json.length;
    const { maxDocuments, maxBytes } = this.#limits;
    if (this.#gathered.length < maxDocuments && this.#gatheredLength < 0.9 * maxBytes) return;
    await this.#underWay;
    this.#underWay = this.#send();
  }

  /** Resolves when all that was added is indexed or has failed. */
  async end(): Promise<void> {
    await this.#underWay;
    await this.#send();
  }

  async #send(): Promise<void> {
    const documents = this.#gathered;
    this.#gathered = [];
    this.#gatheredLength = 0;
    if (documents.length === 0) return;
    const giveUpAtMs = this.#options.clock.elapsed() + PATIENCE_MS;
    this.#count(await indexDocuments(documents, { ...this.#options, giveUpAtMs }));
    this.#options.onProgress?.(this.counts);
  }

  #count({ indexedCount, copyCount, failed, stopReason }: Indexed<Document>): void {
    const { counts } = this;
    counts.indexed += indexedCount;
    counts.copies += copyCount;
    counts.failed += failed.length;
    this.#stopReason ??= stopReason;
    for (const { reason } of failed) {
      const count = counts.failedReasons.get(reason);
      if (count === undefined && counts.failedReasons.size >= MAX_REASONS) continue;
      counts.failedReasons.set(reason, (count ?? 0) + 1);
    }
  }
}
