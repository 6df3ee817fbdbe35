import { execFileSync } from 'node:child_process';
import {
  mkdirSync,
  readdirSync,
  readlinkSync,
  realpathSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Container, Sample } from '../../src/core/types.ts';
import { isCgroupFileSystem } from '../../src/proc/cgroup-counters.ts';
import { openTaskProcesses, type TaskProcesses } from '../../src/proc/task-processes.ts';
import { cgroup1Files, cgroup2Files, type FixtureProcess, MIB, PAGE_BYTES, ProcTree } from './proc-tree.ts';

const NOW_MS = Date.UTC(2026, 4, 4, 2);
const SELF_PID = 7;
const TICK_NS = 10_000_000;
const ETL_ID = 'e'.repeat(64);
const SELF_ID = 'f'.repeat(64);
const PAUSE_ID = '0'.repeat(64);

const docker = (id: string) => `4:memory:/docker/${id}\n1:name=systemd:/docker/${id}\n0::/docker/${id}`;
const ETL = docker(ETL_ID);

let tree: ProcTree;

beforeEach(() => {
  tree = new ProcTree();
});
afterEach(() => tree.close());

function container(name: string, id: string, status: Container['status'] = 'running'): Container {
  return { name, id, type: 'NORMAL', status, stopRequested: false };
}

const CONTAINERS = [container('etl', ETL_ID), container('fargauge', SELF_ID)];

/** The pause container, the sidecar, and who else is in the namespace. */
function populate(others: Readonly<Record<number, FixtureProcess>>, cgroupOf = docker): void {
  tree.set(1, { cgroup: cgroupOf(PAUSE_ID) });
  tree.set(SELF_PID, { cgroup: cgroupOf(SELF_ID), anonMiB: 15, userTicks: 9 });
  for (const [pid, process] of Object.entries(others)) tree.set(Number(pid), process);
}

function open(
  isCgroup: (path: string) => boolean = () => true,
  maxProcesses = 1_000,
): TaskProcesses | undefined {
  return openTaskProcesses({ root: tree.root, pid: SELF_PID, isCgroup, pageBytes: PAGE_BYTES, maxProcesses });
}

class Looker {
  readonly #processes: TaskProcesses | undefined;
  #nowMs = NOW_MS;
  /** At the last look. */
  isAmbiguous = false;

  constructor(maxProcesses?: number) {
    this.#processes = open(() => true, maxProcesses);
  }

  look(
    containers: readonly Container[] = CONTAINERS,
    selfId: string | undefined = SELF_ID,
  ): Map<string, Sample> | undefined {
    this.#nowMs += 1_000;
    const look = this.#processes?.look({ containers, selfId, nowMs: this.#nowMs });
    this.isAmbiguous = look?.isAmbiguous ?? false;
    return (
      look &&
      new Map([...look.samples].flatMap(([id, entry]) => (typeof entry === 'object' ? [[id, entry]] : [])))
    );
  }

  /** The sample of the one container that is watched. */
  etl(containers?: readonly Container[], id = ETL_ID): Sample | undefined {
    return this.look(containers)?.get(id);
  }
}

function cpuTicks(sample: Sample | undefined): number {
  return (sample?.cpuUsageNs ?? Number.NaN) / TICK_NS;
}

function anonMiB(sample: Sample | undefined): number {
  return (sample?.memory.anonBytes ?? Number.NaN) / MIB;
}

describe('whether other containers can be seen', () => {
  it('they cannot where the first process is the sidecar', () => {
    expect(openTaskProcesses({ root: tree.root, pid: 1 })).toBeUndefined();
  });

  it('they cannot where the first process is its own init', () => {
    tree.set(1, { cgroup: docker(SELF_ID) });
    tree.set(SELF_PID, { cgroup: docker(SELF_ID), parentPid: 1 });
    expect(open()).toBeUndefined();
  });

  it('they cannot where /proc shows one’s own processes alone', () => {
    tree.set(SELF_PID, { cgroup: docker(SELF_ID) });
    expect(open()).toBeUndefined();
  });

  it('they can where the first process is another container’s', () => {
    populate({});
    expect(open()).toBeDefined();
  });

  it('they can where no cgroup tells, but the sidecar is no child of the first process', () => {
    populate({}, () => '0::/');
    expect(open()).toBeDefined();
  });

  it('one’s own are given only beside others', () => {
    populate({});
    const looker = new Looker();
    expect(looker.look()).toEqual(new Map());
    tree.set(20, { cgroup: ETL });
    expect([...(looker.look()?.keys() ?? [])].toSorted()).toEqual([ETL_ID, SELF_ID]);
  });

  it('after ten looks at a task of which nothing is seen there is no use in going on', () => {
    populate({ 20: { cgroup: docker('a'.repeat(64)), parentPid: 3 } });
    const looker = new Looker();
    const pending = [container('etl', ETL_ID, 'pending'), container('fargauge', SELF_ID)];
    for (let count = 0; count < 20; count += 1) expect(looker.look(pending)).toEqual(new Map());
    for (let count = 0; count < 9; count += 1) expect(looker.look()).toEqual(new Map());
    expect(looker.look()).toBeUndefined();
  });
});

