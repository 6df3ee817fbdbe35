import { describe, expect, it } from 'vitest';
import { bucketStart, bucketWidth, minute } from '../../../src/report/page/times.ts';

describe('times of a page', () => {
  it('are UTC, to the minute', () => {
    expect(minute('2026-05-01T23:59:30.000Z')).toBe('1 May 2026, 23:59');
  });

  it.each([
    [60_000, 'minute', '4 May 2026, 06:00'],
    [900_000, '15 minutes', '4 May 2026, 06:00'],
    [3_600_000, 'hour', '4 May 2026, 06:00'],
    [43_200_000, '12 hours', '4 May 2026, 06:00'],
    [86_400_000, 'day', '4 May 2026'],
    [604_800_000, 'week', '4 May 2026'],
    [2_419_200_000, '4 weeks', '4 May 2026'],
    [62_899_200_000, '104 weeks', '4 May 2026'],
  ])('of a bucket of %i ms say that it spans a %s, and its hour where that matters', (ms, width, start) => {
    expect(bucketWidth(ms)).toBe(width);
    expect(bucketStart('2026-05-04T06:00:00.000Z', ms)).toBe(start);
  });
});
