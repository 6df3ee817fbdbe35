import { readFileSync } from 'node:fs';
import type { Container, Sample, Samples } from '../core/types.ts';
import { CgroupCounters, isCgroupFileSystem } from './cgroup-counters.ts';
import { parseCgroupPaths, parseStat } from './proc-files.ts';
import { OpenFiles, readPids, readText } from './proc-texts.ts';
import { SummedProcesses } from './summed-processes.ts';

/** What is known of the task when /proc is looked at. */
export interface LookedAtTask {
  readonly containers: readonly Container[];
  /** Docker id of the sidecar's own container, where it is known. */
  readonly selfId: string | undefined;
  /** Wall clock, ms since the epoch. */
  readonly nowMs: number;
}

export interface ProcLook {
  /** Keyed by Docker id; a container without an entry has no process that lives. */
  readonly samples: Samples;
  /** CPU time that the look took, ms. */
  readonly costMs: number;
  /** Processes beyond those that are looked at: their CPU time and memory is in no sum. */
  readonly leftOutCount: number;
  /** Whether there are processes of other containers, and no telling which is of which. */
  readonly isAmbiguous: boolean;
}

/** The processes of a task's containers, in a PID namespace that they share with the sidecar. */
export interface TaskProcesses {
  /** Undefined when it turned out that none of the task's containers can be seen: there is no use in going on. */
  look(task: LookedAtTask): ProcLook | undefined;
  /** Gives the open files back: there will be no look any more. */
  close(): void;
}

export interface TaskProcessesOptions {
  /** Default: `/proc`. */
  readonly root?: string;
  /** The sidecar's own process id. */
  readonly pid?: number;
  readonly isCgroup?: (path: string) => boolean;
  /** The machine's; default: as the kernel told this process. */
  readonly pageBytes?: number;
  readonly maxProcesses?: number;
}

/** Memory is bounded: some 500 bytes each. */
const MAX_PROCESSES = 4_096;
/** So many known processes are asked at each look whether they have moved to another cgroup, by turns. */
const RECHECKED_COUNT = 4;
/** Looks at a task with other containers running, of which none is found, until there is no use in going on. */
const MAX_BLIND_LOOKS = 10;
/** Processes of a container whose way to the cgroup's own files is tried in one look. */
const MAX_CGROUP_TRIES = 3;
/**
 * One that refuses may become another user (gosu, setpriv): it is tried again after ever more looks, up to these, and
 * up to the number of processes, so that each has its turn.
 */
const MAX_WAIT_LOOKS = 60;
/** Docker's ids, with what systemd puts around them in a path, and Fargate's. */
const ID_KINDS = [/(?:^|-)[0-9a-f]{64}(?:\.scope)?$/, /^[0-9a-f]{32}-\d+$/];
/** Cgroups that containers make inside their own: so many are remembered. */
const MAX_INNER = 256;
const INIT_PID = 1;

/**
 * One cheap look at whether processes of other containers can be seen: whether the first process of this PID
 * namespace is another container's. Under `pidMode: task` that is the pause container's, under `pidMode: host` the
 * machine's; without a shared namespace it is the sidecar's own.
 * @returns undefined where there is nothing to see
 */
export function openTaskProcesses(options: TaskProcessesOptions = {}): TaskProcesses | undefined {
  const { root = '/proc', pid = process.pid } = options;
  if (pid === INIT_PID) return undefined;
  const own = cgroupOf(root, pid);
  const first = cgroupOf(root, INIT_PID);
  if (own === undefined || first === undefined) return undefined;
  const isShared = own.path !== first.path || rootOfTree(root, pid) !== INIT_PID;
  return isShared ? new SharedNamespace({ ...options, root, pid }, own.path, first.path) : undefined;
}

/** What belongs together: the processes with one cgroup path, or of one tree where paths tell nothing. */
interface Group {
  readonly key: string;
  /** Every part of every path: among them may be a container's id. */
  readonly parts: ReadonlySet<string>;
  readonly path: string;
  readonly pids: Set<number>;
  readonly processes: SummedProcesses;
  containerId: string | undefined;
  cgroup: CgroupCounters | undefined;
  /** Once the cgroup's own counters were read, sums of processes are no substitute: they count otherwise. */
  hasReadCgroup: boolean;
}

