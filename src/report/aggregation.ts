import { isoTime } from '../core/line.ts';
import type { FoundLine } from '../core/parsed-line.ts';
import { matches } from '../core/selection.ts';
import type { FoundCounts } from '../reading/found-lines.ts';
import type { TimeWindow } from '../reading/log-groups.ts';
import { version } from '../version.ts';
import { JobTotals, type UnfinishedCounts } from './job-totals.ts';
import { GB_HOURS_PER_VCPU_HOUR, type Place, type PriceList, placeKey, priceOf } from './prices.ts';
import type { JobReport, PricesUsed, ReportDocument, Skipped, Window } from './report-document.ts';
import { implausibility, nameOf, reportedRun } from './reported-run.ts';
import { RunSeries } from './run-series.ts';
import { totalOf } from './total.ts';
import { trendOf } from './trend.ts';
import { LATE_REPORT_MS, type OpenRun, SILENT_MS, UnfinishedRuns } from './unfinished-runs.ts';

/** Types of lines that a report is made of; others need not be read. */
export const REPORT_LINE_TYPES: ReadonlySet<string> = new Set(['START', 'SUMMARY', 'REPORT']);

/** Jobs beyond are counted, but not told of: names of jobs come from outside, and memory is bounded. */
export const MAX_JOBS = 5_000;

/** The metadata endpoint v4 came in November 2019: no line is older. */
const OLDEST_MS = Date.UTC(2020, 0, 1);
const DAY_MS = 86_400_000;

const MAX_REASONS = 10;

export interface AggregationOptions {
  readonly nowMs: number;
  /** Only runs whose REPORT was written in it. Default: all. */
  readonly window?: TimeWindow | undefined;
  /**
   * When the lines end, ms since the epoch: a run of which nothing was heard for the ten minutes before has lost its
   * sidecar. Default: the time of the last line of any job, as files may be old.
   */
  readonly endMs?: number | undefined;
  /** Names of jobs, `*` for any characters. Empty: all. */
  readonly jobs?: readonly string[] | undefined;
  readonly prices?: PriceList | undefined;
}

/**
 * Lines in, one after the other in any order; the document out. Memory grows with the number of jobs, and by some 12
 * bytes with each run, which tell that it has a REPORT.
 */
export class Aggregation {
  readonly #options: AggregationOptions;
  readonly #totals = new Map<string, JobTotals>();
  readonly #series = new RunSeries();
  readonly #unfinished = new UnfinishedRuns();
  #firstReportMs = Number.POSITIVE_INFINITY;
  #lastReportMs = Number.NEGATIVE_INFINITY;
  /** Of lines of any type and job, in the window and after it. */
  #lastLineMs = Number.NEGATIVE_INFINITY;
  #otherJobCount = 0;
  #hasMoreOpenRuns = false;
  #outsideWindowCount = 0;
  #wrongTimeCount = 0;
  #tooManyJobsCount = 0;
  #tooManyRunsCount = 0;
  readonly #unusable = new Map<string, number>();

  constructor(options: AggregationOptions) {
    this.#options = options;
  }

  /** Takes a line of REPORT_LINE_TYPES. */
  add(line: FoundLine): void {
    this.#hear(line.timeMs);
    const named = nameOf(line.fields);
    if ('reason' in named) this.#refuse(named.reason);
    else if (!this.#isWanted(named.job)) this.#otherJobCount += 1;
    else if (this.#isInTime(line.timeMs)) this.#addNamed(line, named);
    // Outside the window, and yet it tells that the run was not lost in it.
    else if (line.type === 'REPORT' && !this.#isTooLate(line.timeMs)) this.#unfinished.end(named.taskId);
  }

  #addNamed(line: FoundLine, named: { job: string; taskId: string }): void {
    if (line.type !== 'REPORT') {
      const { maxMemoryUtilizationPercent } = line.fields as { maxMemoryUtilizationPercent?: number };
      this.#begin({
        ...named,
        lastLineMs: line.timeMs,
        memoryUtilizationPercent: maxMemoryUtilizationPercent,
      });
      return;
    }
    this.#unfinished.end(named.taskId);
    const run = reportedRun(line);
    if ('reason' in run) {
      this.#refuse(run.reason);
      return;
    }
    const totals = this.#totalsOf(run.job);
    if (totals === undefined) return;
    this.#firstReportMs = Math.min(this.#firstReportMs, run.timeMs);
    this.#lastReportMs = Math.max(this.#lastReportMs, run.timeMs);
    this.#series.add(run);
    totals.add(run);
  }

