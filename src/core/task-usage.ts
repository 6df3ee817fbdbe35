import { gapSince, type SeenPoint } from './delta.ts';
import { memoryUsedBytes, workingSetBytes } from './memory.ts';
import type { ContainerTotals, Present } from './totals.ts';
import type { MemoryCounters } from './types.ts';
import { type CpuUse, sumOfKnown, Usage, type UsagePoint } from './usage.ts';

/** What counts of one container in a sum, as it was at one poll or look. */
interface Part {
  readonly totals: ContainerTotals;
  readonly present: Present;
  readonly isCpuCounted: boolean;
}

/** The parts of a sum, and when (monotonic clock) they were seen. */
interface Moment {
  readonly seenAtElapsedMs: number;
  readonly parts: Part[];
}

/** So many wait at the most: of a container that could not be started there is no start to come. */
const MAX_WAITING = 64;

/**
 * The task's use: of each poll or look the sum over what each container has then, which is not the sum of their peaks.
 * A sum without one that may have been running by then would pass for the whole: it waits until that is known.
 */
export class TaskUsage extends Usage {
  #lastPoint: SeenPoint | undefined;
  /** In their order. */
  readonly #waiting: Moment[] = [];

  get waitingCount(): number {
    return this.#waiting.length;
  }

  /**
   * Takes down what each container has now.
   * @param selfName the sidecar, as soon as it is known
   */
  note(containers: Iterable<ContainerTotals>, seenAtElapsedMs: number, selfName: string | undefined): void {
    const moment: Moment = { seenAtElapsedMs, parts: [] };
    for (const totals of containers) notePart(moment, totals, selfName);
    this.#waiting.push(moment);
  }

  /** Takes down, to a sum that waits, what a container had then that has turned out to have been running. */
  noteLate(totals: ContainerTotals, seenAtElapsedMs: number, selfName: string | undefined): void {
    const moment = this.#waiting.find((each) => each.seenAtElapsedMs === seenAtElapsedMs);
    if (moment === undefined) return;
    const index = moment.parts.findIndex((part) => part.totals === totals);
    if (index >= 0) moment.parts.splice(index, 1);
    notePart(moment, totals, selfName);
  }

  /** Makes the sums that need not wait any more. */
  addComplete(containers: readonly ContainerTotals[], cpuSizeUnits: number | undefined): void {
    const isIncomplete = ({ seenAtElapsedMs }: Moment) =>
      containers.some((totals) => totals.keepsLook(seenAtElapsedMs));
    for (let [first] = this.#waiting; first; [first] = this.#waiting) {
      if (this.#waiting.length <= MAX_WAITING && isIncomplete(first)) return;
      this.#addFirst(cpuSizeUnits);
    }
  }

  /** Makes all sums: what has not shown its start by now never will. */
  addAll(cpuSizeUnits: number | undefined): void {
    while (this.#waiting.length > 0) this.#addFirst(cpuSizeUnits);
  }

  #addFirst(cpuSizeUnits: number | undefined): void {
    const moment = this.#waiting.shift();
    const point = moment && pointOf(moment, this.#lastPoint);
    if (moment === undefined || point === undefined) return;
    this.add(point, cpuSizeUnits);
    this.#lastPoint = { readAtMs: point.readAtMs, seenAtElapsedMs: moment.seenAtElapsedMs };
  }
}

function notePart({ parts }: Moment, totals: ContainerTotals, selfName: string | undefined): void {
  const { present } = totals;
  if (present === undefined) return;
  const isCpuCounted = totals.container.name !== selfName || isPastItsStart(totals);
  parts.push({ totals, present, isCpuCounted });
}

function pointOf(
  { seenAtElapsedMs, parts }: Moment,
  previous: SeenPoint | undefined,
): UsagePoint | undefined {
  const present: Present[] = [];
  const cpus: (CpuUse | undefined)[] = [];
  for (const part of parts) {
    present.push(part.present);
    if (part.isCpuCounted) cpus.push(part.present.cpu);
  }
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
