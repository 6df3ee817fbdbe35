import type { Sample } from '../core/types.ts';
import { type CountedProcess, foldLook } from './lifetime-counter.ts';
import { type ProcessStat, parseStat, TICK_NS } from './proc-files.ts';
import { isText, KeptFile, type OpenFiles } from './proc-texts.ts';

/** What a container's processes say together. */
export type SummedFigures = Omit<Sample, 'readAtMs' | 'source'>;

/** A counter of one process: what it used itself, and what it inherited from children that it waited for. */
interface Figure {
  readonly own: number;
  readonly inherited: number;
}

const COUNTED = {
  userTicks: (s: ProcessStat): Figure => ({ own: s.userTicks, inherited: s.childUserTicks }),
  kernelTicks: (s: ProcessStat): Figure => ({ own: s.kernelTicks, inherited: s.childKernelTicks }),
  majorFaults: (s: ProcessStat): Figure => ({ own: s.majorFaultCount, inherited: s.childMajorFaultCount }),
} as const;

type CounterName = keyof typeof COUNTED;
const COUNTER_NAMES = Object.keys(COUNTED) as CounterName[];

/** Passes over the processes before a look leaves the counters as they were. */
const MAX_PASSES = 5;

/** A process of the container. */
class Member {
  readonly pid: number;
  /** Names one process for ever, over reuse of its pid. */
  readonly key: string;
  readonly #statFile: KeptFile;
  readonly #memoryFile: KeptFile;
  #statText = '';
  #memoryText = '';
  /** At the last look that was folded, and at this one. */
  before: ProcessStat | undefined;
  stat: ProcessStat;
  /** What it had used before it was counted here. */
  readonly #joinedWith: ProcessStat | undefined;
  anonBytes: number | undefined;
  isGone = false;
  /** Of it, what it may share with the process it was forked from, which counts it. */
  sharedBytes = 0;
  sharedWith: Member | undefined;

  constructor(memoryFile: KeptFile, statFile: KeptFile, stat: ProcessStat, joinsLate: boolean) {
    this.pid = stat.pid;
    this.key = keyOf(stat);
    this.stat = stat;
    this.#statFile = statFile;
    this.#memoryFile = memoryFile;
    this.#joinedWith = joinsLate ? stat : undefined;
  }

