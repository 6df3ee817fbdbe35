import type { ProcessStat } from './proc-files.ts';
import type { ProcessReader } from './procfs.ts';

/**
 * Which of all processes make up a group.
 * @param isKnown true for a process that was of the group at the last look.
 */
export type Selection = (
  all: readonly ProcessStat[],
  isKnown: (process: ProcessStat) => boolean,
) => readonly ProcessStat[];

/** Names one process for ever: a pid alone is reused. */
export function processKey(process: ProcessStat): string {
  return `${process.pid}:${process.startTicks}`;
}

/**
 * The processes that descend from a root. Who was seen in the tree stays in it when its parent ends and init adopts
 * it. An orphan whose parents were too short-lived to be seen is known by the marker it has inherited.
 *
 * @param rootPid a process that is alive, or not yet waited for.
 * @param marker an environment entry `NAME=value` that was given to the root and to nothing outside the tree.
 */
export function processTree(reader: ProcessReader, rootPid: number, marker?: string): Selection {
  const root = reader.stat(rootPid);
  const rootKey = root && processKey(root);
  let strangers: ReadonlySet<string> = new Set();

  return (all, isKnown) => {
    const childrenOf = Map.groupBy(all, (process) => process.parentPid);
    const members = new Set<ProcessStat>();
    const addWithDescendants = (top: ProcessStat): void => {
      const open = [top];
      for (let process = open.pop(); process; process = open.pop()) {
        const { pid, startTicks } = process;
        if (members.has(process)) continue;
        members.add(process);
        // An older "child" is the child of another process that had this pid.
        open.push(...(childrenOf.get(pid) ?? []).filter((child) => child.startTicks >= startTicks));
      }
    };

    for (const process of all) {
      if (processKey(process) === rootKey || isKnown(process)) addWithDescendants(process);
    }
    if (marker !== undefined) {
      for (const process of all) {
        // An environment does not change, so a stranger's is read once; a kernel thread has none.
        const isOpen =
          !members.has(process) && !process.isKernelThread && !strangers.has(processKey(process));
        if (isOpen && reader.environment(process.pid)?.includes(marker)) addWithDescendants(process);
      }
      strangers = new Set(all.filter((process) => !members.has(process)).map(processKey));
    }
    return [...members];
  };
}