interface Known {
  group: Group;
  /** What it had used by then is not of its group's sum: it was in another container, or was left out. */
  joinsLate: boolean;
  /** A process that is being started is in its own cgroup only a moment after it appears. */
  readonly metInLook: number;
  seenInLook: number;
  /** The look in which the cgroup's own files are tried through it, and after how many more when it refuses. */
  nextTryInLook: number;
  waitLooks: number;
}

class SharedNamespace implements TaskProcesses {
  readonly #root: string;
  readonly #pid: number;
  readonly #isCgroup: (path: string) => boolean;
  readonly #pageBytes: number;
  readonly #maxProcesses: number;
  readonly #room = new OpenFiles();
  /** Whether cgroup paths tell containers apart. */
  readonly #hasPaths: boolean;
  readonly #groups = new Map<string, Group>();
  /** By the path of a cgroup inside a container's own: the container's group. */
  readonly #inner = new Map<string, Group>();
  readonly #known = new Map<number, Known>();
  #lookCount = 0;
  /** How many were too many at the last look. */
  #leftOutCount = 0;
  #blindLookCount = 0;
  #hasSeenOther = false;
  /** Whether the id of some container was in a path: then so is that of every other one. */
  #hasIds = false;
  #isAmbiguous = false;
  #recheckFrom = 0;

  constructor(
    options: TaskProcessesOptions & { root: string; pid: number },
    ownPath: string,
    firstPath: string,
  ) {
    this.#root = options.root;
    this.#pid = options.pid;
    this.#isCgroup = options.isCgroup ?? isCgroupFileSystem;
    this.#pageBytes = options.pageBytes ?? pageSize(options.root);
    this.#maxProcesses = options.maxProcesses ?? MAX_PROCESSES;
    this.#hasPaths = ownPath !== firstPath;
  }