describe('which process is of which container', () => {
  const FARGATE_TASK = '0123456789abcdef0123456789abcdef';
  it.each([
    ['Docker, cgroup v1', ETL, ETL_ID, docker],
    ['Docker, cgroup v2', `0::/docker/${ETL_ID}`, ETL_ID, (id: string) => `0::/docker/${id}`],
    [
      'Docker under systemd',
      `0::/system.slice/docker-${ETL_ID}.scope`,
      ETL_ID,
      (id: string) => `0::/system.slice/docker-${id}.scope`,
    ],
    [
      'a private cgroup namespace',
      `0::/../${ETL_ID}`,
      ETL_ID,
      (id: string) => (id === SELF_ID ? '0::/' : `0::/../${id}`),
    ],
    [
      'EC2',
      `9:memory:/ecs/${FARGATE_TASK}/${ETL_ID}`,
      ETL_ID,
      (id: string) => `9:memory:/ecs/${FARGATE_TASK}/${id}`,
    ],
    [
      'Fargate',
      `9:memory:/ecs/${FARGATE_TASK}/${FARGATE_TASK}-1234567890\n1:name=systemd:/`,
      `${FARGATE_TASK}-1234567890`,
      (id: string) => `9:memory:/ecs/${FARGATE_TASK}/${FARGATE_TASK}-${id.slice(0, 4)}`,
    ],
  ])('%s: by the id in its cgroup', (_, cgroup, id, cgroupOf) => {
    populate({ 20: { cgroup, userTicks: 5 }, 21: { cgroup, parentPid: 20, kernelTicks: 2 } }, cgroupOf);
    const looker = new Looker();
    expect(
      cpuTicks(
        looker.etl(
          [container('etl', id), container('other', 'o'.repeat(64)), container('fargauge', SELF_ID)],
          id,
        ),
      ),
    ).toBe(7);
  });

  it('an id that another one begins with is not that one', () => {
    const short = `${FARGATE_TASK}-12345`;
    populate({ 20: { cgroup: `9:memory:/ecs/${FARGATE_TASK}/${short}67` } });
    const both = [container('etl', short), container('b', 'b'.repeat(64)), container('fargauge', SELF_ID)];
    expect(new Looker().look(both)).toEqual(new Map());
  });

  it('a cgroup inside the container’s is the container’s, and no move', () => {
    const inner = `0::/docker/${ETL_ID}/app`;
    populate({
      20: { cgroup: `0::/docker/${ETL_ID}`, userTicks: 1 },
      21: { cgroup: inner, parentPid: 20, userTicks: 10 },
    });
    const looker = new Looker();
    for (let count = 0; count < 5; count += 1) expect(cpuTicks(looker.etl())).toBe(11);
  });

  it('a process that moves into a cgroup inside the container’s counts once', () => {
    populate({ 20: { cgroup: ETL, userTicks: 5 }, 21: { cgroup: ETL, parentPid: 20, userTicks: 10 } });
    const looker = new Looker();
    looker.look();
    tree.change(21, { cgroup: docker(`${ETL_ID}/jobs`), userTicks: 12 });
    for (let count = 0; count < 5; count += 1) expect(cpuTicks(looker.etl())).toBe(17);
  });

  it('by the tree where the paths are all the same, but for orphans that were never seen below their parent', () => {
    const cgroup = '0::/';
    populate(
      {
        20: { cgroup, userTicks: 1 },
        21: { cgroup, parentPid: 20, userTicks: 10 },
        30: { cgroup, parentPid: 1, userTicks: 100 },
      },
      () => cgroup,
    );
    const looker = new Looker();
    expect(cpuTicks(looker.etl())).toBe(11);
    tree.change(21, { parentPid: 1, userTicks: 12 });
    expect(cpuTicks(looker.etl())).toBe(13);
  });

  it('by elimination where the endpoint’s ids are others than the kernel’s', () => {
    populate({ 20: { cgroup: ETL, userTicks: 5 } });
    const looker = new Looker();
    const ids = [container('etl', 'task-1'), container('fargauge', 'task-2')];
    expect(looker.look(ids, 'task-2')?.get('task-1')).toMatchObject({ cpuUsageNs: 5 * TICK_NS });
  });

  it('by elimination not a thread of the kernel, where the namespace is the machine’s', () => {
    populate({ 2: { cgroup: '4:memory:/\n0::/', isKernelThread: true } });
    const ids = [container('etl', 'task-1'), container('fargauge', 'task-2')];
    expect(new Looker().look(ids, 'task-2')).toEqual(new Map());
  });

  it('not by elimination where two could be either, until one of them has ended', () => {
    const cgroupOf = { init: docker('a'.repeat(64)), etl: docker('b'.repeat(64)) };
    populate({ 20: { cgroup: cgroupOf.init }, 30: { cgroup: cgroupOf.etl, userTicks: 4 } });
    const both = [container('init', 'task-1'), container('etl', 'task-2'), container('fargauge', 'task-3')];
    const looker = new Looker();
    for (let count = 0; count < 30; count += 1) expect(looker.look(both, 'task-3')).toEqual(new Map());
    expect(looker.isAmbiguous).toBe(true);
    tree.remove(20);
    const left = both.with(0, container('init', 'task-1', 'stopped'));
    expect(cpuTicks(looker.look(left, 'task-3')?.get('task-2'))).toBe(4);
    expect(looker.isAmbiguous).toBe(false);
  });

  it('by elimination not for good: what runs on when its container has ended is another’s', () => {
    populate({ 20: { cgroup: docker('a'.repeat(64)), userTicks: 4 } });
    const looker = new Looker();
    const look = (init: Container['status'], etl: Container['status']) =>
      looker.look(
        [container('init', 'task-1', init), container('etl', 'task-2', etl), container('fargauge', 'task-3')],
        'task-3',
      );
    // As the endpoint says at first, which does not know yet that the one has ended and the other begun.
    expect([...(look('running', 'pending')?.keys() ?? [])]).toContain('task-1');
    expect(cpuTicks(look('stopped', 'running')?.get('task-2'))).toBe(4);
  });

  it('not by elimination one that does not run: another program’s processes are none of its', () => {
    populate({ 20: { cgroup: docker('a'.repeat(64)), userTicks: 900 } });
    const looker = new Looker();
    const ids = (status: Container['status']) => [
      container('etl', 'task-1', status),
      container('fargauge', 'task-2'),
    ];
    looker.look(ids('pending'), 'task-2');
    tree.set(30, { cgroup: docker('b'.repeat(64)), userTicks: 4 });
    expect(looker.look(ids('running'), 'task-2')).toEqual(new Map());
  });

  it.each([
    ['Docker’s', ETL_ID, SELF_ID, 'a'.repeat(64)],
    ['Docker’s under systemd', ETL_ID, SELF_ID, `docker-${'a'.repeat(64)}.scope`],
    ['Fargate’s', `${FARGATE_TASK}-1234567890`, `${FARGATE_TASK}-77`, `${FARGATE_TASK}-1111111111`],
  ])('not by elimination a group with another id of the endpoint’s kind: %s', (_, id, selfId, path) => {
    // The sidecar's own path tells nothing: it has a cgroup namespace of its own.
    populate({ 20: { cgroup: `0::/../${path}`, userTicks: 900 } }, (each) =>
      each === SELF_ID ? '0::/' : `0::/../${each}`,
    );
    const ids = [container('etl', id), container('fargauge', selfId)];
    const looker = new Looker();
    expect(looker.look(ids, selfId)).toEqual(new Map());
    tree.set(30, { cgroup: `0::/../${id}`, userTicks: 4 });
    expect(cpuTicks(looker.look(ids, selfId)?.get(id))).toBe(4);
  });

  it('not by elimination once the id of any container is in a path', () => {
    const other = container('other', 'b'.repeat(64));
    populate({ 20: { cgroup: '0::/agent', userTicks: 900 }, 30: { cgroup: docker(other.id) } }, (each) =>
      each === SELF_ID ? '0::/' : `0::/../${each}`,
    );
    const samples = new Looker().look([...CONTAINERS, other]);
    expect([...(samples?.keys() ?? [])].toSorted()).toEqual([other.id, SELF_ID]);
  });

  it('a process that is started in one cgroup and is moved into its own counts there from its beginning', () => {
    populate({ 20: { cgroup: docker('c'.repeat(64)), userTicks: 4 } });
    const looker = new Looker();
    looker.look();
    tree.change(20, { cgroup: ETL, userTicks: 6 });
    expect(cpuTicks(looker.etl())).toBe(6);
  });

  it('a process that moves from one container to another leaves behind what it used there', () => {
    const other = container('other', 'a'.repeat(64));
    const all = [...CONTAINERS, other];
    populate({ 20: { cgroup: ETL, userTicks: 50 }, 21: { cgroup: ETL }, 30: { cgroup: docker(other.id) } });
    const looker = new Looker();
    looker.look(all);
    looker.look(all);
    tree.change(20, { cgroup: docker(other.id), userTicks: 60 });
    let samples = looker.look(all);
    for (let count = 0; count < 3; count += 1) samples = looker.look(all);
    expect([cpuTicks(samples?.get(ETL_ID)), cpuTicks(samples?.get(other.id))]).toEqual([50, 0]);
    tree.change(20, { userTicks: 65 });
    samples = looker.look(all);
    expect([cpuTicks(samples?.get(ETL_ID)), cpuTicks(samples?.get(other.id))]).toEqual([50, 5]);
  });
});

