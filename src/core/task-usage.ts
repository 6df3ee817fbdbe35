import { gapSince, type SeenPoint } from './delta.ts';
import { memoryUsedBytes, workingSetBytes } from './memory.ts';
import type { ContainerTotals, Present } from './totals.ts';
import type { MemoryCounters } from './types.ts';
import { type CpuUse, sumOfKnown, type UsagePoint } from './usage.ts';

/** What counts of one container in a sum over the task's, as it was at one poll or look. */
interface Part {
  readonly present: Present;
  readonly isCpuCounted: boolean;
}

/** The parts of a sum over the task's containers, and when (monotonic clock) they were seen. */
export class TaskMoment {
  readonly seenAtElapsedMs: number;
  readonly #parts = new Map<ContainerTotals, Part>();

  constructor(seenAtElapsedMs: number) {
    this.seenAtElapsedMs = seenAtElapsedMs;
  }

  get parts(): readonly Part[] {
    return [...this.#parts.values()];
  }

  /**
   * Takes down the latest figures of a container, if it runs.
   * @param selfName the sidecar, as soon as it is known
   */
  note(totals: ContainerTotals, selfName: string | undefined): void {
    const { present } = totals;
    if (present === undefined) return;
    const isCpuCounted = totals.container.name !== selfName || isPastItsStart(totals);
    this.#parts.set(totals, { present, isCpuCounted });
  }
}

/** The task's use at one poll or look: sums over each container's latest figures, which is not the sum of their peaks. */
export function taskUsagePoint(
  { parts, seenAtElapsedMs }: TaskMoment,
  previous: SeenPoint | undefined,
): UsagePoint | undefined {
  const present = parts.map((part) => part.present);
  const cpus = parts.filter(({ isCpuCounted }) => isCpuCounted).map((part) => part.present.cpu);
  if (present.length === 0) return undefined;
  const readAtMs = Math.max(...present.map((latest) => latest.readAtMs));
  const gapMs = previous && gapSince(previous, { readAtMs, seenAtElapsedMs });
  const sum = (value: (latest: Present) => number | undefined) => sumOfKnown(present.map(value));
  // A sum without one of them would pass for the whole.
  const sumOfAll = (value: (memory: MemoryCounters) => number | undefined) =>
    present.every(({ isMemoryKnown }) => isMemoryKnown) ? sum(({ memory }) => value(memory)) : undefined;
  return {
    readAtMs,
    gapMs,
    cpu: taskCpu(cpus, gapMs),
    memoryUsedBytes: sumOfAll(memoryUsedBytes),
    workingSetBytes: sumOfAll(workingSetBytes),
    anonBytes: sum(({ memory }) => memory.anonBytes),
    processCount: sum(({ processCount }) => processCount),
  };
}

/**
 * The sidecar's own start, a tenth of a second of CPU within its first sample, is no use of the job's: it would be the
 * maximum of an idle run, and the size recommended for it.
 */
function isPastItsStart({ usage, isFine }: ContainerTotals): boolean {
  return (isFine ? usage.cpuPercent.count : usage.pointCount) > 1;
}

/** A container whose CPU is not known yet leaves the sum unknown: absent is not zero. */
function taskCpu(cpus: readonly (CpuUse | undefined)[], gapMs: number | undefined): CpuUse | undefined {
  if (cpus.length === 0) return undefined;
  let percent = 0;
  let longestElapsedMs = 0;
  for (const cpu of cpus) {
    if (cpu === undefined) return undefined;
    percent += cpu.percent;
    longestElapsedMs = Math.max(longestElapsedMs, cpu.elapsedMs);
  }
  return { percent, elapsedMs: gapMs ?? longestElapsedMs };
}
