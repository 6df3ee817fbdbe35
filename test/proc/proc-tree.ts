/** A /proc of files, as the kernel shows it to a sidecar: with the processes that a test puts there. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export const PAGE_BYTES = 4_096;
export const MIB = 1_048_576;

/** One process. What is left out is as of one that does nothing. */
export interface FixtureProcess {
  /** 0: it was started from outside of the namespace, as a container's first one is. */
  readonly parentPid?: number;
  /** Lines of /proc/PID/cgroup. */
  readonly cgroup: string;
  readonly state?: string;
  readonly startTicks?: number;
  readonly userTicks?: number;
  readonly kernelTicks?: number;
  readonly childUserTicks?: number;
  readonly childKernelTicks?: number;
  readonly majorFaults?: number;
  readonly threadCount?: number;
  readonly anonMiB?: number;
  readonly isForkWithoutExec?: boolean;
  readonly isKernelThread?: boolean;
  /** Files below /proc/PID/root/sys/fs/cgroup, for a process that lets them be read. */
  readonly cgroupFiles?: Readonly<Record<string, string>>;
}

const PF_FORKNOEXEC = 0x40;
const PF_KTHREAD = 0x20_0000;
/** A command's name may hold anything. */
const COMMAND = 'a) S 1 (b\nc';
const FILE_PAGES = 700;

export class ProcTree {
  readonly root = mkdtempSync(join(tmpdir(), 'fargauge-proc-'));
  readonly #processes = new Map<number, FixtureProcess>();

  constructor() {
    writeFileSync(join(this.root, 'uptime'), '1000.00 1000.00\n');
    mkdirSync(join(this.root, 'sys'));
  }

  set(pid: number, process: FixtureProcess): void {
    this.#processes.set(pid, process);
    const directory = join(this.root, `${pid}`);
    mkdirSync(directory, { recursive: true });
    writeFileSync(join(directory, 'stat'), statLine(pid, process));
    writeFileSync(join(directory, 'statm'), statmLine(process));
    writeFileSync(join(directory, 'cgroup'), `${process.cgroup}\n`);
    for (const [path, text] of Object.entries(process.cgroupFiles ?? {})) {
      const file = join(directory, 'root/sys/fs/cgroup', path);
      mkdirSync(join(file, '..'), { recursive: true });
      writeFileSync(file, text);
    }
  }

  change(pid: number, change: Partial<FixtureProcess>): void {
    const process = this.#processes.get(pid);
    if (process === undefined) throw new Error(`no process ${pid}`);
    this.set(pid, { ...process, ...change });
  }

  remove(...pids: readonly number[]): void {
    for (const pid of pids) {
      this.#processes.delete(pid);
      rmSync(join(this.root, `${pid}`), { recursive: true });
    }
  }

  close(): void {
    rmSync(this.root, { recursive: true });
  }
}

/** proc_pid_stat(5). */
function statLine(pid: number, process: FixtureProcess): string {
  const fields = new Array<number | string>(52).fill(0);
  const set = (number: number, value: number | string): void => {
    fields[number - 1] = value;
  };
  set(1, pid);
  set(2, `(${COMMAND})`);
  set(3, process.state ?? 'S');
  set(4, process.parentPid ?? 0);
  set(9, (process.isForkWithoutExec ? PF_FORKNOEXEC : 0) + (process.isKernelThread ? PF_KTHREAD : 0));
  set(12, process.majorFaults ?? 0);
  set(14, process.userTicks ?? 0);
  set(15, process.kernelTicks ?? 0);
  set(16, process.childUserTicks ?? 0);
  set(17, process.childKernelTicks ?? 0);
  set(20, process.threadCount ?? 1);
  set(22, process.startTicks ?? pid * 100);
  return `${fields.join(' ')}\n`;
}

/** proc_pid_statm(5): size, resident, shared, text, lib, data, dt. */
function statmLine({ anonMiB = 0, state }: FixtureProcess): string {
  const anonPages = (anonMiB * MIB) / PAGE_BYTES;
  return state === 'Z'
    ? '0 0 0 0 0 0 0\n'
    : `${anonPages + 9_000} ${anonPages + FILE_PAGES} ${FILE_PAGES} 1 0 1 0\n`;
}

/** What a container sees of its own cgroup v2. */
export function cgroup2Files(
  pids: readonly number[],
  change: Readonly<Record<string, string>> = {},
): Record<string, string> {
  return {
    'cgroup.procs': pids.map((pid) => `${pid}\n`).join(''),
    'memory.current': `${120 * MIB}\n`,
    'memory.peak': `${150 * MIB}\n`,
    'memory.stat': `anon ${90 * MIB}\nfile ${30 * MIB}\ninactive_anon 1\ninactive_file ${20 * MIB}\npgfault 9\npgmajfault 7\n`,
    'memory.pressure':
      'some avg10=0.00 avg60=0.00 avg300=0.00 total=123456\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=78\n',
    'cpu.stat':
      'usage_usec 2500000\nuser_usec 2000000\nsystem_usec 500000\nnr_periods 0\nnr_throttled 0\nthrottled_usec 40\n',
    ...change,
  };
}

/** And of v1, where each controller has a tree of its own. */
export function cgroup1Files(
  pids: readonly number[],
  change: Readonly<Record<string, string>> = {},
): Record<string, string> {
  const procs = pids.map((pid) => `${pid}\n`).join('');
  return {
    'memory/cgroup.procs': procs,
    'memory/memory.usage_in_bytes': `${120 * MIB}\n`,
    'memory/memory.max_usage_in_bytes': `${150 * MIB}\n`,
    'memory/memory.failcnt': '3\n',
    'memory/memory.stat': `cache ${25 * MIB}\nrss 1\npgmajfault 1\ninactive_file ${20 * MIB}\nhierarchical_memory_limit 9223372036854771712\ntotal_cache ${25 * MIB}\ntotal_rss ${90 * MIB}\ntotal_pgmajfault 7\ntotal_inactive_file ${20 * MIB}\n`,
    'cpuacct/cgroup.procs': procs,
    'cpuacct/cpuacct.usage': '2500000123\n',
    'cpuacct/cpuacct.stat': 'user 200\nsystem 50\n',
    ...change,
  };
}