  /** Returns false when it has ended. What cannot be read just now is as it was. */
  readStat(): boolean {
    const text = this.#statFile.read();
    if (text === 'gone') return false;
    // Most processes are idle between two looks, and reading is cheaper than parsing.
    if (text === this.#statText) return true;
    this.#statText = text;
    const stat = isText(text) ? parseStat(text) : undefined;
    if (stat === undefined) return true;
    // X: its parent is just inheriting from it.
    if (keyOf(stat) !== this.key || stat.state === 'X') return false;
    this.stat = stat;
    return true;
  }

  /**
   * Anonymous memory, bytes: `statm` tells pages that are resident, and of them those that are shared, which are of
   * files and of shared memory (fs/proc/task_mmu.c). It costs the kernel a third of what `status` does.
   */
  readMemory(pageBytes: number): void {
    const text = this.#memoryFile.read();
    if (text === this.#memoryText) return;
    this.#memoryText = text;
    if (!isText(text)) {
      if (text === 'gone') this.anonBytes = 0;
      return;
    }
    const [, resident, shared] = text.split(' ', 3);
    const pages = Number(resident) - Number(shared);
    if (pages >= 0) this.anonBytes = pages * pageBytes;
  }

  /** Whether its pages are still its own. */
  get hasMemory(): boolean {
    return !this.isGone && this.stat.state !== 'Z';
  }

  counted(name: CounterName, stat: ProcessStat): Figure {
    const { own, inherited } = COUNTED[name](stat);
    const joined = this.#joinedWith && COUNTED[name](this.#joinedWith);
    return joined ? { own: own - joined.own, inherited: inherited - joined.inherited } : { own, inherited };
  }

  close(): void {
    this.#statFile.close();
    this.#memoryFile.close();
  }
}

function keyOf({ pid, startTicks }: ProcessStat): string {
  return `${pid}:${startTicks}`;
}

/**
 * CPU time and anonymous memory of the processes of one container, over the whole of its life.
 *
 * Who is a member is decided elsewhere. Counters never fall, count what ended processes used (their parents inherit
 * it when they wait for them; see lifetime-counter.ts) and nothing twice. Pages that a fork shares with its parent
 * count once.
 *
 * process-group.ts does so for `fargauge run`, of processes of one's own user: it asks the kernel for shared pages and
 * for input and output, and may take its time. This one asks each process for two short lines.
 */
export class SummedProcesses {
  readonly #root: string;
  readonly #pageBytes: number;
  readonly #room: OpenFiles;
  /** By process id, in the order of their start: a parent before its children. */
  #members = new Map<number, Member>();
  readonly #residual: Record<CounterName, number> = { userTicks: 0, kernelTicks: 0, majorFaults: 0 };
  readonly #totals: Record<CounterName, number> = { userTicks: 0, kernelTicks: 0, majorFaults: 0 };
  /** How many processes have used CPU since the look before. */
  #busyCount = 0;
  #vanished: Member[] = [];
  #isInOrder = true;
  #lastStartTicks = 0;

  /** @param root `/proc` */
  constructor(root: string, pageBytes: number, room: OpenFiles) {
    this.#root = root;
    this.#room = room;
    this.#pageBytes = pageBytes;
  }

  has(pid: number): boolean {
    return this.#members.has(pid);
  }

  /** Whether a process that was added has ended, and another one may have its id. */
  isReplaced(pid: number): boolean {
    return this.#members.get(pid)?.readStat() === false;
  }

  /** @param joinsLate whether what it has used until now does not count: it was another container's, or not seen */
  add(pid: number, joinsLate = false): void {
    const kept = (name: string) => new KeptFile(`${this.#root}/${pid}/${name}`, this.#room);
    const file = kept('stat');
    const text = file.read();
    const stat = isText(text) ? parseStat(text) : undefined;
    if (stat === undefined) {
      file.close();
      return;
    }
    this.#members.set(pid, new Member(kept('statm'), file, stat, joinsLate));
    this.#isInOrder &&= stat.startTicks >= this.#lastStartTicks;
    this.#lastStartTicks = stat.startTicks;
  }

  /** It has ended, or moved away: what it has used stays. */
  remove(pid: number): void {
    const member = this.#members.get(pid);
    if (member === undefined) return;
    this.#members.delete(pid);
    this.#vanished.push(member);
    member.isGone = true;
    member.close();
  }

  /** Undefined when no process lives: zombies are no life. */
  look(): SummedFigures | undefined {
    if (!this.#isInOrder) this.#sort();
    // Processes that end faster than they can be read leave the counters as they were, until the next look.
    if (this.#readStats()) this.#fold();
    const living = [...this.#members.values()].filter((member) => member.hasMemory);
    if (living.length === 0) return undefined;
    const { userTicks, kernelTicks, majorFaults } = this.#totals;
    return {
      cpuUsageNs: (userTicks + kernelTicks) * TICK_NS,
      kernelCpuUsageNs: kernelTicks * TICK_NS,
      // Each is rounded to a tick by itself: some of that is made up for by that of others.
      cpuErrorNs: TICK_NS * Math.sqrt(Math.max(1, this.#busyCount)),
      memory: { anonBytes: this.#anonBytes(living), majorPageFaultCount: majorFaults },
      processCount: living.reduce((count, { stat }) => count + stat.threadCount, 0),
    };
  }

  close(): void {
    for (const member of this.#members.values()) member.close();
    this.#members.clear();
  }

  /**
   * Parents first. A parent read before its living child cannot have inherited from that child yet, so the child's
   * figure is in neither twice. Of a child that ended meanwhile the parents may have been read before or after: then
   * all are read once more. Returns whether that came to an end.
   */
  #readStats(): boolean {
    for (let pass = 0; pass < MAX_PASSES; pass += 1) {
      let isSettled = true;
      for (const member of this.#members.values()) {
        if (member.readStat()) continue;
        this.remove(member.pid);
        isSettled = false;
      }
      if (isSettled) return true;
    }
    return false;
  }

  #fold(): void {
    const members = [...this.#members.values()];
    // Without an end the sum of the living is all there is to it.
    if (this.#vanished.length > 0) this.#takeOver(members);
    for (const name of COUNTER_NAMES) {
      let total = this.#residual[name];
      for (const member of members) {
        const { own, inherited } = member.counted(name, member.stat);
        total += own + inherited;
      }
      this.#totals[name] = total;
    }
    this.#busyCount = 0;
    for (const member of members) {
      if (isBusy(member)) this.#busyCount += 1;
      member.before = member.stat;
    }
  }

  /** What ended processes used, as far as no living one inherited it. */
  #takeOver(members: readonly Member[]): void {
    const known = [...this.#vanished, ...members];
    const byPid = new Map(known.map((member) => [member.pid, member]));
    for (const name of COUNTER_NAMES) {
      const process = (member: Member, stat: ProcessStat | undefined): CountedProcess | undefined => {
        if (stat === undefined) return undefined;
        const { own, inherited } = member.counted(name, stat);
        const parentKey = byPid.get(stat.parentPid)?.key;
        return { key: member.key, ...(parentKey && { parentKey }), total: own + inherited, inherited };
      };
      const before = known.flatMap((member) => process(member, member.before) ?? []);
      const now = members.flatMap((member) => process(member, member.stat) ?? []);
      const folded = foldLook(
        { living: new Map(before.map((each) => [each.key, each])), residual: this.#residual[name] },
        now,
      );
      this.#residual[name] = folded.residual;
    }
    this.#vanished = [];
  }

  /**
   * A fork has its parent's pages until one of them writes: as much as the parent has when the fork is first seen
   * counts as the parent's alone, until the fork runs another program. When the parent ends, its first fork takes
   * them over.
   */
  #anonBytes(living: readonly Member[]): number {
    let sum = 0;
    for (const member of living) {
      const isNew = member.anonBytes === undefined;
      member.readMemory(this.#pageBytes);
      const { anonBytes = 0 } = member;
      if (!member.stat.isForkWithoutExec) member.sharedBytes = 0;
      else if (isNew) this.#share(member, anonBytes);
      inheritPages(member, living);
      sum += Math.max(0, anonBytes - member.sharedBytes);
    }
    return sum;
  }

  #share(member: Member, anonBytes: number): void {
    const parent = this.#members.get(member.stat.parentPid);
    if (parent === undefined) return;
    member.sharedWith = parent;
    member.sharedBytes = Math.min(anonBytes, parent.anonBytes ?? 0);
  }

  #sort(): void {
    const sorted = [...this.#members].sort(([, a], [, b]) => a.stat.startTicks - b.stat.startTicks);
    this.#members = new Map(sorted);
    this.#isInOrder = true;
    this.#lastStartTicks = sorted.at(-1)?.[1].stat.startTicks ?? 0;
  }
}

function isBusy({ before, stat }: Member): boolean {
  if (before === stat) return false;
  return before?.userTicks !== stat.userTicks || before.kernelTicks !== stat.kernelTicks;
}

function inheritPages(member: Member, living: readonly Member[]): void {
  const { sharedWith } = member;
  if (sharedWith === undefined || sharedWith.hasMemory) return;
  for (const other of living) if (other.sharedWith === sharedWith) other.sharedWith = member;
  member.sharedWith = undefined;
  member.sharedBytes = 0;
}
