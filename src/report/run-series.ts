import { isoTime } from '../core/line.ts';
import { percent } from '../core/units.ts';
import type { Cell, JobCell, Series } from './report-document.ts';
import type { ReportedRun } from './reported-run.ts';

const MAX_BUCKETS = 64;
/** Jobs beyond are only in the sums of all: a picture of more rows cannot be read. */
const MAX_JOBS = 50;

const MINUTE_MS = 60_000;
const DAY_MS = 1_440 * MINUTE_MS;
/** Each divides the next, so that buckets can be put together. */
const WIDTHS_MS = [
  ...[1, 5, 15, 60, 180, 360, 720].map((minutes) => minutes * MINUTE_MS),
  ...[1, 7, 28, 364].map((days) => days * DAY_MS),
];
/** A Monday. */
const ORIGIN_MS = Date.UTC(1970, 0, 5);

/** A mean and a maximum of values with up to two decimals. */
class Mean {
  count = 0;
  /** In hundredths: sums of whole numbers are exact, and so the same in whatever order the runs come. */
  #sum = 0;
  #max = 0;

  add(value: number | undefined): void {
    if (value === undefined) return;
    this.count += 1;
    this.#sum += Math.round(value * 100);
    this.#max = Math.max(this.#max, value);
  }

  take(other: Mean): void {
    this.count += other.count;
    this.#sum += other.#sum;
    this.#max = Math.max(this.#max, other.#max);
  }

  /** Undefined without values. */
  get mean(): number | undefined {
    return this.count === 0 ? undefined : this.#sum / 100 / this.count;
  }

  /** Undefined without values. */
  get max(): number | undefined {
    return this.count === 0 ? undefined : this.#max;
  }
}

/** The runs of a job whose REPORT was written in one bucket. */
export class Bucket {
  runCount = 0;
  failureCount = 0;
  readonly durationMs = new Mean();
  readonly cpuMeanUtilization = new Mean();
  readonly cpuMaxUtilization = new Mean();
  readonly memoryUtilization = new Mean();
  /** Of successful runs alone: one that died early would look fast. */
  readonly successDurationMs = new Mean();
  readonly successMemoryMB = new Mean();

  add(run: ReportedRun): void {
    this.runCount += 1;
    if (run.status === 'failure') this.failureCount += 1;
    this.durationMs.add(run.durationMs);
    this.cpuMeanUtilization.add(run.avgCpuUtilizationPercent);
    this.cpuMaxUtilization.add(run.maxCpuUtilizationPercent);
    this.memoryUtilization.add(run.memoryPeak?.utilizationPercent);
    if (run.status !== 'success') return;
    this.successDurationMs.add(run.durationMs);
    this.successMemoryMB.add(run.memoryPeak?.mb);
  }

  take(other: Bucket): void {
    this.runCount += other.runCount;
    this.failureCount += other.failureCount;
    for (const name of MEANS) this[name].take(other[name]);
  }
}

const MEANS = [
  'durationMs',
  'cpuMeanUtilization',
  'cpuMaxUtilization',
  'memoryUtilization',
  'successDurationMs',
  'successMemoryMB',
] as const;

type Buckets = ReadonlyMap<number, Bucket>;

/** Runs over time, in 64 buckets at the most whatever their times are; width and memory follow the runs. */
export class RunSeries {
  #widthMs = MINUTE_MS;
  /** Numbers of the first and the last bucket, counted from the origin. */
  #first = Number.POSITIVE_INFINITY;
  #last = Number.NEGATIVE_INFINITY;
  #jobs = new Map<string, Map<number, Bucket>>();

  add(run: ReportedRun): void {
    this.#reach(run.timeMs);
    let buckets = this.#jobs.get(run.job);
    if (buckets === undefined) {
      buckets = new Map();
      this.#jobs.set(run.job, buckets);
    }
    bucketAt(buckets, this.#numberOf(run.timeMs)).add(run);
  }

  /** By the number of the bucket. */
  bucketsOf(job: string): Buckets {
    return this.#jobs.get(job) ?? new Map();
  }

  /** @param jobs in the order in which they are wanted */
  series(jobs: readonly string[]): Series {
    const all = new Map<number, Bucket>();
    for (const buckets of this.#jobs.values()) {
      for (const [number, bucket] of buckets) bucketAt(all, number).take(bucket);
    }
    const shown = jobs.slice(0, MAX_JOBS);
    const count = all.size === 0 ? 0 : this.#last - this.#first + 1;
    return {
      bucketMs: this.#widthMs,
      bucketStarts: Array.from({ length: count }, (_, index) => this.#startOf(this.#first + index)),
      all: this.#cells(all),
      byJob: shown.flatMap((job): JobCell[] =>
        this.#cells(this.bucketsOf(job)).map((cell) => ({ job, ...cell })),
      ),
      jobCount: shown.length,
    };
  }

  #cells(buckets: Buckets): Cell[] {
    return [...buckets]
      .toSorted(([a], [b]) => a - b)
      .map(([number, bucket]) => cellOf(this.#startOf(number), bucket));
  }

  #numberOf(timeMs: number): number {
    return Math.floor((timeMs - ORIGIN_MS) / this.#widthMs);
  }

  #startOf(number: number): string {
    return isoTime(ORIGIN_MS + number * this.#widthMs);
  }

  /** Makes the buckets reach the time, and wider where they would be too many. */
  #reach(timeMs: number): void {
    const number = this.#numberOf(timeMs);
    if (number >= this.#first && number <= this.#last) return;
    this.#first = Math.min(this.#first, number);
    this.#last = Math.max(this.#last, number);
    const firstMs = this.#first * this.#widthMs;
    const lastMs = this.#last * this.#widthMs;
    const widthMs = WIDTHS_MS.find(
      (each) => each >= this.#widthMs && Math.floor(lastMs / each) - Math.floor(firstMs / each) < MAX_BUCKETS,
    );
    if (widthMs !== this.#widthMs) this.#widen(widthMs ?? (WIDTHS_MS.at(-1) as number));
  }

  #widen(widthMs: number): void {
    const factor = widthMs / this.#widthMs;
    this.#widthMs = widthMs;
    this.#first = Math.floor(this.#first / factor);
    this.#last = Math.floor(this.#last / factor);
    for (const [job, buckets] of this.#jobs) {
      const wider = new Map<number, Bucket>();
      for (const [number, bucket] of buckets) bucketAt(wider, Math.floor(number / factor)).take(bucket);
      this.#jobs.set(job, wider);
    }
  }
}

function bucketAt(buckets: Map<number, Bucket>, number: number): Bucket {
  let bucket = buckets.get(number);
  if (bucket === undefined) {
    bucket = new Bucket();
    buckets.set(number, bucket);
  }
  return bucket;
}

function cellOf(bucketStart: string, bucket: Bucket): Cell {
  const { durationMs, cpuMeanUtilization, cpuMaxUtilization, memoryUtilization } = bucket;
  const meanMs = durationMs.mean;
  return {
    bucketStart,
    runCount: bucket.runCount,
    failureCount: bucket.failureCount,
    meanDurationMs: meanMs === undefined ? undefined : Math.round(meanMs),
    maxDurationMs: durationMs.max,
    meanCpuUtilizationPercent: percent(cpuMeanUtilization.mean),
    maxCpuUtilizationPercent: cpuMaxUtilization.max,
    meanMemoryUtilizationPercent: percent(memoryUtilization.mean),
    maxMemoryUtilizationPercent: memoryUtilization.max,
  };
}
