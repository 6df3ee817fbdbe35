import type {
  ProcessIo,
  ProcessStat,
  ProportionalMemory,
  ResidentMemory,
} from '../../src/proc/proc-files.ts';
import type { ProcessReader } from '../../src/proc/procfs.ts';

export interface FakeProcess {
  stat: ProcessStat;
  resident?: ResidentMemory;
  proportional?: ProportionalMemory;
  io?: ProcessIo;
  environment?: readonly string[];
}

/** A process table in memory, which a test changes as it goes. */
export class MemoryReader implements ProcessReader {
  readonly table = new Map<number, FakeProcess>();
  uptime: number | undefined = 1_000_000;
  /** Called before each question about one process: a test lets processes end there. */
  beforeStat: (pid: number) => void = () => {};
  readonly environmentsRead: number[] = [];
  readonly proportionalsRead: number[] = [];

  constructor(...processes: readonly FakeProcess[]) {
    for (const process of processes) this.set(process);
  }

  set(process: FakeProcess): void {
    this.table.set(process.stat.pid, process);
  }

  change(pid: number, stat: Partial<ProcessStat>): void {
    const process = this.table.get(pid);
    if (process === undefined) throw new Error(`no process ${pid}`);
    process.stat = { ...process.stat, ...stat };
  }

  processes = () => [...this.table.values()].map(({ stat }) => stat);
  stat = (pid: number) => {
    this.beforeStat(pid);
    return this.table.get(pid)?.stat;
  };
  residentMemory = (pid: number) => this.table.get(pid)?.resident;
  proportionalMemory = (pid: number) => {
    this.proportionalsRead.push(pid);
    return this.table.get(pid)?.proportional;
  };
  io = (pid: number) => this.table.get(pid)?.io;
  environment = (pid: number) => {
    this.environmentsRead.push(pid);
    return this.table.get(pid)?.environment;
  };
  systemCpu = () => undefined;
  uptimeTicks = () => this.uptime;
}
