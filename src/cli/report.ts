import { setFlagsFromString } from 'node:v8';
import { type Clock, systemClock } from '../clock.ts';
import { LineReading } from '../reading/found-lines.ts';
import { fileLines, ReadError, streamLines } from '../reading/text-lines.ts';
import { Aggregation, REPORT_LINE_TYPES } from '../report/aggregation.ts';
import { FORMATS } from '../report/formats.ts';
import { printable } from '../report/printable.ts';
import { grouped } from '../report/quantities.ts';
import type { ReportDocument } from '../report/report-document.ts';
import { type Command, EXIT_USE, type Streams } from './command.ts';
import { Progress } from './progress.ts';
import {
  DEFAULT_SINCE,
  type LogGroupSource,
  parseReportOptions,
  type ReportOptions,
} from './report-options.ts';

/** `--fail-over`: a job could save more. */
const EXIT_OVER = 1;
/** 128 and the number of SIGINT, as a shell tells it. */
const EXIT_INTERRUPTED = 130;

const HELP = `Usage: fargauge report [OPTIONS] FILE…
       fargauge report [OPTIONS] --log-group NAME…

Says of each job, out of its lines: runs, failures, runs without a REPORT, duration, CPU and memory beside the size,
what of it is unused, its cost, the size that would do and its cost then, whether it is getting slower, and its worst
run. FILE holds lines, one to a line and others between them, or what aws logs prints; - is stdin, .gz is unpacked.

Where the lines are:
  --log-group NAME       a log group in CloudWatch Logs; may be given several times
  --region REGION        where it is (default: AWS_REGION)
  --no-insights          ask FilterLogEvents, not Logs Insights: slower, but every line is seen

Which runs:
  --since TIME           those whose REPORT was written since then: a time back such as 90m, 24h, 7d or 4w, or a time
                         in UTC such as 2026-11-01 or 2026-11-01T06:00Z (default: ${DEFAULT_SINCE} of a log group, all of a file)
  --until TIME           and before then (default: now)
  --job NAME             of this job, * for any characters; may be given several times

What is shown:
  --format FORMAT        ${Object.keys(FORMATS).join(', ')} (default: table)
  --price-vcpu-hour USD  what a vCPU-hour and …
  --price-gb-hour USD    … a GB-hour of Fargate cost (default: the list price of the region and architecture, where
                         it is known)
  --fail-over PERCENT    exit 1 when the recommended size would save a job more than this share of its cost
  --help                 show this text

Exit codes: 0; 1 with --fail-over, when a job could save more; 2 for wrong use and for what cannot be read; 130 after
Ctrl-C.
`;

export const reportCommand: Command = {
  name: 'report',
  summary: 'say of each job what its runs used, cost and need',
  help: HELP,
  run(argv, streams) {
    keepYoungGenerationSmall();
    return report(argv, streams);
  },
};

/**
 * Lines are read and thrown away: V8 makes its young generation larger and larger for them, to 100 MB in the end, and
 * is no faster for it. This can be said while the program runs; the maximum cannot.
 */
function keepYoungGenerationSmall(): void {
  setFlagsFromString('--semi-space-growth-factor=1');
}

/** What a report works with beside its streams. */
export interface ReportSurroundings {
  readonly env: NodeJS.ProcessEnv;
  readonly clock: Clock;
  /** Where signals to this program arrive. */
  readonly signals: Pick<NodeJS.Process, 'on' | 'off'>;
  /** Characters in a line of the terminal that stdout is; undefined where it is none. */
  readonly columns: number | undefined;
}

/** @returns the exit code */
export async function report(
  argv: readonly string[],
  streams: Streams,
  surroundings: ReportSurroundings = {
    env: process.env,
    clock: systemClock,
    signals: process,
    columns: streams.stdout.isTTY ? process.stdout.columns : undefined,
  },
): Promise<number> {
  const tell = (message: string): void => void streams.stderr.write(`fargauge report: ${message}\n`);
  const { env, clock } = surroundings;
  const parsed = parseReportOptions(argv, { env, nowMs: clock.now() });
  if (!parsed.ok) {
    for (const problem of parsed.problems) tell(problem);
    tell('see fargauge report --help');
    return EXIT_USE;
  }
  const { options } = parsed;
  const stopping = new AbortController();
  const onInterrupt = (): void => stopping.abort();
  let document: ReportDocument;
  // Without queries to stop, Ctrl-C has its usual effect.
  if (options.source.kind === 'log groups') surroundings.signals.on('SIGINT', onInterrupt);
  try {
    document = await documentOf(options, { ...surroundings, streams, tell, signal: stopping.signal });
  } catch (error) {
    if (stopping.signal.aborted) return EXIT_INTERRUPTED;
    if (!(error instanceof ReadError)) throw error;
    tell(error.message);
    return EXIT_USE;
  } finally {
    surroundings.signals.off('SIGINT', onInterrupt);
  }
  const render = FORMATS[options.format];
  if (render === undefined) throw new Error(`no format ${options.format}`);
  const text = await render(document, {
    columns: surroundings.columns,
    isColoured: Boolean(streams.stdout.isTTY) && !env.NO_COLOR,
  });
  await written(streams.stdout, text);
  return options.failOverPercent === undefined ? 0 : judged(document, options.failOverPercent, tell);
}

