import { CpuStretch } from './cpu-stretch.ts';
import {
  cpuPercent,
  diff,
  gapSince,
  isClockStep,
  isSetBetween,
  isSlightStep,
  type SeenPoint,
  type SeenSample,
} from './delta.ts';
import { FollowedCounter } from './followed-counter.ts';
import { BYTES_PER_MIB, knownLimitBytes, memoryUsedBytes, workingSetBytes } from './memory.ts';
import { memoryLook, RecentMemory } from './recent-memory.ts';
import {
  type Container,
  type MemoryCounters,
  SAMPLE_SOURCES,
  type Sample,
  type SampleEntry,
  type SampleSource,
  type Task,
} from './types.ts';
import { type CpuUse, Usage, type UsagePoint } from './usage.ts';

const COUNTERS = {
  cpuUsageNs: (s: Sample) => s.cpuUsageNs,
  kernelCpuUsageNs: (s: Sample) => s.kernelCpuUsageNs,
  throttledTimeNs: (s: Sample) => s.throttledTimeNs,
  memoryPressureNs: (s: Sample) => s.memoryPressureNs,
  memoryFullPressureNs: (s: Sample) => s.memoryFullPressureNs,
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
  /** The most anonymous memory of that sample and the ones before it, percent of the limit. */
  readonly anonPercent: number;
}

/** A sample with the CPU since the one before, as far as it is known. */
export interface FreshSample {
  readonly sample: Sample;
  readonly cpu: CpuUse | undefined;
}

/** A fresh sample of a container, and the CPU time that was used by its moment. */
export interface Folded extends FreshSample {
  readonly totals: ContainerTotals;
  readonly cpuUsageNs: number | undefined;
}

/** So many early looks are kept of a container, the newest ones: three seconds of ten a second. */
const MAX_EARLY_LOOKS = 32;

/** What counts of a container in sums over the task's. */
export interface Present {
  readonly readAtMs: number;
  readonly cpu: CpuUse | undefined;
  readonly memory: MemoryCounters;
  /** False while no sample has told more of its memory than what is anonymous. */
  readonly isMemoryKnown: boolean;
  readonly processCount: number | undefined;
}

/**
 * Everything known of one container over its life; samples are folded in place: the endpoint's with `fold`, and
 * between them finer ones, read in /proc, with `foldFine`.
 *
 * Every stretch of time is told by one source, so that none has double weight in means and percentiles: while finer
 * samples come, theirs is the distribution of what they know, and the endpoint's figure of the same time counts for
 * the maximum alone. Counters are those of the endpoint, followed by the finer ones.
 */
export class ContainerTotals {
  /** The newest metadata. */
  container: Container;
  readonly usage = new Usage();
  window: SummaryWindow;
  /** The endpoint's newest sample, kept after the container's entry is gone. */
  last: SeenSample | undefined;
  /** The endpoint's sample that counts in sums now: undefined once the container has none. */
  current: FreshSample | undefined;
  /** The newest sample out of /proc, kept after the container's processes are gone. */
  lastFine: SeenSample | undefined;
  /** The sample out of /proc that counts in sums now, or that there is no process any more. */
  #fine: FreshSample | 'gone' | undefined;
  /** Looks at /proc that came before it was known whether it had started by then. */
  #earlyLooks: SeenSample[] = [];
  readonly #stretch = new CpuStretch();
  /** Of the samples out of /proc. */
  readonly recentMemory = new RecentMemory();
  /** Whether finer samples have told of CPU since the endpoint's last one. */
  #isCpuCovered = false;
  readonly #sources = new Set<SampleSource>();
  /** Wall clock of the answer that first showed a wish to stop it while it ran. */
  stopSeenAtMs: number | undefined;
  /** When (steady clock) it was last seen running. */
  runningSeenAtMs: number | undefined;
  /** When (steady clock) it was first seen stopped. */
  stoppedSeenAtMs: number | undefined;
  /** Whether the clock that dates its samples was set: their times then say nothing beside ours. */
  wasClockSet = false;
  /** The newest sample of either source, since that clock was last set. */
  #newest: SeenPoint | undefined;
  failCountRise: FailCountRise | undefined;
  /** Its first start; a restarted container may show a later one. */
  startedAtMs: number | undefined;
  readonly #counters: Record<CounterName, FollowedCounter>;

