import type { LineFields } from './line.ts';
import { isoTime } from './line.ts';
import { BYTES_PER_MIB, memoryUsedBytes } from './memory.ts';
import { outcome } from './outcome.ts';
import { recommendedSize } from './recommendation.ts';
import type { State } from './state.ts';
import type { ContainerTotals, Folded, Size } from './totals.ts';
import type { Task } from './types.ts';
import { known, percent, percentOf, wholeMB, wholeMs, wholeMsOfNs } from './units.ts';
import { cpuUtilizationPercent, sumOfKnown, type Usage } from './usage.ts';

/** Fargate bills a minute at least. Source: AWS Fargate pricing, Linux. */
const MIN_BILLED_MS = 60_000;

/** What only the loop can count. */
export interface Tally {
  readonly missedPollCount: number;
  /** Absent for none. */
  readonly leftOutProcessCount?: number;
  readonly droppedLineCount: number;
}

/** The fields that every line carries. */
export function identityFields({ settings, task }: State): LineFields {
  return {
    fargaugeVersion: settings.version,
    job: settings.job ?? task?.family,
    cluster: task?.cluster,
    taskId: task?.taskId,
    taskArn: task?.taskArn,
    family: task?.family,
    revision: task?.revision,
    serviceName: task?.serviceName,
    launchType: task?.launchType,
    cpuArchitecture: settings.cpuArchitecture,
    region: task?.region,
    accountId: task?.accountId,
    availabilityZone: task?.availabilityZone,
  };
}

export function startFields(state: State): LineFields {
  return { ...identityFields(state), ...sizeFields(taskSize(state.task)) };
}

export function sampleFields(state: State, { totals, sample, cpu, cpuUsageNs }: Folded): LineFields {
  const size = totals.size(state.task);
  const usedBytes = memoryUsedBytes(sample.memory);
  const cpuPercent = cpu?.percent;
  return {
    ...identityFields(state),
    container: totals.container.name,
    readAt: isoTime(sample.readAtMs),
    cpuTimeMs: wholeMsOfNs(cpuUsageNs),
    cpuPercent: percent(cpuPercent),
    cpuUtilizationPercent: utilization(cpuPercent, size.cpuUnits),
    memoryUsedMB: wholeMB(usedBytes),
    memoryUtilizationPercent: percentOf(usedBytes, size.memoryBytes),
    ...(sample.source && {
      anonMemoryMB: wholeMB(sample.memory.anonBytes),
      sampleSources: sample.source,
    }),
  };
}

/** One container in its present window. */
export function summaryFields(state: State, totals: ContainerTotals): LineFields {
  const { window } = totals;
  const span = containerSpan(totals, state.steadyNowMs);
  const windowMs = Math.max(0, span.endMs - window.startedAtMs);
  const hasSamples = window.usage.pointCount > 0;
  // Differences of rounded totals, so that the windows of a run add up to the CONTAINER line.
  const since = (name: 'cpuUsageNs' | 'kernelCpuUsageNs') => {
    const total = hasSamples ? wholeMsOfNs(totals.counter(name)) : undefined;
    return known(total, (ms) => ms - Math.round(window[name] / 1e6));
  };
  const elapsedMs =
    window.readAtMs === undefined ? sinceStartMs(window.usage, totals.startedAtMs) : window.usage.seenMs;
  const cpuNs = known(totals.counter('cpuUsageNs'), (ns) => ns - window.cpuUsageNs);
  return {
    ...identityFields(state),
    container: totals.container.name,
    image: totals.container.image,
    ...sizeFields(totals.size(state.task)),
    durationMs: wholeMs(span.durationMs),
    windowMs: wholeMs(windowMs),
    cpuTimeMs: since('cpuUsageNs'),
    kernelCpuTimeMs: since('kernelCpuUsageNs'),
    ...usageFields(window.usage, totals.size(state.task), hasSamples ? cpuNs : undefined, elapsedMs),
    ...sightFields(totals, window.usage, windowMs, span.endMs),
  };
}

