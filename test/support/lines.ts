import { linesOf } from '../insights/simulated-run.ts';

/** The lines of a run of three minutes that started then: START, SUMMARY lines, CONTAINER, REPORT. */
export function linesOfRun(startedAt: string, number: number): string[] {
  const job = {
    name: 'nightly-etl',
    launchType: 'FARGATE',
    cpuArchitecture: 'X86_64',
    cpuUnits: 1024,
    memoryMiB: 512,
    cpuPercent: 30,
    kernelShare: 0.1,
  } as const;
  return linesOf({ job, startedAt, durationMs: 180_000, memoryMiB: 300 }, number);
}

/** Lines of so many runs of that day. */
export function linesOfDay(day: string, runCount: number): string[] {
  return Array.from({ length: runCount }, (_, each) => linesOfRun(`${day}T02:00:00Z`, each + 1)).flat();
}
