import { isoTime } from '../core/line.ts';
import type { TimeWindow } from '../reading/log-groups.ts';
import type { Problems } from './problems.ts';

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
}

/** How much of a log group is read, where `--since` does not say it: so much before `--until`. */
export const DEFAULT_DAYS = 7;
const DEFAULT_SPAN_MS = DEFAULT_DAYS * 86_400_000;

/** CreateLogGroup in the CloudWatch Logs API reference. */
const LOG_GROUP_NAME = /^[\w.\-/#]{1,512}$/;
const REGION = /^[a-z]{2}[a-z-]*-\d+$/;

const PERIOD_MS = { m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 } as const;
const TIME_FORMS =
  'a time back such as 90m, 24h, 7d or 4w, or a time in UTC such as 2026-11-01 or 2026-11-01T06:00Z';

export function filesOf(files: readonly string[], problems: Problems): FileSource {
  if (files.length === 0) problems.add('name files, - for stdin, or a log group with --log-group');
  if (files.filter((file) => file === '-').length > 1) problems.add('- can be named once: stdin has one end');
  return { kind: 'files', files };
}

/**
 * @param files that were named as well
 * @param region as given, or by the environment
 * @param window undefined where a problem with it was told
 */
export function logGroupsOf(
  names: readonly string[],
  files: readonly string[],
  region: string | undefined,
  window: TimeWindow | undefined,
  problems: Problems,
): LogGroupSource | undefined {
  if (files.length > 0) problems.add('name files or log groups, not both');
  for (const name of names.filter((each) => !LOG_GROUP_NAME.test(each))) {
    const allowed = 'the name of a log group: 1 to 512 of the characters A-Z a-z 0-9 . - _ / #';
    problems.refuse('--log-group', name, allowed);
  }
  if (!region) return problems.add('--log-group needs a region: give --region or set AWS_REGION');
  checkRegion(region, problems);
  if (window === undefined) return undefined;
  return { kind: 'log groups', logGroupNames: [...new Set(names)], region, window };
}

export function checkRegion(region: string, problems: Problems): void {
  if (!REGION.test(region)) problems.refuse('--region', region, 'a region such as eu-central-1');
}

export interface Span {
  readonly since?: string | undefined;
  readonly until?: string | undefined;
}

/** What of a file is read: with `until` alone it begins with the epoch. Undefined where all is, or a problem was told. */
export function windowOfFiles(span: Span, nowMs: number, problems: Problems): TimeWindow | undefined {
  if (span.since === undefined && span.until === undefined) return undefined;
  return windowOf(span, Number.POSITIVE_INFINITY, nowMs, problems);
}

/** What of a log group is read. Undefined where a problem was told. */
export function windowOfLogGroups(span: Span, nowMs: number, problems: Problems): TimeWindow | undefined {
  return windowOf(span, DEFAULT_SPAN_MS, nowMs, problems);
}

/** It ends now, unless `until` says otherwise. @param longestMs without `since` */
function windowOf(
  { since, until }: Span,
  longestMs: number,
  nowMs: number,
  problems: Problems,
): TimeWindow | undefined {
  const toMs = until === undefined ? nowMs : timeOf('--until', until, nowMs, problems);
  const fromMs =
    since === undefined
      ? Math.max(0, (toMs ?? nowMs) - longestMs)
      : timeOf('--since', since, nowMs, problems);
  if (fromMs === undefined || toMs === undefined) return undefined;
  if (fromMs >= toMs) {
    const begin = since === undefined ? 'the year 1970' : `--since ${since}`;
    problems.add(`${begin} is not before ${until === undefined ? 'now' : `--until ${until}`}`);
  }
  return { fromMs, toMs };
}

function timeOf(option: string, text: string, nowMs: number, problems: Problems): number | undefined {
  const [, count, unit] = /^(\d{1,5})([mhdw])$/.exec(text) ?? [];
  if (count !== undefined)
    return Math.max(0, nowMs - Number(count) * PERIOD_MS[unit as keyof typeof PERIOD_MS]);
  const isTime = /^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d{1,3})?)?Z)?$/.test(text);
  const timeMs = isTime ? Date.parse(text) : Number.NaN;
  // The 31st of a month that has 30 days is parsed as the first of the next.
  const isDay = !Number.isNaN(timeMs) && isoTime(timeMs).startsWith(text.slice(0, 10));
  return isDay ? timeMs : problems.refuse(option, text, TIME_FORMS);
}
