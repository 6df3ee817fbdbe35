import { isoTime } from '../core/line.ts';
import { percentOf } from '../core/units.ts';
import { larger } from '../core/usage.ts';
import { JobUse } from './job-use.ts';
import type { Place, PriceList } from './prices.ts';
import type { JobReport, Recommendation, Trend, WorstRun } from './report-document.ts';
import { isBlind, isOutOfMemory, type ReportedRun } from './reported-run.ts';
import { RunValues } from './run-values.ts';
import { WindowNeed } from './window-need.ts';

/** What is known of the runs that began and have no REPORT. */
export type UnfinishedCounts = Pick<
  JobReport,
  'runsWithoutReportCount' | 'runningCount' | 'newestRunWithoutReport'
>;

const STATUSES = ['success', 'failure', 'stopped', 'unknown'] as const;
type Status = (typeof STATUSES)[number];

/** All that a report says of one job, folded run by run. Bounded, whatever the number of runs. */
export class JobTotals {
  readonly job: string;
  #runCount = 0;
  #blindRunCount = 0;
  #outOfMemoryCount = 0;
  readonly #statusCounts: Record<Status, number> = { success: 0, failure: 0, stopped: 0, unknown: 0 };
  readonly #durationMs = new RunValues(0);
  readonly #avgCpuPercent = new RunValues(2);
  readonly #maxCpuPercent = new RunValues(2);
  readonly #maxMemoryUsedMB = new RunValues(0);
  readonly #peakMemoryMB = new RunValues(0);
  /** The highest of the peaks that are anonymous memory alone. */
  #anonymousPeakMB: number | undefined;
  #maxCpuUtilizationPercent: number | undefined;
  #maxMemoryUtilizationPercent: number | undefined;
  readonly #use = new JobUse();
  readonly #need = new WindowNeed();
  #newest: ReportedRun | undefined;
  #worst: ReportedRun | undefined;

  constructor(job: string) {
    this.job = job;
  }

