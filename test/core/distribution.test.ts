import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Distribution, QUANTILE_RELATIVE_ERROR } from '../../src/core/distribution.ts';

function of(values: Iterable<number>): Distribution {
  const distribution = new Distribution();
  for (const value of values) distribution.add(value);
  return distribution;
}

function nearestRank(values: readonly number[], q: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.max(1, Math.ceil(q * sorted.length)) - 1] ?? Number.NaN;
}

describe('a distribution', () => {
  it('of nothing knows nothing', () => {
    const { count, max, mean } = of([]);
    expect([count, max, mean, of([]).quantile(0.95)]).toEqual([0, undefined, undefined, undefined]);
  });

  it('of zeros is zero: zero is a figure', () => {
    const zeros = of([0, 0, 0]);
    expect([zeros.count, zeros.max, zeros.mean, zeros.quantile(0.5), zeros.quantile(0.95)]).toEqual([
      3, 0, 0, 0, 0,
    ]);
  });

  it('of one constant value tells it exactly', () => {
    const constant = of(Array.from({ length: 1_000 }, () => 397_410_304));
    expect(constant.quantile(0.5)).toBe(397_410_304);
    expect(constant.quantile(0.95)).toBe(397_410_304);
    expect(constant.mean).toBe(397_410_304);
  });

  it.each([
    [1, 1],
    [19, 19],
    [20, 19],
    [21, 20],
    [100, 95],
  ])('p95 of 1..%i is the value of rank %i', (count, rank) => {
    const p95 = of(Array.from({ length: count }, (_, index) => index + 1)).quantile(0.95) ?? Number.NaN;
    expect(Math.abs(p95 - rank)).toBeLessThanOrEqual(rank * QUANTILE_RELATIVE_ERROR);
  });

  it('counts zeros below everything else', () => {
    const half = of([0, 0, 0, 0, 0, 7, 7, 7, 7, 7]);
    expect(half.quantile(0.5)).toBe(0);
    expect(half.quantile(0.51)).toBe(7);
  });

  it('says at most its error away from the value of exact nearest rank, for any values of a memory or a CPU', () => {
    const values = fc.array(
      fc.oneof(
        fc.double({ min: 0.01, max: 20_000, noNaN: true }),
        fc.integer({ min: 1, max: 2 ** 40 }),
        fc.constant(0),
        fc.constantFrom(2 ** 61, 2 ** 62, 0.0011),
      ),
      { minLength: 1, maxLength: 200 },
    );
    fc.assert(
      fc.property(values, fc.double({ min: 0, max: 1, noNaN: true }), (all, q) => {
        const exact = nearestRank(all, q);
        const told = of(all).quantile(q) ?? Number.NaN;
        // 1e-12 for the rounding of the logarithm at a bucket's edge.
        expect(Math.abs(told - exact)).toBeLessThanOrEqual(exact * (QUANTILE_RELATIVE_ERROR + 1e-12));
        expect(told).toBeLessThanOrEqual(Math.max(...all));
      }),
    );
  });

  it('keeps its maximum and its mean exactly', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(2 ** 30), { minLength: 1 }), (all) => {
        const distribution = of(all);
        expect(distribution.max).toBe(Math.max(...all));
        expect(distribution.mean).toBe(all.reduce((a, b) => a + b, 0) / all.length);
        expect(distribution.count).toBe(all.length);
      }),
    );
  });

  it('does not care for the order of the values', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(2 ** 40), { minLength: 1, maxLength: 60 }), (all) => {
        expect(of(all.toReversed()).quantile(0.95)).toBe(of(all).quantile(0.95));
      }),
    );
  });

  it('of values beyond all reason stays finite', () => {
    const absurd = of([Number.MAX_VALUE / 4, 1e300, 5]);
    expect(Number.isFinite(absurd.quantile(0.99))).toBe(true);
    expect(absurd.quantile(0.1)).toBe(5);
  });
});
