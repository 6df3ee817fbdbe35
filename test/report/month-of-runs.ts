/** A month of runs of some jobs, each with a story that its report should tell. */
import { type Job, linesOf, type Run } from '../insights/simulated-run.ts';

/** When the report is made. */
export const MONTH_END_MS = Date.UTC(2026, 5, 1);
const DAYS = 31;
const MONTH_START_MS = MONTH_END_MS - DAYS * 86_400_000;

const COPY_TABLES: Job = {
  name: 'copy-tables',
  launchType: 'FARGATE',
  cpuArchitecture: 'X86_64',
  cpuUnits: 4096,
  memoryMiB: 16_384,
  cpuPercent: 90,
  kernelShare: 0.1,
};
const MONTHLY_BILLS: Job = { ...COPY_TABLES, name: 'bills', cpuUnits: 1024, memoryMiB: 4096, cpuPercent: 45 };
const THUMBNAILS: Job = {
  ...COPY_TABLES,
  name: 'thumbnails',
  cpuArchitecture: 'ARM64',
  cpuUnits: 512,
  memoryMiB: 1024,
  cpuPercent: 50,
};
const IMPORT: Job = { ...MONTHLY_BILLS, name: 'import', cpuUnits: 256, memoryMiB: 512, cpuPercent: 20 };
const PING: Job = { ...IMPORT, name: 'ping' };
const SEARCH: Job = { ...MONTHLY_BILLS, name: 'search-index' };
const ON_EC2: Job = { ...MONTHLY_BILLS, name: 'reindex', launchType: 'EC2' };
/** A name that any page and any terminal must make harmless. */
const ODD: Job = { ...IMPORT, name: '<b>a & "b"</b> \u001b[31m日本' };

/** Between -1 and 1, different for each number and always the same. */
function wobble(number: number): number {
  return Math.sin(number * 12.9898);
}

function at(day: number, hour: number, minute = 0): string {
  return new Date(MONTH_START_MS + ((day * 24 + hour) * 60 + minute) * 60_000).toISOString();
}

function runsOfDay(day: number): Run[] {
  return [
    // Much too large.
    ...[1, 13].map((hour) => ({
      job: COPY_TABLES,
      startedAt: at(day, hour),
      durationMs: 400_000 + Math.round(30_000 * wobble(day + hour)),
      memoryMiB: 2_500 + Math.round(200 * wobble(day * hour)),
    })),
    // Slower and larger every day.
    {
      job: MONTHLY_BILLS,
      startedAt: at(day, 2),
      durationMs: 240_000 + 4_000 * day + Math.round(8_000 * wobble(day)),
      memoryMiB: 1_800 + 30 * day,
    },
    // Saturated; a failure each Sunday.
    ...[0, 4, 8, 12, 16, 20].map((hour) => ({
      job: THUMBNAILS,
      startedAt: at(day, hour, 10),
      durationMs: 150_000 + Math.round(20_000 * wobble(day + hour)),
      memoryMiB: 420,
      exitCode: day % 7 === 2 && hour === 8 ? 1 : 0,
    })),
    // Now and then it needs more than it has.
    ...[3, 9, 15, 21].map((hour) => ({
      job: IMPORT,
      startedAt: at(day, hour, 30),
      durationMs: 90_000 + Math.round(5_000 * wobble(day - hour)),
      memoryMiB: day % 10 === 9 && hour === 15 ? 498 : 330,
      exitCode: day % 10 === 9 && hour === 15 ? 137 : 0,
    })),
    // Over before it can be seen.
    { job: PING, startedAt: at(day, 6), durationMs: 4_000, memoryMiB: 40 },
    { job: ON_EC2, startedAt: at(day, 5), durationMs: 120_000, memoryMiB: 900 },
    ...(day % 7 === 5
      ? [
          {
            job: SEARCH,
            startedAt: at(day, 22),
            durationMs: 300_000,
            memoryMiB: 4_030,
            end: 'vanished',
          } as const,
        ]
      : []),
    ...(day % 10 === 0 ? [{ job: ODD, startedAt: at(day, 7), durationMs: 60_000, memoryMiB: 100 }] : []),
  ];
}

const RUNS: readonly Run[] = [
  ...Array.from({ length: DAYS }, (_, day) => runsOfDay(day)).flat(),
  // Still on when the month ends.
  { job: COPY_TABLES, startedAt: at(30, 23, 57), durationMs: 170_000, memoryMiB: 2_500, end: 'running' },
];

/** Every line of the month, run by run, with a few of others between. */
export function monthOfLines(): readonly string[] {
  lines ??= RUNS.flatMap((run, index) => [...linesOf(run, index + 1), 'some text of the batch itself']);
  return lines;
}

let lines: readonly string[] | undefined;
