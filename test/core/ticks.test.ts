import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TickPlanner } from '../../src/core/ticks.ts';
import type { Sample } from '../../src/core/types.ts';

const INTERVAL_MS = 1_000;
/** How long one poll takes. */
const POLL_MS = 8;
/** The platform's clock less ours. */
const PLATFORM_CLOCK_MS = 1e12;

interface Platform {
  readonly refreshMs: number;
  /** The first refresh, after the sidecar's start. */
  readonly phaseMs: number;
  /** Each refresh is late by up to this. */
  readonly jitterMs?: number;
  /** Whether the next one counts from the late one, as where a loop sleeps between two, or from its due time. */
  readonly isJitterKept?: boolean;
  /** Every hundredth refresh is late by this. */
  readonly outlierMs?: number;
  /** The platform's clock is set by so much when it takes that one of its samples. */
  readonly clockSet?: { readonly atRefresh: number; readonly byMs: number };
  /** Whether samples carry the one before, as `precpu_stats` does. */
  readonly hasPrevious?: boolean;
}

interface Watched {
  /** Of each sample at first sight: how long it had been there, ms. */
  readonly ages: readonly number[];
  /** Between two ticks, ms. */
  readonly gaps: readonly number[];
  readonly missedCount: number;
  /** Samples that no poll met. */
  readonly passedOverCount: number;
}

/** Same numbers in every run: a linear congruential generator (Numerical Recipes). */
function pseudoRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

/** Polls a platform in virtual time. */
function watch(platform: Platform, pollCount: number): Watched {
  const {
    refreshMs,
    phaseMs,
    jitterMs = 0,
    isJitterKept = false,
    outlierMs = 0,
    clockSet,
    hasPrevious = true,
  } = platform;
  const random = pseudoRandom(phaseMs + refreshMs);
  const refreshes: number[] = [];
  for (
    let dueMs = phaseMs;
    refreshes.length * refreshMs < pollCount * INTERVAL_MS * 1.5;
    dueMs += refreshMs
  ) {
    const lateMs = random() * jitterMs + (refreshes.length % 100 === 99 ? outlierMs : 0);
    refreshes.push(dueMs + lateMs);
    if (isJitterKept) dueMs += lateMs;
  }
  const reads = refreshes.map(
    (atMs, index) => PLATFORM_CLOCK_MS + atMs + (clockSet && index >= clockSet.atRefresh ? clockSet.byMs : 0),
  );
  const planner = new TickPlanner(INTERVAL_MS, 0);
  const ages: number[] = [];
  const gaps: number[] = [];
  let missedCount = 0;
  let index = -1;
  let seen = -1;
  let nowMs = 0;
  for (let poll = 0; poll < pollCount; poll += 1) {
    while ((refreshes[index + 1] ?? Infinity) <= nowMs) index += 1;
    planner.observe(sampleAt(reads, index, hasPrevious));
    if (index > seen) ages.push(nowMs - (refreshes[index] ?? 0));
    seen = index;
    const tick = planner.next(nowMs + POLL_MS);
    missedCount += tick.missedCount;
    gaps.push(tick.atElapsedMs - nowMs);
    // The machine wakes us a little late.
    nowMs = tick.atElapsedMs + random() * 2;
  }
  return { ages, gaps, missedCount, passedOverCount: index + 1 - ages.length };
}

