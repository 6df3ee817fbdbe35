import { type MemoryPeak, memoryPeak } from '../core/memory-peak.ts';
import type { FoundLine } from '../core/parsed-line.ts';

/** What is needed of a REPORT line. The text in it is untrusted; its numbers are not negative. */
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

/** @param line a REPORT; fields of REPORT_FIELDS have their kind */
export function reportedRun({ fields, timeMs }: FoundLine): ReportedRun | Unusable {
  const named = nameOf(fields);
  if ('reason' in named) return named;
  let negative: string | undefined;
  const text = (name: string) => fields[name] as string | undefined;
  const number = (name: string) => {
    const value = fields[name] as number | undefined;
    if (value !== undefined && value < 0) negative = name;
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
  return negative === undefined ? run : { reason: `${negative} is negative` };
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