  look(task: LookedAtTask): ProcLook | undefined {
    const startedAt = process.cpuUsage();
    this.#lookCount += 1;
    this.#findProcesses();
    this.#recheck();
    this.#name(task);
    const samples = new Map<string, Sample>();
    for (const group of this.#groups.values()) {
      const { containerId } = group;
      const sample = containerId === undefined ? undefined : this.#sample(group, task.nowMs);
      if (containerId !== undefined && sample) samples.set(containerId, sample);
    }
    if (!this.#isOtherSeen(task, samples)) {
      if (this.#blindLookCount >= MAX_BLIND_LOOKS) return undefined;
      // Of the sidecar alone the endpoint tells enough.
      samples.clear();
    }
    const { user, system } = process.cpuUsage(startedAt);
    return {
      samples,
      costMs: (user + system) / 1000,
      leftOutCount: this.#leftOutCount,
      isAmbiguous: this.#isAmbiguous,
    };
  }

  close(): void {
    for (const { cgroup, processes } of this.#groups.values()) {
      cgroup?.close();
      processes.close();
    }
  }

  #findProcesses(): void {
    let leftOutCount = 0;
    // Which ones were left out is not remembered: one that is new now may have been.
    const joinsLate = this.#leftOutCount > 0;
    for (const pid of readPids(this.#root)) {
      const known = this.#known.get(pid);
      if (known) known.seenInLook = this.#lookCount;
      else if (this.#known.size < this.#maxProcesses || this.#isNeeded(pid)) this.#meet(pid, joinsLate);
      else leftOutCount += 1;
    }
    for (const [pid, { seenInLook }] of this.#known) if (seenInLook !== this.#lookCount) this.#forget(pid);
    this.#leftOutCount = leftOutCount;
  }

  /** By them it is told which containers are the sidecar's and the pause container. */
  #isNeeded(pid: number): boolean {
    return pid === INIT_PID || pid === this.#pid;
  }

  #meet(pid: number, joinsLate: boolean): void {
    const group = this.#groupOf(pid);
    if (group === undefined) return;
    this.#known.set(pid, {
      group,
      joinsLate,
      metInLook: this.#lookCount,
      seenInLook: this.#lookCount,
      nextTryInLook: this.#lookCount,
      waitLooks: 1,
    });
    group.pids.add(pid);
  }

  #forget(pid: number): void {
    const group = this.#known.get(pid)?.group;
    this.#known.delete(pid);
    if (group === undefined) return;
    group.pids.delete(pid);
    group.processes.remove(pid);
    if (group.pids.size > 0) return;
    closeCgroup(group);
    // A container that is restarted comes back under the same path; strangers do not.
    if (group.containerId === undefined) this.#groups.delete(group.key);
  }

  /** Those that were new at the last look, and a few others by turns. */
  #recheck(): void {
    // A tree is a tree whoever adopts a part of it.
    if (!this.#hasPaths) return;
    const from = this.#recheckFrom < this.#known.size ? this.#recheckFrom : 0;
    this.#recheckFrom = from + RECHECKED_COUNT;
    let index = 0;
    for (const [pid, { metInLook }] of this.#known) {
      const isInTurn = index >= from && index < this.#recheckFrom;
      if (isInTurn || metInLook === this.#lookCount - 1) this.#recheckOne(pid);
      index += 1;
    }
  }

  #recheckOne(pid: number): void {
    const known = this.#known.get(pid);
    if (known === undefined) return;
    const group = this.#groupOf(pid);
    if (group === undefined || group === known.group) return;
    if (isInside(group, known.group)) {
      this.#join(group, known.group);
      return;
    }
    if (known.group.processes.isReplaced(pid)) {
      this.#forget(pid);
      this.#meet(pid, false);
      return;
    }
    known.joinsLate ||= known.group.processes.has(pid);
    known.group.pids.delete(pid);
    known.group.processes.remove(pid);
    known.group = group;
    group.pids.add(pid);
  }

  #groupOf(pid: number): Group | undefined {
    const cgroup = cgroupOf(this.#root, pid);
    if (cgroup === undefined) return undefined;
    const key = this.#hasPaths ? cgroup.path : this.#treeOf(pid);
    if (key === undefined) return undefined;
    let group = this.#groups.get(key) ?? this.#inner.get(key);
    if (group === undefined) {
      group = {
        key,
        ...cgroup,
        pids: new Set(),
        processes: new SummedProcesses(this.#root, this.#pageBytes, this.#room),
        containerId: undefined,
        cgroup: undefined,
        hasReadCgroup: false,
      };
      this.#groups.set(key, group);
    }
    return group;
  }

  /** That of its parent, where it is known already: an orphan goes to the pause container, and is no part of it. */
  #treeOf(pid: number): string | undefined {
    const top = rootOfTree(this.#root, pid, (each) => this.#known.has(each));
    return top === undefined ? undefined : (this.#known.get(top)?.group.key ?? `tree of ${top}`);
  }

  #name({ containers, selfId }: LookedAtTask): void {
    const own = this.#known.get(this.#pid)?.group;
    if (own && selfId) {
      own.containerId ??= selfId;
      this.#hasIds ||= hasId(own.parts, selfId);
    }
    const groups = [...this.#groups.values()];
    for (const group of groups.filter(({ containerId }) => containerId === undefined)) {
      const container = containers.find(({ id }) => id !== '' && hasId(group.parts, id));
      if (container) this.#hasIds = true;
      const owner = groups.find(
        (other) =>
          other.containerId !== undefined && (other.containerId === container?.id || isInside(group, other)),
      );
      if (owner) this.#join(group, owner);
      else if (container) group.containerId = container.id;
    }
    this.#isAmbiguous = false;
    if (own?.containerId !== undefined && !this.#hasIds) this.#nameByElimination(containers);
  }

  /** A container may divide its cgroup: that is one container all the same. */
  #join(group: Group, owner: Group): void {
    this.#groups.delete(group.key);
    if (this.#inner.size >= MAX_INNER) this.#inner.clear();
    this.#inner.set(group.key, owner);
    for (const pid of group.pids) {
      owner.pids.add(pid);
      const known = this.#known.get(pid);
      if (known) known.group = owner;
    }
  }

  /**
   * Where the ids of the endpoint are not those of the cgroups: if one container of the task is left that runs, and
   * one group that some container's first process is of, they are the same. The pause container is none of the task
   * definition. What runs beside the task (an agent of the platform's) has an id of the same kind in its path.
   */
  #nameByElimination(containers: readonly Container[]): void {
    const groups = [...this.#groups.values()];
    for (const group of groups) {
      // The endpoint's answer was from before the end of one container, whose place another one had taken.
      const isEnded = containers.some(({ id, status }) => id === group.containerId && status === 'stopped');
      if (isEnded && this.#hasFirstProcess(group)) group.containerId = undefined;
    }
    const left = containers.filter(
      ({ id, type, status }) =>
        id !== '' &&
        status === 'running' &&
        (type ?? 'NORMAL') === 'NORMAL' &&
        !groups.some(({ containerId }) => containerId === id),
    );
    const kinds = ID_KINDS.filter((kind) => left.some(({ id }) => kind.test(id)));
    const pause = this.#known.get(INIT_PID)?.group;
    const free = groups.filter(
      (group) =>
        group.containerId === undefined &&
        group !== pause &&
        !kinds.some((kind) => [...group.parts].some((part) => kind.test(part))) &&
        this.#hasFirstProcess(group),
    );
    const [container, group] = [left[0], free[0]];
    if (container === undefined || group === undefined) return;
    this.#isAmbiguous = left.length > 1 || free.length > 1;
    if (!this.#isAmbiguous) group.containerId = container.id;
  }

  /** Whether one of its processes was started from outside of the namespace: as a container's first one is. */
  #hasFirstProcess({ pids }: Group): boolean {
    for (const pid of pids) {
      const stat = parseStat(readText(`${this.#root}/${pid}/stat`) ?? '');
      if (stat?.parentPid === 0 && !stat.isKernelThread) return true;
    }
    return false;
  }

  #sample(group: Group, nowMs: number): Sample | undefined {
    const cgroup = this.#cgroupOf(group);
    if (cgroup) {
      if (!this.#hasLiving(group)) return undefined;
      const figures = cgroup.read();
      if (figures === undefined) {
        // A container that was restarted since the last look has another cgroup at the same path.
        closeCgroup(group);
        return undefined;
      }
      group.hasReadCgroup = true;
      return { ...figures, source: 'cgroup', readAtMs: nowMs };
    }
    if (group.hasReadCgroup) return undefined;
    for (const pid of group.pids) {
      if (!group.processes.has(pid)) group.processes.add(pid, this.#known.get(pid)?.joinsLate);
    }
    const figures = group.processes.look();
    // Whoever has the id of one that ended is met anew, and may be another container's.
    for (const pid of group.pids) if (!group.processes.has(pid)) this.#forget(pid);
    return figures && { ...figures, source: 'proc', readAtMs: nowMs };
  }

  /** In a cgroup that is being left memory has been given back: its last moment is no sample. */
  #hasLiving({ pids }: Group): boolean {
    for (const pid of pids) {
      const stat = parseStat(readText(`${this.#root}/${pid}/stat`) ?? '');
      if (stat && stat.state !== 'Z' && stat.state !== 'X') return true;
    }
    return false;
  }

  #cgroupOf(group: Group): CgroupCounters | undefined {
    if (group.cgroup) return group.cgroup;
    let triesLeft = MAX_CGROUP_TRIES;
    for (const pid of group.pids) {
      const known = this.#known.get(pid);
      if (known === undefined || this.#lookCount < known.nextTryInLook) continue;
      if (triesLeft === 0) return undefined;
      triesLeft -= 1;
      group.cgroup = this.#openCgroup(pid, group);
      if (group.cgroup) {
        group.processes.close();
        return group.cgroup;
      }
      known.nextTryInLook = this.#lookCount + known.waitLooks;
      known.waitLooks = Math.min(2 * known.waitLooks, Math.max(MAX_WAIT_LOOKS, group.pids.size));
    }
    return undefined;
  }

  /** Through a process in the container's own cgroup: of one inside it the counters would tell of a part. */
  #openCgroup(pid: number, group: Group): CgroupCounters | undefined {
    const path = cgroupOf(this.#root, pid)?.path;
    if (path === undefined || isInside({ path }, group)) return undefined;
    if (group.containerId !== undefined && isBelowId(path, group.containerId)) return undefined;
    return CgroupCounters.open(this.#root, pid, path, this.#room, this.#isCgroup);
  }

  #isOtherSeen({ containers, selfId }: LookedAtTask, samples: ReadonlyMap<string, Sample>): boolean {
    this.#hasSeenOther ||= [...samples.keys()].some((id) => id !== selfId);
    const isOtherRunning = containers.some(({ id, status }) => status === 'running' && id !== selfId);
    // Those that cannot be told apart yet can be when there are fewer of them.
    if (!this.#hasSeenOther && isOtherRunning && !this.#isAmbiguous) this.#blindLookCount += 1;
    return this.#hasSeenOther;
  }
}

function closeCgroup(group: Group): void {
  group.cgroup?.close();
  group.cgroup = undefined;
}

/** A process's cgroups: the path that tells most, and the parts of all of them. */
function cgroupOf(root: string, pid: number): { path: string; parts: ReadonlySet<string> } | undefined {
  const text = readText(`${root}/${pid}/cgroup`);
  if (text === undefined) return undefined;
  // Under cgroup v1 a container may be in the root of some hierarchies.
  let path = '';
  const parts = new Set<string>();
  for (const each of parseCgroupPaths(text)) {
    if (each.length > path.length) path = each;
    for (const part of each.split('/')) parts.add(part);
  }
  return path === '' ? undefined : { path, parts };
}

/**
 * Whether a container's Docker id is part of a path: `/docker/ID`, `/ecs/TASK/ID` on Fargate and EC2, `/../ID` from a
 * cgroup namespace of one's own, `/system.slice/docker-ID.scope` where systemd makes the cgroups.
 */
function hasId(parts: ReadonlySet<string>, id: string): boolean {
  if (parts.has(id)) return true;
  for (const part of parts) if (isScopeOf(part, id)) return true;
  return false;
}

function isScopeOf(part: string, id: string): boolean {
  return part.endsWith(`-${id}.scope`);
}

/** Whether a path goes on below the part that bears a container's id. */
function isBelowId(path: string, id: string): boolean {
  const parents = path.split('/').slice(0, -1);
  return parents.some((part) => part === id || isScopeOf(part, id));
}

type InTree = Pick<Group, 'path'>;

/** Whether a cgroup is one inside another. */
function isInside({ path }: InTree, { path: outer }: InTree): boolean {
  return path.startsWith(`${outer}/`);
}

/** The topmost ancestor that can be seen, or the first for which `isEnd` holds. */
function rootOfTree(
  root: string,
  pid: number,
  isEnd: (pid: number) => boolean = () => false,
): number | undefined {
  let top = pid;
  // Parents are read one after the other while processes come and go: a ring is not possible, but not excluded.
  for (let height = 0; height < 1_000; height += 1) {
    const stat = parseStat(readText(`${root}/${top}/stat`) ?? '');
    if (stat === undefined) return undefined;
    if (stat.parentPid === 0) return top;
    if (isEnd(stat.parentPid)) return stat.parentPid;
    top = stat.parentPid;
  }
  return undefined;
}

const AT_PAGESZ = 6n;
const USUAL_PAGE_BYTES = 4_096;

/** Out of what the kernel gave this process to start with (getauxval(3)). */
function pageSize(root: string): number {
  try {
    const entries = readFileSync(`${root}/self/auxv`);
    for (let at = 0; at + 16 <= entries.length; at += 16) {
      if (entries.readBigUInt64LE(at) === AT_PAGESZ) return Number(entries.readBigUInt64LE(at + 8));
    }
  } catch {
    // A container that hides it has pages of the usual size.
  }
  return USUAL_PAGE_BYTES;
}
