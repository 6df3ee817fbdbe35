import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { type ProcessStat, TICK_NS } from '../../src/proc/proc-files.ts';
import { ProcessGroup } from '../../src/proc/process-group.ts';
import { Procfs } from '../../src/proc/procfs.ts';
import { processTree } from '../../src/proc/selection.ts';
import { PATIENCE } from '../support/eventually.ts';
import { burn, ProcessScript } from './process-script.ts';

const procfs = new Procfs();
const scripts: ProcessScript[] = [];

function start(command: string, args: readonly string[], env?: NodeJS.ProcessEnv): ProcessScript {
  const script = new ProcessScript(command, args, env);
  scripts.push(script);
  return script;
}

/** `$0` is Node, `$1` a program for it. */
const shell = (commands: string, program = '', env?: NodeJS.ProcessEnv): ProcessScript =>
  start('sh', ['-c', commands, process.execPath, program], env);

afterEach(async () => {
  await Promise.all(scripts.splice(0).map((script) => script.end()));
});

const groupOf = (script: ProcessScript, marker?: string): ProcessGroup =>
  new ProcessGroup(procfs, processTree(procfs, script.pid, marker));

function cpuNs(group: ProcessGroup): number {
  const { cpuUserNs, cpuKernelNs } = group.look();
  return cpuUserNs + cpuKernelNs;
}

function statOf(pid: number): ProcessStat {
  const stat = procfs.stat(pid);
  if (stat === undefined) throw new Error(`process ${pid} is gone`);
  return stat;
}

/** What the kernel says of a process whose children have all been waited for. */
function wholeTimeNs({ userTicks, kernelTicks, childUserTicks, childKernelTicks }: ProcessStat): number {
  return (userTicks + kernelTicks + childUserTicks + childKernelTicks) * TICK_NS;
}

function expectWholeTime(group: ProcessGroup, pid: number): void {
  const before = wholeTimeNs(statOf(pid));
  const counted = cpuNs(group);
  expect(counted).toBeGreaterThanOrEqual(before);
  expect(counted).toBeLessThanOrEqual(wholeTimeNs(statOf(pid)));
}

describe('the CPU time of real processes', () => {
  it('of many children shorter than a tick is what the kernel says', async () => {
    const root = shell('read x; for i in $(seq 200); do /bin/true; done; echo done; read x');
    const group = groupOf(root);
    expect(group.look().processCount).toBe(1);
    root.goOn();
    await root.line();
    expectWholeTime(group, root.pid);
    expect(statOf(root.pid).childUserTicks + statOf(root.pid).childKernelTicks).toBeGreaterThan(0);
  });

  it('never falls and misses nothing while one looks and children come and go', async () => {
    const root = shell('for i in $(seq 6); do "$0" -e "$1"; done; echo done; read x', burn(40));
    const group = groupOf(root);
    let isDone = false;
    const done = root.line().finally(() => {
      isDone = true;
    });
    let highest = 0;
    while (!isDone) {
      const counted = cpuNs(group);
      expect(counted).toBeGreaterThanOrEqual(highest);
      highest = counted;
      await new Promise(setImmediate);
    }
    await done;
    expectWholeTime(group, root.pid);
    expect(cpuNs(group)).toBeGreaterThanOrEqual(6 * 40_000_000);
  });

  const orphan = `${burn(60)}; console.log(process.pid); setInterval(() => {}, 1000);`;

  it('keeps an orphaned grandchild that was seen, and its time after its end', async () => {
    const root = shell('( "$0" -e "$1" & read x ); echo orphaned; read x', orphan);
    const group = groupOf(root);
    const orphanPid = Number(await root.line());
    expect(group.look().processCount).toBe(3);
    root.goOn();
    await root.line();
    expect(statOf(orphanPid).parentPid).not.toBe(root.pid);
    expect(group.look().processCount).toBe(2);

    const before = cpuNs(group);
    expect(before).toBeGreaterThanOrEqual(60_000_000);
    process.kill(orphanPid, 'SIGKILL');
    await vi.waitUntil(() => (procfs.stat(orphanPid)?.state ?? 'Z') === 'Z', PATIENCE);
    expect(cpuNs(group)).toBeGreaterThanOrEqual(before);
  });

  it('holds an orphan whose parent was never seen, by the marker in its environment', async () => {
    const marker = `RUN_MARKER=${process.pid}-${Date.now()}`;
    const env = { ...process.env, RUN_MARKER: marker.slice('RUN_MARKER='.length) };
    const root = shell('( "$0" -e "$1" & ); read x', orphan, env);
    await root.line();
    // Its parent is the shell in between, until that has ended and was waited for.
    await vi.waitUntil(() => procfs.processes().every(({ parentPid }) => parentPid !== root.pid), PATIENCE);
    expect(groupOf(root).look().processCount).toBe(1);
    const marked = groupOf(root, marker);
    expect(marked.look().processCount).toBe(2);
    expect(cpuNs(marked)).toBeGreaterThanOrEqual(60_000_000);
  });
});