interface Reading extends ReportSurroundings {
  readonly streams: Streams;
  readonly tell: (message: string) => void;
  /** Aborts on Ctrl-C. */
  readonly signal: AbortSignal;
}

/** @throws ReadError; the signal's reason, once it is aborted */
async function documentOf(options: ReportOptions, surroundings: Reading): Promise<ReportDocument> {
  const { clock, streams } = surroundings;
  const { source, window } = options;
  const nowMs = clock.now();
  const aggregation = new Aggregation({
    nowMs,
    window,
    // A file may be old; a log group is asked up to the end of the window.
    endMs: source.kind === 'files' ? undefined : window?.toMs,
    jobs: options.jobs,
    prices: { given: options.price },
  });
  const progress = new Progress(streams.stderr, clock);
  const reading = new LineReading({ types: REPORT_LINE_TYPES });
  try {
    if (source.kind === 'files')
      await readFiles(source.files, { ...surroundings, aggregation, reading, progress });
    else await readGroups(source, options, { ...surroundings, aggregation, reading, progress });
  } finally {
    progress.clear();
  }
  const sources = source.kind === 'files' ? source.files.map(nameOfFile) : source.logGroupNames;
  return aggregation.document(sources, reading.counts);
}

interface Reader extends Reading {
  readonly aggregation: Aggregation;
  readonly reading: LineReading;
  readonly progress: Progress;
}

/** @throws ReadError */
async function readFiles(
  files: readonly string[],
  { streams, aggregation, reading, progress }: Reader,
): Promise<void> {
  for (const file of files) {
    const texts = file === '-' ? streamLines(streams.stdin) : fileLines(file);
    for await (const found of reading.of(texts)) {
      if (found.kind !== 'line') continue;
      aggregation.add(found.line);
      progress.tell(() => `${nameOfFile(file)}: ${grouped(reading.counts.lines)} lines`);
    }
  }
}

/** @throws ReadError; the signal's reason, once it is aborted */
async function readGroups(
  source: LogGroupSource,
  { window, jobs }: ReportOptions,
  { aggregation, reading, progress, clock, signal, streams, tell }: Reader,
): Promise<void> {
  if (window === undefined) throw new Error('a log group without a window');
  const { readLogGroups } = await import('./report-log-groups.ts');
  const outcome = await readLogGroups({
    source,
    window,
    jobs,
    types: REPORT_LINE_TYPES,
    reading,
    clock,
    signal,
    onLine: (line) => aggregation.add(line),
    onUnreportedRun: (run) => aggregation.addOpenRun(run),
    onProgress: (text) => progress.tell(text),
  });
  if (!outcome.ok) throw new ReadError(outcome.message);
  progress.clear();
  if (outcome.bytesScanned !== undefined && streams.stderr.isTTY) {
    tell(`Logs Insights scanned ${grouped(outcome.bytesScanned / 1e6, 1)} MB`);
  }
}

function nameOfFile(file: string): string {
  return file === '-' ? 'stdin' : file;
}

/** Resolves when the text is out or lost: a reader that has gone, as in `| head`, is no failure. */
function written(stdout: Streams['stdout'], text: string): Promise<void> {
  return new Promise((resolve) => {
    stdout.on('error', () => resolve());
    stdout.write(text, () => resolve());
  });
}

/** Which jobs could save more than allowed. @returns the exit code */
function judged(
  { jobs, prices }: ReportDocument,
  failOverPercent: number,
  tell: (message: string) => void,
): number {
  if (prices.unpriced.length > 0) {
    const places = prices.unpriced.map(({ region, cpuArchitecture }) => `${region} ${cpuArchitecture}`);
    tell(
      `--fail-over cannot be judged without a price for ${printable(places.join(', '))}: give --price-vcpu-hour and --price-gb-hour`,
    );
    return EXIT_USE;
  }
  const over = jobs.filter(({ cost }) => (cost?.savingPercent ?? 0) > failOverPercent);
  for (const { job, cost } of over) {
    tell(
      `${printable(job)}: the recommended size would save ${cost?.savingPercent} % of its cost, more than ${failOverPercent} %`,
    );
  }
  return over.length > 0 ? EXIT_OVER : 0;
}
