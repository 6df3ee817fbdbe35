import { expect } from 'vitest';
import { type Ended, type ParsedLine, Program } from './program.ts';
import {
  type Load,
  type SimulatedTask,
  type SimulatedTaskOptions,
  startSimulatedTask,
  WITHOUT_PROC,
} from './simulated-task.ts';

export const MIB = 1024 * 1024;
export const SIZE = { vcpu: 0.5, memoryMiB: 1024 };

/** A third of a vCPU and a memory ramp: no two samples are equal. */
export function ramp(ageMs: number): Load {
  return { cpuUsageNs: Math.floor(ageMs * 333_333), memoryBytes: 50 * MIB + Math.floor(ageMs) * 1024 };
}

export const BATCH = { name: 'batch', load: ramp };
export const SIDECAR = { name: 'fargauge' };

/** A task, the program beside it, and their end whatever happens in between. */
export async function withProgram(
  options: Partial<SimulatedTaskOptions> & {
    environment?: Record<string, string>;
    fault?: SimulatedTask['fault'];
  },
  scenario: (program: Program, task: SimulatedTask) => Promise<void>,
): Promise<void> {
  const task = await startSimulatedTask({ containers: [BATCH, SIDECAR], size: SIZE, ...options });
  task.fault = options.fault;
  const program = new Program({
    ...task.environment(),
    ...WITHOUT_PROC,
    FARGAUGE_OUTPUT: 'stdout',
    FARGAUGE_STOP_TIMEOUT_SECONDS: '5',
    ...options.environment,
  });
  try {
    await scenario(program, task);
  } finally {
    program.process.kill('SIGKILL');
    await task.close();
  }
}

/**
 * For tests of a deadline on the real clock: a machine that is busy otherwise may miss one, a defect misses them all.
 */
export const DEADLINE_TESTS = { retry: 2 };

/** What holds at every end: one REPORT and nothing after it, exit code 0, no crash, before `deadlineMs`. */
export function expectOrderlyEnd(ended: Ended, deadlineMs = 3_000): ParsedLine {
  expect(ended.stderr).not.toMatch(/unhandled|internal error|TypeError/i);
  expect({ exitCode: ended.exitCode, signal: ended.signal }).toEqual({ exitCode: 0, signal: null });
  expect(ended.lines.filter(({ type }) => type === 'REPORT')).toHaveLength(1);
  const report = ended.lines.at(-1);
  expect(report?.type).toBe('REPORT');
  expect(ended.lines.map(({ seq }) => seq)).toEqual(ended.lines.map((_, index) => index + 1));
  for (const line of ended.lines) expectSoundNumbers(line);
  expect(ended.elapsedMs).toBeLessThan(deadlineMs);
  return report as ParsedLine;
}

function expectSoundNumbers(line: ParsedLine): void {
  for (const [name, value] of Object.entries(line)) {
    if (typeof value !== 'number') continue;
    expect(value, name).toBeGreaterThanOrEqual(0);
    if (!name.endsWith('Percent')) expect(Number.isInteger(value), name).toBe(true);
  }
}

export function linesOf(ended: Ended, type: string): readonly ParsedLine[] {
  return ended.lines.filter((line) => line.type === type);
}

/** A scenario's own passage of time: not a wait for something to have happened. */
export function passing(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
