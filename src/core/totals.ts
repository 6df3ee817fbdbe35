import { Counter } from './counter.ts';
import { cpuPercent, diff, isClockStep, type LastSample } from './delta.ts';
import { BYTES_PER_MIB, knownLimitBytes, memoryUsedBytes, workingSetBytes } from './memory.ts';
import type { Container, Sample, SampleEntry, Task } from './types.ts';
import { type CpuUse, sumOfKnown, Usage, type UsagePoint } from './usage.ts';

const COUNTERS = {
  cpuUsageNs: (s: Sample) => s.cpuUsageNs,
  kernelCpuUsageNs: (s: Sample) => s.kernelCpuUsageNs,
  throttledTimeNs: (s: Sample) => s.throttledTimeNs,
  memoryFailCount: (s: Sample) => s.memory.failCount,
  majorPageFaultCount: (s: Sample) => s.memory.majorPageFaultCount,
  networkRxBytes: (s: Sample) => s.networkRxBytes,
  networkTxBytes: (s: Sample) => s.networkTxBytes,
  blockReadBytes: (s: Sample) => s.blockReadBytes,
  blockWriteBytes: (s: Sample) => s.blockWriteBytes,
} as const;

export type CounterName = keyof typeof COUNTERS;
const COUNTER_NAMES = Object.keys(COUNTERS) as CounterName[];

/** What a container limits itself by: absent where nothing limits. */
export interface Size {
  readonly cpuUnits: number | undefined;
  readonly memoryBytes: number | undefined;
}

/** The time between two SUMMARY lines of a container, or between its start and the first. */
export interface SummaryWindow {
  readonly usage: Usage;
  /** Steady clock, ms since the epoch. The first window begins with the container, as its CPU counter does. */
  readonly startedAtMs: number;
  /** Counter totals and the time of the sample that they are from, at the window's start. */
  readonly cpuUsageNs: number;
  readonly kernelCpuUsageNs: number;
  readonly readAtMs?: number;
}

/** Memory that rose to the limit, as a sample showed it: evidence of an OOM. */
export interface FailCountRise {
  readonly by: number;
  /** Anonymous memory at that moment, percent of the limit. */
  readonly anonPercent: number;
}

/** Everything known of one container over its life; samples are folded in place. */
export class ContainerTotals {
  /** The newest metadata. */
  container: Container;
  readonly usage = new Usage();
  window: SummaryWindow;
  /** The newest sample, kept after the container's entry is gone. */
  last: LastSample | undefined;
  /** The sample that counts in sums now: undefined once the container has none. */
  current: { readonly sample: Sample; readonly cpu: CpuUse | undefined } | undefined;
  /** Wall clock of the answer that first showed a wish to stop it while it ran. */
  stopSeenAtMs: number | undefined;
  /** When (steady clock) it was last seen running. */
  runningSeenAtMs: number | undefined;
  /** When (steady clock) it was first seen stopped. */
  stoppedSeenAtMs: number | undefined;
  /** Whether the clock that dates its samples was set: their times then say nothing beside ours. */
  wasClockSet = false;
  failCountRise: FailCountRise | undefined;
  /** Its first start; a restarted container may show a later one. */
  startedAtMs: number | undefined;
  readonly #counters: Record<CounterName, Counter>;

  /** @param steadyNowMs when it was first seen, for want of its start */
  constructor(container: Container, steadyNowMs: number) {
    this.container = container;
    this.#counters = Object.fromEntries(COUNTER_NAMES.map((name) => [name, new Counter()])) as Record<
      CounterName,
      Counter
    >;
    this.window = {
      usage: new Usage(),
      startedAtMs: container.startedAtMs ?? steadyNowMs,
      cpuUsageNs: 0,
      kernelCpuUsageNs: 0,
    };
  }

  /** Undefined until the endpoint showed the counter. */
  counter(name: CounterName): number | undefined {
    return this.#counters[name].total;
  }

  /** Seen started: it runs, or has run. */
  get hasStarted(): boolean {
    return this.runningSeenAtMs !== undefined || this.startedAtMs !== undefined;
  }

  /** The container's hard limit, else the task's, else the kernel's own word (cgroup v1). */
  size(task: Task | undefined): Size {
    const memoryMiB = this.container.memoryLimitMiB ?? task?.memoryLimitMiB;
    const memoryBytes =
      memoryMiB === undefined
        ? knownLimitBytes(this.last?.sample.memory.hierarchicalLimitBytes)
        : memoryMiB * BYTES_PER_MIB;
    return { cpuUnits: task?.cpuLimitUnits, memoryBytes };
  }

  /** Takes newer metadata: `answeredAtMs` is when it was in by the wall clock, `steadyNowMs` the steady one. */
  describe(container: Container, stopRequested: boolean, answeredAtMs: number, steadyNowMs: number): void {
    const isAnother = container.id !== '' && this.container.id !== '' && container.id !== this.container.id;
    if (isAnother) {
      this.#startNewRun();
      this.last = undefined;
    }
    this.container = container;
    if (this.startedAtMs === undefined && container.startedAtMs !== undefined) {
      this.startedAtMs = container.startedAtMs;
      // Its first window began with the first sight of it, which may have been before it was started.
      this.window = { ...this.window, startedAtMs: Math.max(this.window.startedAtMs, this.startedAtMs) };
    }
    if (container.status === 'running') {
      this.runningSeenAtMs = steadyNowMs;
      if (stopRequested || container.stopRequested) this.stopSeenAtMs ??= answeredAtMs;
    }
    if (container.status === 'stopped') this.stoppedSeenAtMs ??= steadyNowMs;
  }

