/** Some two weeks of runs of several jobs, and what their log groups hold of them. */
import type { LogEvent } from './evaluator.ts';
import { type Job, linesOf, type Run } from './simulated-run.ts';

/** When the queries are run: Monday, 6 h UTC. */
export const NOW_MS = Date.UTC(2026, 5, 15, 6);

const NIGHTLY_ETL: Job = {
  name: 'nightly-etl',
  launchType: 'FARGATE',
  cpuArchitecture: 'X86_64',
  cpuUnits: 1024,
  memoryMiB: 4096,
  cpuPercent: 30,
  kernelShare: 0.1,
};
/** Saturates its half vCPU, much of it in the kernel. */
const RESIZE_IMAGES: Job = {
  name: 'resize-images',
  launchType: 'FARGATE',
  cpuArchitecture: 'ARM64',
  cpuUnits: 512,
  memoryMiB: 1024,
  cpuPercent: 49,
  kernelShare: 0.45,
};
const IMPORT_ORDERS: Job = {
  name: 'import-orders',
  launchType: 'FARGATE',
  cpuArchitecture: 'X86_64',
  cpuUnits: 256,
  memoryMiB: 512,
  cpuPercent: 24.5,
  kernelShare: 0.1,
};
/** Over before its first sample. */
const SEND_MAIL: Job = { ...IMPORT_ORDERS, name: 'send-mail' };
const REBUILD_SEARCH: Job = { ...NIGHTLY_ETL, name: 'rebuild-search' };
/** On EC2, in a task without a size. */
const REINDEX: Job = {
  name: 'reindex',
  launchType: 'EC2',
  cpuArchitecture: 'X86_64',
  cpuPercent: 80,
  kernelShare: 0.1,
};

const RUNS: readonly Run[] = [
  // Two weeks and more ago: what compares the last two must pass it by.
  { job: NIGHTLY_ETL, startedAt: '2026-05-30T02:00:00Z', durationMs: 100_000, memoryMiB: 500 },
  {
    job: NIGHTLY_ETL,
    startedAt: '2026-06-02T02:00:00Z',
    durationMs: 150_000,
    memoryMiB: 700,
  },
  { job: NIGHTLY_ETL, startedAt: '2026-06-04T02:00:00Z', durationMs: 160_000, memoryMiB: 720 },
  {
    job: NIGHTLY_ETL,
    startedAt: '2026-06-06T02:00:00Z',
    durationMs: 155_000,
    memoryMiB: 710,
    copiedLineCount: 2,
  },
  { job: NIGHTLY_ETL, startedAt: '2026-06-09T02:00:00Z', durationMs: 186_000, memoryMiB: 880 },
  {
    job: NIGHTLY_ETL,
    startedAt: '2026-06-11T02:00:00Z',
    durationMs: 180_000,
    memoryMiB: 860,
    cpuPercent: 60,
  },
  { job: NIGHTLY_ETL, startedAt: '2026-06-13T02:00:00Z', durationMs: 192_000, memoryMiB: 900 },
  { job: RESIZE_IMAGES, startedAt: '2026-06-02T03:10:00Z', durationMs: 92_000, memoryMiB: 400 },
  { job: RESIZE_IMAGES, startedAt: '2026-06-03T03:10:00Z', durationMs: 90_000, memoryMiB: 405 },
  { job: RESIZE_IMAGES, startedAt: '2026-06-05T03:10:00Z', durationMs: 94_000, memoryMiB: 402 },
  { job: RESIZE_IMAGES, startedAt: '2026-06-09T03:10:00Z', durationMs: 91_000, memoryMiB: 398 },
  {
    job: RESIZE_IMAGES,
    startedAt: '2026-06-10T03:10:00Z',
    durationMs: 90_000,
    memoryMiB: 401,
    cpuPercent: 20,
  },
  { job: RESIZE_IMAGES, startedAt: '2026-06-12T03:10:00Z', durationMs: 40_000, memoryMiB: 300, exitCode: 1 },
  { job: RESIZE_IMAGES, startedAt: '2026-06-12T03:40:00Z', durationMs: 93_000, memoryMiB: 400 },
  { job: IMPORT_ORDERS, startedAt: '2026-06-08T07:00:00Z', durationMs: 70_000, memoryMiB: 300 },
  { job: IMPORT_ORDERS, startedAt: '2026-06-09T04:00:00Z', durationMs: 71_000, memoryMiB: 310 },
  { job: IMPORT_ORDERS, startedAt: '2026-06-10T04:00:00Z', durationMs: 72_000, memoryMiB: 320 },
  {
    job: IMPORT_ORDERS,
    startedAt: '2026-06-12T04:00:00Z',
    durationMs: 64_000,
    memoryMiB: 490,
    exitCode: 137,
    copiedLineCount: 2,
  },
  {
    job: IMPORT_ORDERS,
    startedAt: '2026-06-12T04:20:00Z',
    durationMs: 65_000,
    memoryMiB: 491,
    exitCode: 137,
  },
  { job: SEND_MAIL, startedAt: '2026-06-08T05:00:00Z', durationMs: 4_000, memoryMiB: 60 },
  { job: SEND_MAIL, startedAt: '2026-06-11T05:00:00Z', durationMs: 5_000, memoryMiB: 60 },
  {
    job: REINDEX,
    startedAt: '2026-06-10T12:00:00Z',
    durationMs: 65_000,
    memoryMiB: 250,
    seenUntilMs: 30_000,
  },
  { job: NIGHTLY_ETL, startedAt: '2026-06-14T02:00:00Z', durationMs: 75_000, memoryMiB: 600, end: 'stopped' },
  {
    job: REBUILD_SEARCH,
    startedAt: '2026-06-13T22:00:00Z',
    durationMs: 130_000,
    memoryMiB: 4030,
    end: 'vanished',
  },
  {
    job: REBUILD_SEARCH,
    startedAt: '2026-06-15T05:45:00Z',
    durationMs: 30_000,
    memoryMiB: 3000,
    end: 'vanished',
  },
  {
    job: NIGHTLY_ETL,
    startedAt: '2026-06-15T05:57:30Z',
    durationMs: 150_000,
    memoryMiB: 800,
    end: 'running',
  },
];

/** What others write into the same log: text, JSON, and JSON that looks like ours. */
const FOREIGN: readonly LogEvent[] = [
  { timestampMs: Date.UTC(2026, 5, 9, 2, 1), message: 'loaded 12000 rows' },
  {
    timestampMs: Date.UTC(2026, 5, 9, 2, 2),
    message: '{"level":"info","message":"loaded","status":"failure"}',
  },
  {
    timestampMs: Date.UTC(2026, 5, 9, 2, 3),
    message: '{"type":"REPORT","job":"nightly-etl","taskId":"1","status":"failure","durationMs":99999999}',
  },
];

/** All events of the two weeks, in the order in which they came in. */
export function recordedEvents(): LogEvent[] {
  const ours = RUNS.flatMap((run, index) => linesOf(run, index + 1)).map(eventOf);
  return [...ours, ...FOREIGN].toSorted((a, b) => a.timestampMs - b.timestampMs);
}

export function eventOf(line: string): LogEvent {
  return { timestampMs: Date.parse((JSON.parse(line) as { time: string }).time), message: line };
}
