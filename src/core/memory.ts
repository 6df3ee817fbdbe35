import type { MemoryCounters } from './types.ts';

export const BYTES_PER_MIB = 1_048_576;

/**
 * Limits from here up mean "none": cgroup v1 says 2^63 rounded down to a page, v2 says 2^64 - 1.
 * JSON.parse rounds both, so such a figure is compared and never subtracted.
 */
const NO_LIMIT_BYTES = 2 ** 62;

/**
 * Memory in use as CloudWatch shows it, bytes: usage minus `cache` on cgroup v1, minus `inactive_file` on v2.
 * Source: amazon-ecs-agent `agent/stats/utils_unix.go`. A cache above the usage (the two are read one after the
 * other) is not subtracted, as there.
 */
export function memoryUsedBytes(memory: MemoryCounters): number | undefined {
  return usageWithout(memory, memory.cacheBytes ?? memory.inactiveFileBytes);
}

/**
 * Working set, bytes: usage minus inactive file pages, as the Docker CLI (since 20.10), cAdvisor and Kubernetes
 * count it. Source: docker/cli `cli/command/container/stats_helpers.go`.
 */
export function workingSetBytes(memory: MemoryCounters): number | undefined {
  return usageWithout(memory, memory.totalInactiveFileBytes ?? memory.inactiveFileBytes);
}

function usageWithout({ usageBytes }: MemoryCounters, cacheBytes = 0): number | undefined {
  if (usageBytes === undefined) return undefined;
  return cacheBytes < usageBytes ? usageBytes - cacheBytes : usageBytes;
}

/** A limit in bytes, or undefined where the figure means that there is none. */
export function knownLimitBytes(limitBytes: number | undefined): number | undefined {
  return limitBytes !== undefined && limitBytes > 0 && limitBytes < NO_LIMIT_BYTES ? limitBytes : undefined;
}
