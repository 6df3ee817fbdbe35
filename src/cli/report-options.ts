import type { TimeWindow } from '../reading/log-groups.ts';
import { FORMATS } from '../report/formats.ts';
import type { Price } from '../report/report-document.ts';
import { parseCommandLine } from './command-line.ts';

export interface ReportOptions {
  readonly source: FileSource | LogGroupSource;
  /** Absent: all that a file holds. */
  readonly window?: TimeWindow;
  /** Names, `*` for any characters. */
  readonly jobs: readonly string[];
  readonly format: string;
  readonly price?: Price;
  readonly failOverPercent?: number;
}

export interface FileSource {
  readonly kind: 'files';
  /** `-` is stdin. */
  readonly files: readonly string[];
}

export interface LogGroupSource {
  readonly kind: 'log groups';
  readonly logGroupNames: readonly string[];
  readonly region: string;
  readonly window: TimeWindow;
  /** By Logs Insights, or by FilterLogEvents. */
  readonly isByInsights: boolean;
}

export type ParsedReportOptions =
  | { readonly ok: true; readonly options: ReportOptions }
  | { readonly ok: false; readonly problems: readonly string[] };

/** Of a log group, where nothing else is asked for. */
export const DEFAULT_SINCE = '7d';

/** StartQuery takes so many. */
const MAX_LOG_GROUPS = 50;
/** CreateLogGroup in the CloudWatch Logs API reference. */
const LOG_GROUP_NAME = /^[\w.\-/#]{1,512}$/;
const REGION = /^[a-z]{2}[a-z-]*-\d+$/;

const PERIOD_MS = { m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 } as const;
const TIME_FORMS =
  'a time back such as 90m, 24h, 7d or 4w, or a time in UTC such as 2026-11-01 or 2026-11-01T06:00Z';

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
  const window = windowOf(values, nowMs, problems);
  const source =
    values['log-group'].length === 0
      ? filesOf(values, files, problems)
      : logGroupsOf(values, files, window, env, problems);
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

/** What is wrong with the words of the command line. */
class Problems {
  readonly texts: string[] = [];

  add(text: string): undefined {
    this.texts.push(text);
  }

  refuse(option: string, value: string, allowed: string): undefined {
    this.add(`${option} ${JSON.stringify(value)} is not allowed: it must be ${allowed}`);
  }
}

function filesOf(values: Values, files: readonly string[], problems: Problems): FileSource {
  if (files.length === 0) problems.add('name files, - for stdin, or a log group with --log-group');
  for (const option of ['region', 'no-insights'] as const) {
    if (values[option]) problems.add(`--${option} makes no sense without --log-group`);
  }
  if (files.filter((file) => file === '-').length > 1) problems.add('- can be named once: stdin has one end');
  return { kind: 'files', files };
}

/** @param window undefined where a problem with it was told */
function logGroupsOf(
  values: Values,
  files: readonly string[],
  window: TimeWindow | undefined,
  env: NodeJS.ProcessEnv,
  problems: Problems,
): LogGroupSource | undefined {
  const { 'log-group': names, region = env.AWS_REGION ?? env.AWS_DEFAULT_REGION } = values;
  if (files.length > 0) problems.add('name files or log groups, not both');
  for (const name of names.filter((each) => !LOG_GROUP_NAME.test(each))) {
    const allowed = 'the name of a log group: 1 to 512 of the characters A-Z a-z 0-9 . - _ / #';
    problems.refuse('--log-group', name, allowed);
  }
  if (names.length > MAX_LOG_GROUPS) {
    problems.add(`--log-group can be given ${MAX_LOG_GROUPS} times, not ${names.length}`);
  }
  if (region === undefined || region === '') {
    return problems.add('--log-group needs a region: give --region or set AWS_REGION');
  }
  if (!REGION.test(region)) problems.refuse('--region', region, 'a region such as eu-central-1');
  if (window === undefined) return undefined;
  const isByInsights = !values['no-insights'];
  return { kind: 'log groups', logGroupNames: [...new Set(names)], region, window, isByInsights };
}

/** With a log group or --since it ends now, unless --until says otherwise; with --until alone it begins with the epoch. */
function windowOf(values: Values, nowMs: number, problems: Problems): TimeWindow | undefined {
  const { since = values['log-group'].length > 0 ? DEFAULT_SINCE : undefined, until } = values;
  if (since === undefined && until === undefined) return undefined;
  const fromMs = since === undefined ? 0 : timeOf('--since', since, nowMs, problems);
  const toMs = until === undefined ? nowMs : timeOf('--until', until, nowMs, problems);
  if (fromMs === undefined || toMs === undefined) return undefined;
  if (fromMs >= toMs) {
    problems.add(`--since ${since ?? ''} is not before ${until === undefined ? 'now' : `--until ${until}`}`);
  }
  return { fromMs, toMs };
}

function timeOf(option: string, text: string, nowMs: number, problems: Problems): number | undefined {
  const [, count, unit] = /^(\d{1,5})([mhdw])$/.exec(text) ?? [];
  if (count !== undefined)
    return Math.max(0, nowMs - Number(count) * PERIOD_MS[unit as keyof typeof PERIOD_MS]);
  const isTime = /^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d{1,3})?)?Z)?$/.test(text);
  const timeMs = isTime ? Date.parse(text) : Number.NaN;
  return Number.isNaN(timeMs) ? problems.refuse(option, text, TIME_FORMS) : timeMs;
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
