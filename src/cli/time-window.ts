import type { TimeWindow } from '../reading/log-groups.ts';

const PERIOD_MS = { m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 } as const;
const TIME_FORMS =
  'a time back such as 90m, 24h, 7d or 4w, or a time in UTC such as 2026-11-01 or 2026-11-01T06:00Z';

/**
 * What `--since` and `--until` say, as they were given.
 * @returns the span of time, up to now unless `until` says otherwise; or what is wrong with it, for a person
 */
export function parseTimeWindow(
  since: string,
  until: string | undefined,
  nowMs: number,
): TimeWindow | string[] {
  const fromMs = timeOf(since, nowMs);
  const toMs = until === undefined ? nowMs : timeOf(until, nowMs);
  const problems = [
    ...(fromMs === undefined
      ? [`--since ${JSON.stringify(since)} is not allowed: it must be ${TIME_FORMS}`]
      : []),
    ...(toMs === undefined
      ? [`--until ${JSON.stringify(until)} is not allowed: it must be ${TIME_FORMS}`]
      : []),
  ];
  if (fromMs === undefined || toMs === undefined) return problems;
  if (fromMs < toMs) return { fromMs, toMs };
  return [`--since ${since} is not before ${until === undefined ? 'now' : `--until ${until}`}`];
}

function timeOf(text: string, nowMs: number): number | undefined {
  const [, count, unit] = /^(\d{1,5})([mhdw])$/.exec(text) ?? [];
  if (count !== undefined) return nowMs - Number(count) * PERIOD_MS[unit as keyof typeof PERIOD_MS];
  const isTime = /^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d{1,3})?)?Z)?$/.test(text);
  const timeMs = isTime ? Date.parse(text) : Number.NaN;
  return Number.isNaN(timeMs) ? undefined : timeMs;
}
