import { smallestFargateSize, type TaskSize } from '../core/fargate-sizes.ts';
import { HEADROOM, nextMemoryMiB, SATURATED_PERCENT } from '../core/recommendation.ts';
import type { Recommendation } from './report-document.ts';
import { isBlind, isOutOfMemory, type ReportedRun } from './reported-run.ts';

/** Fewer runs that were seen well say nothing of the next one. */
export const MIN_RUN_COUNT = 5;
/** With more blind runs than this, those with the highest peaks may be among them. */
export const MAX_BLIND_PERCENT = 20;

/** The size that the runs of a window needed: what core/recommendation.ts says of one run, of all of them. */
export class WindowNeed {
  #runCount = 0;
  #blindRunCount = 0;
  /** Neither failed nor blind. */
  #soundRunCount = 0;
  #p95CpuPercent = 0;
  #maxCpuPercent = 0;
  #maxMemoryMB = 0;
  /** The largest size of a run that used all of its CPU. */
  #saturatedCpuUnits = 0;
  /** The largest size of a run that ran out of it. */
  #exhaustedMemoryMB: number | undefined;

  add(run: ReportedRun): void {
    this.#runCount += 1;
    if (isBlind(run) || !hasPeaks(run)) this.#blindRunCount += 1;
    else if (run.status !== 'failure') this.#soundRunCount += 1;
    this.#p95CpuPercent = Math.max(this.#p95CpuPercent, run.p95CpuPercent ?? 0);
    this.#maxCpuPercent = Math.max(this.#maxCpuPercent, run.maxCpuPercent ?? 0);
    this.#maxMemoryMB = Math.max(this.#maxMemoryMB, run.maxWorkingSetMB ?? 0, run.memoryPeak?.mb ?? 0);
    if ((run.cpuSaturatedPercent ?? 0) >= SATURATED_PERCENT) {
      this.#saturatedCpuUnits = Math.max(this.#saturatedCpuUnits, run.cpuSizeUnits ?? 0);
    }
    if (isOutOfMemory(run) && run.memorySizeMB !== undefined) {
      this.#exhaustedMemoryMB = Math.max(this.#exhaustedMemoryMB ?? 0, run.memorySizeMB);
    }
  }

  /**
   * The smallest pair that Fargate sells with the memory of the highest peak and the CPU of the highest p95 of all runs,
   * each and a fifth, and never below the highest CPU peak. Blind and failed runs raise it too, but it does not rest on
   * them.
   */
  recommendation(present: Partial<TaskSize>): Recommendation {
    const reason = this.#refusal();
    if (reason !== undefined) return { kind: 'none', reason };
    const cpuUnits = Math.max(
      this.#saturatedCpuUnits,
      unitsOf(this.#p95CpuPercent) * HEADROOM,
      unitsOf(this.#maxCpuPercent),
    );
    const memoryFloor = nextMemoryMiB(this.#exhaustedMemoryMB);
    const size =
      memoryFloor === undefined
        ? undefined
        : smallestFargateSize(cpuUnits, Math.max(memoryFloor, this.#maxMemoryMB * HEADROOM));
    if (size === undefined) return { kind: 'none', reason: 'it needs more than Fargate sells' };
    return {
      kind: 'size',
      cpuUnits: size.cpuUnits,
      memoryMB: size.memoryMiB,
      basedOnRunCount: this.#soundRunCount,
      isPresentSize: size.cpuUnits === present.cpuUnits && size.memoryMiB === present.memoryMiB,
    };
  }

  #refusal(): string | undefined {
    if (this.#runCount === 0) return 'no run has left a REPORT';
    const blindPercent = (this.#blindRunCount / this.#runCount) * 100;
    if (blindPercent > MAX_BLIND_PERCENT) {
      return `${this.#blindRunCount} of ${this.#runCount} runs are blind: too few samples to know their peaks`;
    }
    if (this.#soundRunCount < MIN_RUN_COUNT) {
      return `it takes ${MIN_RUN_COUNT} runs that did not fail and were seen well; found: ${this.#soundRunCount}`;
    }
    return undefined;
  }
}

/** Anonymous memory alone is not the whole: it raises the need, but the need does not rest on it. */
function hasPeaks({ p95CpuPercent, maxWorkingSetMB, maxMemoryUsedMB }: ReportedRun): boolean {
  return p95CpuPercent !== undefined && (maxWorkingSetMB ?? maxMemoryUsedMB) !== undefined;
}

function unitsOf(cpuPercent: number): number {
  return (cpuPercent / 100) * 1024;
}