  /** Takes what is known of a run that has no REPORT so far. */
  addOpenRun(run: OpenRun): void {
    this.#hear(run.lastLineMs);
    if (this.#isWanted(run.job) && this.#isInTime(run.lastLineMs)) this.#begin(run);
  }

  /** There are more of these than were told. */
  hearOfMoreOpenRuns(): void {
    this.#hasMoreOpenRuns = true;
  }

  #begin(run: OpenRun): void {
    const reason = implausibility('maxMemoryUtilizationPercent', run.memoryUtilizationPercent);
    if (reason !== undefined) {
      this.#refuse(reason);
      return;
    }
    if (this.#totalsOf(run.job) === undefined) return;
    if (!this.#unfinished.begin(run)) this.#tooManyRunsCount += 1;
  }

  /**
   * @param sources names of what was read
   * @param counts of the reading that the lines came from
   */
  document(sources: readonly string[], counts: FoundCounts): ReportDocument {
    const jobs = this.#jobReports();
    const names = jobs.map(({ job }) => job);
    return {
      fargaugeVersion: version,
      madeAt: isoTime(this.#options.nowMs),
      sources,
      window: this.#window(),
      jobs,
      total: totalOf(jobs),
      series: this.#series.series(names),
      prices: this.#pricesUsed(),
      skipped: this.#skipped(counts),
    };
  }

  #jobReports(): JobReport[] {
    const unfinished = this.#unfinishedByJob();
    return [...this.#totals.values()]
      .map((totals) =>
        totals.report(
          this.#options.prices ?? {},
          trendOf(this.#series.bucketsOf(totals.job)),
          unfinished.get(totals.job) ?? NONE_UNFINISHED,
        ),
      )
      .toSorted((a, b) => wasteOf(b) - wasteOf(a) || compareText(a.job, b.job));
  }

  #unfinishedByJob(): ReadonlyMap<string, UnfinishedCounts> {
    const silentBeforeMs = this.#endMs() - SILENT_MS;
    return new Map(
      [...Map.groupBy(this.#unfinished, ({ job }) => job)].map(([job, runs]) => {
        const silent = runs.filter(({ lastLineMs }) => lastLineMs < silentBeforeMs);
        return [job, unfinishedOf(silent, runs.length - silent.length)];
      }),
    );
  }

  /**
   * No line can be newer than now: that of a clock that runs ahead does not make the others silent. Of lines after the
   * window it only matters that there are some.
   */
  #endMs(): number {
    const { endMs = this.#lastLineMs, nowMs, window } = this.#options;
    return Math.min(endMs, nowMs, window?.toMs ?? nowMs);
  }

  /** Also where the line is of no job that was asked for: it tells how far the lines go. */
  #hear(timeMs: number): void {
    if (this.#isPlausible(timeMs)) this.#lastLineMs = Math.max(this.#lastLineMs, timeMs);
  }

  #isPlausible(timeMs: number): boolean {
    return timeMs >= OLDEST_MS && timeMs <= this.#options.nowMs + DAY_MS;
  }

  #isWanted(job: string): boolean {
    const { jobs = [] } = this.#options;
    return jobs.length === 0 || jobs.some((pattern) => matches(pattern, job));
  }

  #isInTime(timeMs: number): boolean {
    const { window } = this.#options;
    if (!this.#isPlausible(timeMs)) {
      this.#wrongTimeCount += 1;
      return false;
    }
    if (window !== undefined && (timeMs < window.fromMs || timeMs >= window.toMs)) {
      this.#outsideWindowCount += 1;
      return false;
    }
    return true;
  }

