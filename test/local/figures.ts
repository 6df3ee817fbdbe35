import type { GroupFigures } from '../../src/proc/process-group.ts';

export const MIB = 1024 * 1024;

/** A container that has used `seconds` of CPU time, a quarter of it in the kernel. */
export function figures(seconds: number, rest: Partial<GroupFigures> = {}): GroupFigures {
  return {
    cpuUserNs: Math.round(seconds * 0.75e9),
    cpuKernelNs: Math.round(seconds * 0.25e9),
    memory: { anonBytes: 100 * MIB, fileBytes: 30 * MIB, shmemBytes: 5 * MIB },
    processCount: 2,
    threadCount: 11,
    majorFaultCount: 3,
    ...rest,
  };
}