/** One container over its life. */
export function containerFields(state: State, totals: ContainerTotals): LineFields {
  const { container, usage } = totals;
  const size = totals.size(state.task);
  const span = containerSpan(totals, state.steadyNowMs);
  return {
    ...identityFields(state),
    container: container.name,
    image: container.image,
    ...endFields(state, totals, span),
    ...sizeFields(size),
    cpuReservationUnits: container.cpuReservationUnits,
    memoryReservationMB: container.memoryReservationMiB,
    ...cpuTimeFields([totals]),
    ...usageFields(usage, size, totals.counter('cpuUsageNs'), sinceStartMs(usage, totals.startedAtMs)),
    ...peakFields(usage),
    cpuSaturatedPercent: percent(usage.cpuSaturatedPercent),
    throttledTimeMs: throttledTimeMs([totals]),
    kernelPeakMemoryMB: wholeMB(usage.maxUsageBytes),
    ...sumFields([totals]),
    ...pressureFields(totals),
    ...(isSharedNetwork(state.task, totals) ? {} : networkFields([totals])),
    restartCount: container.restartCount,
    ...sightFields(totals, usage, span.durationMs, span.endMs),
  };
}

/** The task: figures are sums over its containers; how it ended and how well it was seen are the batch's. */
export function reportFields(state: State, tally: Tally): LineFields {
  const { task, batch, taskUsage } = state;
  const all = [...state.containers.values()];
  const size = taskSize(task);
  const earliestStartMs = smallest(all.map((totals) => totals.startedAtMs));
  const cpuUsageNs = sumOfKnown(all.map((totals) => totals.counter('cpuUsageNs')));
  const self = state.self && state.containers.get(state.self.name);
  const span = batch && containerSpan(batch, state.steadyNowMs);
  const end = batch && span ? endFields(state, batch, span) : { status: 'unknown' };
  return {
    ...identityFields(state),
    ...end,
    ...sizeFields(size),
    initDurationMs: wholeMs(nonNegative(difference(batch?.startedAtMs, task?.pullStartedAtMs))),
    billedDurationMs: billedDurationMs(task, state.steadyNowMs),
    ...cpuTimeFields(all),
    ...usageFields(taskUsage, size, cpuUsageNs, sinceStartMs(taskUsage, earliestStartMs)),
    ...peakFields(taskUsage),
    cpuSaturatedPercent: percent(taskUsage.cpuSaturatedPercent),
    throttledTimeMs: throttledTimeMs(all),
    ...sumFields(all),
    ...(batch && pressureFields(batch)),
    networkRxBytes: state.network.rxBytes,
    networkTxBytes: state.network.txBytes,
    ephemeralStorageUsedMB: state.ephemeralStorageUsedMiB,
    ephemeralStorageSizeMB: task?.ephemeralStorageSizeMiB,
    ...(batch && span
      ? sightFields(batch, batch.usage, span.durationMs, span.endMs)
      : { sampleCount: 0, coveragePercent: 0 }),
    pollCount: state.pollCount,
    pollErrorCount: state.pollErrorCount,
    ...tally,
    sidecarCpuTimeMs: wholeMsOfNs(self?.counter('cpuUsageNs')),
    sidecarMaxMemoryUsedMB: wholeMB(self?.usage.memoryUsedBytes.max),
    ...recommendationFields(state, end.errorType === 'OutOfMemory'),
  };
}

/** How long something lasted, and until when: to its end, or to now. Steady clock, ms since the epoch. */
interface Span {
  readonly endMs: number;
  readonly durationMs: number | undefined;
}

/** The container's own clock against ours: more than this apart, one of them was set. */
const CLOCK_TOLERANCE_MS = 60_000;

function containerSpan(
  { container, startedAtMs, runningSeenAtMs, stoppedSeenAtMs }: ContainerTotals,
  steadyNowMs: number,
): Span {
  const { finishedAtMs } = container;
  const isPlausible =
    finishedAtMs !== undefined &&
    finishedAtMs >= (startedAtMs ?? finishedAtMs) &&
    finishedAtMs >= (runningSeenAtMs ?? finishedAtMs) - CLOCK_TOLERANCE_MS &&
    finishedAtMs <= steadyNowMs + CLOCK_TOLERANCE_MS;
  const endMs = isPlausible ? finishedAtMs : (stoppedSeenAtMs ?? steadyNowMs);
  return { endMs, durationMs: nonNegative(difference(endMs, startedAtMs)) };
}

