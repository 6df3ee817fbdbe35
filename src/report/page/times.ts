/** Times as a person reads them, in UTC. */

const DAY_MS = 86_400_000;

const DAY = new Intl.DateTimeFormat('en-GB', {
  day: 'numeric',
  month: 'short',
  year: 'numeric',
  timeZone: 'UTC',
});

/** `1 May 2026`. */
export function day(isoTime: string): string {
  return DAY.format(Date.parse(isoTime));
}

/** `1 May 2026, 13:07`. */
export function minute(isoTime: string): string {
  return `${day(isoTime)}, ${isoTime.slice(11, 16)}`;
}

/** When a bucket begins, as exactly as its width asks for. */
export function bucketStart(isoTime: string, bucketMs: number): string {
  return bucketMs < DAY_MS ? minute(isoTime) : day(isoTime);
}

const WIDTHS: readonly (readonly [ms: number, one: string, many: string])[] = [
  [7 * DAY_MS, 'week', 'weeks'],
  [DAY_MS, 'day', 'days'],
  [3_600_000, 'hour', 'hours'],
  [60_000, 'minute', 'minutes'],
];

/** `12 hours`, `day`: what a bucket spans. */
export function bucketWidth(bucketMs: number): string {
  const [ms, one, many] = WIDTHS.find(([each]) => bucketMs % each === 0) ?? [
    1,
    'millisecond',
    'milliseconds',
  ];
  const count = bucketMs / ms;
  return count === 1 ? one : `${count} ${many}`;
}
