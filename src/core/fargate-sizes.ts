/**
 * The task sizes that Fargate sells for Linux.
 * Source: "Task CPU and memory", Amazon ECS developer guide, task_definition_parameters (8 and 16 vCPU need
 * platform version 1.4.0).
 */

export interface TaskSize {
  /** 1024 = 1 vCPU. */
  readonly cpuUnits: number;
  /** MiB. */
  readonly memoryMiB: number;
}

function steps(firstGiB: number, lastGiB: number, stepGiB: number): number[] {
  const sizes: number[] = [];
  for (let gib = firstGiB; gib <= lastGiB; gib += stepGiB) sizes.push(gib * 1024);
  return sizes;
}

const MEMORY_MIB_BY_CPU_UNITS: ReadonlyMap<number, readonly number[]> = new Map([
  [256, [512, 1024, 2048]],
  [512, steps(1, 4, 1)],
  [1024, steps(2, 8, 1)],
  [2048, steps(4, 16, 1)],
  [4096, steps(8, 30, 1)],
  [8192, steps(16, 60, 4)],
  [16384, steps(32, 120, 8)],
]);

/** Every pair, ascending by CPU, then by memory. */
export const FARGATE_SIZES: readonly TaskSize[] = [...MEMORY_MIB_BY_CPU_UNITS].flatMap(
  ([cpuUnits, memoryMiBs]) => memoryMiBs.map((memoryMiB) => ({ cpuUnits, memoryMiB })),
);

export function isFargateSize(size: TaskSize): boolean {
  return MEMORY_MIB_BY_CPU_UNITS.get(size.cpuUnits)?.includes(size.memoryMiB) ?? false;
}

/**
 * The smallest pair with at least this much of both; undefined when Fargate sells none so large.
 * CPU decides first: at Fargate's prices a vCPU costs some nine times a GB, so a lower CPU step with enough memory
 * is never the dearer one.
 */
export function smallestFargateSize(cpuUnits: number, memoryMiB: number): TaskSize | undefined {
  return FARGATE_SIZES.find((size) => size.cpuUnits >= cpuUnits && size.memoryMiB >= memoryMiB);
}

/** Up to `count` pairs closest to a size that is not sold, by ratio of both parts: what an error message offers. */
export function nearestFargateSizes(size: TaskSize, count = 3): readonly TaskSize[] {
  const distance = (other: TaskSize) =>
    Math.abs(Math.log(other.cpuUnits / size.cpuUnits)) + Math.abs(Math.log(other.memoryMiB / size.memoryMiB));
  return FARGATE_SIZES.toSorted((a, b) => distance(a) - distance(b)).slice(0, count);
}
