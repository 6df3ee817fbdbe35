import { createWriteStream } from 'node:fs';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { FARGATE_SIZES } from '../../src/core/fargate-sizes.ts';
import { type LineFields, render } from '../../src/core/line.ts';
import { percent } from '../../src/core/units.ts';

export const JOB_COUNT = 200;
const RUNS_PER_JOB = 5_000;
export const RUN_COUNT = JOB_COUNT * RUNS_PER_JOB;

const MONTH_START_MS = Date.UTC(2026, 9, 1);
const MONTH_MS = 31 * 86_400_000;
/** The step from one job's number of runs to the next one's. */
const RUN_COUNT_STEP = 98;

/** Of the other lines that a run leaves: a SUMMARY each minute, but no more than these. */
const MAX_SUMMARIES = 3;
const MINUTE_MS = 60_000;

/**
 * Writes a month of lines: START, SUMMARY and REPORT of a million runs of 200 jobs, run by run in the order in which they
 * ended. Jobs have from 149 to 9,851 runs. Each number is odd, so that no percentile lies between two runs: tools differ
 * in which of them they take. The lines are always the same.
 */
export async function writeMonth(path: string): Promise<void> {
  await pipeline(Readable.from(month()), createWriteStream(path));
}

/** Some lines at a time. */
function* month(): Generator<string> {
  const random = randomNumbers(1);
  const jobs = shuffled(
    Array.from({ length: JOB_COUNT }, (_, job) => Array<number>(runCountOf(job)).fill(job)).flat(),
    random,
  );
  let text = '';
  for (const [index, job] of jobs.entries()) {
    for (const line of linesOf(job, index, random)) text += `${line}\n`;
    if (index % 500 === 499) {
      yield text;
      text = '';
    }
  }
  yield text;
}

/** Two jobs together have twice the mean. */
function runCountOf(job: number): number {
  const distance = 1 + RUN_COUNT_STEP * Math.floor(job / 4) + (job % 4 < 2 ? 0 : 48);
  return RUNS_PER_JOB + (job % 2 === 0 ? distance : -distance);
}

function linesOf(job: number, index: number, random: () => number): readonly string[] {
  const { cpuUnits, memoryMiB } = FARGATE_SIZES[(job * 7) % 40] ?? { cpuUnits: 256, memoryMiB: 512 };
  const timeMs = MONTH_START_MS + Math.floor((index / RUN_COUNT) * MONTH_MS);
  const durationMs = Math.round(20_000 * (1 + (job % 30)) * (0.6 + 0.8 * random() ** 2));
  const isOutOfMemory = random() < 0.002;
  const isFailure = isOutOfMemory || random() < 0.01;
  const vcpus = cpuUnits / 1_024;
  const cpuShare = 0.05 + ((job % 9) / 10) * random();
  const avgCpuPercent = percent(100 * vcpus * cpuShare) ?? 0;
  const maxCpuPercent = percent(Math.min(100 * vcpus, avgCpuPercent * (1 + random()))) ?? 0;
  const memoryShare = isOutOfMemory ? 1 : 0.1 + ((job % 8) / 10) * (0.7 + 0.3 * random());
  const maxMemoryUsedMB = Math.ceil(memoryMiB * memoryShare);
  const startedAtMs = timeMs - durationMs - 400;
  const taskId = (index + 1).toString(16).padStart(32, '0');
  const name = `job-${String(job).padStart(3, '0')}`;
  const run: LineFields = {
    fargaugeVersion: '0.1.0',
    job: name,
    cluster: 'batches',
    taskId,
    taskArn: `arn:aws:ecs:us-east-1:123456789012:task/batches/${taskId}`,
    family: name,
    revision: '12',
    launchType: 'FARGATE',
    cpuArchitecture: job % 3 === 0 ? 'ARM64' : 'X86_64',
    region: 'us-east-1',
    accountId: '123456789012',
    availabilityZone: 'us-east-1a',
  };
  const size: LineFields = { cpuSizeUnits: cpuUnits, memorySizeMB: memoryMiB };
  const summaryCount = Math.min(MAX_SUMMARIES, Math.floor(durationMs / MINUTE_MS));
  const summaries = Array.from(
    { length: summaryCount },
    (_, minute): LineFields => ({
      ...run,
      container: 'batch',
      windowMs: MINUTE_MS,
      durationMs: (minute + 1) * MINUTE_MS,
      ...size,
      avgCpuPercent,
      maxCpuPercent,
      maxMemoryUsedMB,
      maxMemoryUtilizationPercent: percent(memoryShare * 100),
      sampleCount: 6,
    }),
  );
  const report: LineFields = {
    ...run,
    status: isFailure ? 'failure' : 'success',
    errorType: isOutOfMemory ? 'OutOfMemory' : isFailure ? 'ExitError' : undefined,
    exitCode: isOutOfMemory ? 137 : isFailure ? 1 : 0,
    startedAt: new Date(startedAtMs).toISOString(),
    finishedAt: new Date(startedAtMs + durationMs).toISOString(),
    durationMs,
    initDurationMs: 21_000,
    billedDurationMs: Math.max(60_000, Math.ceil((durationMs + 21_400) / 1_000) * 1_000),
    ...size,
    cpuTimeMs: Math.round((durationMs * avgCpuPercent) / 100),
    kernelCpuTimeMs: Math.round((durationMs * avgCpuPercent) / 1_000),
    avgCpuPercent,
    maxCpuPercent,
    p95CpuPercent: maxCpuPercent,
    avgCpuUtilizationPercent: percent(avgCpuPercent / vcpus),
    maxCpuUtilizationPercent: percent(maxCpuPercent / vcpus),
    cpuSaturatedPercent: 0,
    maxMemoryUsedMB,
    avgMemoryUsedMB: Math.ceil(maxMemoryUsedMB * 0.7),
    p95MemoryUsedMB: maxMemoryUsedMB,
    maxMemoryUtilizationPercent: percent(memoryShare * 100),
    maxWorkingSetMB: maxMemoryUsedMB,
    maxAnonMemoryMB: maxMemoryUsedMB,
    majorPageFaultCount: 0,
    maxProcessCount: 12,
    networkRxBytes: Math.round(1e9 * random()),
    networkTxBytes: Math.round(1e8 * random()),
    blockReadBytes: 0,
    blockWriteBytes: 4_096,
    sampleCount: Math.floor(durationMs / 10_000),
    sampleIntervalMs: 10_000,
    longestGapMs: 10_020,
    coveragePercent: 92.3,
    unseenTailMs: 4_200,
    pollCount: Math.ceil(durationMs / 1_000),
    pollErrorCount: 0,
    missedPollCount: 0,
    droppedLineCount: 0,
    sidecarCpuTimeMs: 400,
    sidecarMaxMemoryUsedMB: 18,
  };
  return [
    render({ type: 'START', timeMs: startedAtMs, fields: { ...run, ...size } }, 1),
    ...summaries.map((fields, minute) =>
      render({ type: 'SUMMARY', timeMs: startedAtMs + (minute + 1) * MINUTE_MS, fields }, 2 + minute),
    ),
    render({ type: 'REPORT', timeMs, fields: report }, 2 + summaryCount),
  ];
}

/** mulberry32: small, good enough, and the same everywhere. */
function randomNumbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** Fisher and Yates. */
function shuffled(values: number[], random: () => number): readonly number[] {
  for (let last = values.length - 1; last > 0; last -= 1) {
    const other = Math.floor(random() * (last + 1));
    [values[last], values[other]] = [values[other] as number, values[last] as number];
  }
  return values;
}
