import { type MemoryLook, memoryLook } from './recent-memory.ts';
import type { ContainerTotals, Size } from './totals.ts';
import type { Task } from './types.ts';

/** How a container ended, or how it was left. */
export interface Outcome {
  readonly status: 'success' | 'failure' | 'stopped' | 'unknown';
  readonly errorType?: 'OutOfMemory' | 'Killed' | 'ExitError' | undefined;
  readonly oomEvidence?: string | undefined;
}

const SIGKILL_EXIT_CODE = 137;
const SIGTERM_EXIT_CODE = 143;
/** A sample from this share of the limit on speaks for a lack of memory. */
const NEAR_LIMIT_PERCENT = 95;

/**
 * @param isTaskCurrent whether the endpoint's last word on the task is fresh: a container last shown running by an
 *   endpoint that has fallen silent since may have ended in any way
 */
export function outcome(totals: ContainerTotals, task: Task | undefined, isTaskCurrent: boolean): Outcome {
  const { exitCode, status } = totals.container;
  const wasStopped = wasStopRequestedWhileRunning(totals);
  const oomEvidence = evidenceOfOom(totals, totals.size(task), wasStopped);

  if (status === 'running') return { status: isTaskCurrent ? 'stopped' : 'unknown', oomEvidence };
  if (status === 'pending' || exitCode === undefined) {
    return { status: wasStopped ? 'stopped' : 'unknown', oomEvidence };
  }
  if (exitCode === 0) return { status: wasStopped ? 'stopped' : 'success', oomEvidence };

  // 143 is what SIGTERM leaves of a process that does not handle it: too quick for a poll to see the wish first.
  const diedOfStop = exitCode === SIGTERM_EXIT_CODE && isStopRequested(totals, task);
  return {
    status: wasStopped || diedOfStop ? 'stopped' : 'failure',
    errorType: errorType(exitCode, wasStopped, oomEvidence !== undefined),
    oomEvidence,
  };
}

function errorType(exitCode: number, wasStopped: boolean, hasEvidence: boolean): Outcome['errorType'] {
  if (exitCode === SIGKILL_EXIT_CODE && wasStopped) return 'Killed';
  return hasEvidence ? 'OutOfMemory' : 'ExitError';
}

function isStopRequested({ container }: ContainerTotals, task: Task | undefined): boolean {
  return container.stopRequested || (task?.stopRequested ?? false);
}

/**
 * The exit of an essential container makes ECS want the whole task stopped, and a late `/task` on Fargate may show
 * that wish while it still shows the container running: a stop counts only if the container outlived its sight.
 */
function wasStopRequestedWhileRunning({ stopSeenAtMs, container }: ContainerTotals): boolean {
  if (stopSeenAtMs === undefined) return false;
  return container.finishedAtMs === undefined || container.finishedAtMs > stopSeenAtMs;
}

/** What speaks for a lack of memory, in words; undefined when nothing does. A killed child leaves any exit code. */
function evidenceOfOom(
  totals: ContainerTotals,
  { memoryBytes }: Size,
  wasStopped: boolean,
): string | undefined {
  const evidence: string[] = [];
  if (totals.container.exitCode === SIGKILL_EXIT_CODE && !wasStopped) {
    evidence.push('exit code 137 without a stop request');
  }
  const rise = totals.failCountRise;
  if (rise) {
    evidence.push(
      `failcnt rose by ${rise.by} with anonymous memory at ${Math.floor(rise.anonPercent)} % of the limit`,
    );
  }
  if (memoryBytes !== undefined) evidence.push(...nearLimit(totals, memoryBytes));
  return evidence.length > 0 ? evidence.join('; ') : undefined;
}

/**
 * What the newest samples say. One that does not know all memory knows at least what cannot be given back, and does
 * not disprove an earlier one that knows all: each is judged by itself. Where there are finer samples than the
 * endpoint's, a recent peak counts too: the kernel may have ended a child, and its memory is gone by the last sample.
 */
function nearLimit(totals: ContainerTotals, limitBytes: number): string[] {
  const looks = [totals.last, totals.lastFine]
    .flatMap((each) => (each && memoryLook(each.sample)) ?? [])
    .toSorted((a, b) => b.readAtMs - a.readAtMs);
  // An earlier one that knows less than a later one tells nothing more.
  const newest = looks.filter((look, index) => index === 0 || (looks[0]?.isAnonOnly && !look.isAnonOnly));
  const percentOf = ({ bytes }: MemoryLook) => Math.floor((bytes / limitBytes) * 100);
  const isNear = ({ bytes }: MemoryLook) => (bytes / limitBytes) * 100 >= NEAR_LIMIT_PERCENT;
  const evidence = newest
    .filter(isNear)
    .map((look) => `${nameOf(look, newest)} at ${percentOf(look)} % of the limit`);
  if (evidence.length > 0) return evidence;

  const peak = recentPeak(totals);
  if (peak === undefined || !isNear(peak)) return [];
  const what = peak.isAnonOnly ? 'anonymous memory' : 'memory';
  const seconds = (peak.beforeEndMs / 1000).toFixed(1);
  return [`${what} at ${percentOf(peak)} % of the limit ${seconds} s before the end`];
}

function nameOf({ isAnonOnly }: MemoryLook, newest: readonly MemoryLook[]): string {
  if (isAnonOnly) return 'anonymous memory in the last sample';
  return newest.length > 1 ? 'last sample of all memory' : 'last sample';
}

/** Only of a container that has ended: one that runs on has survived its peaks. */
function recentPeak({
  container,
  stoppedSeenAtMs,
  wasClockSet,
  recentMemory,
}: ContainerTotals): (MemoryLook & { readonly beforeEndMs: number }) | undefined {
  const endMs = container.finishedAtMs ?? stoppedSeenAtMs;
  if (endMs === undefined || wasClockSet) return undefined;
  const peak = recentMemory.highestBefore(endMs);
  return peak && { ...peak, beforeEndMs: Math.max(0, endMs - peak.readAtMs) };
}
