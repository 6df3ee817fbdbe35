import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MAX_EXACT_COUNT, RunValues } from '../../src/report/run-values.ts';

function valuesOf(decimals: 0 | 2, all: Iterable<number>): RunValues {
  const values = new RunValues(decimals);
  for (const value of all) values.add(value);
  return values;
}

/** The definition: the smallest that at least this share of the values do not exceed. */
function nearestRank(all: readonly number[], share: number): number | undefined {
  return all
    .toSorted((a, b) => a - b)
    .find((value) => all.filter((other) => other <= value).length >= share * all.length);
}

describe('median, 95th percentile and maximum of the runs', () => {
  it('are values of runs, by nearest rank', () => {
    const percent = fc.integer({ min: 0, max: 1_000_000 }).map((hundredths) => hundredths / 100);
    fc.assert(
      fc.property(fc.array(percent, { minLength: 1, maxLength: 60 }), (all) => {
        const values = valuesOf(2, all);
        expect(values.spread()).toEqual({
          p50: nearestRank(all, 0.5),
          p95: nearestRank(all, 0.95),
          max: Math.max(...all),
        });
        expect(values.errorPercent).toBe(0);
      }),
    );
  });

  it('of no run are not known', () => {
    expect(new RunValues(0).spread()).toBeUndefined();
  });

  it('are exact up to 20,000 runs, and within half a percent beyond', () => {
    const exact = valuesOf(
      0,
      Array.from({ length: MAX_EXACT_COUNT }, (_, index) => index + 1),
    );
    expect(exact.spread()).toEqual({ p50: 10_000, p95: 19_000, max: 20_000 });
    exact.add(20_001);
    expect(exact.errorPercent).toBe(0.5);
    const { p50 = 0, p95 = 0, max } = exact.spread() ?? {};
    expect(Math.abs(p50 / 10_001 - 1)).toBeLessThan(0.005);
    expect(Math.abs(p95 / 19_001 - 1)).toBeLessThan(0.005);
    expect(max).toBe(20_001);
  });

  it('of a run of two months hold too', () => {
    const twoMonthsMs = 60 * 86_400_000;
    const values = valuesOf(0, [twoMonthsMs, twoMonthsMs, twoMonthsMs]);
    expect(values.spread()).toEqual({ p50: twoMonthsMs, p95: twoMonthsMs, max: twoMonthsMs });
    expect(values.errorPercent).toBe(0.5);
  });
});
