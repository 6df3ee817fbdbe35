import { afterAll, describe, expect, it } from 'vitest';
import { DEADLINE_TESTS } from '../support/program-test.ts';
import {
  type LoadRun,
  lastSampleAtMs,
  loggedCpuNs,
  type MeasuredRun,
  measureRun,
  readingsOf,
  reportedCpuMs,
} from './accuracy.ts';
import { HAS_CGROUP_V1 } from './kernel-counters.ts';
import { SHAPES } from './loads/load.ts';
import { remains } from './local-command.ts';

const MIB = 1024 * 1024;
const TOLERANCE_MS = 20;
/** Of a run that is idle at its end, all but this is reported. */
const IDLE_SHARE = 0.005;
/** rusage knows nothing of the container's start and of the process's end, and children in ticks of 10 ms. */
const RUSAGE_SHARE = 0.01;
const RUSAGE_TOLERANCE_MS = 40;
const PLATEAU_SHARE = 0.02;
const REFRESHES_MS = [1_000, 10_000];
const PLATEAU_REFRESHES = 2;

/** Of each load and refresh one ending, by turns; with ACCURACY=all both. */
const RUNS: readonly LoadRun[] = REFRESHES_MS.flatMap((refreshMs, row) =>
  SHAPES.flatMap((shape, column): LoadRun[] => {
    const idle = { shape, refreshMs, ending: 'idle' } as const;
    const busy = { shape, refreshMs, ending: 'busy' } as const;
    if (process.env.ACCURACY === 'all') return [idle, busy];
    return [(row + column) % 2 === 0 ? idle : busy];
  }),
);

afterAll(() => {
  expect(remains()).toEqual([]);
});

/** Samples are to come on time: refreshes half a second late at the most. */
describe.runIf(HAS_CGROUP_V1).concurrent('beside the counters of the kernel', DEADLINE_TESTS, () => {
  it.each(RUNS)(
    '$shape, $ending at its end, renewed every $refreshMs ms',
    { timeout: 300_000 },
    async (run) => {
      const measured = await measureRun(run);
      expectCpuTime(run, measured);
      expectNoSampleAhead(measured);
      expectPeaks(measured);
      for (const plateau of measured.log.plateaus) expectPlateau(run, measured, plateau);
    },
  );
});

/** 0 <= the kernel's CPU time less ours <= what the load used after our last sample, and 20 ms. */
function expectCpuTime({ ending }: LoadRun, measured: MeasuredRun): void {
  const { log, kernelCpuNs, container } = measured;
  const kernelMs = kernelCpuNs / 1e6;
  const afterLastSampleMs = (kernelCpuNs - loggedCpuNs(log, lastSampleAtMs(measured))) / 1e6;
  for (const oursMs of [reportedCpuMs(measured), Number(container.cpuTimeMs)]) {
    // Ours is in whole milliseconds, rounded.
    expect(kernelMs - oursMs).toBeGreaterThanOrEqual(-1);
    expect(kernelMs - oursMs).toBeLessThanOrEqual(afterLastSampleMs + TOLERANCE_MS);
    if (ending === 'idle') {
      expect(kernelMs - oursMs).toBeLessThanOrEqual(Math.max(IDLE_SHARE * kernelMs, TOLERANCE_MS));
      const rusageToleranceMs = Math.max(RUSAGE_SHARE * kernelMs, RUSAGE_TOLERANCE_MS);
      expect(Math.abs(oursMs - log.rusageMs)).toBeLessThanOrEqual(rusageToleranceMs);
    }
  }
}

/** No sample says more than the load had used by the time that it was taken. */
function expectNoSampleAhead({ samples, log }: MeasuredRun): void {
  for (const { readAt, cpuTimeMs } of samples) {
    const next = log.readings.find(({ timeMs }) => timeMs >= Date.parse(`${readAt}`));
    if (next) expect(cpuTimeMs).toBeLessThanOrEqual(next.cpuUsageNs / 1e6 + TOLERANCE_MS);
  }
}

/** Our maxima are rounded up to whole MB, and so is the kernel's for the comparison. */
function expectPeaks({ container, report, kernel }: MeasuredRun): void {
  const peakMB = Math.ceil(kernel.maxMemoryUsageBytes / MIB);
  for (const name of ['maxMemoryUsedMB', 'maxWorkingSetMB', 'maxAnonMemoryMB', 'kernelPeakMemoryMB']) {
    expect(container[name], name).toBeGreaterThan(0);
    expect(container[name], name).toBeLessThanOrEqual(peakMB);
  }
  expect(report.status).toBe('success');
}

/** The samples of a plateau are within 2 % of memory.stat; the highest plateau is so in the CONTAINER line too. */
function expectPlateau(
  { refreshMs }: LoadRun,
  { samples, log, container }: MeasuredRun,
  { fromMs, toMs }: MeasuredRun['log']['plateaus'][number],
): void {
  expect(toMs - fromMs).toBeGreaterThan(PLATEAU_REFRESHES * refreshMs);
  const readings = readingsOf(log, fromMs, toMs);
  const used = extremes(readings.map(({ usedBytes }) => usedBytes / MIB));
  const within = samples.filter(
    ({ readAt }) => Date.parse(`${readAt}`) >= fromMs && Date.parse(`${readAt}`) <= toMs,
  );
  expect(within.length).toBeGreaterThanOrEqual(PLATEAU_REFRESHES);
  for (const { memoryUsedMB } of within) expectNear(Number(memoryUsedMB), used);

  const highest = extremes(log.readings.map(({ usedBytes }) => usedBytes / MIB)).most;
  if (used.most < highest) return;
  expectNear(Number(container.maxMemoryUsedMB), used);
  expectNear(Number(container.maxAnonMemoryMB), extremes(readings.map(({ anonBytes }) => anonBytes / MIB)));
}

interface Extremes {
  readonly least: number;
  readonly most: number;
}

function extremes(values: readonly number[]): Extremes {
  return { least: Math.min(...values), most: Math.max(...values) };
}

/** Ours is rounded up to whole MB. */
function expectNear(oursMB: number, { least, most }: Extremes): void {
  expect(oursMB).toBeGreaterThanOrEqual(least * (1 - PLATEAU_SHARE));
  expect(oursMB).toBeLessThanOrEqual(Math.ceil(most * (1 + PLATEAU_SHARE)));
}
