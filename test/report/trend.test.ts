import { describe, expect, it } from 'vitest';
import { Bucket } from '../../src/report/run-series.ts';
import { growthPercent, trendOf } from '../../src/report/trend.ts';
import { usualRun } from './lines.ts';

const points = (ys: readonly number[]) => ys.map((y, x) => ({ x, y }));

describe('the growth', () => {
  it('is that from the first point to the last along the line', () => {
    expect(growthPercent(points([100, 110, 120, 130, 140]))).toBe(40);
    expect(growthPercent(points([100, 90, 80, 70, 60]))).toBe(-40);
    expect(growthPercent(points([100, 100, 100, 100, 100]))).toBe(0);
  });

  it('is not moved by one outlier', () => {
    expect(growthPercent(points([100, 100, 100, 9_000, 100, 100, 100]))).toBe(0);
  });

  it('heeds the gaps between points', () => {
    expect(growthPercent([0, 1, 2, 3, 10].map((x) => ({ x, y: 100 + x })))).toBe(10);
  });

  it('of fewer than five points is not known, nor that of a line that begins at nothing', () => {
    expect(growthPercent(points([100, 110, 120, 130]))).toBeUndefined();
    expect(growthPercent(points([0, 10, 20, 30, 40]))).toBeUndefined();
  });
});

describe('the trend of a job', () => {
  const bucketsOf = (status: string) =>
    new Map(
      [600, 630, 660, 690, 720].map((seconds, number) => {
        const bucket = new Bucket();
        bucket.add(usualRun({ durationMs: seconds * 1_000, status }));
        return [number, bucket];
      }),
    );

  it('is that of duration and memory', () => {
    expect(trendOf(bucketsOf('success'))).toEqual({ durationPercent: 20, memoryPercent: 0, bucketCount: 5 });
  });

  it('is of successful runs: one that died early would look fast', () => {
    expect(trendOf(bucketsOf('failure'))).toBeUndefined();
  });
});