function endFields(state: State, totals: ContainerTotals, span: Span): LineFields {
  const { container, startedAtMs } = totals;
  return {
    ...outcome(totals, state.task, state.isTaskCurrent),
    exitCode: container.exitCode,
    startedAt: known(startedAtMs, isoTime),
    finishedAt: known(container.finishedAtMs, isoTime),
    durationMs: wholeMs(span.durationMs),
  };
}

function sizeFields({ cpuUnits, memoryBytes }: Size): LineFields {
  return { cpuSizeUnits: known(cpuUnits, Math.round), memorySizeMB: wholeMB(memoryBytes) };
}

function taskSize(task: Task | undefined): Size {
  return {
    cpuUnits: task?.cpuLimitUnits,
    memoryBytes: known(task?.memoryLimitMiB, (mib) => mib * BYTES_PER_MIB),
  };
}

/** @param elapsedMs from the start of what `cpuNs` counts to the last sample */
function usageFields(
  usage: Usage,
  size: Size,
  cpuNs: number | undefined,
  elapsedMs: number | undefined,
): LineFields {
  const avgCpuPercent =
    cpuNs === undefined || elapsedMs === undefined || elapsedMs <= 0
      ? undefined
      : (cpuNs / 1e6 / elapsedMs) * 100;
  const maxMemoryUsedBytes = usage.memoryUsedBytes.max;
  return {
    avgCpuPercent: percent(avgCpuPercent),
    maxCpuPercent: percent(usage.cpuPercent.max),
    p95CpuPercent: percent(usage.cpuPercent.quantile(0.95)),
    avgCpuUtilizationPercent: utilization(avgCpuPercent, size.cpuUnits),
    maxCpuUtilizationPercent: utilization(usage.cpuPercent.max, size.cpuUnits),
    maxMemoryUsedMB: wholeMB(maxMemoryUsedBytes),
    avgMemoryUsedMB: wholeMB(usage.memoryUsedBytes.mean),
    p95MemoryUsedMB: wholeMB(usage.memoryUsedBytes.quantile(0.95)),
    maxMemoryUtilizationPercent: percentOf(maxMemoryUsedBytes, size.memoryBytes),
  };
}

function peakFields(usage: Usage): LineFields {
  return {
    maxWorkingSetMB: wholeMB(usage.maxWorkingSetBytes),
    maxAnonMemoryMB: wholeMB(usage.maxAnonBytes),
    maxProcessCount: usage.maxProcessCount,
  };
}

function cpuTimeFields(containers: readonly ContainerTotals[]): LineFields {
  const sum = (name: 'cpuUsageNs' | 'kernelCpuUsageNs') =>
    wholeMsOfNs(sumOfKnown(containers.map((totals) => totals.counter(name))));
  return { cpuTimeMs: sum('cpuUsageNs'), kernelCpuTimeMs: sum('kernelCpuUsageNs') };
}

/** Where the counter never moves, as on Fargate, nothing is known: zero would be a claim. */
function throttledTimeMs(containers: readonly ContainerTotals[]): number | undefined {
  const ns = sumOfKnown(containers.map((totals) => totals.counter('throttledTimeNs')));
  return ns === undefined || ns === 0 ? undefined : wholeMsOfNs(ns);
}

function sumFields(containers: readonly ContainerTotals[]): LineFields {
  const sum = (name: 'memoryFailCount' | 'majorPageFaultCount' | 'blockReadBytes' | 'blockWriteBytes') =>
    sumOfKnown(containers.map((totals) => totals.counter(name)));
  return {
    memoryFailCount: sum('memoryFailCount'),
    majorPageFaultCount: sum('majorPageFaultCount'),
    blockReadBytes: sum('blockReadBytes'),
    blockWriteBytes: sum('blockWriteBytes'),
  };
}

/** Times that several containers waited in may be the same times: they have no sum. */
function pressureFields(totals: ContainerTotals): LineFields {
  return {
    memoryPressureMs: wholeMsOfNs(totals.counter('memoryPressureNs')),
    memoryFullPressureMs: wholeMsOfNs(totals.counter('memoryFullPressureNs')),
  };
}

