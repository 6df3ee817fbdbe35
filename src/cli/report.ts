import { type Clock, systemClock } from '../clock.ts';
import { matches } from '../core/selection.ts';
import { ReadError } from '../reading/text-lines.ts';
import { FORMATS } from '../report/formats.ts';
import { printable } from '../report/printable.ts';
import type { ReportDocument } from '../report/report-document.ts';
import { type Command, EXIT_INTERRUPTED, EXIT_USE, type Streams } from './command.ts';
import { type Interruption, listenForInterruption } from './interruption.ts';
import { DEFAULT_DAYS } from './log-source.ts';
import { parseReportOptions } from './report-options.ts';
import { reportDocument } from './report-sources.ts';
import { keepYoungGenerationSmall } from './young-generation.ts';

/** `--fail-over`: a job could save more. */
const EXIT_OVER = 1;

const HELP = `Usage: fargauge report [OPTIONS] FILE…
       fargauge report [OPTIONS] --log-group NAME…

Says of each job, out of its lines: runs, failures, runs without a REPORT, duration, CPU and memory beside the size,
what of it is unused, its cost, the size that would do and its cost then, whether it is getting slower, and its worst
run. FILE holds lines, one to a line and others between them, or what aws logs prints with --output json; - is stdin,
gzip is unpacked.

Where the lines are:
  --log-group NAME       a log group in CloudWatch Logs; may be given several times
  --region REGION        where it is (default: AWS_REGION)
  --no-insights          ask FilterLogEvents, not Logs Insights: slower, but not billed by the GB

Which runs:
  --since TIME           those whose REPORT was written since then: a time back such as 90m, 24h, 7d or 4w, or a time
                         in UTC such as 2026-11-01 or 2026-11-01T06:00Z (default: of a log group ${DEFAULT_DAYS} days before
                         --until, of a file all)
  --until TIME           and before then (default: now)
  --job NAME             of this job, * for any characters; may be given several times

What is shown:
  --format FORMAT        ${Object.keys(FORMATS).join(', ')} (default: table)
  --price-vcpu-hour USD  what a vCPU-hour and …
  --price-gb-hour USD    … a GB-hour of Fargate cost (default: the list price of the region and architecture, where
                         it is known)
  --fail-over PERCENT    exit 1 when the recommended size would save a job more than this share of its cost
  --help                 show this text

Exit codes: 0; 1 with --fail-over, when a job could save more; 2 for wrong use, for what cannot be read or written,
and with --fail-over where there is no job, or no price, to judge; 130 after Ctrl-C.
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
    // A pseudo-terminal that nobody gave a size has 0.
    columns: streams.stdout.isTTY ? process.stdout.columns || undefined : undefined,
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
  // Without queries to stop, Ctrl-C has its usual effect.
  const interruption =
    options.source.kind === 'log groups' ? listenForInterruption(surroundings.signals) : UNINTERRUPTED;
  let document: ReportDocument;
  try {
    document = await reportDocument(options, { streams, clock, tell, signal: interruption.signal });
  } catch (error) {
    if (interruption.signal.aborted) return EXIT_INTERRUPTED;
    if (!(error instanceof ReadError)) throw error;
    tell(error.message);
    return EXIT_USE;
  } finally {
    interruption.close();
  }
  const render = FORMATS[options.format];
  if (render === undefined) throw new Error(`no format ${options.format}`);
  const text = await render(document, {
    columns: surroundings.columns,
    isColoured: Boolean(streams.stdout.isTTY) && !env.NO_COLOR,
  });
  streams.stdout.write(text);
  const { failOverPercent, jobs } = options;
  return failOverPercent === undefined ? 0 : judged(document, failOverPercent, jobs, tell);
}

const UNINTERRUPTED: Interruption = { signal: new AbortController().signal, close() {} };

/** Which jobs could save more than allowed, and which cannot be judged. @returns the exit code */
function judged(
  document: ReportDocument,
  failOverPercent: number,
  patterns: readonly string[],
  tell: (message: string) => void,
): number {
  const over = document.jobs.filter(({ cost }) => (cost?.savingPercent ?? 0) > failOverPercent);
  for (const { job, cost } of over) {
    tell(
      `${printable(job)}: the recommended size would save ${cost?.savingPercent} % of its cost, more than ${failOverPercent} %`,
    );
  }
  const unjudged = [...missingJobs(document, patterns), ...unpricedJobs(document)];
  for (const problem of unjudged) tell(`--fail-over ${problem}`);
  if (over.length > 0) return EXIT_OVER;
  return unjudged.length > 0 ? EXIT_USE : 0;
}

/** A name that is misspelt, or a window without a run, is not a job that is small enough. */
function missingJobs(document: ReportDocument, patterns: readonly string[]): readonly string[] {
  const jobs = document.jobs.filter(({ runCount }) => runCount > 0);
  if (patterns.length === 0) return jobs.length === 0 ? ['has no job to judge'] : [];
  return patterns
    .filter((pattern) => !jobs.some(({ job }) => matches(pattern, job)))
    .map((pattern) => `has no job ${JSON.stringify(pattern)} to judge`);
}

function unpricedJobs({ jobs, prices }: ReportDocument): readonly string[] {
  const names = jobs
    .filter(({ launchType, cost }) => (cost ? cost.unpricedRunCount > 0 : launchType === 'FARGATE'))
    .map(({ job }) => job);
  if (names.length === 0 || prices.unpriced.length === 0) return [];
  const places = prices.unpriced.map(({ region, cpuArchitecture }) => `${region} ${cpuArchitecture}`);
  const what = `cannot judge ${names.join(', ')}: there is no price for ${places.join(', ')}`;
  return [`${printable(what)}: give --price-vcpu-hour and --price-gb-hour`];
}
