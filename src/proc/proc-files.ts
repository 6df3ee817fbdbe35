/**
 * The files below /proc/PID as text, and what this program takes out of them.
 * Formats: proc_pid_stat(5), proc_pid_status(5), proc_pid_io(5), proc_pid_cgroup(5), proc_stat(5); smaps_rollup:
 * Documentation/filesystems/proc.rst of the kernel.
 */

/** Length of a clock tick as the kernel shows it to programs: USER_HZ is 100 on every architecture ECS runs on. */
export const TICK_NS = 10_000_000;
export const TICK_MS = 10;

const BYTES_PER_KIB = 1024;

/** Flags in /proc/PID/stat, from include/linux/sched.h. */
const PF_FORKNOEXEC = 0x40;
const PF_KTHREAD = 0x20_0000;

export interface ProcessStat {
  readonly pid: number;
  readonly parentPid: number;
  readonly processGroup: number;
  /** The process group that a terminal's Ctrl-C reaches; -1 without a controlling terminal. */
  readonly foregroundGroup: number;
  /** One letter: R, S, D, Z (exited, not yet reaped), … */
  readonly state: string;
  /** Ticks since boot. With the pid it names a process once and for all: pids are reused. */
  readonly startTicks: number;
  /** CPU time of the process itself, threads that ended included. */
  readonly userTicks: number;
  readonly kernelTicks: number;
  /** CPU time of the children it has waited for, and of the children they had waited for. */
  readonly childUserTicks: number;
  readonly childKernelTicks: number;
  readonly majorFaultCount: number;
  readonly childMajorFaultCount: number;
  readonly threadCount: number;
  readonly isKernelThread: boolean;
  /** Forked and still running its parent's program: its pages are its parent's until somebody writes to them. */
  readonly isForkWithoutExec: boolean;
  /**
   * Address of the stack's start; text, because it may exceed 2^53. A fork inherits it and an exec draws a new one,
   * so processes that show the same one may share pages. Absent where the kernel hides it (another user's process).
   */
  readonly stackStart?: string;
}

/** Field numbers as in proc_pid_stat(5), which counts from 1; the fields after `comm` start at 3. */
const FIRST_FIELD = 3;

/** Undefined when the text is not a stat line. The command's name may hold spaces, parentheses and newlines. */
export function parseStat(text: string): ProcessStat | undefined {
  const nameEnd = text.lastIndexOf(') ');
  const pid = Number.parseInt(text, 10);
  if (nameEnd < 0 || !Number.isInteger(pid)) return undefined;
  const fields = text
    .slice(nameEnd + 2)
    .trimEnd()
    .split(' ');
  const field = (number: number): number => Number(fields[number - FIRST_FIELD]);
  const stackStart = fields[28 - FIRST_FIELD];
  if (stackStart === undefined) return undefined;
  const flags = field(9);
  return {
    pid,
    state: fields[0] ?? '',
    parentPid: field(4),
    processGroup: field(5),
    foregroundGroup: field(8),
    majorFaultCount: field(12),
    childMajorFaultCount: field(13),
    userTicks: field(14),
    kernelTicks: field(15),
    childUserTicks: field(16),
    childKernelTicks: field(17),
    threadCount: field(20),
    startTicks: field(22),
    isKernelThread: (flags & PF_KTHREAD) !== 0,
    isForkWithoutExec: (flags & PF_FORKNOEXEC) !== 0,
    ...(stackStart !== '0' && { stackStart }),
  };
}

/** Pages of one kind that are resident, bytes. */
export interface ResidentMemory {
  readonly anonBytes: number;
  readonly fileBytes: number;
  readonly shmemBytes: number;
}

/** The value of a line `Name:   123 kB`, in bytes. */
function kibLine(text: string, name: string): number | undefined {
  const kib = new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(text)?.[1];
  return kib === undefined ? undefined : Number(kib) * BYTES_PER_KIB;
}

/** All resident pages, shared ones in full. A zombie and a kernel thread have none. */
export function parseStatus(text: string): ResidentMemory {
  return {
    anonBytes: kibLine(text, 'RssAnon') ?? 0,
    fileBytes: kibLine(text, 'RssFile') ?? 0,
    shmemBytes: kibLine(text, 'RssShmem') ?? 0,
  };
}

/** Resident pages, each divided among the address spaces that map it. */
export interface ProportionalMemory extends ResidentMemory {
  /** Anonymous pages of this address space, shared ones in full. */
  readonly mappedAnonBytes: number;
}

/** A process's proportional share of its resident pages; undefined before Linux 5.4, which had only the sum. */
export function parseRollup(text: string): ProportionalMemory | undefined {
  const anonBytes = kibLine(text, 'Pss_Anon');
  const fileBytes = kibLine(text, 'Pss_File');
  const shmemBytes = kibLine(text, 'Pss_Shmem');
  if (anonBytes === undefined || fileBytes === undefined || shmemBytes === undefined) return undefined;
  return { anonBytes, fileBytes, shmemBytes, mappedAnonBytes: kibLine(text, 'Anonymous') ?? 0 };
}

/** Bytes that really went to or came from storage, those of reaped children included. */
export interface ProcessIo {
  readonly readBytes: number;
  readonly writeBytes: number;
}

export function parseIo(text: string): ProcessIo | undefined {
  const readBytes = /^read_bytes: (\d+)$/m.exec(text)?.[1];
  const writeBytes = /^write_bytes: (\d+)$/m.exec(text)?.[1];
  if (readBytes === undefined || writeBytes === undefined) return undefined;
  return { readBytes: Number(readBytes), writeBytes: Number(writeBytes) };
}

/** The paths of all hierarchies a process is in: one on cgroup v2, one per controller on v1. */
export function parseCgroupPaths(text: string): readonly string[] {
  const lines = text.split('\n').filter((line) => line !== '');
  // "hierarchy:controllers:path": a controller list holds no colon, a path may.
  return lines.map((line) => line.split(':').slice(2).join(':'));
}

/** The machine's own CPU, as Docker shows it beside every container's. */
export interface SystemCpu {
  /** Time of all CPUs together, idle time included. */
  readonly systemCpuUsageNs: number;
  readonly onlineCpuCount: number;
}

/** Docker sums the same seven columns (moby daemon/stats_unix.go): user … softirq. */
const SUMMED_COLUMNS = 7;

export function parseSystemCpu(text: string): SystemCpu | undefined {
  const all = /^cpu +(.*)$/m.exec(text)?.[1];
  if (all === undefined) return undefined;
  const ticks = all
    .split(' ')
    .slice(0, SUMMED_COLUMNS)
    .reduce((sum, column) => sum + Number(column), 0);
  return { systemCpuUsageNs: ticks * TICK_NS, onlineCpuCount: text.match(/^cpu\d+ /gm)?.length ?? 0 };
}

/** Ticks since boot, out of /proc/uptime. */
export function parseUptimeTicks(text: string): number | undefined {
  const seconds = Number.parseFloat(text);
  return Number.isNaN(seconds) ? undefined : Math.floor((seconds * 1000) / TICK_MS);
}
