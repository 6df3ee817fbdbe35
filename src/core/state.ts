import type { SeenSample } from './delta.ts';
import type { Line, LineFields } from './line.ts';
import {
  containerFields,
  isSharedNetwork,
  reportFields,
  sampleFields,
  startFields,
  summaryFields,
  type Tally,
} from './report.ts';
import type { Selection } from './selection.ts';
import { isObserved } from './selection.ts';
import { TaskUsage } from './task-usage.ts';
import { ContainerTotals, type Folded } from './totals.ts';
import type { Answer, Poll, SampleEntry, Samples, Task } from './types.ts';
import { larger } from './usage.ts';

/** What the configuration says to the core. */
export interface Settings {
  readonly version: string;
  readonly cpuArchitecture?: string | undefined;
  readonly job?: string | undefined;
  /** Name of the batch; chosen among the observed containers when absent. */
  readonly batch?: string | undefined;
  /** Which containers get lines of their own. */
  readonly containers: Selection;
  /** 0 for no SUMMARY lines. */
  readonly summaryIntervalMs: number;
  /** Whether each fresh sample gets a SAMPLE line. */
  readonly samples: boolean;
  /** The last part of the endpoint's path: on Fargate the sidecar's own Docker id. */
  readonly endpointId?: string | undefined;
}

/**
 * All that is known of a run. `step` and `finish` fold into it in place: a state has one owner and is spent by the
 * call, which keeps a poll of ten containers far below a millisecond.
 */
export interface State {
  readonly settings: Settings;
  task: Task | undefined;
  /** Whether the endpoint's last word on the task is an answer and not a failure. */
  isTaskCurrent: boolean;
  taskAskedAtElapsedMs: number | undefined;
  /** The sidecar's own container. */
  self: { readonly name: string; readonly id: string } | undefined;
  /** By name in the task definition. */
  readonly containers: Map<string, ContainerTotals>;
  batch: ContainerTotals | undefined;
  readonly taskUsage: TaskUsage;
  /** The interface that all containers share under awsvpc. */
  readonly network: { rxBytes: number | undefined; txBytes: number | undefined };
  ephemeralStorageUsedMiB: number | undefined;
  pollCount: number;
  pollErrorCount: number;
  /** Wall clock of the first poll moved on by the monotonic clock: a "now" that no clock setting can move. */
  steadyNowMs: number;
  anchor: { readonly wallMs: number; readonly elapsedMs: number } | undefined;
  /** Wall clock of the last poll. */
  nowMs: number;
  nextSummaryAtElapsedMs: number | undefined;
}

export function initialState(settings: Settings): State {
  return {
    settings,
    task: undefined,
    isTaskCurrent: false,
    taskAskedAtElapsedMs: undefined,
    self: undefined,
    containers: new Map(),
    batch: undefined,
    taskUsage: new TaskUsage(),
    network: { rxBytes: undefined, txBytes: undefined },
    ephemeralStorageUsedMiB: undefined,
    pollCount: 0,
    pollErrorCount: 0,
    steadyNowMs: 0,
    anchor: undefined,
    nowMs: 0,
    nextSummaryAtElapsedMs: undefined,
  };
}

/** Folds one poll, or one look at /proc, and returns the lines that it makes due: START, SAMPLE, SUMMARY. */
export function step(state: State, poll: Poll): Line[] {
  moveClock(state, poll.polledAtMs, poll.elapsedMs);
  if (poll.stats || poll.task) state.pollCount += 1;
  if (poll.task?.ok === false || poll.stats?.ok === false) state.pollErrorCount += 1;
  state.self ??= poll.self;
  if (poll.task) foldTask(state, poll.task, poll);
  const fresh = foldSamples(state, poll);

  const lines: Line[] = [];
  if (state.batch === undefined) {
    state.batch = chooseBatch(state);
    if (state.batch) {
      lines.push(line(state, 'START', startFields(state)));
      state.nextSummaryAtElapsedMs = poll.elapsedMs + state.settings.summaryIntervalMs;
    }
  }
  // Where lines go is decided by the batch: nothing is told before it is seen.
  if (state.settings.samples && state.batch) {
    for (const folded of fresh) {
      const { container } = folded.totals;
      if (isObserved(state, container)) lines.push(line(state, 'SAMPLE', sampleFields(state, folded)));
    }
  }
  // They keep the polls' time, so that those who look at /proc do not write at other moments.
  const isLookAlone = poll.processes !== undefined && poll.stats === undefined && poll.task === undefined;
  if (!isLookAlone) lines.push(...dueSummaries(state, poll.elapsedMs));
  return lines;
}

/**
 * The last lines of a run: the partial SUMMARY lines, a CONTAINER line for each observed container that was seen
 * started, and the one REPORT, whatever the endpoint did.
 * @param polledAtMs wall clock, ms since the epoch
 */