  add(run: ReportedRun): void {
    this.#runCount += 1;
    if (isBlind(run)) this.#blindRunCount += 1;
    if (isOutOfMemory(run)) this.#outOfMemoryCount += 1;
    // A newer version may know further ones.
    const status = STATUSES.find((each) => each === run.status) ?? 'unknown';
    this.#statusCounts[status] += 1;
    addKnown(this.#durationMs, run.durationMs);
    addKnown(this.#avgCpuPercent, run.avgCpuPercent);
    addKnown(this.#maxCpuPercent, run.maxCpuPercent);
    addKnown(this.#maxMemoryUsedMB, run.maxMemoryUsedMB);
    addKnown(this.#peakMemoryMB, run.memoryPeak?.mb);
    if (run.memoryPeak?.isAnonymous) {
      this.#anonymousPeakMB = larger(this.#anonymousPeakMB, run.memoryPeak.mb);
    }
    this.#maxCpuUtilizationPercent = larger(this.#maxCpuUtilizationPercent, run.maxCpuUtilizationPercent);
    this.#maxMemoryUtilizationPercent = larger(
      this.#maxMemoryUtilizationPercent,
      run.memoryPeak?.utilizationPercent,
    );
    this.#use.add(run);
    this.#need.add(run);
    if (this.#newest === undefined || isNewer(run, this.#newest)) this.#newest = run;
    if (this.#worst === undefined || isWorse(run, this.#worst)) this.#worst = run;
  }

  get places(): readonly Place[] {
    return this.#use.places;
  }

  /** @param unfinished runs that began and have no REPORT */
  report(prices: PriceList, trend: Trend | undefined, unfinished: UnfinishedCounts): JobReport {
    const newest = this.#newest;
    const peakMemoryMB = this.#peakMemoryMB.spread();
    const size = { cpuUnits: newest?.cpuSizeUnits, memoryMB: newest?.memorySizeMB };
    const recommendation = this.#recommendation();
    return {
      job: this.job,
      launchType: newest?.launchType,
      cpuArchitecture: newest?.cpuArchitecture,
      region: newest?.region,
      size,
      runCount: this.#runCount,
      successCount: this.#statusCounts.success,
      failureCount: this.#statusCounts.failure,
      stoppedCount: this.#statusCounts.stopped,
      unknownCount: this.#statusCounts.unknown,
      outOfMemoryCount: this.#outOfMemoryCount,
      ...unfinished,
      blindRunCount: this.#blindRunCount,
      percentileErrorPercent: Math.max(
        ...[
          this.#durationMs,
          this.#avgCpuPercent,
          this.#maxCpuPercent,
          this.#maxMemoryUsedMB,
          this.#peakMemoryMB,
        ].map(({ errorPercent }) => errorPercent),
      ),
      durationMs: this.#durationMs.spread(),
      avgCpuPercent: this.#avgCpuPercent.spread(),
      maxCpuPercent: this.#maxCpuPercent.spread(),
      maxMemoryUsedMB: this.#maxMemoryUsedMB.spread(),
      peakMemoryMB,
      isPeakMemoryAnonymous: peakMemoryMB && peakMemoryMB.max === this.#anonymousPeakMB,
      maxCpuUtilizationPercent: this.#maxCpuUtilizationPercent,
      maxMemoryUtilizationPercent: this.#maxMemoryUtilizationPercent,
      use: this.#use.use(),
      cost: this.#use.cost(prices, size, recommendation),
      recommendation,
      trend,
      worstRun: this.#worst && worstRunOf(this.#worst),
    };
  }

  #recommendation(): Recommendation {
    const { launchType, cpuSizeUnits, memorySizeMB } = this.#newest ?? {};
    if (this.#newest !== undefined && launchType !== 'FARGATE') {
      const reason =
        launchType === undefined
          ? 'nothing says that it runs on Fargate'
          : `it runs on ${launchType}, where Fargate’s sizes do not apply`;
      return { kind: 'none', reason };
    }
    return this.#need.recommendation({
      ...(cpuSizeUnits !== undefined && { cpuUnits: cpuSizeUnits }),
      ...(memorySizeMB !== undefined && { memoryMiB: memorySizeMB }),
    });
  }
}

function addKnown(values: RunValues, value: number | undefined): void {
  if (value !== undefined) values.add(value);
}

/** Runs that ended in the same millisecond have an order too, so that the order of lines does not matter. */
function isNewer(run: ReportedRun, than: ReportedRun): boolean {
  return run.timeMs > than.timeMs || (run.timeMs === than.timeMs && run.taskId > than.taskId);
}

function isWorse(run: ReportedRun, than: ReportedRun): boolean {
  const [a, b] = [badness(run), badness(than)];
  const differing = a.findIndex((value, index) => value !== b[index]);
  return differing < 0 ? isNewer(run, than) : (a[differing] ?? 0) > (b[differing] ?? 0);
}

/** What counts first stands first. */
function badness(run: ReportedRun): readonly number[] {
  const { memorySizeMB, memoryPeak } = run;
  return [
    isOutOfMemory(run) ? 1 : 0,
    run.status === 'failure' ? 1 : 0,
    memoryPeak?.utilizationPercent ?? percentOf(memoryPeak?.mb, memorySizeMB) ?? 0,
    run.durationMs ?? 0,
  ];
}

function worstRunOf(run: ReportedRun): WorstRun {
  return {
    taskId: run.taskId,
    reportedAt: isoTime(run.timeMs),
    status: run.status,
    errorType: run.errorType,
    exitCode: run.exitCode,
    durationMs: run.durationMs,
    maxCpuPercent: run.maxCpuPercent,
    maxMemoryUsedMB: run.maxMemoryUsedMB,
    peakMemoryMB: run.memoryPeak?.mb,
    isPeakMemoryAnonymous: run.memoryPeak?.isAnonymous,
    memorySizeMB: run.memorySizeMB,
  };
}
