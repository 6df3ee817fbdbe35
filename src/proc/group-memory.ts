import { type ProcessStat, type ProportionalMemory, type ResidentMemory, TICK_MS } from './proc-files.ts';
import type { ProcessReader } from './procfs.ts';

const NO_MEMORY: ResidentMemory = { anonBytes: 0, fileBytes: 0, shmemBytes: 0 };

/** Between fork and exec there is normally a millisecond, and shares of pages that are read in it do not fit together. */
const FORK_SETTLES_MS = 100;

/**
 * Resident memory of a group of processes, pages that several of them share counted once.
 *
 * Pages are shared after a fork without exec (workers of a prefork server) and in shared memory. For those processes,
 * and only for those, the kernel is asked for the proportional share, because it then walks all their pages. File
 * pages of programs that were started separately count per process. A fork that is too young to be told from one
 * that is about to exec is left out, and a child that runs on its parent's very memory.
 *
 * @param members parents before their children
 */
export function groupMemory(reader: ProcessReader, members: readonly ProcessStat[]): ResidentMemory {
  const uptimeTicks = reader.uptimeTicks();
  const settled = members.filter((member) => !isYoungFork(member, uptimeTicks));
  const resident = settled.map((member) => ({
    member,
    memory: reader.residentMemory(member.pid) ?? NO_MEMORY,
  }));
  const familySizes = new Map<string, number>();
  for (const { stackStart } of settled) {
    if (stackStart !== undefined) familySizes.set(stackStart, (familySizes.get(stackStart) ?? 0) + 1);
  }
  const shmemUserCount = resident.filter(({ memory }) => memory.shmemBytes > 0).length;

  const shares = new Map<number, ProportionalMemory>();
  const sum = { anonBytes: 0, fileBytes: 0, shmemBytes: 0 };
  for (const { member, memory } of resident) {
    const mayShare =
      (member.stackStart !== undefined && (familySizes.get(member.stackStart) ?? 0) > 1) ||
      (memory.shmemBytes > 0 && shmemUserCount > 1);
    const share = mayShare ? reader.proportionalMemory(member.pid) : undefined;
    if (share) shares.set(member.pid, share);
    if (member.isForkWithoutExec && isSameMemory(share, shares.get(member.parentPid))) continue;
    const counted = share ?? memory;
    sum.anonBytes += counted.anonBytes;
    sum.fileBytes += counted.fileBytes;
    sum.shmemBytes += counted.shmemBytes;
  }
  return sum;
}

function isYoungFork(member: ProcessStat, uptimeTicks: number | undefined): boolean {
  if (!member.isForkWithoutExec || uptimeTicks === undefined) return false;
  const ageMs = (uptimeTicks - member.startTicks) * TICK_MS;
  // A negative age means that /proc/uptime is not of the clock processes are dated by, as under lxcfs.
  return ageMs >= 0 && ageMs < FORK_SETTLES_MS;
}

/**
 * A child of vfork, posix_spawn and their kin has its parent's address space until it calls exec, which on a busy machine
 * takes as long as it waits for a CPU. Both then show all of it, and none of it as shared, since only address spaces are
 * counted; after a fork some pages are always shared.
 */
function isSameMemory(
  child: ProportionalMemory | undefined,
  parent: ProportionalMemory | undefined,
): boolean {
  if (child === undefined || parent === undefined) return false;
  return child.anonBytes === child.mappedAnonBytes && child.anonBytes === parent.anonBytes;
}
