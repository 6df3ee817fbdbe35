/** One run of a load of known shape through `fargauge local`: its REPORT beside the kernel's counters of the same run. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { ParsedLine } from '../support/program.ts';
import { EXCHANGE_MOUNT, Exchange } from './exchange.ts';
import { containerId, cpuUsageNs, type KernelCounters, kernelCounters } from './kernel-counters.ts';
import type { LoadLog, LoadReading, Shape } from './loads/load.ts';
import {
  BATCH_IMAGE,
  containerLine,
  definitionOf,
  LocalCommand,
  type LocalEnd,
  linesOf,
  reportOf,
} from './local-command.ts';

const LOADS = join(import.meta.dirname, 'loads');
const MEMORY_LIMIT_MIB = 320;

export interface LoadRun {
  readonly shape: Shape;
  readonly refreshMs: number;
  /** Idle for longer than a refresh at its end, or working until its very end. */
  readonly ending: 'idle' | 'busy';
}

export interface MeasuredRun {
  readonly report: ParsedLine;
  /** Of the batch, as are all below. */
  readonly container: ParsedLine;
  readonly samples: readonly ParsedLine[];
  readonly log: LoadLog;
  /** While the load held still at its end. */
  readonly kernel: KernelCounters;
  /** The last reading before the counters vanished: with the end of the process itself. */
  readonly kernelCpuNs: number;
}

/** The batch's share of the REPORT, whose figures are sums over all containers. */
export function reportedCpuMs({ report }: MeasuredRun): number {
  return Number(report.cpuTimeMs) - Number(report.sidecarCpuTimeMs);
}

/** When the last sample was taken that the REPORT knows of. Wall clock, ms since the epoch. */
export function lastSampleAtMs({ report }: MeasuredRun): number {
  return Date.parse(`${report.finishedAt}`) - Number(report.unseenTailMs);
}

/** What the load had used by then at the least, by its own log; 0 before its first reading. */
export function loggedCpuNs({ readings }: LoadLog, timeMs: number): number {
  return readings.findLast((reading) => reading.timeMs <= timeMs)?.cpuUsageNs ?? 0;
}

/** What the load says of a plateau. */
export function readingsOf({ readings }: LoadLog, fromMs: number, toMs: number): readonly LoadReading[] {
  return readings.filter(({ timeMs }) => timeMs >= fromMs && timeMs <= toMs);
}

/**
 * How long whoever has worked must be idle for its last sample to have all of the work: a refresh may come half a
 * second late, and the poll after it a second.
 */
export function idleMs(refreshMs: number): number {
  return refreshMs === 1_000 ? 3_000 : refreshMs + 2_500;
}

export async function measureRun(run: LoadRun): Promise<MeasuredRun> {
  using exchange = new Exchange();
  await using command = new LocalCommand(
    ['--refresh-ms', `${run.refreshMs}`, '--env', 'fargauge:FARGAUGE_SAMPLES=true', '-'],
    definition(run, exchange),
  );
  // The sidecar is up: what it sees is what the platform shows it, and not how long it took to start.
  await command.line('START');
  exchange.go();
  await command.wrote(/^batch +\| holding$/);
  const id = containerId(command.taskId, 'batch');
  const kernel = kernelCounters(id);
  exchange.go();
  const kernelCpuNs = await lastCpuUsageNs(id, kernel.cpuUsageNs);
  const end = await command.ended();
  const log = JSON.parse(readFileSync(join(exchange.folder, 'log.json'), 'utf8')) as LoadLog;
  return { ...linesOfRun(end), log, kernel, kernelCpuNs };
}

function definition({ shape, refreshMs, ending }: LoadRun, exchange: Exchange): string {
  const idle = ending === 'idle' ? idleMs(refreshMs) : 0;
  return definitionOf({
    batch: {
      image: BATCH_IMAGE,
      entryPoint: ['node', '/loads/load.ts'],
      command: [shape, `${refreshMs}`, `${idle}`],
      memory: MEMORY_LIMIT_MIB,
      mountPoints: [{ sourceVolume: 'loads', containerPath: '/loads', readOnly: true }, EXCHANGE_MOUNT],
    },
    task: { volumes: [{ name: 'loads', host: { sourcePath: LOADS } }, exchange.volume] },
  });
}

/** Read again and again until there is nothing to read: some 10 ms after the last process of the container ended. */
export async function lastCpuUsageNs(id: string, before: number): Promise<number> {
  let last = before;
  for (;;) {
    try {
      last = cpuUsageNs(id);
    } catch {
      return last;
    }
    await delay(1);
  }
}

function linesOfRun(end: LocalEnd): Pick<MeasuredRun, 'report' | 'container' | 'samples'> {
  const container = containerLine(end, 'batch');
  if (end.exitCode !== 0 || container === undefined) {
    throw new Error(`the load ended with ${end.exitCode}: ${end.said.join('\n')}`);
  }
  const samples = linesOf(end, 'SAMPLE').filter((line) => line.container === 'batch');
  return { report: reportOf(end), container, samples };
}
