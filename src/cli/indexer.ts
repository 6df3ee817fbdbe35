/** What `fargauge index` does: loaded when it is needed, because undici and the AWS SDK come with it. */
import type { Clock } from '../clock.ts';
import { LINE_TYPES } from '../core/fields.ts';
import { type FoundCounts, LineReading, nothingFound } from '../reading/found-lines.ts';
import { createReadingClient, filteredLines, LogGroupError } from '../reading/log-groups.ts';
import { checkReadable, fileLines, ReadError, streamLines, type TextBatches } from '../reading/text-lines.ts';
import { printable } from '../report/printable.ts';
import {
  type Authorization,
  basicAuthorization,
  NO_AUTHORIZATION,
  sigV4Authorization,
} from '../subscription/authorization.ts';
import { BackFill, type BackFillCounts } from '../subscription/back-fill.ts';
import { isIndexed } from '../subscription/document.ts';
import { connectSearchEngine, type SearchClient } from '../subscription/search-client.ts';
import { ensureTemplate, putTemplate } from '../subscription/template.ts';
import { EXIT_INTERRUPTED, EXIT_USE, type Streams } from './command.ts';
import type { EngineAuthorization, IndexOptions } from './index-options.ts';
import type { FileSource, LogGroupSource } from './log-source.ts';
import { Progress } from './progress.ts';

/** Some lines of ours are not in the index. */
const EXIT_INCOMPLETE = 1;

/** The command cannot begin, or not go on. */
class IndexError extends Error {
  override readonly name = 'IndexError';
}

export interface IndexerOptions {
  readonly options: IndexOptions;
  readonly streams: Streams;
  readonly clock: Clock;
  /** Ends it early. */
  readonly signal: AbortSignal;
  /** A line to stderr. */
  readonly tell: (message: string) => void;
}

/** One call of `fargauge index`, from the template to what is said at the end. */
export class Indexer {
  readonly #options: IndexOptions;
  readonly #streams: Streams;
  readonly #clock: Clock;
  readonly #signal: AbortSignal;
  readonly #tell: (message: string) => void;
  readonly #reading: LineReading;

  constructor({ options, streams, clock, signal, tell }: IndexerOptions) {
    this.#options = options;
    const types = LINE_TYPES.filter((type) => isIndexed(type) || (type === 'SAMPLE' && options.samples));
    this.#reading = new LineReading({ types: new Set(types) });
    this.#streams = streams;
    this.#clock = clock;
    this.#signal = signal;
    this.#tell = tell;
  }

  /** @returns the exit code */
  async run(): Promise<number> {
    try {
      await this.#checkFiles();
      const client = await this.#connect();
      try {
        await this.#settleTemplate(client);
        return await this.#backFill(client);
      } finally {
        await client.close();
      }
    } catch (error) {
      if (!(error instanceof IndexError || error instanceof ReadError)) throw error;
      this.#tell(printable(error.message));
      return EXIT_USE;
    }
  }