describe('sums of processes', () => {
  it('have CPU time, page faults and threads, what was inherited included, and anonymous memory alone', () => {
    populate({
      20: {
        cgroup: ETL,
        userTicks: 3,
        kernelTicks: 4,
        childUserTicks: 10,
        childKernelTicks: 20,
        majorFaults: 5,
        threadCount: 2,
        anonMiB: 40,
      },
      21: { cgroup: ETL, parentPid: 20, userTicks: 30, anonMiB: 5 },
    });
    expect(new Looker().etl()).toEqual({
      source: 'proc',
      readAtMs: NOW_MS + 1_000,
      cpuUsageNs: 67 * TICK_NS,
      kernelCpuUsageNs: 24 * TICK_NS,
      cpuErrorNs: Math.SQRT2 * TICK_NS,
      memory: { anonBytes: 45 * MIB, majorPageFaultCount: 5 },
      processCount: 3,
    });
  });

  it('are off by a tick for each process that is busy, of which some are above and some below', () => {
    populate({});
    for (let pid = 20; pid < 36; pid += 1) tree.set(pid, { cgroup: ETL, userTicks: 1 });
    const looker = new Looker();
    const errorTicks = () => (looker.etl()?.cpuErrorNs ?? 0) / TICK_NS;
    expect(errorTicks()).toBe(4);
    for (let pid = 20; pid < 29; pid += 1) tree.change(pid, { userTicks: 3, anonMiB: 2 });
    for (let pid = 30; pid < 36; pid += 1) tree.change(pid, { threadCount: 2 });
    expect(errorTicks()).toBe(3);
    expect(errorTicks()).toBe(1);
  });

  it('count a child that was waited for once', () => {
    populate({ 20: { cgroup: ETL, userTicks: 3 }, 21: { cgroup: ETL, parentPid: 20, userTicks: 30 } });
    const looker = new Looker();
    expect(cpuTicks(looker.etl())).toBe(33);
    tree.remove(21);
    tree.change(20, { childUserTicks: 32 });
    expect(cpuTicks(looker.etl())).toBe(35);
  });

  it('keep what an orphan used that the pause container reaped', () => {
    populate({ 20: { cgroup: ETL }, 21: { cgroup: ETL, parentPid: 20, userTicks: 30 } });
    const looker = new Looker();
    looker.look();
    tree.change(21, { parentPid: 1, userTicks: 31 });
    looker.look();
    tree.remove(21);
    tree.change(1, { childUserTicks: 31 });
    expect(cpuTicks(looker.etl())).toBe(31);
  });

  it('take a process that has the id of an ended one for another', () => {
    populate({ 20: { cgroup: ETL, startTicks: 5 }, 21: { cgroup: ETL, startTicks: 6, userTicks: 30 } });
    const looker = new Looker();
    looker.look();
    tree.set(21, { cgroup: ETL, startTicks: 900, userTicks: 4 });
    looker.look();
    expect(cpuTicks(looker.etl())).toBe(34);
  });

  it('have no memory of zombies, and nothing when only zombies are left', () => {
    populate({
      20: { cgroup: ETL, anonMiB: 10 },
      21: { cgroup: ETL, parentPid: 20, anonMiB: 70, userTicks: 8 },
    });
    const looker = new Looker();
    expect(anonMiB(looker.etl())).toBe(80);
    tree.change(21, { state: 'Z' });
    expect(looker.etl()).toMatchObject({ cpuUsageNs: 8 * TICK_NS, memory: { anonBytes: 10 * MIB } });
    tree.change(20, { state: 'Z' });
    expect(looker.etl()).toBeUndefined();
  });

  it('count pages that forks share with their parent once, and what forks take beyond them', () => {
    const fork = { cgroup: ETL, parentPid: 20, isForkWithoutExec: true };
    populate({
      20: { cgroup: ETL, anonMiB: 100 },
      21: { ...fork, anonMiB: 100 },
      22: { ...fork, anonMiB: 110 },
    });
    const looker = new Looker();
    expect(anonMiB(looker.etl())).toBe(110);
    tree.change(21, { anonMiB: 130 });
    expect(anonMiB(looker.etl())).toBe(140);
    // Another program: nothing is shared any more.
    tree.change(22, { anonMiB: 7, isForkWithoutExec: false });
    expect(anonMiB(looker.etl())).toBe(137);
  });

  it('leave a parent’s pages to its first fork when it ends', () => {
    const fork = { cgroup: ETL, parentPid: 20, isForkWithoutExec: true, anonMiB: 100 };
    populate({ 20: { cgroup: ETL, anonMiB: 100 }, 21: fork, 22: fork });
    const looker = new Looker();
    looker.look();
    tree.remove(20);
    tree.change(21, { parentPid: 1 });
    tree.change(22, { parentPid: 1 });
    expect(anonMiB(looker.etl())).toBe(100);
  });

  it('pass over what cannot be read', () => {
    populate({ 20: { cgroup: ETL, userTicks: 2 }, 21: { cgroup: ETL, parentPid: 20 } });
    rmSync(join(tree.root, '21/stat'));
    mkdirSync(join(tree.root, '21/stat'));
    rmSync(join(tree.root, '20/statm'));
    writeFileSync(join(tree.root, '20/statm'), 'no figures');
    mkdirSync(join(tree.root, '22'));
    writeFileSync(join(tree.root, 'self'), '');
    expect(new Looker().etl()).toMatchObject({ cpuUsageNs: 2 * TICK_NS, memory: { anonBytes: 0 } });
  });

  it('leave out processes beyond a number, and say how many', () => {
    populate({});
    for (let pid = 1_000; pid < 1_010; pid += 1) tree.set(pid, { cgroup: ETL, userTicks: 1 });
    const look = open(() => false, 6)?.look({ containers: CONTAINERS, selfId: SELF_ID, nowMs: NOW_MS });
    const counted = cpuTicks(look?.samples.get(ETL_ID) as Sample);
    expect(counted + (look?.leftOutCount ?? 0)).toBe(10);
    expect(counted).toBeLessThanOrEqual(6);
    expect(look?.samples.get(SELF_ID)).toBeDefined();
  });

  it('count from then on what was left out before and is met late', () => {
    populate({ 20: { cgroup: ETL, userTicks: 30 }, 21: { cgroup: ETL, parentPid: 20, userTicks: 30 } });
    const looker = new Looker(4);
    expect(cpuTicks(looker.etl())).toBe(60);
    tree.set(22, { cgroup: ETL, parentPid: 20, userTicks: 100_000 });
    looker.look();
    tree.remove(21);
    for (let count = 0; count < 3; count += 1) expect(cpuTicks(looker.etl())).toBe(60);
    tree.change(22, { userTicks: 100_007 });
    expect(cpuTicks(looker.etl())).toBe(67);
  });

  it('count a process where it is, though its id was once that of another container’s', () => {
    const other = container('other', 'a'.repeat(64));
    const all = [...CONTAINERS, other];
    populate({ 20: { cgroup: ETL, userTicks: 5 }, 30: { cgroup: docker(other.id), userTicks: 5 } });
    // More than are asked by turns where they are.
    for (let pid = 1_000; pid < 1_040; pid += 1) {
      tree.set(pid, { cgroup: docker(other.id), parentPid: 30, startTicks: 5_000 });
    }
    tree.set(500, { cgroup: ETL, parentPid: 20, userTicks: 1, startTicks: 6_000 });
    const looker = new Looker();
    for (let count = 0; count < 15; count += 1) looker.look(all);
    tree.set(500, {
      cgroup: docker(other.id),
      parentPid: 30,
      userTicks: 1_000,
      anonMiB: 300,
      startTicks: 9_000,
    });
    looker.look(all);
    for (let count = 0; count < 12; count += 1) {
      const samples = looker.look(all);
      expect([cpuTicks(samples?.get(ETL_ID)), cpuTicks(samples?.get(other.id))]).toEqual([6, 1_005]);
      expect(anonMiB(samples?.get(other.id))).toBe(300);
    }
  });

  it('never fall, and are never above what was used, whatever processes come and go', () => {
    const move = fc.record({
      what: fc.constantFrom('work', 'fork', 'end', 'orphan', 'look'),
      of: fc.nat(20),
      ticks: fc.nat(50),
    });
    fc.assert(
      fc.property(fc.array(move, { maxLength: 40 }), (moves) => {
        const world = new World();
        try {
          let told = 0;
          for (const each of [...moves, { what: 'look' as const, of: 0, ticks: 0 }]) {
            if (each.what !== 'look') {
              world.go(each.what, each.of, each.ticks);
              continue;
            }
            const total = cpuTicks(world.looker.etl());
            expect(total).toBeGreaterThanOrEqual(told);
            expect(total).toBeLessThanOrEqual(world.usedTicks);
            told = total;
          }
        } finally {
          world.close();
        }
      }),
      { numRuns: 15 },
    );
  });
});