  /** @param steadyNowMs when it was first seen, for want of its start */
  constructor(container: Container, steadyNowMs: number) {
    this.container = container;
    this.#counters = Object.fromEntries(COUNTER_NAMES.map((name) => [name, new FollowedCounter()])) as Record<
      CounterName,
      FollowedCounter
    >;
    this.window = {
      usage: new Usage(),
      startedAtMs: container.startedAtMs ?? steadyNowMs,
      cpuUsageNs: 0,
      kernelCpuUsageNs: 0,
    };
  }

  /** Undefined until a sample showed the counter. What a SUMMARY line has told is not taken back. */
  counter(name: CounterName): number | undefined {
    const { total } = this.#counters[name];
    if (name !== 'cpuUsageNs' && name !== 'kernelCpuUsageNs') return total;
    return total === undefined ? undefined : Math.max(total, this.window[name]);
  }

  /** Where its samples are from, in the order of SAMPLE_SOURCES; empty before the first one. */
  get sources(): readonly SampleSource[] {
    return SAMPLE_SOURCES.filter((source) => this.#sources.has(source));
  }

  /** Its latest figures, whichever source they are from; undefined while it does not run. */
  get present(): Present | undefined {
    const fine = this.#fine;
    if (fine === 'gone') return undefined;
    const newest = fine ?? this.current;
    if (newest === undefined) return undefined;
    const { sample } = newest;
    return {
      readAtMs: sample.readAtMs,
      cpu: newest.cpu ?? this.current?.cpu,
      memory: isExact(sample) ? sample.memory : { ...this.current?.sample.memory, ...sample.memory },
      isMemoryKnown: isExact(sample) || this.current !== undefined,
      processCount: sample.processCount ?? this.current?.sample.processCount,
    };
  }

  /** Whether finer samples than the endpoint's come. */
  get isFine(): boolean {
    return typeof this.#fine === 'object';
  }

  /** Where they come from. */
  get fineSource(): SampleSource | undefined {
    return typeof this.#fine === 'object' ? this.#fine.sample.source : undefined;
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
    if (isAnother) this.#startAnother();
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
   * Folds what `/task/stats` said of this container; undefined when that was no fresh sample.
   * Whatever is not a sample leaves the figures as they are.
   */
  fold(entry: SampleEntry | undefined, task: Task | undefined, elapsedMs: number): Folded | undefined {
    const { sample, delta } = diff(this.last, entry, elapsedMs, this.container.startedAtMs);
    if (sample === undefined) {
      // A stopped container's last sample may linger for a moment: it no longer counts in sums.
      if (delta !== 'same-read' || this.container.status === 'stopped') this.current = undefined;
      return undefined;
    }
    const size = this.size(task);
    this.#noteFailCountRise(sample, size, delta === 'counter-reset');
    if (delta === 'counter-reset') this.#startNewRun();
    const seen = { sample, readAtMs: sample.readAtMs, seenAtElapsedMs: elapsedMs };
    const isClockSet = this.#isClockSet(this.last, seen);
    if (isClockSet) {
      this.#noteClockSet();
      // The newest look, where there are some, is of the clock as it goes now.
      if (!this.isFine) this.#newest = undefined;
    }
    for (const name of COUNTER_NAMES) this.#counters[name].add(COUNTERS[name](sample), sample.readAtMs);

    const cpu =
      typeof delta === 'string' ? undefined : { percent: cpuPercent(delta), elapsedMs: delta.elapsedMs };
    // The endpoint's samples come late: one that finer ones have overtaken ends no stretch of time.
    const readAtMs = Math.max(sample.readAtMs, this.#newest?.readAtMs ?? sample.readAtMs);
    // Nor does one from before the clock was set, while there are finer ones from after that.
    const isBesideTheLooks = this.isFine && isClockSet;
    const gapMs = isBesideTheLooks ? undefined : this.#gapBefore({ readAtMs, seenAtElapsedMs: elapsedMs });
    // While finer samples come, a stretch that is not at its end yet will tell of this time.
    const isCpuCovered = this.isFine || this.#isCpuCovered;
    const point = usagePoint(sample, readAtMs, isCpuCovered ? undefined : cpu, gapMs);
    const isMemoryCovered = typeof this.#fine === 'object' && isExact(this.#fine.sample);
    this.#add(isMemoryCovered ? { ...point, memoryUsedBytes: undefined } : point, size);
    // What finer samples tell of counts for the maxima all the same.
    this.usage.raise(cpu?.percent, point.memoryUsedBytes);
    this.window.usage.raise(cpu?.percent, point.memoryUsedBytes);
    this.#isCpuCovered = false;
    this.last = seen;
    this.current = { sample, cpu };
    if (this.#fine === 'gone') this.#fine = undefined;
    this.#sources.add('endpoint');
    return { totals: this, sample, cpu, cpuUsageNs: this.#counters.cpuUsageNs.exactTotal };
  }

  /**
   * The looks from before the endpoint showed that it had started, which are to be folded now that it has: of a
   * container that ends soon after there may be no others. Those of which the endpoint has told more are past.
   */
  takeEarlyLooks(): readonly SeenSample[] {
    if (this.#earlyLooks.length === 0 || !this.hasStarted) return [];
    const toldUntilMs = this.last?.readAtMs ?? Number.NEGATIVE_INFINITY;
    const looks = this.#earlyLooks.filter(({ readAtMs }) => readAtMs > toldUntilMs);
    this.#earlyLooks = [];
    return looks;
  }

  /** Whether a look at this moment is kept until it is known whether the container had started by then. */
  keepsLook(elapsedMs: number): boolean {
    return this.#earlyLooks.some(({ seenAtElapsedMs }) => seenAtElapsedMs === elapsedMs);
  }

  /**
   * Folds what a look at /proc found of this container; undefined when that does not count, or not yet: before its
   * start, which the endpoint shows late, and after its end.
   * @param entry undefined when it has no process
   */
  foldFine(entry: SampleEntry | undefined, task: Task | undefined, elapsedMs: number): Folded | undefined {
    if (typeof entry !== 'object') {
      if (this.#fine !== undefined) this.#fine = 'gone';
      return undefined;
    }
    const fine = { sample: entry, readAtMs: entry.readAtMs, seenAtElapsedMs: elapsedMs };
    if (!this.hasStarted) {
      this.#earlyLooks.push(fine);
      if (this.#earlyLooks.length > MAX_EARLY_LOOKS) this.#earlyLooks.shift();
      return undefined;
    }
    if (this.#isClockSet(this.lastFine, fine)) {
      if (this.lastFine && isSlightStep(this.lastFine, fine)) this.#forgetLooks();
      else this.#noteClockSet();
      this.#newest = undefined;
    }
    if (!this.#isOfItsLife(entry.readAtMs)) return undefined;

    const size = this.size(task);
    this.#noteFailCountRise(entry, size, false);
    const source = entry.source ?? 'endpoint';
    for (const name of COUNTER_NAMES) {
      this.#counters[name].follow(COUNTERS[name](entry), entry.readAtMs, source);
    }
    // The figures of two sources differ by more than what was used between them.
    if (this.lastFine && this.lastFine.sample.source !== entry.source) this.#stretch.stop();

    // That of the container which has taken another's place: its counter was 0 then.
    const { startedAtMs } = this.container;
    if (this.last === undefined && this.lastFine === undefined && startedAtMs !== undefined) {
      this.#stretch.start(0, elapsedMs - (entry.readAtMs - startedAtMs));
    }
    const cpu = this.#stretch.next(entry.cpuUsageNs, elapsedMs, entry.cpuErrorNs);
    this.#isCpuCovered ||= cpu !== undefined;
    const gapMs = this.#gapBefore(fine);
    this.#add(usagePoint(entry, entry.readAtMs, cpu, gapMs), size);
    this.lastFine = fine;
    const look = memoryLook(entry);
    if (look) this.recentMemory.add(look);
    const lastCpu = typeof this.#fine === 'object' ? this.#fine.cpu : undefined;
    this.#fine = { sample: entry, cpu: cpu ?? lastCpu };
    this.#sources.add(source);
    return { totals: this, sample: entry, cpu, cpuUsageNs: this.#counters.cpuUsageNs.total };
  }

  /** Ends the present window, which the caller has told of, and begins the next one. */
  startNextWindow(steadyNowMs: number): void {
    this.window = {
      usage: new Usage(),
      startedAtMs: steadyNowMs,
      cpuUsageNs: this.counter('cpuUsageNs') ?? 0,
      kernelCpuUsageNs: this.counter('kernelCpuUsageNs') ?? 0,
      ...(this.#newest && { readAtMs: this.#newest.readAtMs }),
    };
  }

  #add(point: UsagePoint, { cpuUnits }: Size): void {
    this.usage.add(point, cpuUnits);
    this.window.usage.add(point, cpuUnits);
  }

  /** The time since the newest sample of either source; this one is the newest then, unless it is older. */
  #gapBefore(next: SeenPoint): number | undefined {
    const newest = this.#newest;
    const gapMs = newest && gapSince(newest, next);
    if (gapMs !== undefined || newest === undefined) this.#newest = next;
    return gapMs;
  }

  /** Whether it was set since the last sample of the same source, or since the newest of either. */
  #isClockSet(last: SeenPoint | undefined, next: SeenPoint): boolean {
    const isOfAnotherClock = this.#newest !== undefined && isSetBetween(this.#newest, next);
    return isOfAnotherClock || (last !== undefined && isClockStep(last, next));
  }

  #noteClockSet(): void {
    this.wasClockSet = true;
    // Whether the endpoint has told of them by now is not known any more.
    this.#earlyLooks = [];
    this.#forgetLooks();
  }

  #forgetLooks(): void {
    for (const name of COUNTER_NAMES) this.#counters[name].forgetLooks();
  }

  #isOfItsLife(readAtMs: number): boolean {
    const { startedAtMs, container, wasClockSet } = this;
    if (wasClockSet) return container.status !== 'stopped';
    if (startedAtMs !== undefined && readAtMs < startedAtMs) return false;
    return container.status !== 'stopped' || readAtMs <= (container.finishedAtMs ?? Number.NEGATIVE_INFINITY);
  }

  #startNewRun(): void {
    for (const name of COUNTER_NAMES) this.#counters[name].startNewRun();
  }

  /** Another container has taken its place. */
  #startAnother(): void {
    for (const name of COUNTER_NAMES) this.#counters[name].startAnother();
    this.last = undefined;
    this.lastFine = undefined;
    this.#fine = undefined;
    this.#earlyLooks = [];
    this.#stretch.stop();
    this.recentMemory.clear();
  }

  /**
   * `failcnt` is absent while it is 0 and counts from the container's start. The limit was hit between two samples:
   * a child that the kernel ended there has its memory in the former alone.
   */
  #noteFailCountRise(sample: Sample, { memoryBytes }: Size, isNewRun: boolean): void {
    const { failCount, anonBytes } = sample.memory;
    if (failCount === undefined || anonBytes === undefined || memoryBytes === undefined) return;
    const before = isNewRun ? [] : [this.last, this.lastFine].map((each) => each?.sample.memory);
    const seen = Math.max(0, ...before.map((memory) => memory?.failCount ?? 0));
    const mostAnonBytes = Math.max(anonBytes, ...before.map((memory) => memory?.anonBytes ?? 0));
    const by = failCount - seen;
    const anonPercent = (mostAnonBytes / memoryBytes) * 100;
    if (by > 0 && anonPercent >= 80) this.failCountRise = { by, anonPercent };
  }
}

function usagePoint(
  { memory, processCount }: Sample,
  readAtMs: number,
  cpu: CpuUse | undefined,
  gapMs: number | undefined,
): UsagePoint {
  return {
    readAtMs,
    gapMs,
    cpu,
    memoryUsedBytes: memoryUsedBytes(memory),
    workingSetBytes: workingSetBytes(memory),
    anonBytes: memory.anonBytes,
    maxUsageBytes: memory.maxUsageBytes,
    processCount,
  };
}

/** Whether it knows all that the endpoint knows of CPU and memory. */
function isExact({ source }: Sample): boolean {
  return source !== 'proc';
}