  /** Before the engine is asked for anything: a name may be misspelt. @throws ReadError */
  async #checkFiles(): Promise<void> {
    const { source } = this.#options;
    if (source.kind !== 'files') return;
    for (const file of source.files) if (file !== '-') await checkReadable(file);
  }

  /** @throws IndexError */
  async #connect(): Promise<SearchClient> {
    const { url, authorization } = this.#options;
    return connectSearchEngine(url, await openAuthorization(url, authorization));
  }

  /** @throws IndexError */
  async #settleTemplate(client: SearchClient): Promise<void> {
    const { template, url } = this.#options;
    if (template === 'leave') return;
    const settle = template === 'put' ? putTemplate : ensureTemplate;
    const state = await settle({
      ...client,
      ask: (request, timeoutMs) => client.ask(request, timeoutMs, this.#signal),
    });
    if (this.#signal.aborted) return;
    if (state.kind === 'put') this.#tell('the index template was put');
    if ('reason' in state) throw new IndexError(`${url.origin}: ${state.reason}; ${HINTS[state.kind]}`);
  }

  async #backFill(client: SearchClient): Promise<number> {
    const progress = new Progress(this.#streams.stderr, this.#clock);
    const backFill = new BackFill({
      client,
      clock: this.#clock,
      random: Math.random,
      signal: this.#signal,
      onProgress: ({ indexed, copies }) =>
        progress.tell(() => `${grouped(indexed)} lines indexed, ${grouped(copies)} were there already`),
    });
    let readProblem: string | undefined;
    try {
      await this.#read(backFill);
    } catch (error) {
      if (!this.#signal.aborted) readProblem = readProblemOf(error);
    }
    await backFill.end();
    progress.clear();
    return this.#conclude(backFill, readProblem);
  }

  async #read(backFill: BackFill): Promise<void> {
    if (this.#signal.aborted) return;
    // Nobody may ever write into it, or close it.
    this.#signal.addEventListener('abort', () => this.#streams.stdin.destroy(), { once: true });
    for await (const { texts, areMessages } of textsOf(this.#options.source, this.#streams, this.#signal)) {
      const found = areMessages ? this.#reading.ofMessages(texts) : this.#reading.of(texts);
      for await (const each of found) {
        if (each.kind !== 'line' && each.kind !== 'newer') continue;
        await backFill.add(each.line, each.text);
        if (this.#signal.aborted || backFill.stopReason !== undefined) return;
      }
    }
  }

  #conclude({ counts, stopReason }: BackFill, readProblem: string | undefined): number {
    const { stdout } = this.#streams;
    const { counts: found } = this.#reading;
    stdout.write(this.#options.json ? `${jsonOf(counts, found)}\n` : `${summaryOf(counts, found)}\n`);
    if (this.#signal.aborted) {
      this.#tell('interrupted: call it again to go on, what is indexed stays');
      return EXIT_INTERRUPTED;
    }
    for (const [reason, count] of counts.failedReasons)
      this.#tell(`not indexed, ${count}: ${printable(reason)}`);
    for (const [reason, count] of counts.refusedReasons) this.#tell(`refused, ${count}: ${reason}`);
    for (const [reason, count] of found.brokenReasons) this.#tell(`broken, ${count}: ${printable(reason)}`);
    const nothing = nothingFound(found);
    if (nothing !== undefined) this.#tell(nothing);
    if (stopReason !== undefined) this.#tell('stopped early: call it again when that is mended');
    if (readProblem !== undefined) {
      this.#tell(printable(readProblem));
      return EXIT_USE;
    }
    return counts.failed + counts.refused + found.broken > 0 ? EXIT_INCOMPLETE : 0;
  }
}

/** @throws IndexError */
async function openAuthorization(url: URL, settings: EngineAuthorization): Promise<Authorization> {
  switch (settings.kind) {
    case 'none':
      return NO_AUTHORIZATION;
    case 'basic':
      return basicAuthorization(async () => settings);
    case 'sigv4': {
      // Of the SDK's own chain: profiles, SSO, a role.
      const { credentials } = createReadingClient(settings.region).config;
      await credentials().catch((error: Error) => {
        const advice = 'set AWS_PROFILE or log in, as for the aws command, or choose another --auth';
        throw new IndexError(`no valid AWS credentials: ${error.message}; ${advice}`, { cause: error });
      });
      return sigV4Authorization(settings.region, url.host, () => credentials());
    }
  }
}

interface Texts {
  readonly texts: TextBatches;
  readonly areMessages: boolean;
}

async function* textsOf(
  source: FileSource | LogGroupSource,
  { stdin }: Streams,
  signal: AbortSignal,
): AsyncGenerator<Texts> {
  if (source.kind === 'files') {
    for (const file of source.files) {
      yield { texts: file === '-' ? streamLines(stdin) : fileLines(file), areMessages: false };
    }
    return;
  }
  const { region, window, logGroupNames } = source;
  const client = createReadingClient(region);
  try {
    for (const logGroupName of logGroupNames) {
      // Of all types, as a newer version may have others, and what is left out is counted.
      yield {
        texts: filteredLines({ client, region, logGroupName, window, signal }),
        areMessages: true,
      };
    }
  } finally {
    client.destroy();
  }
}

/** What cannot be read, in words; other errors are ours and are thrown on. */
function readProblemOf(error: unknown): string {
  if (error instanceof ReadError || error instanceof LogGroupError) return error.message;
  throw error;
}

const HINTS = {
  later: 'is the address right, and the engine up?',
  missing: 'it has no index template, and we may not put it; --no-template leaves that alone',
  refused: '--no-template leaves the index template alone, --auth says how to authorize',
} as const;

function summaryOf({ indexed, copies, failed, refused }: BackFillCounts, found: FoundCounts): string {
  const left = [
    [found.foreign, 'somebody else’s'],
    [found.otherTypes, 'of types that are not indexed'],
    [found.broken, 'broken'],
    [refused, 'refused'],
  ] as const;
  const parts = [
    `${grouped(indexed)} lines indexed`,
    `${grouped(copies + found.copy)} were there already`,
    ...(failed > 0 ? [`${grouped(failed)} could not be indexed`] : []),
    ...left.filter(([count]) => count > 0).map(([count, what]) => `${grouped(count)} left out: ${what}`),
  ];
  return parts.join(', ');
}

function jsonOf(
  { refused, refusedReasons, failedReasons, ...counts }: BackFillCounts,
  found: FoundCounts,
): string {
  const { foreign, broken, otherTypes, copy, brokenReasons } = found;
  return JSON.stringify({
    ...counts,
    copies: counts.copies + copy,
    failedReasons: Object.fromEntries(failedReasons),
    leftOut: { foreign, otherTypes, broken, refused },
    brokenReasons: Object.fromEntries(brokenReasons),
    refusedReasons: Object.fromEntries(refusedReasons),
  });
}

function grouped(count: number): string {
  return count.toLocaleString('en-US');
}