/** A container whose processes work, fork, end and are waited for, or not. */
class World {
  readonly #own = tree;
  readonly #tree = new ProcTree();
  readonly #alive = new Map<number, { parentPid: number; userTicks: number; childUserTicks: number }>();
  readonly looker: Looker;
  usedTicks = 0;
  #nextPid = 21;

  constructor() {
    tree = this.#tree;
    populate({ 20: { cgroup: ETL } });
    this.#alive.set(20, { parentPid: 0, userTicks: 0, childUserTicks: 0 });
    this.looker = new Looker();
  }

  close(): void {
    this.#tree.close();
    tree = this.#own;
  }

  go(what: 'work' | 'fork' | 'end' | 'orphan', of: number, ticks: number): void {
    const pids = [...this.#alive.keys()];
    const pid = pids[of % pids.length] ?? 20;
    const process = this.#alive.get(pid);
    if (process === undefined) return;
    if (what === 'work') {
      process.userTicks += ticks;
      this.usedTicks += ticks;
    } else if (what === 'fork') {
      this.#alive.set(this.#nextPid, { parentPid: pid, userTicks: 0, childUserTicks: 0 });
      this.#show(this.#nextPid);
      this.#nextPid += 1;
    } else if (pid !== 20) {
      this.#end(pid, what === 'end');
      return;
    }
    this.#show(pid);
  }

  #end(pid: number, isWaitedFor: boolean): void {
    const process = this.#alive.get(pid);
    if (process === undefined) return;
    const parent = this.#alive.get(process.parentPid);
    if (isWaitedFor && parent) {
      parent.childUserTicks += process.userTicks + process.childUserTicks;
      this.#show(process.parentPid);
    }
    this.#alive.delete(pid);
    this.#tree.remove(pid);
    for (const [child, each] of this.#alive) {
      if (each.parentPid !== pid) continue;
      each.parentPid = 1;
      this.#show(child);
    }
  }

