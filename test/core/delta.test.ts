import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type CpuDelta, cpuPercent, diff, type SeenSample } from '../../src/core/delta.ts';
import type { Sample } from '../../src/core/types.ts';
import { SECOND_NS, START_MS, sample } from './builders.ts';

/** A last sample read at 10 s with 4 s of CPU, seen by a poll at 10.1 s. */
const last = seenAt(10_100, sample(10_000, 4 * SECOND_NS));
const HOUR_MS = 3_600_000;

function seenAt(seenAtElapsedMs: number, of: Sample): SeenSample {
  return { sample: of, readAtMs: of.readAtMs, seenAtElapsedMs };
}

describe('a delta between two samples', () => {
  it('is the difference of the counters over the difference of the read times', () => {
    const next = sample(20_000, 6.5 * SECOND_NS);
    expect(diff(last, next, 20_100, START_MS)).toEqual({
      sample: next,
      delta: { cpuNs: 2.5 * SECOND_NS, elapsedMs: 10_000 },
    });
  });

  it('does not depend on when the polls were', () => {
    const next = sample(20_000, 6.5 * SECOND_NS);
    expect(diff(last, next, 29_000, START_MS)).toEqual(diff(last, next, 20_001, START_MS));
  });

  it('ignores precpu_stats where our own last sample is at hand: polls between may have been missed', () => {
    const next = sample(30_000, 7 * SECOND_NS, {
      previous: { readAtMs: START_MS + 20_000, cpuUsageNs: 6.9 * SECOND_NS },
    });
    expect(diff(last, next, 30_100, START_MS).delta).toEqual({ cpuNs: 3 * SECOND_NS, elapsedMs: 20_000 });
  });

  it('of an idle container is zero, which is a figure', () => {
    expect(diff(last, sample(20_000, 4 * SECOND_NS), 20_100, START_MS).delta).toEqual({
      cpuNs: 0,
      elapsedMs: 10_000,
    });
  });
});

describe('a missing delta says why, and whether there is a sample', () => {
  const lower = sample(20_000, 1 * SECOND_NS);
  const anHourBack = sample(11_000 - HOUR_MS, 4.5 * SECOND_NS);
  const anHourOn = sample(11_000 + HOUR_MS, 4.5 * SECOND_NS);
  const lowerAnHourBack = sample(11_000 - HOUR_MS, 1 * SECOND_NS);
  it.each([
    ['no entry for the id', undefined, 'gone', undefined],
    ['null or {}', 'none', 'gone', undefined],
    ['the all-zero document', 'zero', 'zero-sample', undefined],
    ['a read that was seen before', sample(10_000, 4 * SECOND_NS), 'same-read', undefined],
    ['a counter that fell', lower, 'counter-reset', lower],
    ['a clock set back an hour', anHourBack, 'clock-step', anHourBack],
    ['a clock set forward an hour', anHourOn, 'clock-step', anHourOn],
    ['a restart and a clock set back at once', lowerAnHourBack, 'counter-reset', lowerAnHourBack],
  ] as const)('%s', (_, entry, reason, kept) => {
    expect(diff(last, entry, 11_100, START_MS)).toEqual({ delta: reason, ...(kept && { sample: kept }) });
  });

  it('a repeated read is no sample even when its counter differs', () => {
    expect(diff(last, sample(10_000, 9 * SECOND_NS), 11_100, START_MS)).toEqual({ delta: 'same-read' });
  });

  it('a refresh that comes a minute late is no clock step', () => {
    const late = sample(70_000, 5 * SECOND_NS);
    expect(diff(last, late, 12_000, START_MS).delta).toEqual({ cpuNs: SECOND_NS, elapsedMs: 60_000 });
  });

  it('an endpoint that was silent for an hour has set no clock', () => {
    const later = sample(10_000 + HOUR_MS, 5 * SECOND_NS);
    expect(diff(last, later, 10_100 + HOUR_MS, START_MS).delta).toEqual({
      cpuNs: SECOND_NS,
      elapsedMs: HOUR_MS,
    });
  });
});

