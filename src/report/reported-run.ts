import { type Field, REPORT_FIELDS } from '../core/fields.ts';
import { type MemoryPeak, memoryPeak } from '../core/memory-peak.ts';
import type { FoundLine } from '../core/parsed-line.ts';

/** What is needed of a REPORT line. The text in it is untrusted; its numbers are plausible. */
export interface ReportedRun {
  readonly job: string;
  readonly taskId: string;
  /** When the REPORT was written, ms since the epoch. */
  readonly timeMs: number;
  readonly launchType: string | undefined;
  readonly cpuArchitecture: string | undefined;
  readonly region: string | undefined;
  readonly status: string;
  readonly errorType: string | undefined;
  readonly exitCode: number | undefined;
  readonly durationMs: number | undefined;
  readonly billedDurationMs: number | undefined;
  readonly cpuSizeUnits: number | undefined;
  readonly memorySizeMB: number | undefined;
  readonly cpuTimeMs: number | undefined;
  readonly avgCpuPercent: number | undefined;
  readonly p95CpuPercent: number | undefined;
  readonly maxCpuPercent: number | undefined;
  readonly avgCpuUtilizationPercent: number | undefined;
  readonly maxCpuUtilizationPercent: number | undefined;
  readonly cpuSaturatedPercent: number | undefined;
  readonly avgMemoryUsedMB: number | undefined;
  readonly maxMemoryUsedMB: number | undefined;
  readonly maxWorkingSetMB: number | undefined;
  readonly maxAnonMemoryMB: number | undefined;
  /** Undefined where no memory is known. */
  readonly memoryPeak: MemoryPeak | undefined;
  readonly sampleCount: number;
  readonly coveragePercent: number;
}

/** The line is ours, but nothing can be told of it. */
export interface Unusable {
  readonly reason: string;
}

/**
 * What no task reaches: 31 years, the CPU time of a thousand vCPUs in them, 95 TiB, a thousand vCPUs. On EC2 a task may
 * use many times what it asked for, so percents of a size go far beyond 100.
 */
const MOST: Readonly<Record<Field['unit'], number>> = {
  ms: 1e12,
  MB: 1e8,
  units: 1e6,
  '%': 1e7,
  count: 1e12,
  bytes: Number.MAX_SAFE_INTEGER,
  '': Number.POSITIVE_INFINITY,
};
const MOST_CPU_TIME_MS = 1e15;

const LIMITS: ReadonlyMap<string, number> = new Map(
  REPORT_FIELDS.map(({ name, unit }) => [name, name === 'cpuTimeMs' ? MOST_CPU_TIME_MS : MOST[unit]]),
);

/** Why a figure cannot be one of a task: it would spoil all totals. Undefined where it can, or is absent. */
export function implausibility(name: string, value: number | undefined): string | undefined {
  if (value === undefined) return undefined;
  if (value < 0) return `${name} is negative`;
  const most = LIMITS.get(name) ?? Number.POSITIVE_INFINITY;
  return value > most ? `${name} is more than ${most.toLocaleString('en-US')}` : undefined;
}

/** @param line a REPORT; fields of REPORT_FIELDS have their kind */
export function reportedRun({ fields, timeMs }: FoundLine): ReportedRun | Unusable {
  const named = nameOf(fields);
  if ('reason' in named) return named;
  let reason: string | undefined;
  const text = (name: string) => fields[name] as string | undefined;
  const number = (name: string) => {
    const value = fields[name] as number | undefined;
    reason ??= implausibility(name, value);
    return value;
  };
  const memory = {
    maxMemoryUsedMB: number('maxMemoryUsedMB'),
    maxAnonMemoryMB: number('maxAnonMemoryMB'),
    memorySizeMB: number('memorySizeMB'),
  };
  const maxMemoryUtilizationPercent = number('maxMemoryUtilizationPercent');
  const run: ReportedRun = {
    ...named,
    timeMs,
    launchType: text('launchType'),
    cpuArchitecture: text('cpuArchitecture'),
    region: text('region'),
    status: text('status') ?? 'unknown',
    errorType: text('errorType'),
    exitCode: fields.exitCode as number | undefined,
    durationMs: number('durationMs'),
    billedDurationMs: number('billedDurationMs'),
    cpuSizeUnits: number('cpuSizeUnits'),
    cpuTimeMs: number('cpuTimeMs'),
    avgCpuPercent: number('avgCpuPercent'),
    p95CpuPercent: number('p95CpuPercent'),
    maxCpuPercent: number('maxCpuPercent'),
    avgCpuUtilizationPercent: number('avgCpuUtilizationPercent'),
    maxCpuUtilizationPercent: number('maxCpuUtilizationPercent'),
    cpuSaturatedPercent: number('cpuSaturatedPercent'),
    avgMemoryUsedMB: number('avgMemoryUsedMB'),
    ...memory,
    maxWorkingSetMB: number('maxWorkingSetMB'),
    memoryPeak: memoryPeak({ ...memory, maxMemoryUtilizationPercent }),
    sampleCount: number('sampleCount') ?? 0,
    coveragePercent: number('coveragePercent') ?? 0,
  };
  return reason === undefined ? run : { reason };
}

/** Whose line it is: job (without one the family, as the sidecar itself takes it) and task. */
export function nameOf(fields: FoundLine['fields']): { job: string; taskId: string } | Unusable {
  const job = (fields.job ?? fields.family) as string | undefined;
  const taskId = fields.taskId as string | undefined;
  if (job === undefined) return { reason: 'job is missing' };
  if (taskId === undefined) return { reason: 'taskId is missing' };
  return { job, taskId };
}

/** Below this, the figures of a run say little; docs/queries.md counts the same runs as blind. */
const MIN_SAMPLE_COUNT = 3;
const MIN_COVERAGE_PERCENT = 50;

export function isBlind({ sampleCount, coveragePercent }: ReportedRun): boolean {
  return sampleCount < MIN_SAMPLE_COUNT || coveragePercent < MIN_COVERAGE_PERCENT;
}

export function isOutOfMemory({ errorType }: ReportedRun): boolean {
  return errorType === 'OutOfMemory';
}
