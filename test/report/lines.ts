import type { LineType } from '../../src/core/fields.ts';
import type { LineFields } from '../../src/core/line.ts';
import { render } from '../../src/core/line.ts';
import type { FoundLine } from '../../src/core/parsed-line.ts';
import { parseLine } from '../../src/core/parsed-line.ts';
import { type ReportedRun, reportedRun } from '../../src/report/reported-run.ts';

export const NOW_MS = Date.UTC(2026, 10, 21, 12);
export const HOUR_MS = 3_600_000;

/** A well seen run of one vCPU and 2 GB, on Fargate in us-east-1, that used half of each for ten minutes. */
export const USUAL: LineFields = {
  fargaugeVersion: '0.1.0',
  job: 'nightly',
  taskId: 'task-1',
  launchType: 'FARGATE',
  cpuArchitecture: 'X86_64',
  region: 'us-east-1',
  status: 'success',
  exitCode: 0,
  durationMs: 600_000,
  billedDurationMs: 620_000,
  cpuSizeUnits: 1024,
  memorySizeMB: 2048,
  cpuTimeMs: 300_000,
  avgCpuPercent: 50,
  p95CpuPercent: 60,
  maxCpuPercent: 70,
  avgCpuUtilizationPercent: 50,
  maxCpuUtilizationPercent: 70,
  cpuSaturatedPercent: 0,
  avgMemoryUsedMB: 1024,
  maxMemoryUsedMB: 1200,
  maxMemoryUtilizationPercent: 58.6,
  maxWorkingSetMB: 1250,
  sampleCount: 60,
  coveragePercent: 98,
  droppedLineCount: 0,
};

/** The text of a line. */
export function lineText(type: LineType, fields: LineFields = {}, timeMs = NOW_MS, seq = 1): string {
  const named = { fargaugeVersion: '0.1.0', job: 'nightly', taskId: 'task-1' };
  return render(
    { type, timeMs, fields: type === 'REPORT' ? { ...USUAL, ...fields } : { ...named, ...fields } },
    seq,
  );
}

export function foundLine(type: LineType, fields: LineFields = {}, timeMs = NOW_MS): FoundLine {
  const parsed = parseLine(lineText(type, fields, timeMs));
  if (parsed.kind !== 'line') throw new Error(`${parsed.kind} line`);
  return parsed.line;
}

export function usualRun(fields: LineFields = {}, timeMs = NOW_MS): ReportedRun {
  const run = reportedRun(foundLine('REPORT', fields, timeMs));
  if ('reason' in run) throw new Error(run.reason);
  return run;
}
