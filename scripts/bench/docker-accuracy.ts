import {
  type LoadRun,
  lastSampleAtMs,
  loggedCpuNs,
  type MeasuredRun,
  measureRun,
  reportedCpuMs,
} from '../../test/docker/accuracy.ts';
import { SHAPES } from '../../test/docker/loads/load.ts';

/** A REPORT beside the kernel's own counters of the same run. */
export interface Accuracy extends LoadRun {
  readonly kernelCpuMs: number;
  readonly rusageMs: number;
  readonly reportedCpuMs: number;
  /** What the load used after our last sample, by its own log. */
  readonly usedAfterMs: number;
  readonly maxMemoryUsedMB: number;
  readonly kernelPeakMB: number;
}

/** So many runs at a time: they wait more than they compute. */
const AT_ONCE = 6;

/** Each load idle at its end and working until its end, at that refresh. */
export async function measureAccuracy(refreshMs: number): Promise<Accuracy[]> {
  const runs = SHAPES.flatMap((shape): LoadRun[] => [
    { shape, refreshMs, ending: 'idle' },
    { shape, refreshMs, ending: 'busy' },
  ]);
  const measured: Accuracy[] = [];
  for (let first = 0; first < runs.length; first += AT_ONCE) {
    const group = runs.slice(first, first + AT_ONCE);
    measured.push(...(await Promise.all(group.map(async (run) => accuracyOf(run, await measureRun(run))))));
  }
  return measured;
}

function accuracyOf(run: LoadRun, measured: MeasuredRun): Accuracy {
  const { kernelCpuNs, log, container, kernel } = measured;
  return {
    ...run,
    kernelCpuMs: kernelCpuNs / 1e6,
    rusageMs: log.rusageMs,
    reportedCpuMs: reportedCpuMs(measured),
    usedAfterMs: (kernelCpuNs - loggedCpuNs(log, lastSampleAtMs(measured))) / 1e6,
    maxMemoryUsedMB: Number(container.maxMemoryUsedMB),
    kernelPeakMB: kernel.maxMemoryUsageBytes / 2 ** 20,
  };
}
