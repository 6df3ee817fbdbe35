import { describe, expect, it } from 'vitest';
import { LookPlanner } from '../../src/core/looks.ts';

describe('looks at /proc', () => {
  it('keep their interval and do not drift with the time that a look takes', () => {
    const planner = new LookPlanner(1_000, 0);
    expect(planner.next(3, 2)).toEqual({ atElapsedMs: 1_000, isThinned: false });
    expect(planner.next(1_004, 2)).toEqual({ atElapsedMs: 2_000, isThinned: false });
  });

  it('are left out, not made up for, when the machine was late', () => {
    const planner = new LookPlanner(100, 0);
    planner.next(1, 1);
    expect(planner.next(345, 1)).toEqual({ atElapsedMs: 400, isThinned: false });
  });

  it('are not thinned by a dear one now and then: the first, or one of a busy machine', () => {
    const planner = new LookPlanner(100, 0);
    expect(planner.next(60, 60).isThinned).toBe(false);
    for (let count = 1; count < 600; count += 1) {
      const costMs = count % 100 === 0 ? 80 : 1;
      expect(planner.next(count * 100 + 1, costMs)).toEqual({
        atElapsedMs: (count + 1) * 100,
        isThinned: false,
      });
    }
  });

  it('take two percent of one CPU at the most where each one is dear', () => {
    const planner = new LookPlanner(1_000, 0);
    let nowMs = 0;
    let spentMs = 0;
    let thinnedCount = 0;
    while (nowMs < 600_000) {
      spentMs += 90;
      const next = planner.next(nowMs, 90);
      if (next.isThinned) thinnedCount += 1;
      nowMs = next.atElapsedMs;
    }
    expect(spentMs / nowMs).toBeLessThan(0.0205);
    expect(spentMs / nowMs).toBeGreaterThan(0.0195);
    expect(thinnedCount).toBeGreaterThan(100);
  });
});
