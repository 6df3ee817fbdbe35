import type { ProcessStat } from '../../src/proc/proc-files.ts';

/** A process that has done nothing yet. */
export function process(pid: number, parentPid: number, rest: Partial<ProcessStat> = {}): ProcessStat {
  return {
    pid,
    parentPid,
    processGroup: pid,
    foregroundGroup: -1,
    state: 'S',
    startTicks: pid * 100,
    userTicks: 0,
    kernelTicks: 0,
    childUserTicks: 0,
    childKernelTicks: 0,
    majorFaultCount: 0,
    childMajorFaultCount: 0,
    threadCount: 1,
    isKernelThread: false,
    isForkWithoutExec: false,
    ...rest,
  };
}
