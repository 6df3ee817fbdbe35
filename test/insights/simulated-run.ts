/**
 * A run and the lines that the core makes of it. It is polled every ten seconds, as often as Fargate renews its figures;
 * the clock is the test's.
 */
import { render } from '../../src/core/line.ts';
import { ALL_CONTAINERS } from '../../src/core/selection.ts';
import { finish, initialState, step } from '../../src/core/state.ts';
import type { Container, Poll, Sample, Task } from '../../src/core/types.ts';

export interface Job {
  readonly name: string;
  readonly launchType: 'FARGATE' | 'EC2';
  readonly cpuArchitecture: 'X86_64' | 'ARM64';
  readonly cpuUnits?: number;
  readonly memoryMiB?: number;
  /** In the first minute of a run, then half of it; 100 = one vCPU. */
  readonly cpuPercent: number;
  readonly kernelShare: number;
}

export interface Run {
  readonly job: Job;
  /** UTC. */
  readonly startedAt: string;
  readonly durationMs: number;
  /** In use at the end; it grows to it from a half. */
  readonly memoryMiB: number;
  readonly exitCode?: number;
  /** `stopped` by StopTask; `vanished` with its sidecar, which left no last lines; `running` still. */
  readonly end?: 'stopped' | 'vanished' | 'running';
  /** In place of the job's. */
  readonly cpuPercent?: number;
  /** Of every second poll's CPU so much more, of the others so much less; a share, at most 1. */
  readonly unevenness?: number;
  /** The endpoint shows no newer sample than that of this age. */
  readonly seenUntilMs?: number;
  /** Lines that were delivered twice: so many of the last. */
  readonly copiedLineCount?: number;
}

const POLL_MS = 10_000;
const PULL_MS = 20_000;
const BUSY_MS = 60_000;
const MIB = 1_048_576;
const NOTHING_LOST = { missedPollCount: 0, droppedLineCount: 0 };

/** Every line of a run, in the order in which they come in; `number` makes its task id. */
export function linesOf(run: Run, number: number): string[] {
  const { job, end, durationMs } = run;
  const state = initialState({
    version: '0.1.0',
    cpuArchitecture: job.cpuArchitecture,
    containers: ALL_CONTAINERS,
    summaryIntervalMs: 60_000,
    samples: false,
  });
  const startedAtMs = Date.parse(run.startedAt);
  const lines: string[] = [];
  const append = (made: ReturnType<typeof step>) => {
    for (const line of made) lines.push(render(line, lines.length + 1));
  };
  for (let ageMs = 0; ageMs < durationMs; ageMs += POLL_MS) append(step(state, pollOf(run, number, ageMs)));
  if (end === 'vanished' || end === 'running') return lines;
  append(step(state, pollOf(run, number, durationMs)));
  append(finish(state, startedAtMs + durationMs + 500, durationMs + 500, NOTHING_LOST));
  return [...lines, ...lines.slice(lines.length - (run.copiedLineCount ?? 0))];
}

/** Half a second after the platform's refresh at this age of the batch. */
function pollOf(run: Run, number: number, ageMs: number): Poll {
  const polledAtMs = Date.parse(run.startedAt) + ageMs + 500;
  const hasEnded = ageMs >= run.durationMs;
  const task = taskOf(run, number, hasEnded);
  const readAgeMs = Math.min(ageMs, run.seenUntilMs ?? ageMs);
  const samples =
    hasEnded || readAgeMs === 0 ? [] : [sampleOf(run, readAgeMs), sidecarSampleOf(run, readAgeMs)];
  const names = [run.job.name, 'fargauge'];
  return {
    polledAtMs,
    answeredAtMs: polledAtMs,
    elapsedMs: ageMs + 500,
    task: { ok: true, value: task },
    stats: { ok: true, value: new Map(samples.map((sample, index) => [idOf(names[index]), sample])) },
    self: { name: 'fargauge', id: idOf('fargauge') },
  };
}

function idOf(name = ''): string {
  return `id-of-${name}`;
}

function taskOf(
  { job, startedAt, durationMs, exitCode = 0, end }: Run,
  number: number,
  hasEnded: boolean,
): Task {
  const startedAtMs = Date.parse(startedAt);
  const taskId = number.toString(16).padStart(32, '0');
  const isStopped = hasEnded && end !== 'stopped';
  const batch: Container = {
    name: job.name,
    id: idOf(job.name),
    image: `123456789012.dkr.ecr.us-east-1.amazonaws.com/${job.name}:1`,
    type: 'NORMAL',
    status: isStopped ? 'stopped' : 'running',
    stopRequested: hasEnded,
    startedAtMs,
    ...(isStopped && { exitCode, finishedAtMs: startedAtMs + durationMs }),
  };
  const sidecar: Container = {
    name: 'fargauge',
    id: idOf('fargauge'),
    type: 'NORMAL',
    status: 'running',
    stopRequested: hasEnded,
    startedAtMs,
  };
  return {
    cluster: 'batches',
    taskId,
    taskArn: `arn:aws:ecs:us-east-1:123456789012:task/batches/${taskId}`,
    family: job.name,
    revision: '1',
    launchType: job.launchType,
    region: 'us-east-1',
    accountId: '123456789012',
    availabilityZone: 'us-east-1a',
    ...(job.cpuUnits && { cpuLimitUnits: job.cpuUnits }),
    ...(job.memoryMiB && { memoryLimitMiB: job.memoryMiB }),
    stopRequested: hasEnded,
    pullStartedAtMs: startedAtMs - PULL_MS,
    containers: [batch, sidecar],
  };
}

function sampleOf(run: Run, ageMs: number): Sample {
  const { job, startedAt, durationMs, memoryMiB, exitCode, cpuPercent = job.cpuPercent } = run;
  const busyMs = Math.min(ageMs, BUSY_MS) + Math.max(0, ageMs - BUSY_MS) / 2;
  const aheadMs = (ageMs / POLL_MS) % 2 === 1 ? ((run.unevenness ?? 0) * POLL_MS) / 2 : 0;
  const cpuUsageNs = (busyMs + aheadMs) * 1e6 * (cpuPercent / 100);
  const lastAgeMs = Math.floor((durationMs - 1) / POLL_MS) * POLL_MS;
  const usedMiB = memoryMiB * (0.5 + (0.5 * ageMs) / lastAgeMs);
  return {
    readAtMs: Date.parse(startedAt) + ageMs,
    cpuUsageNs,
    kernelCpuUsageNs: cpuUsageNs * job.kernelShare,
    memory: {
      usageBytes: Math.round((usedMiB + 4) * MIB),
      cacheBytes: 4 * MIB,
      totalInactiveFileBytes: 2 * MIB,
      anonBytes: Math.round(usedMiB * MIB),
      ...(exitCode === 137 && ageMs === lastAgeMs && { failCount: 12 }),
    },
    processCount: 8,
  };
}

function sidecarSampleOf({ startedAt }: Run, ageMs: number): Sample {
  const cpuUsageNs = 1e8 + ageMs * 2_000;
  return {
    readAtMs: Date.parse(startedAt) + ageMs,
    cpuUsageNs,
    kernelCpuUsageNs: cpuUsageNs / 4,
    memory: {
      usageBytes: 14 * MIB,
      cacheBytes: 2 * MIB,
      totalInactiveFileBytes: 2 * MIB,
      anonBytes: 12 * MIB,
    },
    processCount: 11,
  };
}
