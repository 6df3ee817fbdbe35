/** The core's own types with the least that a test must say. */
import { ALL_CONTAINERS } from '../../src/core/selection.ts';
import { initialState, type Settings, type State, step } from '../../src/core/state.ts';
import { ContainerTotals } from '../../src/core/totals.ts';
import type {
  Answer,
  Container,
  Failure,
  MemoryCounters,
  Poll,
  Sample,
  SampleEntry,
  Samples,
  Task,
} from '../../src/core/types.ts';

/** Wall clock at which the runs of these tests begin. */
export const START_MS = Date.UTC(2026, 4, 4, 2);
export const MIB = 1_048_576;
export const SECOND_NS = 1e9;

export function container(name: string, change: Partial<Container> = {}): Container {
  return {
    name,
    id: `id-of-${name}`,
    type: 'NORMAL',
    status: 'running',
    stopRequested: false,
    startedAtMs: START_MS,
    ...change,
  };
}

/** Not created yet. */
export function pending(name: string): Container {
  return { name, id: '', type: 'NORMAL', status: 'pending', stopRequested: false };
}

export function task(containers: readonly Container[], change: Partial<Task> = {}): Task {
  return { family: 'nightly', stopRequested: false, containers, ...change };
}

/** @param atMs after START_MS */
export function sample(atMs: number, cpuUsageNs: number, change: Partial<Sample> = {}): Sample {
  return { readAtMs: START_MS + atMs, cpuUsageNs, memory: {}, ...change };
}

export function memory(change: MemoryCounters): { readonly memory: MemoryCounters } {
  return { memory: change };
}

/** Entries by the name of their container. */
export function samples(entries: Readonly<Record<string, SampleEntry>>): Samples {
  return new Map(Object.entries(entries).map(([name, entry]) => [`id-of-${name}`, entry]));
}

export function ok<T>(value: T): Answer<T> {
  return { ok: true, value };
}

export function failed(kind: Failure['kind'] = 'unreachable'): { ok: false; failure: Failure } {
  return { ok: false, failure: { kind, message: 'GET http://127.0.0.1/task: ECONNREFUSED' } };
}

/** @param atMs after START_MS, on both clocks */
export function poll(atMs: number, taskValue: Task | undefined, entries?: Samples): Poll {
  return {
    polledAtMs: START_MS + atMs,
    answeredAtMs: START_MS + atMs,
    elapsedMs: atMs,
    ...(taskValue && { task: ok(taskValue) }),
    ...(entries && { stats: ok(entries) }),
    self: { name: 'fargauge', id: 'id-of-fargauge' },
  };
}

/** A poll whose requests brought nothing. */
export function failedPoll(atMs: number, of: 'task' | 'stats' | 'both' = 'both'): Poll {
  return {
    polledAtMs: START_MS + atMs,
    answeredAtMs: START_MS + atMs,
    elapsedMs: atMs,
    ...(of !== 'stats' && { task: failed() }),
    ...(of !== 'task' && { stats: failed() }),
  };
}

export const SETTINGS: Settings = {
  version: '1.2.3',
  containers: ALL_CONTAINERS,
  summaryIntervalMs: 0,
  samples: false,
};

export const NO_LOSS = { missedPollCount: 0, droppedLineCount: 0 };

/** The state after these polls. */
export function stateAfter(polls: readonly Poll[], settings: Partial<Settings> = {}): State {
  const state = initialState({ ...SETTINGS, ...settings });
  for (const each of polls) step(state, each);
  return state;
}

/** Totals of a container that took these samples, one poll each, at the samples' own times. */
export function totalsOf(described: Container, entries: readonly Sample[], of?: Task): ContainerTotals {
  const totals = new ContainerTotals(described, START_MS);
  totals.describe(described, false, START_MS, START_MS);
  for (const entry of entries) totals.fold(entry, of, entry.readAtMs - START_MS);
  return totals;
}