export function finish(state: State, polledAtMs: number, elapsedMs: number, tally: Tally): Line[] {
  moveClock(state, polledAtMs, elapsedMs);
  state.taskUsage.addAll(state.task?.cpuLimitUnits);
  state.batch ??= chooseBatch(state);
  const observed = observedContainers(state).filter((totals) => totals.hasStarted);
  return [
    ...(state.settings.summaryIntervalMs > 0 ? summaries(state, observed) : []),
    ...observed.map((totals) => line(state, 'CONTAINER', containerFields(state, totals))),
    line(state, 'REPORT', reportFields(state, tally)),
  ];
}

/**
 * Whether the run is over: every observed container was seen started and is stopped, or the batch is stopped and
 * ECS wants the task stopped. A container that has not started yet means that the end is not there.
 */
export function isOver(state: State): boolean {
  const { task, batch } = state;
  if (batch && isStopped(batch) && task?.stopRequested) return true;
  const watched = watchedContainers(state);
  return watched.length > 0 && watched.every((totals) => totals.hasStarted && isStopped(totals));
}

/** Whether the batch is known to have stopped, with or without an exit code. */
export function isBatchStopped({ batch }: State): boolean {
  return batch !== undefined && isStopped(batch);
}

/**
 * The longest that `/task` goes unasked while nothing in `/task/stats` moves. The only state that the stats do not
 * give away is ECS's wish to stop a container which still runs, and that one lasts for the container's stop
 * time-out: 2 s at the least on Fargate. So at the default interval every second poll asks it.
 */
const MAX_TASK_AGE_MS = 2_000;

/**
 * Whether `/task` is to be asked beside these stats. Everything but the wish to stop (see above) shows in the stats
 * as well, at once: a container that starts gets a key, one that stops turns into nothing or into zeros, a restart
 * lowers its counter. Those ask at once, and so does a container without a sample, which could stop unseen; the rest
 * of the time the answer that is there still holds.
 */
export function isTaskDue(state: State, stats: Answer<Samples>, elapsedMs: number): boolean {
  const { task, taskAskedAtElapsedMs } = state;
  if (task === undefined || taskAskedAtElapsedMs === undefined || !state.isTaskCurrent) return true;
  // Ticks come with some jitter: a poll a moment early must not wait for the next one.
  if (elapsedMs - taskAskedAtElapsedMs > MAX_TASK_AGE_MS - 250) return true;
  if (task.containers.some((container) => container.status === 'pending')) return true;
  if (!stats.ok) return true;
  const known = new Set(task.containers.map((container) => container.id));
  for (const id of stats.value.keys()) if (!known.has(id)) return true;
  return watchedContainers(state).some((totals) => mayHaveMoved(totals, stats.value));
}

function mayHaveMoved(totals: ContainerTotals, samples: Samples): boolean {
  if (isStopped(totals)) return false;
  const entry = entryOf(totals, samples);
  if (typeof entry !== 'object') return true;
  return isLess(entry.cpuUsageNs, totals.last?.sample.cpuUsageNs);
}

function isLess(a: number | undefined, b: number | undefined): boolean {
  return a !== undefined && b !== undefined && a < b;
}

function moveClock(state: State, wallMs: number, elapsedMs: number): void {
  state.anchor ??= { wallMs, elapsedMs };
  state.nowMs = wallMs;
  state.steadyNowMs = state.anchor.wallMs + elapsedMs - state.anchor.elapsedMs;
}

function foldTask(state: State, answer: Answer<Task>, { elapsedMs, answeredAtMs }: Poll): void {
  state.isTaskCurrent = answer.ok;
  if (!answer.ok) return;
  const task = answer.value;
  state.task = task;
  state.taskAskedAtElapsedMs = elapsedMs;
  state.self ??= task.containers.find(({ id }) => id !== '' && id === state.settings.endpointId);
  if (task.ephemeralStorageUsedMiB !== undefined) {
    state.ephemeralStorageUsedMiB = Math.max(
      state.ephemeralStorageUsedMiB ?? 0,
      task.ephemeralStorageUsedMiB,
    );
  }
  for (const container of task.containers) {
    let totals = state.containers.get(container.name);
    if (totals === undefined) {
      totals = new ContainerTotals(container, state.steadyNowMs);
      state.containers.set(container.name, totals);
    }
    totals.describe(container, task.stopRequested, answeredAtMs, state.steadyNowMs);
  }
}

/**
 * Folds the endpoint's samples, and then those out of /proc, which are of a later moment; before both, looks at
 * containers of which it is known only now that they had started.
 * Returns the fresh ones. Samples of an id that no metadata knows are left aside.
 */
