import { type Clock, systemClock } from '../clock.ts';
import { type Command, EXIT_USE, type Streams } from './command.ts';
import { parseIndexOptions } from './index-options.ts';
import { listenForInterruption } from './interruption.ts';
import { DEFAULT_DAYS } from './log-source.ts';
import { keepYoungGenerationSmall } from './young-generation.ts';

const HELP = `Usage: fargauge index [OPTIONS] --opensearch URL FILE…
       fargauge index [OPTIONS] --opensearch URL --log-group NAME…

Puts lines into OpenSearch or Elasticsearch, each once: what is in the index already, put there by the forwarder or by
an earlier call, stays as it is, so a call that broke off is simply made again. FILE holds lines, one to a line and
others between them, or what aws logs prints with --output json; - is stdin, gzip is unpacked. Indices are one a day,
fargauge-2026.11.21, by the line's time in UTC; a line dated before 2020 or more than a day ahead is refused. Where
the index template is missing, it is put first.

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
                     (default: ${DEFAULT_DAYS} days before --until)
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
    const { Indexer } = await import('./indexer.ts');
    const { options } = parsed;
    return await new Indexer({ options, streams, clock: surroundings.clock, signal, tell }).run();
  } finally {
    interruption.close();
  }
}
