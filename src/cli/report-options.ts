import type { TimeWindow } from '../reading/log-groups.ts';
import { FORMATS } from '../report/formats.ts';
import type { Price } from '../report/report-document.ts';
import { LATE_REPORT_MS } from '../report/unfinished-runs.ts';
import { parseCommandLine } from './command-line.ts';
import {
  type FileSource,
  filesOf,
  type LogGroupSource,
  logGroupsOf,
  windowOfFiles,
  windowOfLogGroups,
} from './log-source.ts';
import { Problems } from './problems.ts';

export interface ReportOptions {
  readonly source: FileSource | ReportLogGroups;
  /** Absent: all that a file holds. */
  readonly window?: TimeWindow;
  /** Names, `*` for any characters. */
  readonly jobs: readonly string[];
  readonly format: string;
  readonly price?: Price;
  readonly failOverPercent?: number;
}

/** Log groups, read by Logs Insights or by FilterLogEvents. */
export interface ReportLogGroups extends LogGroupSource {
  readonly isByInsights: boolean;
  /** After the window, up to then, REPORT lines are read as well: they tell that a run was not lost in it. */
  readonly reportsToMs: number;
}

export type ParsedReportOptions =
  | { readonly ok: true; readonly options: ReportOptions }
  | { readonly ok: false; readonly problems: readonly string[] };

/** StartQuery takes so many. */
const MAX_LOG_GROUPS = 50;

interface Surroundings {
  readonly env: NodeJS.ProcessEnv;
  readonly nowMs: number;
}

/** @returns the options, or every problem with them, in words for a person. */
export function parseReportOptions(
  argv: readonly string[],
  { env, nowMs }: Surroundings,
): ParsedReportOptions {
  const { values, positionals: files } = parseWords(argv);
  const problems = new Problems();
  const areLogGroups = values['log-group'].length > 0;
  const window = (areLogGroups ? windowOfLogGroups : windowOfFiles)(values, nowMs, problems);
  const source = areLogGroups
    ? reportLogGroupsOf(values, files, window, { env, nowMs }, problems)
    : reportFilesOf(values, files, problems);
  const price = priceOf(values, problems);
  const failOver = values['fail-over'];
  const failOverPercent = failOver === undefined ? undefined : percentOf(failOver, problems);
  if (!Object.hasOwn(FORMATS, values.format)) {
    problems.refuse('--format', values.format, listed(Object.keys(FORMATS)));
  }
  if (values.job.includes('')) problems.refuse('--job', '', 'a name, with * for any characters');
  if (problems.texts.length > 0 || source === undefined) return { ok: false, problems: problems.texts };
  return {
    ok: true,
    options: {
      source,
      jobs: values.job,
      format: values.format,
      ...(window !== undefined && { window }),
      ...(price !== undefined && { price }),
      ...(failOverPercent !== undefined && { failOverPercent }),
    },
  };
}

function parseWords(argv: readonly string[]) {
  return parseCommandLine(argv, {
    'log-group': { type: 'string', multiple: true, default: [] },
    region: { type: 'string' },
    'no-insights': { type: 'boolean', default: false },
    since: { type: 'string' },
    until: { type: 'string' },
    job: { type: 'string', multiple: true, default: [] },
    format: { type: 'string', default: 'table' },
    'price-vcpu-hour': { type: 'string' },
    'price-gb-hour': { type: 'string' },
    'fail-over': { type: 'string' },
  });
}

type Values = ReturnType<typeof parseWords>['values'];

function reportFilesOf(values: Values, files: readonly string[], problems: Problems): FileSource {
  for (const option of ['region', 'no-insights'] as const) {
    if (values[option]) problems.add(`--${option} makes no sense without --log-group`);
  }
  return filesOf(files, problems);
}

/** @param window undefined where a problem with it was told */
function reportLogGroupsOf(
  values: Values,
  files: readonly string[],
  window: TimeWindow | undefined,
  { env, nowMs }: Surroundings,
  problems: Problems,
): ReportLogGroups | undefined {
  const { 'log-group': names, region = env.AWS_REGION ?? env.AWS_DEFAULT_REGION } = values;
  if (names.length > MAX_LOG_GROUPS) {
    problems.add(`--log-group can be given ${MAX_LOG_GROUPS} times, not ${names.length}`);
  }
  const source = logGroupsOf(names, files, region, window, problems);
  if (source === undefined) return undefined;
  const { toMs } = source.window;
  const reportsToMs = Math.max(toMs, Math.min(nowMs, toMs + LATE_REPORT_MS));
  return { ...source, isByInsights: !values['no-insights'], reportsToMs };
}

function priceOf(values: Values, problems: Problems): Price | undefined {
  const { 'price-vcpu-hour': vcpuHour, 'price-gb-hour': gbHour } = values;
  if (vcpuHour === undefined && gbHour === undefined) return undefined;
  if (vcpuHour === undefined || gbHour === undefined) {
    return problems.add('--price-vcpu-hour and --price-gb-hour belong together: give both');
  }
  const usdPerVcpuHour = numberIn(vcpuHour);
  const usdPerGBHour = numberIn(gbHour);
  if (usdPerVcpuHour === undefined) problems.refuse('--price-vcpu-hour', vcpuHour, 'USD, such as 0.04048');
  if (usdPerGBHour === undefined) problems.refuse('--price-gb-hour', gbHour, 'USD, such as 0.004445');
  if (usdPerVcpuHour === undefined || usdPerGBHour === undefined) return undefined;
  return { usdPerVcpuHour, usdPerGBHour };
}

function percentOf(text: string, problems: Problems): number | undefined {
  const percent = numberIn(text);
  if (percent !== undefined && percent <= 100) return percent;
  return problems.refuse('--fail-over', text, 'a number from 0 to 100');
}

/** Undefined for what is no plain number. */
function numberIn(text: string): number | undefined {
  return /^\d{1,9}(\.\d+)?$/.test(text) ? Number(text) : undefined;
}

function listed(words: readonly string[]): string {
  return words.length < 2 ? words.join('') : `${words.slice(0, -1).join(', ')} or ${words.at(-1)}`;
}
