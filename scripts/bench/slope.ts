import { quantile } from './figure.ts';

/** A figure at a moment. */
export interface Reading {
  readonly elapsedMs: number;
  readonly value: number;
}

export interface Slope {
  /** Of the figure's unit, an hour. */
  readonly perHour: number;
  /** How far chance alone may have moved `perHour`: its standard error. */
  readonly standardErrorPerHour: number;
}

const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;

/**
 * The lowest reading of each minute. Between two garbage collections memory rises whether there is a leak or not:
 * what a leak keeps is there at the lowest point too.
 */
export function lowestOfEachMinute(readings: readonly Reading[]): Reading[] {
  const lowest = new Map<number, Reading>();
  for (const reading of readings) {
    const minute = Math.floor(reading.elapsedMs / MINUTE_MS);
    const present = lowest.get(minute);
    if (present === undefined || reading.value < present.value) lowest.set(minute, reading);
  }
  return [...lowest.values()];
}

/**
 * What a figure comes back to in the first and in the second half of the readings: the median of the lowest of each
 * minute. A connection that a reading happens to meet open moves neither; what is never closed is in the second.
 */
export function restingLevels(readings: readonly Reading[]): readonly [number, number] {
  const lowest = lowestOfEachMinute(readings).map(({ value }) => value);
  const half = Math.floor(lowest.length / 2);
  return [quantile(lowest.slice(0, half), 0.5), quantile(lowest.slice(half), 0.5)];
}

/**
 * The straight line through the readings that leaves the least squares.
 * @throws Error for fewer than three readings, which say nothing of chance.
 */
export function slope(readings: readonly Reading[]): Slope {
  const count = readings.length;
  if (count < 3) throw new Error(`a slope of ${count} readings`);
  const mean = (of: keyof Reading) => readings.reduce((sum, reading) => sum + reading[of], 0) / count;
  const [meanMs, meanValue] = [mean('elapsedMs'), mean('value')];
  let spreadMs2 = 0;
  let together = 0;
  for (const { elapsedMs, value } of readings) {
    spreadMs2 += (elapsedMs - meanMs) ** 2;
    together += (elapsedMs - meanMs) * (value - meanValue);
  }
  const perMs = together / spreadMs2;
  const residuals2 = readings.reduce(
    (sum, { elapsedMs, value }) => sum + (value - meanValue - perMs * (elapsedMs - meanMs)) ** 2,
    0,
  );
  const standardErrorPerMs = Math.sqrt(residuals2 / (count - 2) / spreadMs2);
  return { perHour: perMs * HOUR_MS, standardErrorPerHour: standardErrorPerMs * HOUR_MS };
}