  /**
   * Folds what `/task/stats` said of this container. Returns true when that was a fresh sample.
   * Whatever is not a sample leaves the figures as they are.
   */
  fold(entry: SampleEntry | undefined, task: Task | undefined, elapsedMs: number): boolean {
    const { sample, delta } = diff(this.last, entry, elapsedMs, this.container.startedAtMs);
    if (sample === undefined) {
      // A stopped container's last sample may linger for a moment: it no longer counts in sums.
      if (delta !== 'same-read' || this.container.status === 'stopped') this.current = undefined;
      return false;
    }
    const size = this.size(task);
    this.#noteFailCountRise(sample, size, delta === 'counter-reset');
    if (delta === 'counter-reset') this.#startNewRun();
    if (delta === 'clock-step') this.wasClockSet = true;
    for (const name of COUNTER_NAMES) this.#counters[name].add(COUNTERS[name](sample));

    const cpu =
      typeof delta === 'string' ? undefined : { percent: cpuPercent(delta), elapsedMs: delta.elapsedMs };
    const gapMs =
      this.last && delta !== 'clock-step' ? positive(sample.readAtMs - this.last.sample.readAtMs) : undefined;
    const point = usagePoint(sample, cpu, gapMs);
    this.usage.add(point, size.cpuUnits);
    this.window.usage.add(point, size.cpuUnits);
    this.last = { sample, seenAtElapsedMs: elapsedMs };
    this.current = { sample, cpu };
    return true;
  }

  /** Ends the present window, which the caller has told of, and begins the next one. */
  startNextWindow(steadyNowMs: number): void {
    this.window = {
      usage: new Usage(),
      startedAtMs: steadyNowMs,
      cpuUsageNs: this.counter('cpuUsageNs') ?? 0,
      kernelCpuUsageNs: this.counter('kernelCpuUsageNs') ?? 0,
      ...(this.last && { readAtMs: this.last.sample.readAtMs }),
    };
  }

  #startNewRun(): void {
    for (const name of COUNTER_NAMES) this.#counters[name].startNewRun();
  }

  /** `failcnt` is absent while it is 0 and counts from the container's start. */
  #noteFailCountRise(sample: Sample, { memoryBytes }: Size, isNewRun: boolean): void {
    const { failCount, anonBytes } = sample.memory;
    if (failCount === undefined || anonBytes === undefined || memoryBytes === undefined) return;
    const by = failCount - (isNewRun ? 0 : (this.last?.sample.memory.failCount ?? 0));
    const anonPercent = (anonBytes / memoryBytes) * 100;
    if (by > 0 && anonPercent >= 80) this.failCountRise = { by, anonPercent };
  }
}

function usagePoint(sample: Sample, cpu: CpuUse | undefined, gapMs: number | undefined): UsagePoint {
  const { memory } = sample;
  return {
    readAtMs: sample.readAtMs,
    gapMs,
    cpu,
    memoryUsedBytes: memoryUsedBytes(memory),
    workingSetBytes: workingSetBytes(memory),
    anonBytes: memory.anonBytes,
    maxUsageBytes: memory.maxUsageBytes,
    processCount: sample.processCount,
  };
}

/** The time of a usage point, and when (monotonic clock) it was seen. */
export interface SeenPoint {
  readonly readAtMs: number;
  readonly seenAtElapsedMs: number;
}

function gapSince(previous: SeenPoint, next: SeenPoint): number | undefined {
  const gapMs = next.readAtMs - previous.readAtMs;
  const isSet = isClockStep(gapMs, next.seenAtElapsedMs - previous.seenAtElapsedMs);
  return isSet ? undefined : positive(gapMs);
}

/**
 * The task's use at one poll: sums over each container's latest sample, which is not the sum of their peaks.
 * @param selfName the sidecar, as soon as it is known
 */
export function taskUsagePoint(
  containers: Iterable<ContainerTotals>,
  selfName: string | undefined,
  previous: SeenPoint | undefined,
  seenAtElapsedMs: number,
): UsagePoint | undefined {
  const running = [...containers].filter((totals) => totals.current !== undefined);
  const current = running.flatMap((totals) => totals.current ?? []);
  // The sidecar's own start, a tenth of a second of CPU within its first sample, is no use of the job's: it would be
  // the maximum of an idle run, and the size recommended for it.
  const counted = running.filter(
    ({ container, usage }) => container.name !== selfName || usage.pointCount > 1,
  );
  if (current.length === 0) return undefined;
  const readAtMs = Math.max(...current.map(({ sample }) => sample.readAtMs));
  const gapMs = previous && gapSince(previous, { readAtMs, seenAtElapsedMs });
  const sum = (value: (sample: Sample) => number | undefined) =>
    sumOfKnown(current.map(({ sample }) => value(sample)));
  return {
    readAtMs,
    gapMs,
    cpu: taskCpu(
      counted.map((totals) => totals.current?.cpu),
      gapMs,
    ),
    memoryUsedBytes: sum(({ memory }) => memoryUsedBytes(memory)),
    workingSetBytes: sum(({ memory }) => workingSetBytes(memory)),
    anonBytes: sum(({ memory }) => memory.anonBytes),
    processCount: sum(({ processCount }) => processCount),
  };
}

/** A container whose CPU is not known yet leaves the sum unknown: absent is not zero. */
function taskCpu(cpus: readonly (CpuUse | undefined)[], gapMs: number | undefined): CpuUse | undefined {
  if (cpus.length === 0) return undefined;
  let percent = 0;
  let longestElapsedMs = 0;
  for (const cpu of cpus) {
    if (cpu === undefined) return undefined;
    percent += cpu.percent;
    longestElapsedMs = Math.max(longestElapsedMs, cpu.elapsedMs);
  }
  return { percent, elapsedMs: gapMs ?? longestElapsedMs };
}

function positive(value: number | undefined): number | undefined {
  return value !== undefined && value > 0 ? value : undefined;
}
