import { describe, expect, it } from 'vitest';
import {
  BATCH,
  DEADLINE_TESTS,
  expectOrderlyEnd,
  linesOf,
  MIB,
  SIDECAR,
  withProgram,
} from '../support/program-test.ts';
import type { Load } from '../support/simulated-task.ts';

/** A square wave of CPU, and memory that peaks in the middle of every second second. */
function waves(ageMs: number): Load {
  const wholeWaves = Math.floor(ageMs / 4_000);
  const inWaveMs = Math.min(2_000, ageMs % 4_000);
  const peakMiB = Math.floor(ageMs / 1_000) % 2 === 1 ? 300 : 120;
  return {
    cpuUsageNs: (wholeWaves * 2_000 + inWaveMs) * 900_000 + 1,
    memoryBytes: peakMiB * MIB + Math.floor(ageMs),
  };
}

/** A poll that the machine is too busy for is given up: what it would have brought was served and is not counted. */
describe.concurrent('against a load curve that is known', DEADLINE_TESTS, () => {
  for (const { refreshMs, refreshes } of [
    { refreshMs: 1_000, refreshes: 12 },
    { refreshMs: 10_000, refreshes: 2 },
  ]) {
    for (const cgroup of ['v1', 'v2'] as const) {
      it(
        `at a refresh of ${refreshMs} ms, cgroup ${cgroup}: CPU time is the last counter served, maxima the largest sample, and each refresh counts once`,
        () =>
          withProgram(
            { refreshMs, cgroup, containers: [{ ...BATCH, load: waves }, SIDECAR] },
            async (program, task) => {
              await program.line('START');
              while ((task.served.get('batch')?.length ?? 0) < refreshes)
                await task.requested(1, '/task/stats');
              // The poll that saw the last refresh is over when the next one begins.
              await task.requested(1, '/task/stats');
              task.exit('batch', 0);
              const ended = await program.ended;
              expectOrderlyEnd(ended, 60_000);

              const served = task.served.get('batch') ?? [];
              const container = linesOf(ended, 'CONTAINER')[0];
              const largestBytes = Math.max(...served.map(({ memoryBytes }) => memoryBytes));
              const cpuNs = served.map(({ cpuUsageNs }) => cpuUsageNs);
              const reads = served.map(({ read }) => Date.parse(read));
              const percents = served.map(({ cpuUsageNs, precpuUsageNs }, index) => {
                const sinceMs = index === 0 ? refreshMs : (reads[index] ?? 0) - (reads[index - 1] ?? 0);
                return ((cpuUsageNs - (cpuNs[index - 1] ?? precpuUsageNs)) / 1e6 / sinceMs) * 100;
              });
              expect(container).toMatchObject({
                sampleCount: served.length,
                cpuTimeMs: Math.round((cpuNs.at(-1) ?? 0) / 1e6),
                maxMemoryUsedMB: Math.ceil(largestBytes / MIB),
                maxAnonMemoryMB: Math.ceil(largestBytes / MIB),
                sampleIntervalMs: refreshMs,
                longestGapMs: Math.max(...reads.map((read, index) => read - (reads[index - 1] ?? read))),
              });
              expect(container?.maxCpuPercent).toBeCloseTo(Math.max(...percents), 1);
              const summaries = linesOf(ended, 'SUMMARY');
              const summed = summaries.reduce((sum, { cpuTimeMs }) => sum + Number(cpuTimeMs ?? 0), 0);
              expect(summed).toBe(container?.cpuTimeMs);
            },
          ),
        60_000,
      );
    }
  }

  it('SUMMARY lines come with their window and add up to the CONTAINER line', () =>
    withProgram({ environment: { FARGAUGE_SUMMARY_INTERVAL_SECONDS: '2' } }, async (program, task) => {
      await program.line('SUMMARY', ({ seq }) => Number(seq) >= 4);
      task.exit('batch', 0);
      const ended = await program.ended;
      expectOrderlyEnd(ended, 20_000);
      const summaries = linesOf(ended, 'SUMMARY');
      const container = linesOf(ended, 'CONTAINER')[0];
      expect(summaries.length).toBeGreaterThanOrEqual(3);
      expect(summaries.reduce((sum, { cpuTimeMs }) => sum + Number(cpuTimeMs ?? 0), 0)).toBe(
        container?.cpuTimeMs,
      );
      expect(summaries.reduce((sum, { sampleCount }) => sum + Number(sampleCount), 0)).toBe(
        container?.sampleCount,
      );
    }));
});