function foldSamples(state: State, { stats, processes, elapsedMs }: Poll): Folded[] {
  const { task, self, taskUsage } = state;
  const all = [...state.containers.values()];
  const fresh: Folded[] = [];
  const note = (folded: Folded | undefined): void => void (folded && fresh.push(folded));
  for (const { totals, look } of takeEarlyLooks(all)) {
    const folded = totals.foldFine(look.sample, task, look.seenAtElapsedMs);
    if (folded === undefined) continue;
    fresh.push(folded);
    taskUsage.noteLate(totals, look.seenAtElapsedMs, self?.name);
  }
  for (const totals of all) {
    if (stats?.ok) note(totals.fold(entryOf(totals, stats.value), task, elapsedMs));
  }
  for (const { totals } of fresh) foldNetwork(state, totals);
  for (const totals of all) {
    if (processes) note(totals.foldFine(entryOf(totals, processes), task, elapsedMs));
  }
  // While there are looks at /proc, they make the sums: each weighs the same.
  const isItsTime = processes !== undefined || !all.some(({ isFine }) => isFine);
  const hasFigures = fresh.length > 0 || all.some((totals) => totals.keepsLook(elapsedMs));
  if (isItsTime && hasFigures) taskUsage.note(all, elapsedMs, self?.name);
  taskUsage.addComplete(all, task?.cpuLimitUnits);
  return fresh;
}

/** In the order of time, over all containers. */
function takeEarlyLooks(
  containers: readonly ContainerTotals[],
): readonly { readonly totals: ContainerTotals; readonly look: SeenSample }[] {
  const looks: { totals: ContainerTotals; look: SeenSample }[] = [];
  for (const totals of containers) {
    for (const look of totals.takeEarlyLooks()) looks.push({ totals, look });
  }
  return looks.sort((a, b) => a.look.seenAtElapsedMs - b.look.seenAtElapsedMs);
}

function entryOf({ container }: ContainerTotals, samples: Samples): SampleEntry | undefined {
  return container.id === '' ? undefined : samples.get(container.id);
}

/**
 * The shared interface lives as long as the task, so that its counters only rise: the largest seen is the latest,
 * whichever container's sample it came with.
 */
function foldNetwork({ task, network }: State, totals: ContainerTotals): void {
  const sample = totals.last?.sample;
  if (sample === undefined || !isSharedNetwork(task, totals)) return;
  network.rxBytes = larger(network.rxBytes, sample.networkRxBytes);
  network.txBytes = larger(network.txBytes, sample.networkTxBytes);
}

/**
 * The container whose status, exit code and log stream are the run's: the named one, else the first started of the
 * observed containers. One that had already stopped when it was first seen (an init container) gives way to one
 * that runs.
 */
function chooseBatch(state: State): ContainerTotals | undefined {
  const { settings, containers } = state;
  if (settings.batch !== undefined) {
    const named = containers.get(settings.batch);
    return named?.hasStarted ? named : undefined;
  }
  // Without its own name the sidecar would count among the candidates.
  if (state.self === undefined) return undefined;
  const started = observedContainers(state).filter((totals) => totals.hasStarted);
  const running = started.filter((totals) => !isStopped(totals));
  const byStart = (a: ContainerTotals, b: ContainerTotals) =>
    (a.startedAtMs ?? Number.POSITIVE_INFINITY) - (b.startedAtMs ?? Number.POSITIVE_INFINITY);
  return (running.length > 0 ? running : started).toSorted(byStart)[0];
}

function observedContainers(state: State): ContainerTotals[] {
  return [...state.containers.values()].filter(({ container }) => isObserved(state, container));
}

/** Those whose end is the run's: the observed ones, and the batch even where it gets no lines of its own. */
function watchedContainers(state: State): ContainerTotals[] {
  const observed = observedContainers(state);
  const { batch } = state;
  return batch === undefined || observed.includes(batch) ? observed : [...observed, batch];
}

function isStopped({ container }: ContainerTotals): boolean {
  return container.status === 'stopped';
}

function dueSummaries(state: State, elapsedMs: number): Line[] {
  const { summaryIntervalMs } = state.settings;
  if (summaryIntervalMs === 0 || state.nextSummaryAtElapsedMs === undefined) return [];
  if (elapsedMs < state.nextSummaryAtElapsedMs) return [];
  const missedWindows = Math.floor((elapsedMs - state.nextSummaryAtElapsedMs) / summaryIntervalMs);
  state.nextSummaryAtElapsedMs += (missedWindows + 1) * summaryIntervalMs;
  return summaries(
    state,
    observedContainers(state).filter((totals) => totals.hasStarted),
  );
}

/** A container that has stopped gets its last SUMMARY with the samples it still had, and then none. */
function summaries(state: State, observed: readonly ContainerTotals[]): Line[] {
  const told = observed.filter((totals) => !isStopped(totals) || totals.window.usage.pointCount > 0);
  return told.map((totals) => {
    const summary = line(state, 'SUMMARY', summaryFields(state, totals));
    totals.startNextWindow(state.steadyNowMs);
    return summary;
  });
}

function line(state: State, type: Line['type'], fields: LineFields): Line {
  return { type, timeMs: state.nowMs, fields };
}
