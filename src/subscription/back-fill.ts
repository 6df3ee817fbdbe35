import type { FoundLine } from '../core/parsed-line.ts';
import { REQUEST_LIMITS, type RequestLimits } from './bulk-request.ts';
import { type Document, lineDocument, nestingProblem } from './document.ts';
import { type Indexed, type IndexingOptions, indexDocuments } from './indexing.ts';

/** An engine that does not take a request in this time will not take the next. */
const PATIENCE_MS = 120_000;

const MAX_REASONS = 10;

/** A text, unlike a delivery, has no times beside its lines' own; no sidecar is older than this. */
const EARLIEST_MS = Date.UTC(2020, 0, 1);
/** Of a clock that runs ahead. */
const MAX_AHEAD_MS = 24 * 60 * 60_000;

/** What became of the lines so far. */
export interface BackFillCounts {
  indexed: number;
  copies: number;
  failed: number;
  /** Lines that no sidecar wrote. */
  refused: number;
  readonly refusedReasons: Map<string, number>;
  /** Why documents failed, the first ten reasons with their numbers; untrusted text is in them. */
  readonly failedReasons: Map<string, number>;
}

export interface BackFillOptions extends Omit<IndexingOptions, 'giveUpAtMs'> {
  /** Told after each request. */
  readonly onProgress?: (counts: BackFillCounts) => void;
}

/**
 * Puts lines into their indices as they come, a request at a time: while the engine works on one, the next is
 * gathered. Whatever was indexed before, by whomever, is a copy.
 */
export class BackFill {
  readonly counts: BackFillCounts = {
    indexed: 0,
    copies: 0,
    failed: 0,
    refused: 0,
    refusedReasons: new Map(),
    failedReasons: new Map(),
  };
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

  /** @param text the line as it stood in the log */
  async add(line: FoundLine, text: string): Promise<void> {
    const problem = timeProblem(line, this.#options.clock.now()) ?? nestingProblem(line);
    if (problem !== undefined) {
      this.counts.refused += 1;
      this.counts.refusedReasons.set(problem, (this.counts.refusedReasons.get(problem) ?? 0) + 1);
      return;
    }
    const document = lineDocument(line, text);
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

/** Each invented day would be an index. */
function timeProblem({ timeMs }: FoundLine, nowMs: number): string | undefined {
  if (timeMs >= EARLIEST_MS && timeMs <= nowMs + MAX_AHEAD_MS) return undefined;
  return 'its time is before 2020 or more than a day ahead';
}