describe('a first sample', () => {
  const precpu = { readAtMs: START_MS + 9_000, cpuUsageNs: 3 * SECOND_NS };

  it("is compared with the platform's own previous one where that is real", () => {
    const first = sample(10_000, 4 * SECOND_NS, { previous: precpu });
    expect(diff(undefined, first, 10_100, START_MS)).toEqual({
      sample: first,
      delta: { cpuNs: SECOND_NS, elapsedMs: 1_000 },
    });
  });

  it("is compared with the container's start, when its counter was 0, where there is no precpu", () => {
    const first = sample(10_000, 4 * SECOND_NS);
    expect(diff(undefined, first, 10_100, START_MS).delta).toEqual({
      cpuNs: 4 * SECOND_NS,
      elapsedMs: 10_000,
    });
  });

  it.each([
    ['of the same instant', { readAtMs: START_MS + 10_000, cpuUsageNs: 3 * SECOND_NS }],
    ['that is newer', { readAtMs: START_MS + 11_000, cpuUsageNs: 3 * SECOND_NS }],
    ['whose counter is above the present one', { readAtMs: START_MS + 9_000, cpuUsageNs: 5 * SECOND_NS }],
  ])('does not use a precpu %s', (_, previous) => {
    const first = sample(10_000, 4 * SECOND_NS, { previous });
    expect(diff(undefined, first, 10_100, START_MS).delta).toEqual({
      cpuNs: 4 * SECOND_NS,
      elapsedMs: 10_000,
    });
  });

  it('without either is a sample without a delta, never an invented 0', () => {
    const first = sample(10_000, 4 * SECOND_NS);
    expect(diff(undefined, first, 10_100, undefined)).toEqual({ sample: first, delta: 'first' });
  });

  it.each([0, 1])('read %i ms before the start of its container has no delta', (ms) => {
    const first = sample(10_000, 4 * SECOND_NS);
    expect(diff(undefined, first, 10_100, START_MS + 10_000 + ms).delta).toBe('first');
  });
});

it('deltas add up to the last counter less the first, however many samples lie between', () => {
  const increments = fc.array(
    fc.record({ cpuNs: fc.nat(1e10), elapsedMs: fc.integer({ min: 1, max: 60_000 }) }),
    { minLength: 1, maxLength: 50 },
  );
  fc.assert(
    fc.property(increments, (steps) => {
      let seen: SeenSample = last;
      const deltas: CpuDelta[] = [];
      for (const { cpuNs, elapsedMs } of steps) {
        const readAtMs = seen.sample.readAtMs + elapsedMs;
        const next = { readAtMs, cpuUsageNs: (seen.sample.cpuUsageNs ?? 0) + cpuNs, memory: {} };
        const seenAtElapsedMs = seen.seenAtElapsedMs + elapsedMs;
        const { delta } = diff(seen, next, seenAtElapsedMs, START_MS);
        if (typeof delta === 'string') throw new Error(`a plain history has no ${delta}`);
        deltas.push(delta);
        seen = seenAt(seenAtElapsedMs, next);
      }
      const sum = (of: (delta: CpuDelta) => number) => deltas.reduce((total, delta) => total + of(delta), 0);
      expect(sum(({ cpuNs }) => cpuNs)).toBe((seen.sample.cpuUsageNs ?? 0) - (last.sample.cpuUsageNs ?? 0));
      expect(sum(({ elapsedMs }) => elapsedMs)).toBe(seen.sample.readAtMs - last.sample.readAtMs);
    }),
  );
});

describe('CPU percent', () => {
  it.each([
    [{ cpuNs: 1 * SECOND_NS, elapsedMs: 1_000 }, 100],
    [{ cpuNs: 0.5 * SECOND_NS, elapsedMs: 10_000 }, 5],
    [{ cpuNs: 4 * SECOND_NS, elapsedMs: 1_000 }, 400],
    [{ cpuNs: 0, elapsedMs: 1_000 }, 0],
  ])('of %o is %d: 100 is one vCPU', (delta, percent) => {
    expect(cpuPercent(delta)).toBeCloseTo(percent, 10);
  });
});
