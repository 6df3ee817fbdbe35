import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RunSeries } from '../../src/report/run-series.ts';
import { HOUR_MS, NOW_MS, usualRun } from './lines.ts';

const DAY_MS = 24 * HOUR_MS;

function seriesOf(timesMs: readonly number[], jobs: readonly string[] = ['nightly']) {
  const series = new RunSeries();
  for (const [index, timeMs] of timesMs.entries()) {
    series.add(usualRun({ job: jobs[index % jobs.length], durationMs: 1_000 * (index + 1) }, timeMs));
  }
  return series.series(jobs);
}

describe('runs over time', () => {
  it.each([
    ['an hour', HOUR_MS, 60_000],
    ['a day', DAY_MS, HOUR_MS],
    ['a month', 30 * DAY_MS, 12 * HOUR_MS],
    ['a year', 365 * DAY_MS, 7 * DAY_MS],
    ['ten years', 3_650 * DAY_MS, 364 * DAY_MS],
  ])('%s has buckets as fine as 64 allow', (_, spanMs, expectedMs) => {
    const { bucketMs, bucketStarts } = seriesOf([NOW_MS - spanMs + 1_000, NOW_MS]);
    expect(bucketStarts.length).toBeLessThanOrEqual(64);
    expect(bucketMs).toBe(expectedMs);
  });

  it('weeks begin on Monday', () => {
    const { bucketStarts } = seriesOf([NOW_MS - 300 * DAY_MS, NOW_MS]);
    expect(new Set(bucketStarts.map((start) => new Date(start).getUTCDay()))).toEqual(new Set([1]));
  });

  it('a bucket tells of its runs, with and without the others', () => {
    const series = new RunSeries();
    series.add(usualRun({ durationMs: 100, maxMemoryUtilizationPercent: 20 }));
    series.add(usualRun({ durationMs: 201, status: 'failure', maxMemoryUtilizationPercent: undefined }));
    series.add(usualRun({ job: 'other', durationMs: 900 }));
    const { all, byJob } = series.series(['nightly', 'other']);
    const bucketStart = '2026-11-21T12:00:00.000Z';
    expect(all).toMatchObject([{ bucketStart, runCount: 3, failureCount: 1, maxDurationMs: 900 }]);
    expect(byJob).toEqual([
      {
        job: 'nightly',
        bucketStart,
        runCount: 2,
        failureCount: 1,
        meanDurationMs: 151,
        maxDurationMs: 201,
        meanCpuUtilizationPercent: 50,
        maxCpuUtilizationPercent: 70,
        // What one run does not know is no zero.
        meanMemoryUtilizationPercent: 20,
        maxMemoryUtilizationPercent: 20,
      },
      expect.objectContaining({ job: 'other', runCount: 1 }),
    ]);
  });

  it('without runs have no bucket', () => {
    expect(new RunSeries().series([])).toMatchObject({ bucketStarts: [], all: [], byJob: [] });
  });

  it('lose no run, whatever the times are and in whatever order they come', () => {
    const times = fc.array(fc.integer({ min: Date.UTC(2020, 0, 1), max: Date.UTC(2040, 0, 1) }), {
      minLength: 1,
      maxLength: 40,
    });
    fc.assert(
      fc.property(times, (timesMs) => {
        const series = seriesOf(timesMs, ['a', 'b', 'c']);
        const { bucketMs, bucketStarts, all, byJob } = series;
        expect(bucketStarts.length).toBeLessThanOrEqual(64);
        const starts = bucketStarts.map((start) => Date.parse(start));
        expect(starts).toEqual(starts.map((_, index) => (starts[0] ?? 0) + index * bucketMs));
        for (const cells of [all, byJob]) {
          expect(cells.reduce((sum, { runCount }) => sum + runCount, 0)).toBe(timesMs.length);
        }
        for (const timeMs of timesMs) {
          const cell = all.find(({ bucketStart }) => {
            const startMs = Date.parse(bucketStart);
            return startMs <= timeMs && timeMs < startMs + bucketMs;
          });
          expect(cell).toBeDefined();
        }
      }),
      { numRuns: 50 },
    );
  });

  it('are shown of 50 jobs', () => {
    const names = Array.from({ length: 60 }, (_, index) => `job-${index}`);
    const { all, byJob, jobCount } = seriesOf(
      names.map(() => NOW_MS),
      names,
    );
    expect(jobCount).toBe(50);
    expect(byJob).toHaveLength(50);
    expect(all).toMatchObject([{ runCount: 60 }]);
  });
});
