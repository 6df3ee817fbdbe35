import type { Clock } from '../clock.ts';
import { systemClock } from '../clock.ts';
import { LINE_TYPES } from '../core/fields.ts';
import { type FoundCounts, LineReading } from '../reading/found-lines.ts';
import { fileLines, ReadError, streamLines, type TextBatches } from '../reading/text-lines.ts';
import { printable } from '../report/printable.ts';
import type { Authorization } from '../subscription/authorization.ts';
import type { BackFill, BackFillCounts } from '../subscription/back-fill.ts';
import { isIndexed } from '../subscription/document.ts';
import type { SearchClient } from '../subscription/search-client.ts';
import { type Command, EXIT_INTERRUPTED, EXIT_USE, type Streams } from './command.ts';
import { type EngineAuthorization, type IndexOptions, parseIndexOptions } from './index-options.ts';
import { listenForInterruption } from './interruption.ts';
import { DEFAULT_SINCE, type FileSource, type LogGroupSource } from './log-source.ts';
import { Progress } from './progress.ts';
import { keepYoungGenerationSmall } from './young-generation.ts';

/** Some lines of ours are not in the index. */
const EXIT_INCOMPLETE = 1;

const HELP = `Usage: fargauge index [OPTIONS] --opensearch URL FILE…
       fargauge index [OPTIONS] --opensearch URL --log-group NAME…

Puts lines into OpenSearch or Elasticsearch, each once: what is in the index already, put there by the forwarder or by
an earlier call, stays as it is, so a call that broke off is simply made again. FILE holds lines, one to a line and
others between them, or what aws logs prints; - is stdin, .gz is unpacked. Indices are one a day, fargauge-2026.11.21,
by the line's time in UTC; a line dated before 2020 or more than a day ahead is refused. Where the index template is
missing, it is put first.

The engine:
  --opensearch URL   where it is: https://search-logs-abc.eu-west-1.es.amazonaws.com, http://127.0.0.1:9200
  --auth KIND        sigv4 (default for domains of Amazon OpenSearch Service): with your AWS credentials;
                     basic (default where OPENSEARCH_USERNAME is set): with OPENSEARCH_USERNAME and
                     OPENSEARCH_PASSWORD; none
  --put-template     put the index template also where there is one: later days have it
  --no-template      leave the index template alone

Where the lines are:
  --log-group NAME   a log group in CloudWatch Logs, by FilterLogEvents; may be given several times
  --region REGION    where it is, and a domain under a name of its own (default: AWS_REGION)
  --since TIME       a time back such as 90m, 24h, 7d or 4w, or a time in UTC such as 2026-11-01 or 2026-11-01T06:00Z
                     (default: ${DEFAULT_SINCE})
  --until TIME       likewise (default: now)

  --samples          SAMPLE lines as well, which the forwarder leaves
  --json             what was done as JSON
  --help             show this text

Exit codes: 0; 1 when lines of fargauge could not be indexed; 2 for wrong use, for what cannot be read and for an
engine that takes nothing from the start; 130 after Ctrl-C.
`;

export const indexCommand: Command = {
  name: 'index',
  summary: 'put lines of files or a log group into OpenSearch or Elasticsearch',
  help: HELP,
  run: (argv, streams) => {
    keepYoungGenerationSmall();
    return indexLines(argv, streams);
  },
};

/** What the command works with beside its streams. */
export interface IndexSurroundings {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  /** Ends the command as Ctrl-C does; there beside the signals that reach this program. */
  readonly signal?: AbortSignal;
}

/** The command cannot begin, or not go on. */
class IndexError extends Error {
  override readonly name = 'IndexError';
}

/** @returns the exit code */
export async function indexLines(
  argv: readonly string[],
  streams: Streams,
  surroundings: IndexSurroundings = { env: process.env, clock: systemClock },
): Promise<number> {
  const tell = (message: string): void => void streams.stderr.write(`fargauge index: ${message}\n`);
  const parsed = parseIndexOptions(argv, { env: surroundings.env, nowMs: surroundings.clock.now() });
  if (!parsed.ok) {
    for (const problem of parsed.problems) tell(problem);
    tell('see fargauge index --help');
    return EXIT_USE;
  }
  const interruption = listenForInterruption(process);
  const signal = AbortSignal.any([
    interruption.signal,
    ...(surroundings.signal ? [surroundings.signal] : []),
  ]);
  try {
    return await new Indexer(parsed.options, streams, surroundings.clock, signal, tell).run();
  } finally {
    interruption.close();
  }
}

class Indexer {
  readonly #options: IndexOptions;
  readonly #streams: Streams;
  readonly #clock: Clock;
  readonly #signal: AbortSignal;
  readonly #tell: (message: string) => void;
  readonly #reading: LineReading;

  constructor(
    options: IndexOptions,
    streams: Streams,
    clock: Clock,
    signal: AbortSignal,
    tell: (message: string) => void,
  ) {
    this.#options = options;
    const types = LINE_TYPES.filter((type) => isIndexed(type) || (type === 'SAMPLE' && options.samples));
    this.#reading = new LineReading({ types: new Set(types) });
    this.#streams = streams;
    this.#clock = clock;
    this.#signal = signal;
    this.#tell = tell;
  }

  async run(): Promise<number> {
    try {
      const client = await this.#connect();
      try {
        await this.#settleTemplate(client);
        return await this.#backFill(client);
      } finally {
        await client.close();
      }
    } catch (error) {
      if (!(error instanceof IndexError)) throw error;
      this.#tell(printable(error.message));
      return EXIT_USE;
    }
  }

  /** @throws IndexError */
  async #connect(): Promise<SearchClient> {
    const { connectSearchEngine } = await import('../subscription/search-client.ts');
    const { url, authorization } = this.#options;
    return connectSearchEngine(url, await openAuthorization(url, authorization));
  }

  /** @throws IndexError */
  async #settleTemplate(client: SearchClient): Promise<void> {
    const { template, url } = this.#options;
    if (template === 'leave') return;
    const { ensureTemplate, putTemplate } = await import('../subscription/template.ts');
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
    const { BackFill } = await import('../subscription/back-fill.ts');
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
      if (!this.#signal.aborted) readProblem = await readProblemOf(error);
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
  const { basicAuthorization, NO_AUTHORIZATION, sigV4Authorization } = await import(
    '../subscription/authorization.ts'
  );
  switch (settings.kind) {
    case 'none':
      return NO_AUTHORIZATION;
    case 'basic':
      return basicAuthorization(async () => settings);
    case 'sigv4': {
      const { createReadingClient } = await import('../reading/log-groups.ts');
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
  const { createReadingClient, filteredLines } = await import('../reading/log-groups.ts');
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
async function readProblemOf(error: unknown): Promise<string> {
  if (error instanceof ReadError) return error.message;
  const { LogGroupError } = await import('../reading/log-groups.ts');
  if (error instanceof LogGroupError) return error.message;
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
