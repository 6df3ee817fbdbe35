import { TickPlanner } from '../../src/core/ticks.ts';
import type { Sample } from '../../src/core/types.ts';

/** A platform that refreshes its samples, as it looks to who polls it. */
export interface Platform {
  readonly refreshMs: number;
  /** Each refresh comes up to this much earlier or later than `refreshMs` after the one before. */
  readonly jitterMs: number;
}

/** What aligned ticks gain on one platform. */
export interface TickGain extends Platform {
  readonly runCount: number;
  /** Mean time from the last sample that was polled to the run's end, with ticks at a fixed distance. */
  readonly plainTailMs: number;
  /** The same with the ticks of TickPlanner. */
  readonly alignedTailMs: number;
  /** What remains when every sample is polled: the platform's own blind spot. */
  readonly leastTailMs: number;
}

const INTERVAL_MS = 1000;
/** A sample can be had this long after its own time: the agent takes it over from Docker's stream. */
const VISIBLE_AFTER_MS = 5;
/** From a tick to its answer. */
const POLL_MS = 3;
const MIN_RUN_MS = 30_000;
const MAX_RUN_MS = 1_800_000;
/** The two clocks need not agree; any difference will do. */
const WALL_CLOCK_MS = Date.UTC(2026, 0, 5, 3);

/** A refresh: when the sample was taken, and when the endpoint shows it. */
interface Refresh {
  readonly readAtMs: number;
  readonly visibleAtMs: number;
}

/**
 * Runs of random length and phase in virtual time, each polled twice: by the planner as the sidecar uses it, and by
 * one that never hears of a sample and so keeps its ticks at a fixed distance.
 */
export function measureTickGain(platform: Platform, runCount: number, seed = 1): TickGain {
  const random = seededRandom(seed);
  let plainTailMs = 0;
  let alignedTailMs = 0;
  let leastTailMs = 0;
  for (let run = 0; run < runCount; run += 1) {
    // As many short runs as long ones, by their logarithm.
    const endMs = MIN_RUN_MS * (MAX_RUN_MS / MIN_RUN_MS) ** random();
    const refreshes = refreshesUntil(endMs, platform, random);
    // The sidecar comes up anywhere between two refreshes.
    const startMs = random() * Math.max(platform.refreshMs, INTERVAL_MS);
    plainTailMs += endMs - lastPolledReadMs(refreshes, startMs, endMs, false);
    alignedTailMs += endMs - lastPolledReadMs(refreshes, startMs, endMs, true);
    leastTailMs += endMs - (refreshes.findLast(({ visibleAtMs }) => visibleAtMs < endMs)?.readAtMs ?? 0);
  }
  return {
    ...platform,
    runCount,
    plainTailMs: plainTailMs / runCount,
    alignedTailMs: alignedTailMs / runCount,
    leastTailMs: leastTailMs / runCount,
  };
}

/** Refreshes of a container that starts at 0. */
function refreshesUntil(endMs: number, platform: Platform, random: () => number): Refresh[] {
  const refreshes: Refresh[] = [];
  let readAtMs = 0;
  while (readAtMs < endMs) {
    readAtMs += platform.refreshMs + (2 * random() - 1) * platform.jitterMs;
    refreshes.push({ readAtMs, visibleAtMs: readAtMs + VISIBLE_AFTER_MS });
  }
  return refreshes;
}

/** When the newest sample that was polled was taken; 0, the container's start, when none was. */
function lastPolledReadMs(
  refreshes: readonly Refresh[],
  startMs: number,
  endMs: number,
  isAligned: boolean,
): number {
  const planner = new TickPlanner(INTERVAL_MS, startMs);
  let newest = -1;
  for (let tickMs = startMs; tickMs < endMs; ) {
    while ((refreshes[newest + 1]?.visibleAtMs ?? Infinity) <= tickMs) newest += 1;
    if (isAligned) planner.observe(sampleOf(refreshes, newest));
    tickMs = planner.next(tickMs + POLL_MS).atElapsedMs;
  }
  return refreshes[newest]?.readAtMs ?? 0;
}

function sampleOf(refreshes: readonly Refresh[], index: number): Sample | undefined {
  const refresh = refreshes[index];
  if (refresh === undefined) return undefined;
  const previous = refreshes[index - 1];
  return {
    readAtMs: WALL_CLOCK_MS + refresh.readAtMs,
    cpuUsageNs: index + 2,
    ...(previous && { previous: { readAtMs: WALL_CLOCK_MS + previous.readAtMs, cpuUsageNs: index + 1 } }),
    memory: {},
  };
}

/** mulberry32, so that two benches compare the same runs. Uniform in 0..1. */
function seededRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