function sampleAt(reads: readonly number[], index: number, hasPrevious: boolean): Sample | undefined {
  const [before, readAtMs] = [reads[index - 1], reads[index]];
  if (readAtMs === undefined) return undefined;
  const previous =
    before === undefined || !hasPrevious ? {} : { previous: { readAtMs: before, cpuUsageNs: 1 } };
  return { readAtMs, cpuUsageNs: 2, memory: {}, ...previous };
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

describe('ticks without anything to aim at', () => {
  it('keep their interval, however long the polls take', () => {
    const planner = new TickPlanner(INTERVAL_MS, 500);
    let tickMs = 500;
    for (const [index, pollMs] of [3, 950, 1, 400, 999.9].entries()) {
      const tick = planner.next(tickMs + pollMs);
      expect(tick).toEqual({ atElapsedMs: 500 + (index + 1) * INTERVAL_MS, missedCount: 0 });
      tickMs = tick.atElapsedMs;
    }
  });

  it('that were due while a poll took too long are left out and counted, and the grid is kept', () => {
    const planner = new TickPlanner(INTERVAL_MS, 0);
    expect(planner.next(3_400)).toEqual({ atElapsedMs: 4_000, missedCount: 3 });
    expect(planner.next(4_010)).toEqual({ atElapsedMs: 5_000, missedCount: 0 });
    expect(planner.next(6_000)).toEqual({ atElapsedMs: 7_000, missedCount: 1 });
  });

  it('are left out on purpose while the endpoint throttles', () => {
    const planner = new TickPlanner(INTERVAL_MS, 0);
    expect(planner.next(10, 3)).toEqual({ atElapsedMs: 4_000, missedCount: 3 });
    expect(planner.next(4_010)).toEqual({ atElapsedMs: 5_000, missedCount: 0 });
  });

  it('stay as they are where there is never a sample', () => {
    const planner = new TickPlanner(INTERVAL_MS, 0);
    for (let poll = 0; poll < 20; poll += 1) {
      planner.observe(undefined);
      expect(planner.next(poll * INTERVAL_MS + POLL_MS).atElapsedMs).toBe((poll + 1) * INTERVAL_MS);
    }
  });

  it('stay as they are where the platform refreshes much faster than it is asked', () => {
    const { gaps, missedCount } = watch({ refreshMs: 400, phaseMs: 130 }, 200);
    expect(missedCount).toBe(0);
    for (const gap of gaps) expect(Math.abs(gap - INTERVAL_MS)).toBeLessThanOrEqual(2);
  });
});

/** What the platforms do, by the recordings: EC2 1.002 to 1.047 s, older Fargate 5 s, Fargate 10 s. */
const REFRESHES_MS = [1_000, 1_002, 1_020, 1_047, 5_000, 10_000];
const JITTERS: readonly [jitterMs: number, isJitterKept: boolean][] = [
  [0, false],
  [5, false],
  [5, true],
  [30, false],
  [30, true],
];
const PHASES_MS = [0, 37, 250, 500, 592, 777, 814, 999];
/** Enough for the search on a platform that refreshes so seldom. */
const pollsFor = (refreshMs: number) => (refreshMs > 2_000 ? 1_200 : 400);

describe.each(REFRESHES_MS)('where the platform refreshes every %i ms', (refreshMs) => {
  it.each(JITTERS)(
    'and up to %i ms late (added up: %s), a sample is met a moment after it is there',
    (jitterMs, isJitterKept) => {
      for (const phaseMs of PHASES_MS) {
        const platform = { refreshMs, phaseMs, jitterMs, isJitterKept };
        const { ages, missedCount } = watch(platform, pollsFor(refreshMs));
        const settled = ages.slice(ages.length / 2);
        expect(settled.length).toBeGreaterThan(30);
        // Without aim it is half a second in the middle, and up to a whole one.
        expect([phaseMs, median(settled) < 20 + jitterMs]).toEqual([phaseMs, true]);
        expect([phaseMs, Math.max(...settled) < 50 + 2 * jitterMs]).toEqual([phaseMs, true]);
        expect(missedCount).toBe(0);
      }
    },
  );

  it.each([
    [250, false],
    [250, true],
    [350, false],
    [350, true],
  ])(
    'with a refresh %i ms late now and then (added up: %s), the others are met hardly later',
    (outlierMs, isJitterKept) => {
      for (const phaseMs of PHASES_MS) {
        const platform = { refreshMs, phaseMs, jitterMs: 5, outlierMs, isJitterKept };
        const { ages } = watch(platform, 4 * pollsFor(refreshMs));
        expect([phaseMs, median(ages.slice(ages.length / 2)) < 120]).toEqual([phaseMs, true]);
      }
    },
  );

  it('that holds without precpu_stats too, though a sample is passed over now and then', () => {
    for (const phaseMs of PHASES_MS) {
      const platform = { refreshMs, phaseMs, jitterMs: 5, outlierMs: 350, hasPrevious: false };
      const { ages } = watch(platform, 4 * pollsFor(refreshMs));
      expect([phaseMs, median(ages.slice(ages.length / 2)) < 120]).toEqual([phaseMs, true]);
    }
  });

  it('hardly a sample is passed over, and hardly a poll is made more than without aim', () => {
    for (const phaseMs of PHASES_MS) {
      const { gaps, passedOverCount } = watch({ refreshMs, phaseMs, jitterMs: 5 }, pollsFor(refreshMs));
      const durationMs = gaps.reduce((sum, gap) => sum + gap, 0);
      expect(passedOverCount).toBeLessThanOrEqual(3);
      expect(gaps.length).toBeLessThanOrEqual(1.05 * (durationMs / INTERVAL_MS) + 10);
    }
  });

  it('two ticks are closer than half the interval only when the first came too early, and never three', () => {
    for (const phaseMs of PHASES_MS) {
      const { gaps } = watch({ refreshMs, phaseMs, jitterMs: 30, isJitterKept: true }, pollsFor(refreshMs));
      const isShort = gaps.map((gap) => gap < INTERVAL_MS / 2);
      expect(isShort.filter((each, index) => each && isShort[index + 1])).toEqual([]);
      expect(Math.max(...gaps)).toBeLessThanOrEqual(1.5 * INTERVAL_MS + 5);
    }
  });

  it.each([
    ['forward an hour', 3_600_000],
    ['back an hour', -3_600_000],
  ])("a platform's clock set %s changes no tick for long", (_, byMs) => {
    for (const phaseMs of PHASES_MS) {
      const polls = pollsFor(refreshMs);
      const clockSet = { atRefresh: Math.floor((polls * INTERVAL_MS) / refreshMs / 2), byMs };
      const { ages, gaps, missedCount } = watch({ refreshMs, phaseMs, clockSet }, polls * 2);
      expect(Math.max(...gaps)).toBeLessThanOrEqual(1.5 * INTERVAL_MS + 5);
      expect(missedCount).toBe(0);
      expect([phaseMs, median(ages.slice((ages.length * 3) / 4)) < 20]).toEqual([phaseMs, true]);
    }
  });
});

describe('any tick', () => {
  const look = fc.record({
    /** How long after the tick the poll is done. */
    pollMs: fc.oneof(
      fc.double({ min: 0, max: 900, noNaN: true }),
      fc.double({ min: 0, max: 20_000, noNaN: true }),
    ),
    skipCount: fc.constantFrom(0, 0, 0, 0, 1, 31),
    readAtMs: fc.option(fc.double({ min: -1e13, max: 1e13, noNaN: true }), { nil: undefined }),
    sinceMs: fc.double({ min: -20_000, max: 20_000, noNaN: true }),
  });

  it('is in the future, not further than its interval and a half beyond those left out, whatever the samples say', () => {
    fc.assert(
      fc.property(fc.array(look, { maxLength: 60 }), (looks) => {
        const planner = new TickPlanner(INTERVAL_MS, 0);
        let tickMs = 0;
        for (const { pollMs, skipCount, readAtMs, sinceMs } of looks) {
          planner.observe(
            readAtMs === undefined
              ? undefined
              : {
                  readAtMs,
                  cpuUsageNs: 2,
                  memory: {},
                  previous: { readAtMs: readAtMs - sinceMs, cpuUsageNs: 1 },
                },
          );
          const nowMs = tickMs + pollMs;
          const { atElapsedMs, missedCount } = planner.next(nowMs, skipCount);
          expect(atElapsedMs).toBeGreaterThanOrEqual(nowMs);
          expect(atElapsedMs - nowMs).toBeLessThanOrEqual((1.5 + skipCount) * INTERVAL_MS);
          expect(missedCount).toBeGreaterThanOrEqual(skipCount);
          tickMs = atElapsedMs;
        }
      }),
      { numRuns: 500 },
    );
  });

  it('is not early because the endpoint throttles just when the last one came too early', () => {
    const planner = new TickPlanner(INTERVAL_MS, 0);
    let nowMs = 0;
    let backedOff = 0;
    // A platform that refreshes every second: early ticks occur during the search, and every one is answered 429.
    for (let poll = 0; poll < 60; poll += 1) {
      const index = Math.floor((nowMs - 300) / 1_000);
      planner.observe(index < 0 ? undefined : { readAtMs: 300 + index * 1_000, cpuUsageNs: 1, memory: {} });
      const { atElapsedMs } = planner.next(nowMs + POLL_MS, 1);
      expect(atElapsedMs - nowMs).toBeGreaterThanOrEqual(1.5 * INTERVAL_MS);
      backedOff += 1;
      nowMs = atElapsedMs;
    }
    expect(backedOff).toBe(60);
  });
});
