/**
 * A day of 10,000 runs of eleven jobs, every line of them, the same at every call: something for a search index to hold.
 * Whoever checks figures over it works them out of these lines (test/support/day-truth.ts).
 */
import { type Job, linesOf, type Run } from '../insights/simulated-run.ts';

export const RUN_COUNT = 10_000;
/** Runs start within the day; the last of them end after it. UTC. */
export const DAY_START_MS = Date.UTC(2026, 5, 15);
export const DAY_MS = 86_400_000;
export const DAY_END_MS = DAY_START_MS + DAY_MS;

const SECOND_MS = 1_000;
const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;

/** What is run of a job in the day. */
interface Schedule {
  readonly job: Job;
  readonly runCount: number;
  /** Their starts are spread over it evenly; hours of the day. */
  readonly hours: readonly [from: number, to: number];
  readonly durationMs: readonly [shortest: number, longest: number];
  /** In use at the end of a run; it lies the higher the nearer to the middle of the hours the run starts. */
  readonly memoryMiB: readonly [least: number, most: number];
  /** Likewise, in place of the job's. */
  readonly cpuPercent: readonly [least: number, most: number];
  /** One run in so many fails, by its exit code; so many are out of memory; so many are stopped from outside. */
  readonly oneIn: { readonly failed?: number; readonly outOfMemory?: number; readonly stopped?: number };
}

const FARGATE = { launchType: 'FARGATE', cpuArchitecture: 'X86_64', kernelShare: 0.1 } as const;

function fargateJob(name: string, cpuUnits: number, memoryMiB: number): Job {
  return { ...FARGATE, name, cpuUnits, memoryMiB, cpuPercent: 0 };
}

const SCHEDULES: readonly Schedule[] = [
  {
    job: fargateJob('nightly-etl', 2048, 8192),
    runCount: 1,
    hours: [1, 2],
    durationMs: [6 * HOUR_MS, 6 * HOUR_MS],
    memoryMiB: [6_900, 6_900],
    cpuPercent: [170, 170],
    oneIn: {},
  },
  {
    job: fargateJob('rebuild-search', 1024, 4096),
    runCount: 4,
    hours: [0.5, 24],
    durationMs: [100 * MINUTE_MS, 130 * MINUTE_MS],
    memoryMiB: [3_000, 3_600],
    cpuPercent: [60, 90],
    oneIn: {},
  },
  {
    job: fargateJob('train-model', 4096, 16_384),
    runCount: 12,
    hours: [6, 20],
    durationMs: [50 * MINUTE_MS, 90 * MINUTE_MS],
    memoryMiB: [9_000, 15_900],
    cpuPercent: [200, 390],
    oneIn: { outOfMemory: 4 },
  },
  {
    job: fargateJob('export-warehouse', 512, 2048),
    runCount: 24,
    hours: [0, 24],
    durationMs: [25 * MINUTE_MS, 45 * MINUTE_MS],
    memoryMiB: [500, 1_500],
    cpuPercent: [15, 45],
    oneIn: { failed: 12 },
  },
  {
    job: { name: 'clean-up', launchType: 'EC2', cpuArchitecture: 'X86_64', cpuPercent: 40, kernelShare: 0.5 },
    runCount: 96,
    hours: [0, 24],
    durationMs: [30 * SECOND_MS, 100 * SECOND_MS],
    memoryMiB: [80, 200],
    cpuPercent: [20, 60],
    oneIn: {},
  },
  {
    job: fargateJob('sync-stock', 256, 1024),
    runCount: 288,
    hours: [0, 24],
    durationMs: [110 * SECOND_MS, 200 * SECOND_MS],
    memoryMiB: [300, 600],
    cpuPercent: [5, 20],
    oneIn: { failed: 48, stopped: 72 },
  },
  {
    job: fargateJob('render-invoices', 1024, 2048),
    runCount: 1_200,
    hours: [3, 5.5],
    durationMs: [60 * SECOND_MS, 180 * SECOND_MS],
    memoryMiB: [1_200, 2_040],
    cpuPercent: [80, 99],
    oneIn: { outOfMemory: 60 },
  },
  {
    job: fargateJob('import-orders', 256, 512),
    runCount: 1_440,
    hours: [0, 24],
    durationMs: [20 * SECOND_MS, 70 * SECOND_MS],
    memoryMiB: [200, 490],
    cpuPercent: [8, 24.5],
    oneIn: { failed: 90 },
  },
  {
    job: { ...fargateJob('resize-images', 512, 1024), cpuArchitecture: 'ARM64', kernelShare: 0.45 },
    runCount: 2_000,
    hours: [7, 22],
    durationMs: [30 * SECOND_MS, 120 * SECOND_MS],
    memoryMiB: [250, 800],
    cpuPercent: [20, 49],
    oneIn: { failed: 125, stopped: 500 },
  },
  {
    job: fargateJob('retry-webhooks', 256, 512),
    runCount: 2_055,
    hours: [0, 24],
    durationMs: [12 * SECOND_MS, 40 * SECOND_MS],
    memoryMiB: [90, 140],
    cpuPercent: [2, 10],
    oneIn: { failed: 30 },
  },
  {
    // Most are over before their first sample.
    job: fargateJob('send-mail', 256, 512),
    runCount: 2_880,
    hours: [0, 24],
    durationMs: [3 * SECOND_MS, 15 * SECOND_MS],
    memoryMiB: [60, 90],
    cpuPercent: [3, 12],
    oneIn: { failed: 240 },
  },
];

/** A run's own lines, in the order in which its sidecar wrote them. */
export interface RunLines {
  readonly run: Run;
  readonly lines: readonly string[];
}

/** The runs, job after job. It takes a second. */
export function dayOfRuns(): RunLines[] {
  const random = randomNumbers(20_260_615);
  const runs = SCHEDULES.flatMap((schedule) =>
    Array.from({ length: schedule.runCount }, (_, index) => runOf(schedule, index, random)),
  );
  return runs.map((run, index) => ({ run, lines: linesOf(run, index + 1) }));
}

function runOf(schedule: Schedule, index: number, random: () => number): Run {
  const { job, runCount, hours, durationMs, memoryMiB, cpuPercent, oneIn } = schedule;
  const place = (index + random()) / runCount;
  const load = Math.sin(Math.PI * place) * (0.8 + 0.2 * random());
  const between = ([from, to]: readonly [number, number], share: number) => from + (to - from) * share;
  const startedAtMs = DAY_START_MS + Math.floor(between(hours, place) * HOUR_MS);
  const isOneIn = (each: number | undefined) => each !== undefined && index % each === each - 1;
  return {
    job,
    startedAt: new Date(startedAtMs).toISOString(),
    durationMs: Math.round(between(durationMs, random())),
    memoryMiB: Math.round(between(memoryMiB, load)),
    cpuPercent: between(cpuPercent, load),
    ...(isOneIn(oneIn.failed) && { exitCode: 1 }),
    ...(isOneIn(oneIn.outOfMemory) && { exitCode: 137, memoryMiB: (job.memoryMiB ?? 0) - 4 }),
    ...(isOneIn(oneIn.stopped) && { end: 'stopped' }),
  };
}

/**
 * Mulberry32: numbers of [0, 1), as they come for this seed.
 * Source: Tommy Ettinger's generator of 32 bits of state, in the public domain.
 */
function randomNumbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