  #show(pid: number): void {
    this.#tree.set(pid, { cgroup: ETL, ...this.#alive.get(pid) });
  }
}

/** What a descriptor of this process leads to; some are closed by the time they are asked. */
function linkOf(descriptor: string): string {
  try {
    return readlinkSync(`/proc/self/fd/${descriptor}`);
  } catch {
    return '';
  }
}

describe("a container's own counters", () => {
  const v1 = { cgroup: ETL, cgroupFiles: cgroup1Files([20]) };
  const v2 = { cgroup: `0::/docker/${ETL_ID}`, cgroupFiles: cgroup2Files([20]) };

  it('of cgroup v2 are read where the process lets them be', () => {
    populate({ 20: v2 }, (id) => `0::/docker/${id}`);
    expect(new Looker().etl()).toEqual({
      source: 'cgroup',
      readAtMs: NOW_MS + 1_000,
      cpuUsageNs: 2_500_000_000,
      kernelCpuUsageNs: 500_000_000,
      throttledTimeNs: 40_000,
      memoryPressureNs: 123_456_000,
      memoryFullPressureNs: 78_000,
      memory: {
        usageBytes: 120 * MIB,
        inactiveFileBytes: 20 * MIB,
        anonBytes: 90 * MIB,
        maxUsageBytes: 150 * MIB,
        majorPageFaultCount: 7,
      },
    });
  });

  it('of cgroup v2 lack what an older kernel does not offer', () => {
    populate({ 20: v2 }, (id) => `0::/docker/${id}`);
    for (const file of ['memory.peak', 'memory.pressure'])
      rmSync(join(tree.root, '20/root/sys/fs/cgroup', file));
    const sample = new Looker().etl();
    expect(sample?.source).toBe('cgroup');
    expect(sample).not.toHaveProperty('memoryPressureNs');
    expect(sample?.memory).not.toHaveProperty('maxUsageBytes');
  });

  it('of cgroup v1 are read from the tree of each controller', () => {
    populate({ 20: v1 });
    expect(new Looker().etl()).toEqual({
      source: 'cgroup',
      readAtMs: NOW_MS + 1_000,
      cpuUsageNs: 2_500_000_123,
      kernelCpuUsageNs: 500_000_000,
      memory: {
        usageBytes: 120 * MIB,
        cacheBytes: 25 * MIB,
        totalInactiveFileBytes: 20 * MIB,
        inactiveFileBytes: 20 * MIB,
        anonBytes: 90 * MIB,
        maxUsageBytes: 150 * MIB,
        failCount: 3,
        // As JSON.parse would round it: none.
        hierarchicalLimitBytes: 2 ** 63 - 4_096,
        majorPageFaultCount: 7,
      },
    });
  });

  it('are read anew at each look', () => {
    populate({ 20: v1 });
    const looker = new Looker();
    looker.look();
    tree.change(20, { cgroupFiles: cgroup1Files([20], { 'cpuacct/cpuacct.usage': '2600000000\n' }) });
    expect(looker.etl()?.cpuUsageNs).toBe(2_600_000_000);
  });

  it('are found below the path of the process where the container sees the whole tree', () => {
    const whole = Object.fromEntries(
      Object.entries(cgroup2Files([20])).map(([file, text]) => [`docker/${ETL_ID}/${file}`, text]),
    );
    const machine = cgroup2Files([999], { 'memory.current': `${9_000 * MIB}\n` });
    populate({ 20: { ...v2, cgroupFiles: { ...machine, ...whole } } }, (id) => `0::/docker/${id}`);
    expect(new Looker().etl()?.memory.usageBytes).toBe(120 * MIB);
  });

  it('are not those of a cgroup that the container made inside its own, which are a part of it', () => {
    const below = (path: string, pid: number) =>
      Object.fromEntries(
        Object.entries(cgroup2Files([pid])).map(([file, text]) => [`docker/${ETL_ID}/${path}/${file}`, text]),
      );
    const inner = (path: string) => ({ cgroup: `0::/docker/${ETL_ID}/${path}`, userTicks: 5 });
    populate(
      {
        20: { ...inner('init'), cgroupFiles: below('init', 20) },
        21: { ...inner('jobs'), parentPid: 20, cgroupFiles: below('jobs', 21) },
      },
      (id) => `0::/docker/${id}`,
    );
    expect(new Looker().etl()).toMatchObject({ source: 'proc', cpuUsageNs: 10 * TICK_NS });
  });

  it('are not those of a container inside the container, which has a cgroup namespace of its own', () => {
    populate(
      {
        20: { cgroup: `0::/docker/${ETL_ID}`, userTicks: 5 },
        21: {
          cgroup: `0::/docker/${ETL_ID}/docker/${'a'.repeat(64)}`,
          parentPid: 20,
          userTicks: 5,
          cgroupFiles: cgroup2Files([21]),
        },
      },
      (id) => `0::/docker/${id}`,
    );
    expect(new Looker().etl()).toMatchObject({ source: 'proc', cpuUsageNs: 10 * TICK_NS });
  });

  it('of other processes are not taken for the container’s: then its processes are summed', () => {
    populate({ 20: { ...v1, userTicks: 5, cgroupFiles: cgroup1Files([999]) } });
    expect(new Looker().etl()).toMatchObject({ source: 'proc', cpuUsageNs: 5 * TICK_NS });
  });

  it('are not read from files that are none of the kernel’s', () => {
    populate({ 20: { ...v1, userTicks: 5 } });
    const look = open(isCgroupFileSystem)?.look({ containers: CONTAINERS, selfId: SELF_ID, nowMs: NOW_MS });
    expect(look?.samples.get(ETL_ID)).toMatchObject({ source: 'proc' });
  });

  it('are not waited for where a container has put a pipe in their place, nor is a link followed', () => {
    populate({ 20: { ...v1, userTicks: 5 } });
    const file = join(tree.root, '20/root/sys/fs/cgroup/memory/memory.stat');
    rmSync(file);
    execFileSync('mkfifo', [file]);
    expect(new Looker().etl()?.source).toBe('proc');
    rmSync(file);
    symlinkSync('/etc/hostname', file);
    expect(new Looker().etl()?.source).toBe('proc');
  });

  it.each([
    [
      'of which each must be the kernel’s: one that is put in the place of one is none of them',
      'memory.stat',
    ],
    ['whose list of processes must be the kernel’s as well', 'cgroup.procs'],
  ])('%s', (_, name) => {
    populate({ 20: { ...v2, userTicks: 5 } }, (id) => `0::/docker/${id}`);
    // As a container may that mounts something upon it.
    const isPut = (path: string) => realpathSync(path).endsWith(`/${name}`);
    const look = open((path) => !isPut(path))?.look({
      containers: CONTAINERS,
      selfId: SELF_ID,
      nowMs: NOW_MS,
    });
    expect(look?.samples.get(ETL_ID)).toMatchObject({ source: 'proc', cpuUsageNs: 5 * TICK_NS });
  });

  it('are of the directory that was looked at, wherever its path leads afterwards', () => {
    populate({ 20: { ...v2, userTicks: 5 } }, (id) => `0::/docker/${id}`);
    const mount = join(tree.root, '20/root/sys/fs/cgroup');
    const others = join(tree.root, 'others');
    mkdirSync(others);
    for (const [name, text] of Object.entries(cgroup2Files([20], { 'memory.current': `${9_000 * MIB}\n` }))) {
      writeFileSync(join(others, name), text);
    }
    let isSwapped = false;
    const swap = () => {
      if (isSwapped) return true;
      isSwapped = true;
      renameSync(mount, join(tree.root, 'before'));
      symlinkSync(others, mount);
      return true;
    };
    const look = open(swap)?.look({ containers: CONTAINERS, selfId: SELF_ID, nowMs: NOW_MS });
    expect(look?.samples.get(ETL_ID)).toMatchObject({ source: 'cgroup', memory: { usageBytes: 120 * MIB } });
  });

  it.each(['memory.current', 'cpu.stat'])('are not taken where %s has no figure', (name) => {
    populate(
      { 20: { ...v2, userTicks: 5, cgroupFiles: cgroup2Files([20], { [name]: '\0\0' }) } },
      (id) => `0::/docker/${id}`,
    );
    expect(new Looker().etl()).toMatchObject({ source: 'proc', cpuUsageNs: 5 * TICK_NS });
  });

  it.each(['memory/memory.stat', 'cpuacct/cpuacct.usage', 'cpuacct/cgroup.procs'])(
    'leave no file open where %s keeps them from being taken',
    (name) => {
      populate({ 20: { ...v1, cgroupFiles: cgroup1Files([20], { [name]: '' }) } });
      rmSync(join(tree.root, '20/root/sys/fs/cgroup', name));
      expect(new Looker().etl()?.source).toBe('proc');
      const below = join(tree.root, '20/root');
      const open = readdirSync('/proc/self/fd').filter((descriptor) => linkOf(descriptor).startsWith(below));
      expect(open).toEqual([]);
    },
  );

  it('and those of processes are given back at the end', () => {
    const openFiles = () =>
      readdirSync('/proc/self/fd').filter((descriptor) => linkOf(descriptor).startsWith(tree.root));
    populate({ 20: { ...v1, cgroupFiles: cgroup1Files([20]) } });
    const processes = open();
    processes?.look({ containers: CONTAINERS, selfId: SELF_ID, nowMs: NOW_MS });
    expect(openFiles().length).toBeGreaterThan(2);
    processes?.close();
    expect(openFiles()).toEqual([]);
  });

  it('are reached through another process of the container when the first one refuses', () => {
    populate({ 20: { cgroup: ETL }, 21: { ...v1, parentPid: 20, cgroupFiles: cgroup1Files([20, 21]) } });
    expect(new Looker().etl()?.source).toBe('cgroup');
  });

  it('are tried again through a process that refused: it may have become another user by then', () => {
    populate({ 20: { cgroup: ETL, userTicks: 1 } });
    const looker = new Looker();
    expect(looker.etl()?.source).toBe('proc');
    tree.set(20, v1);
    expect(looker.etl()?.source).toBe('cgroup');
  });

  it('are tried again a minute later at the most, also through the last of many processes', () => {
    populate({});
    for (let pid = 20; pid < 40; pid += 1) tree.set(pid, { cgroup: ETL });
    const looker = new Looker();
    for (let count = 0; count < 130; count += 1) expect(looker.etl()?.source).toBe('proc');
    tree.set(39, { ...v1, cgroupFiles: cgroup1Files([39]) });
    const sources = Array.from({ length: 61 }, () => looker.etl()?.source);
    expect(sources).toContain('cgroup');
  });

  it('once read are not followed by sums, which count otherwise', () => {
    populate({ 20: v1, 21: { cgroup: ETL, parentPid: 20, userTicks: 9 } });
    const looker = new Looker();
    expect(looker.etl()?.source).toBe('cgroup');
    rmSync(join(tree.root, '20/root'), { recursive: true });
    tree.remove(20);
    expect(looker.etl()?.source).toBe('cgroup');
  });

  it('are opened anew where the cgroup was removed and made again between two looks', () => {
    const other = container('other', 'a'.repeat(64));
    populate({});
    // So many that no file of a cgroup is kept open: one that is would not show here that it was removed.
    for (let pid = 1_000; pid < 1_300; pid += 1) tree.set(pid, { cgroup: docker(other.id) });
    const all = [...CONTAINERS, other];
    const looker = new Looker();
    looker.look(all);
    tree.set(20, v1);
    expect(looker.etl(all)).toMatchObject({ source: 'cgroup', cpuUsageNs: 2_500_000_123 });
    tree.remove(20);
    const files = cgroup1Files([21], { 'cpuacct/cpuacct.usage': '1000\n' });
    tree.set(21, { cgroup: ETL, cgroupFiles: files });
    looker.look(all);
    expect(looker.etl(all)).toMatchObject({ source: 'cgroup', cpuUsageNs: 1_000 });
  });

  it('say nothing any more when only zombies are left: their memory has been given back', () => {
    populate({ 20: v1 });
    const looker = new Looker();
    expect(looker.etl()).toBeDefined();
    tree.change(20, { state: 'Z' });
    expect(looker.etl()).toBeUndefined();
  });
});
