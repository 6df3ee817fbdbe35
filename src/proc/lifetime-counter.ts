/**
 * A counter over processes that come and go: CPU time, page faults, bytes read.
 *
 * The kernel gives a process's figure to its parent when the parent waits for it. So the sum over the living, their
 * reaped children included, is nearly all; what it lacks are processes that nobody of the group waited for: orphans
 * that init reaped, children of a parent that ignores SIGCHLD. Their last known figure is kept as the residual.
 *
 * Whether a process that vanished was waited for cannot be read anywhere; it shows only in the growth of what its
 * ancestors have inherited. That growth may also stem from others, so the residual is what it cannot explain, a
 * lower bound. The total therefore never falls and never counts anything twice; it lacks only what a process used
 * between the last look at it and an end that nobody waited for, or that hid behind others' ends between two looks.
 */

/** One process's part in a counter at one look. */
export interface CountedProcess {
  /** Names one process for ever, over reuse of its pid. */
  readonly key: string;
  /** The parent, when it is of the group. */
  readonly parentKey?: string;
  /** The process's own figure and what it inherited. */
  readonly total: number;
  /** The part of the total that grows when the process inherits from a child. */
  readonly inherited: number;
}

export interface LifetimeCounter {
  readonly living: ReadonlyMap<string, CountedProcess>;
  /** Figures of processes that nobody of the group inherited. */
  readonly residual: number;
}

export const EMPTY_COUNTER: LifetimeCounter = { living: new Map(), residual: 0 };

/** The figure of all processes that were ever seen, and of those they waited for. */
export function lifetimeTotal(counter: LifetimeCounter): number {
  let total = counter.residual;
  for (const process of counter.living.values()) total += process.total;
  return total;
}

/**
 * The counter after one more look.
 * @param processes all living processes of the group, taken so that no figure of one holds another one of them.
 */
export function foldLook(counter: LifetimeCounter, processes: readonly CountedProcess[]): LifetimeCounter {
  const living = new Map(processes.map((process) => [process.key, process]));
  const vanished = [...counter.living.values()].filter((process) => !living.has(process.key));
  const growth = new Map(
    processes.map((now) => [
      now.key,
      now.inherited - (counter.living.get(now.key)?.inherited ?? now.inherited),
    ]),
  );

  /** Takes up to `amount` out of what the process inherited since the last look; returns what was not there. */
  const claim = (key: string, amount: number): number => {
    const available = growth.get(key) ?? 0;
    const taken = Math.min(amount, available);
    growth.set(key, available - taken);
    return amount - taken;
  };

  let residual = counter.residual;
  // A child of a living parent can have gone nowhere but there, so these claim first.
  for (const { parentKey, total } of vanished) {
    if (parentKey !== undefined && living.has(parentKey)) residual += claim(parentKey, total);
  }
  // A child whose parent vanished as well went with it to the next ancestor, or as an orphan to a reaper above that
  // (PR_SET_CHILD_SUBREAPER), or away.
  for (const { parentKey, total } of vanished) {
    if (parentKey !== undefined && living.has(parentKey)) continue;
    let left = total;
    // Whoever has adopted something since is above its parents of the last look.
    for (let key = parentKey; key !== undefined; key = counter.living.get(key)?.parentKey) {
      left = claim(key, left);
    }
    residual += left;
  }
  return { living, residual };
}
