import { FARGATE_SIZES, smallestFargateSize, type TaskSize } from './fargate-sizes.ts';

/** What one run says of the size that it needed. */
export interface Need {
  readonly sampleCount: number;
  /** 100 = one vCPU. */
  readonly p95CpuPercent: number | undefined;
  readonly maxWorkingSetMiB: number | undefined;
  readonly cpuSaturatedPercent: number | undefined;
  readonly isOutOfMemory: boolean;
  readonly size: { readonly cpuUnits?: number | undefined; readonly memoryMiB?: number | undefined };
}

/** Fewer fresh samples say nothing of a size. */
const MIN_SAMPLE_COUNT = 3;
/** Over what was seen: a fifth. */
export const HEADROOM = 1.2;
/** Saturated for this share of the time, what the run would have used with more CPU cannot be seen. */
export const SATURATED_PERCENT = 5;

/**
 * The smallest pair Fargate sells that covers the run's working set and p95 CPU plus 20 %.
 * Undefined below three fresh samples, or where Fargate sells nothing so large. After OutOfMemory its memory is
 * above the present size; while the CPU was saturated it never has less CPU than now.
 */
export function recommendedSize(need: Need): TaskSize | undefined {
  const { p95CpuPercent, maxWorkingSetMiB, size } = need;
  if (need.sampleCount < MIN_SAMPLE_COUNT) return undefined;
  if (p95CpuPercent === undefined || maxWorkingSetMiB === undefined) return undefined;

  const isSaturated = (need.cpuSaturatedPercent ?? 0) >= SATURATED_PERCENT;
  const cpuFloor = isSaturated ? (size.cpuUnits ?? 0) : 0;
  const cpuUnits = Math.max(cpuFloor, (p95CpuPercent / 100) * 1024 * HEADROOM);
  const memoryFloor = need.isOutOfMemory ? nextMemoryMiB(size.memoryMiB) : 0;
  if (memoryFloor === undefined) return undefined;
  return smallestFargateSize(cpuUnits, Math.max(memoryFloor, maxWorkingSetMiB * HEADROOM));
}

/** The next memory size above, MiB; 0 without a present size, undefined where none is sold. */
export function nextMemoryMiB(memoryMiB: number | undefined): number | undefined {
  if (memoryMiB === undefined) return 0;
  const larger = FARGATE_SIZES.map((size) => size.memoryMiB).filter((mib) => mib > memoryMiB);
  return larger.length === 0 ? undefined : Math.min(...larger);
}
