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
  const { values, positionals: files } = parseCommandLine(argv, {
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
  const problems: string[] = [];
  const refuse = (option: string, value: string, allowed: string): undefined => {
    problems.push(`${option} ${JSON.stringify(value)} is not allowed: it must be ${allowed}`);
  };

  const window = windowOf();
  const source = sourceOf();
  const price = priceOf();
  const failOver = values['fail-over'];
  const failOverPercent =
    failOver === undefined ? undefined : numberOf('--fail-over', failOver, 'a number from 0 to 100', 100);
  if (!Object.hasOwn(FORMATS, values.format)) {
    refuse('--format', values.format, listed(Object.keys(FORMATS)));
  }
  for (const job of values.job) if (job === '') refuse('--job', job, 'a name, with * for any characters');
  if (problems.length > 0 || source === undefined) return { ok: false, problems };
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

  function sourceOf(): ReportOptions['source'] | undefined {
    const { 'log-group': logGroupNames, region = env.AWS_REGION ?? env.AWS_DEFAULT_REGION } = values;
    if (logGroupNames.length === 0) {
      if (files.length === 0) problems.push('name files, - for stdin, or a log group with --log-group');
      for (const option of ['region', 'no-insights'] as const) {
        if (values[option]) problems.push(`--${option} makes no sense without --log-group`);
      }
      if (files.filter((file) => file === '-').length > 1)
        problems.push('- can be named once: stdin has one end');
      return { kind: 'files', files };
    }
    if (files.length > 0) problems.push('name files or log groups, not both');
    for (const name of logGroupNames) {
      if (!LOG_GROUP_NAME.test(name)) {
        refuse(
          '--log-group',
          name,
          'the name of a log group: 1 to 512 of the characters A-Z a-z 0-9 . - _ / #',
        );
      }
    }
    if (logGroupNames.length > MAX_LOG_GROUPS) {
      problems.push(`--log-group can be given ${MAX_LOG_GROUPS} times, not ${logGroupNames.length}`);
    }
    if (region === undefined || region === '') {
      problems.push('--log-group needs a region: give --region or set AWS_REGION');
      return undefined;
    }
    if (!REGION.test(region)) refuse('--region', region, 'a region such as eu-central-1');
    // Then a problem with it was told.
    if (window === undefined) return undefined;
    return {
      kind: 'log groups',
      logGroupNames: [...new Set(logGroupNames)],
      region,
      window,
      isByInsights: !values['no-insights'],
    };
  }

  /** With a log group or --since it ends now, unless --until says otherwise; with --until alone it begins with the epoch. */
  function windowOf(): TimeWindow | undefined {
    const isOfLogGroup = values['log-group'].length > 0;
    const since = values.since ?? (isOfLogGroup ? DEFAULT_SINCE : undefined);
    if (since === undefined && values.until === undefined) return undefined;
    const fromMs = since === undefined ? 0 : timeOf('--since', since);
    const toMs = values.until === undefined ? nowMs : timeOf('--until', values.until);
    if (fromMs === undefined || toMs === undefined) return undefined;
    if (fromMs >= toMs) {
      problems.push(
        `--since ${since ?? ''} is not before ${values.until === undefined ? 'now' : `--until ${values.until}`}`,
      );
    }
    return { fromMs, toMs };
  }

  function timeOf(option: string, text: string): number | undefined {
    const [, count, unit] = /^(\d{1,5})([mhdw])$/.exec(text) ?? [];
    if (count !== undefined) return nowMs - Number(count) * PERIOD_MS[unit as keyof typeof PERIOD_MS];
    const isTime = /^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d{1,3})?)?Z)?$/.test(text);
    const timeMs = isTime ? Date.parse(text) : Number.NaN;
    return Number.isNaN(timeMs) ? refuse(option, text, TIME_FORMS) : timeMs;
  }

  function priceOf(): Price | undefined {
    const { 'price-vcpu-hour': vcpuHour, 'price-gb-hour': gbHour } = values;
    if (vcpuHour === undefined && gbHour === undefined) return undefined;
    if (vcpuHour === undefined || gbHour === undefined) {
      problems.push('--price-vcpu-hour and --price-gb-hour belong together: give both');
      return undefined;
    }
    const usdPerVcpuHour = numberOf('--price-vcpu-hour', vcpuHour, 'USD, such as 0.04048');
    const usdPerGBHour = numberOf('--price-gb-hour', gbHour, 'USD, such as 0.004445');
    if (usdPerVcpuHour === undefined || usdPerGBHour === undefined) return undefined;
    return { usdPerVcpuHour, usdPerGBHour };
  }

  function numberOf(
    option: string,
    text: string,
    allowed: string,
    max = Number.MAX_SAFE_INTEGER,
  ): number | undefined {
    const value = Number(text);
    return /^\d+(\.\d+)?$/.test(text) && value <= max ? value : refuse(option, text, allowed);
  }
}

function listed(words: readonly string[]): string {
  return words.length < 2 ? words.join('') : `${words.slice(0, -1).join(', ')} or ${words.at(-1)}`;
}