describe('the memory of real processes', () => {
  it('counts pages that forked workers share with their parent once', async () => {
    const commands = `x=$(head -c 20000000 /dev/zero | tr '\\0' x)
      (sleep 600; : "$x") & (sleep 600; : "$x") & echo forked; read y`;
    const root = shell(commands);
    await root.line();
    const workers = () =>
      procfs.processes().filter((stat) => stat.parentPid === root.pid && stat.isForkWithoutExec);
    await vi.waitUntil(
      () => workers().every((worker) => (procfs.uptimeTicks() ?? 0) - worker.startTicks > 10),
      PATIENCE,
    );

    const residentBytes = (pid: number): number => procfs.residentMemory(pid)?.anonBytes ?? 0;
    const ownBytes = residentBytes(root.pid);
    expect(ownBytes).toBeGreaterThan(20_000_000);
    expect(workers().map((worker) => residentBytes(worker.pid) > 20_000_000)).toEqual([true, true]);
    const countedBytes = groupOf(root).look().memory.anonBytes;
    expect(countedBytes).toBeGreaterThan(20_000_000);
    expect(countedBytes).toBeLessThan(2 * ownBytes);
  });
});

it("the machine's CPU and its time since boot are read", () => {
  expect(procfs.systemCpu()?.onlineCpuCount).toBeGreaterThan(0);
  expect(procfs.systemCpu()?.systemCpuUsageNs).toBeGreaterThan(0);
  expect(procfs.uptimeTicks()).toBeGreaterThanOrEqual(statOf(process.pid).startTicks);
});

it('another folder can stand for /proc, and what cannot be read there is absent', () => {
  const root = mkdtempSync(join(tmpdir(), 'fargauge-proc-'));
  try {
    mkdirSync(join(root, '42'));
    mkdirSync(join(root, '43'));
    mkdirSync(join(root, 'self'));
    writeFileSync(join(root, '42', 'stat'), `42 (a b) S 1 ${'0 '.repeat(48)}\n`);
    writeFileSync(join(root, '42', 'environ'), 'A=1\0B=2\0');
    const fixture = new Procfs(root);
    expect(fixture.processes().map(({ pid, parentPid }) => [pid, parentPid])).toEqual([[42, 1]]);
    expect(fixture.environment(42)).toEqual(['A=1', 'B=2']);
    expect(fixture.residentMemory(42)).toBeUndefined();
    expect(fixture.io(43)).toBeUndefined();
    expect(fixture.systemCpu()).toBeUndefined();
    // Not being able to look is not the end of a process.
    mkdirSync(join(root, '43', 'stat'));
    expect(() => fixture.stat(43)).toThrow('EISDIR');
  } finally {
    rmSync(root, { recursive: true });
  }
});
