import { Distribution } from './distribution.ts';

/** CPU over a stretch of time: 100 percent = one vCPU. */
export interface CpuUse {
  readonly percent: number;
  readonly elapsedMs: number;
}

/** What one fresh sample, or the sum of several containers' samples at one poll, says of use at that moment. */
export interface UsagePoint {
  readonly readAtMs: number;
  /** Time since the point before; absent for the first one and where the clock was set. */
  readonly gapMs: number | undefined;
  readonly cpu: CpuUse | undefined;
  readonly memoryUsedBytes: number | undefined;
  readonly workingSetBytes: number | undefined;
  readonly anonBytes: number | undefined;
  /** cgroup v1 only, and of one container only: peaks are not summed. */
  readonly maxUsageBytes?: number | undefined;
  readonly processCount: number | undefined;
}

/** From this share of the size on, CPU counts as saturated. Throttling counters would say it better, but are 0 on Fargate. */
const SATURATED_FROM_PERCENT = 95;

/** Maxima, means and percentiles over usage points, in bounded memory. */
export class Usage {
  readonly cpuPercent = new Distribution();
  readonly memoryUsedBytes = new Distribution();
  readonly gapMs = new Distribution();
  pointCount = 0;
  firstReadAtMs: number | undefined;
  lastReadAtMs: number | undefined;
  /** Time between the first and the last point. */
  seenMs = 0;
  maxWorkingSetBytes: number | undefined;
  maxAnonBytes: number | undefined;
  maxUsageBytes: number | undefined;
  maxProcessCount: number | undefined;
  /** Time over which CPU is known, and how much of it was saturated. */
  #cpuKnownMs = 0;
  #saturatedMs = 0;

  /** @param cpuSizeUnits what limits the CPU, 1024 = 1 vCPU; absent where nothing does */
  add(point: UsagePoint, cpuSizeUnits: number | undefined): void {
    this.pointCount += 1;
    this.firstReadAtMs ??= point.readAtMs;
    this.lastReadAtMs = point.readAtMs;
    if (point.gapMs !== undefined) {
      this.gapMs.add(point.gapMs);
      this.seenMs += point.gapMs;
    }
    if (point.cpu) this.#addCpu(point.cpu, cpuSizeUnits);
    if (point.memoryUsedBytes !== undefined) this.memoryUsedBytes.add(point.memoryUsedBytes);
    this.maxWorkingSetBytes = larger(this.maxWorkingSetBytes, point.workingSetBytes);
    this.maxAnonBytes = larger(this.maxAnonBytes, point.anonBytes);
    this.maxUsageBytes = larger(this.maxUsageBytes, point.maxUsageBytes);
    this.maxProcessCount = larger(this.maxProcessCount, point.processCount);
  }

  /** Counts a figure for the maxima alone: one that finer samples of the same time tell the distribution of. */
  raise(cpuPercent: number | undefined, memoryUsedBytes: number | undefined): void {
    if (cpuPercent !== undefined) this.cpuPercent.raise(cpuPercent);
    if (memoryUsedBytes !== undefined) this.memoryUsedBytes.raise(memoryUsedBytes);
  }

  /** Share of the observed time at >= 95 % of the size; undefined where no size is known or no CPU was seen. */
  get cpuSaturatedPercent(): number | undefined {
    return this.#cpuKnownMs > 0 ? (this.#saturatedMs / this.#cpuKnownMs) * 100 : undefined;
  }

  #addCpu(cpu: CpuUse, cpuSizeUnits: number | undefined): void {
    this.cpuPercent.add(cpu.percent);
    if (cpuSizeUnits === undefined) return;
    this.#cpuKnownMs += cpu.elapsedMs;
    const isSaturated = cpuUtilizationPercent(cpu.percent, cpuSizeUnits) >= SATURATED_FROM_PERCENT;
    if (isSaturated) this.#saturatedMs += cpu.elapsedMs;
  }
}

/** Of a size in CPU units (1024 = 1 vCPU): what CloudWatch shows. */
export function cpuUtilizationPercent(cpuPercent: number, cpuSizeUnits: number): number {
  return (cpuPercent * 1024) / cpuSizeUnits;
}

/** The larger of those that are known. */
export function larger(a: number | undefined, b: number | undefined): number | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  return Math.max(a, b);
}

/** The sum of those that are known; undefined when none is. */
export function sumOfKnown(values: Iterable<number | undefined>): number | undefined {
  let sum: number | undefined;
  for (const value of values) if (value !== undefined) sum = (sum ?? 0) + value;
  return sum;
}