  /** As late as no log group is read: the same lines give the same figures out of a file. */
  #isTooLate(timeMs: number): boolean {
    const { window } = this.#options;
    return window !== undefined && timeMs >= window.toMs + LATE_REPORT_MS;
  }

  #totalsOf(job: string): JobTotals | undefined {
    let totals = this.#totals.get(job);
    if (totals === undefined) {
      if (this.#totals.size >= MAX_JOBS) {
        this.#tooManyJobsCount += 1;
        return undefined;
      }
      totals = new JobTotals(job);
      this.#totals.set(job, totals);
    }
    return totals;
  }

  #refuse(reason: string): void {
    this.#unusable.set(reason, (this.#unusable.get(reason) ?? 0) + 1);
  }

  #window(): Window {
    const { window } = this.#options;
    const hasReports = this.#lastReportMs >= this.#firstReportMs;
    return {
      // Without --since a file is read from the epoch on, which nobody asked for.
      from: window && window.fromMs > 0 ? isoTime(window.fromMs) : undefined,
      to: window && isoTime(window.toMs),
      firstReportAt: hasReports ? isoTime(this.#firstReportMs) : undefined,
      lastReportAt: hasReports ? isoTime(this.#lastReportMs) : undefined,
    };
  }

  #pricesUsed(): PricesUsed {
    const list = this.#options.prices ?? {};
    const places = new Map<string, Place>();
    for (const totals of this.#totals.values()) {
      for (const place of totals.places) places.set(placeKey(place), place);
    }
    const sorted = [...places].toSorted(([a], [b]) => compareText(a, b)).map(([, place]) => place);
    return {
      prices: sorted.flatMap((place) => {
        const price = priceOf(place, list);
        return price === undefined ? [] : [{ ...place, ...price }];
      }),
      unpriced: sorted.filter((place) => priceOf(place, list) === undefined),
    };
  }

  #skipped(counts: FoundCounts): Skipped {
    const reasons = [...this.#unusable, ...counts.brokenReasons];
    const unusableCount = [...this.#unusable.values()].reduce((sum, count) => sum + count, 0);
    return {
      foreignLineCount: counts.foreign,
      brokenLineCount: counts.broken + unusableCount,
      brokenReasons: reasons
        .map(([reason, count]) => ({ reason, count }))
        .toSorted((a, b) => b.count - a.count || compareText(a.reason, b.reason))
        .slice(0, MAX_REASONS),
      newerLineCount: counts.newer,
      copyCount: counts.copy,
      otherJobLineCount: this.#otherJobCount,
      outsideWindowLineCount: this.#outsideWindowCount,
      wrongTimeLineCount: this.#wrongTimeCount,
      tooManyJobsLineCount: this.#tooManyJobsCount,
      hasMoreRunsWithoutReport: this.#hasMoreOpenRuns,
      tooManyRunsLineCount: this.#tooManyRunsCount,
    };
  }
}

const NONE_UNFINISHED: UnfinishedCounts = { runsWithoutReportCount: 0, runningCount: 0 };

function unfinishedOf(silent: readonly OpenRun[], runningCount: number): UnfinishedCounts {
  const [newest] = silent.toSorted((a, b) => b.lastLineMs - a.lastLineMs || compareText(a.taskId, b.taskId));
  return {
    runsWithoutReportCount: silent.length,
    runningCount,
    newestRunWithoutReport: newest && {
      taskId: newest.taskId,
      lastLineAt: isoTime(newest.lastLineMs),
      memoryUtilizationPercent: newest.memoryUtilizationPercent,
    },
  };
}

/** In vCPU-hours. */
function wasteOf({ use }: JobReport): number {
  const { wastedVcpuHours = 0, wastedGBHours = 0 } = use ?? {};
  return wastedVcpuHours + wastedGBHours / GB_HOURS_PER_VCPU_HOUR;
}

/** By code units: the same everywhere. */
function compareText(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}