function networkFields(containers: readonly ContainerTotals[]): LineFields {
  return {
    networkRxBytes: sumOfKnown(containers.map((totals) => totals.counter('networkRxBytes'))),
    networkTxBytes: sumOfKnown(containers.map((totals) => totals.counter('networkTxBytes'))),
  };
}

/** Under awsvpc all containers share one interface, and each shows its counters. Fargate knows nothing else. */
export function isSharedNetwork(task: Task | undefined, { container }: ContainerTotals): boolean {
  if (container.networkMode !== undefined) return container.networkMode === 'awsvpc';
  return task?.launchType === 'FARGATE';
}

/** How well the run, or the window, of `durationMs` up to `endMs` was seen. */
function sightFields(
  { wasClockSet, sources }: ContainerTotals,
  usage: Usage,
  durationMs: number | undefined,
  endMs: number,
): LineFields {
  const tailMs = wasClockSet ? undefined : difference(endMs, usage.lastReadAtMs);
  const isTailPlausible = tailMs !== undefined && tailMs >= 0 && tailMs <= (durationMs ?? tailMs);
  const coverage = percentOf(usage.seenMs, durationMs);
  return {
    sampleCount: usage.pointCount,
    // The endpoint alone is what is always there, and goes without saying.
    sampleSources: sources.some((source) => source !== 'endpoint') ? sources.join(',') : undefined,
    sampleIntervalMs: wholeMs(usage.gapMs.quantile(0.5)),
    longestGapMs: wholeMs(usage.gapMs.max),
    coveragePercent: usage.pointCount === 0 ? 0 : known(coverage, (value) => Math.min(100, value)),
    unseenTailMs: isTailPlausible ? wholeMs(tailMs) : undefined,
  };
}

/** From the start to the last sample; undefined where either is unknown or the clock was set between. */
function sinceStartMs(usage: Usage, startedAtMs: number | undefined): number | undefined {
  const untilFirstMs = nonNegative(difference(usage.firstReadAtMs, startedAtMs));
  return known(untilFirstMs, (ms) => ms + usage.seenMs);
}

function billedDurationMs(task: Task | undefined, steadyNowMs: number): number | undefined {
  if (task?.launchType !== 'FARGATE') return undefined;
  const elapsedMs = nonNegative(difference(steadyNowMs, task.pullStartedAtMs));
  return known(elapsedMs, (ms) => Math.max(MIN_BILLED_MS, Math.ceil(ms / 1000) * 1000));
}

function recommendationFields({ task, batch, taskUsage }: State, isOutOfMemory: boolean): LineFields {
  if (task?.launchType !== 'FARGATE') return {};
  // The working set includes anonymous memory, of which more samples may tell.
  const workingSetBytes = known(taskUsage.maxWorkingSetBytes, (bytes) =>
    Math.max(bytes, taskUsage.maxAnonBytes ?? 0),
  );
  const size = recommendedSize({
    // Of those that know the working set.
    sampleCount: batch?.usage.memoryUsedBytes.count ?? 0,
    p95CpuPercent: taskUsage.cpuPercent.quantile(0.95),
    maxWorkingSetMiB: known(workingSetBytes, (bytes) => bytes / BYTES_PER_MIB),
    cpuSaturatedPercent: taskUsage.cpuSaturatedPercent,
    isOutOfMemory,
    size: { cpuUnits: task.cpuLimitUnits, memoryMiB: task.memoryLimitMiB },
  });
  return { recommendedCpuUnits: size?.cpuUnits, recommendedMemoryMB: size?.memoryMiB };
}

function utilization(cpuPercent: number | undefined, cpuSizeUnits: number | undefined): number | undefined {
  if (cpuPercent === undefined || cpuSizeUnits === undefined) return undefined;
  return percent(cpuUtilizationPercent(cpuPercent, cpuSizeUnits));
}

function difference(later: number | undefined, earlier: number | undefined): number | undefined {
  return later === undefined || earlier === undefined ? undefined : later - earlier;
}

function nonNegative(value: number | undefined): number | undefined {
  return value !== undefined && value >= 0 ? value : undefined;
}

function smallest(values: readonly (number | undefined)[]): number | undefined {
  const present = values.filter((value) => value !== undefined);
  return present.length === 0 ? undefined : Math.min(...present);
}
