import { groupMemory } from './group-memory.ts';
import {
  type CountedProcess,
  EMPTY_COUNTER,
  foldLook,
  type LifetimeCounter,
  lifetimeTotal,
} from './lifetime-counter.ts';
import { type ProcessIo, type ProcessStat, type ResidentMemory, TICK_NS } from './proc-files.ts';
import type { ProcessReader } from './procfs.ts';
import { processKey, type Selection } from './selection.ts';

/** A group of processes at one look. Counters count from the group's start and never fall. */
export interface GroupFigures {
  readonly cpuUserNs: number;
  readonly cpuKernelNs: number;
  readonly memory: ResidentMemory;
  readonly processCount: number;
  readonly threadCount: number;
  readonly majorFaultCount: number;
  /** Absent where no process of the group has let its counters be read. */
  readonly io?: ProcessIo;
}

interface Member {
  readonly key: string;
  readonly parentKey: string | undefined;
  readonly stat: ProcessStat;
  readonly io: ProcessIo | undefined;
}

type Figure = Pick<CountedProcess, 'total' | 'inherited'>;

/** Each counter with its inherited part. `io` mixes both, so all of its growth may be inherited. */
const COUNTED = {
  userTicks: ({ stat }: Member): Figure => withInherited(stat.userTicks, stat.childUserTicks),
  kernelTicks: ({ stat }: Member): Figure => withInherited(stat.kernelTicks, stat.childKernelTicks),
  majorFaultCount: ({ stat }: Member): Figure =>
    withInherited(stat.majorFaultCount, stat.childMajorFaultCount),
  readBytes: ({ io }: Member): Figure => withInherited(0, io?.readBytes ?? 0),
  writeBytes: ({ io }: Member): Figure => withInherited(0, io?.writeBytes ?? 0),
};

type CounterName = keyof typeof COUNTED;

function withInherited(own: number, inherited: number): Figure {
  return { total: own + inherited, inherited };
}

/** Passes over the members before a look gives up; each pass takes some 20 µs a process. */
const MAX_PASSES = 10;

/** CPU time, memory and input/output of a changing set of processes, over the whole of its life. */
export class ProcessGroup {
  readonly #reader: ProcessReader;
  readonly #select: Selection;
  #members: ReadonlyMap<string, Member> = new Map();
  #hasIo = false;
  readonly #counters: Record<CounterName, LifetimeCounter> = {
    userTicks: EMPTY_COUNTER,
    kernelTicks: EMPTY_COUNTER,
    majorFaultCount: EMPTY_COUNTER,
    readBytes: EMPTY_COUNTER,
    writeBytes: EMPTY_COUNTER,
  };

  constructor(reader: ProcessReader, select: Selection) {
    this.#reader = reader;
    this.#select = select;
  }

  look(): GroupFigures {
    const { members, isSettled } = this.#readMembers();
    // Members that end faster than they can be read leave the counters as they were, until the next look.
    if (isSettled) this.#fold(members);
    const stats = members.map((member) => member.stat);
    return {
      cpuUserNs: this.#total('userTicks') * TICK_NS,
      cpuKernelNs: this.#total('kernelTicks') * TICK_NS,
      memory: groupMemory(this.#reader, stats),
      processCount: members.length,
      threadCount: stats.reduce((count, stat) => count + stat.threadCount, 0),
      majorFaultCount: this.#total('majorFaultCount'),
      ...(this.#hasIo && {
        io: { readBytes: this.#total('readBytes'), writeBytes: this.#total('writeBytes') },
      }),
    };
  }

  /**
   * The living members, read parents first. A parent read before its living child cannot have inherited from that
   * child yet, so the child's figure is in neither twice. A member that was known and ended during a pass may or may
   * not be in what was read of its ancestors: then everything is read once more without it.
   */
  #readMembers(): { members: readonly Member[]; isSettled: boolean } {
    const isKnown = (process: ProcessStat): boolean => this.#members.has(processKey(process));
    let candidates = parentsFirst(this.#select(this.#reader.processes(), isKnown));
    let members: readonly Member[] = [];
    for (let pass = 0; pass < MAX_PASSES; pass++) {
      members = this.#pass(candidates);
      const readKeys = new Set(members.map((member) => member.key));
      const isRead = (process: ProcessStat): boolean => readKeys.has(processKey(process));
      if (candidates.every((process) => isRead(process) || !isKnown(process))) {
        return { members, isSettled: true };
      }
      candidates = candidates.filter(isRead);
    }
    return { members, isSettled: false };
  }

  #pass(candidates: readonly ProcessStat[]): readonly Member[] {
    const keyOfPid = new Map<number, string>();
    const members: Member[] = [];
    for (const candidate of candidates) {
      const key = processKey(candidate);
      const stat = this.#reader.stat(candidate.pid);
      // X: its parent is just inheriting from it.
      if (stat === undefined || processKey(stat) !== key || stat.state === 'X') continue;
      const io = this.#reader.io(stat.pid) ?? this.#members.get(key)?.io;
      members.push({ key, parentKey: keyOfPid.get(stat.parentPid), stat, io });
      keyOfPid.set(stat.pid, key);
    }
    return members;
  }

  #fold(members: readonly Member[]): void {
    for (const name of Object.keys(COUNTED) as CounterName[]) {
      const processes = members.map((member) => ({
        key: member.key,
        ...(member.parentKey !== undefined && { parentKey: member.parentKey }),
        ...COUNTED[name](member),
      }));
      this.#counters[name] = foldLook(this.#counters[name], processes);
    }
    this.#hasIo ||= members.some((member) => member.io !== undefined);
    this.#members = new Map(members.map((member) => [member.key, member]));
  }

  #total(name: CounterName): number {
    return lifetimeTotal(this.#counters[name]);
  }
}

/** The same processes, each after its parent. */
function parentsFirst(processes: readonly ProcessStat[]): readonly ProcessStat[] {
  const pids = new Set(processes.map((process) => process.pid));
  const childrenOf = Map.groupBy(processes, (process) => process.parentPid);
  const ordered = processes.filter((process) => !pids.has(process.parentPid));
  for (const process of ordered) ordered.push(...(childrenOf.get(process.pid) ?? []));
  return ordered;
}
