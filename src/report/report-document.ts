/**
 * What `fargauge report` found out, as one document: `--format json` prints it, the other formats show it. The units
 * stand in the names, as in the lines: MB are 1,048,576 bytes, 100 CPU percent are one vCPU, 1024 CPU units are one vCPU,
 * a GB-hour is of 1,024 MB, times are ISO 8601 UTC. What is not known is absent. Text out of lines (jobs, task ids,
 * regions) is untrusted, since any program can write into the same log.
 */
export interface ReportDocument {
  readonly fargaugeVersion: string;
  readonly madeAt: string;
  /** Where the lines came from: names of files or log groups. */
  readonly sources: readonly string[];
  readonly window: Window;
  /** Those that waste most first: unused vCPU-hours and GB-hours, weighed as Fargate prices them. */
  readonly jobs: readonly JobReport[];
  /** Of all jobs together. */
  readonly total: Total;
  readonly series: Series;
  readonly prices: PricesUsed;
  readonly skipped: Skipped;
}

/** A run belongs to the window in which its REPORT was written. */
export interface Window {
  /** What was asked for, where something was. */
  readonly from?: string | undefined;
  /** Not included. */
  readonly to?: string | undefined;
  /** When the first and the last REPORT of a counted run were written. Absent without any. */
  readonly firstReportAt?: string | undefined;
  readonly lastReportAt?: string | undefined;
}

/** How the runs ended. Those with a REPORT are the sum of the four statuses. */
export interface RunCounts {
  /** With a REPORT. */
  readonly runCount: number;
  readonly successCount: number;
  readonly failureCount: number;
  readonly stoppedCount: number;
  readonly unknownCount: number;
  /** Of the runs whose `errorType` is OutOfMemory. */
  readonly outOfMemoryCount: number;
  /** Began, fell silent more than ten minutes before the end of the window, and left no REPORT. */
  readonly runsWithoutReportCount: number;
  /** Began, have no REPORT yet, and were heard of in the window's last ten minutes. */
  readonly runningCount: number;
  /** Fewer than three samples, or less than half of the run between the first and the last: figures say little. */
  readonly blindRunCount: number;
}

/** Over runs: half of them have p50 or less, 95 of 100 have p95 or less; by nearest rank. */
export interface Spread {
  readonly p50: number;
  readonly p95: number;
  readonly max: number;
}

export interface JobReport extends RunCounts {
  readonly job: string;
  /** Of the newest run. */
  readonly launchType?: string | undefined;
  /** Of the newest run: X86_64 or ARM64. */
  readonly cpuArchitecture?: string | undefined;
  /** Of the newest run. */
  readonly region?: string | undefined;
  /** The task size of the newest run, as far as there is one. */
  readonly size: { readonly cpuUnits?: number | undefined; readonly memoryMB?: number | undefined };
  /** How far p50 and p95 may be off: 0 up to 20,000 runs of a job, 0.5 beyond. */
  readonly percentileErrorPercent: number;
  readonly durationMs?: Spread | undefined;
  /** Of each run's average. */
  readonly avgCpuPercent?: Spread | undefined;
  /** Of each run's highest. */
  readonly maxCpuPercent?: Spread | undefined;
  /** Of each run's highest. */
  readonly maxMemoryUsedMB?: Spread | undefined;
  /** The same, or anonymous memory where that alone was seen at its highest. */
  readonly peakMemoryMB?: Spread | undefined;
  /** Whether the highest of these is anonymous memory. */
  readonly isPeakMemoryAnonymous?: boolean | undefined;
  /** The highest of any run, of the size that it had. */
  readonly maxCpuUtilizationPercent?: number | undefined;
  /** Of the memory's peak, anonymous memory included. */
  readonly maxMemoryUtilizationPercent?: number | undefined;
  /** Absent where no run had a size or a duration. */
  readonly use?: Use | undefined;
  /** Fargate only; absent where the price is not known. */
  readonly cost?: Cost | undefined;
  readonly recommendation: Recommendation;
  readonly trend?: Trend | undefined;
  readonly worstRun?: WorstRun | undefined;
  readonly newestRunWithoutReport?: RunWithoutReport | undefined;
}

/** What was held for the runs, and what of it they used. */
export interface Use {
  /** The size times the billed duration on Fargate, times the batch's duration elsewhere. */
  readonly reservedVcpuHours: number;
  readonly reservedGBHours: number;
  /** CPU time; average memory times the batch's duration. Absent where no run has samples, as the two below. */
  readonly usedVcpuHours?: number | undefined;
  readonly usedGBHours?: number | undefined;
  /** Reserved less used, of runs where both are known. */
  readonly wastedVcpuHours?: number | undefined;
  readonly wastedGBHours?: number | undefined;
  /** Runs with a size whose use is not known: they are in what was reserved, but in no waste. */
  readonly unseenRunCount: number;
}

/** On-demand prices: Spot and Savings Plans cannot be seen from inside a task. Storage above 20 GB is not in it. */
export interface Cost {
  /** Of the runs as they were sized. */
  readonly usd: number;
  /** What the same runs would cost at the newest run's size; differs where the size was changed. */
  readonly usdAtPresentSize?: number | undefined;
  readonly usdAtRecommendedSize?: number | undefined;
  /** Of usdAtPresentSize, what the recommended size saves; negative where it costs more. */
  readonly savingPercent?: number | undefined;
  /** Of wastedVcpuHours and wastedGBHours; absent where they are. */
  readonly wastedUsd?: number | undefined;
  readonly usdPerThousandRuns: number;
  /** Fargate runs whose price is not known: not in the figures. */
  readonly unpricedRunCount: number;
}

export type Recommendation =
  | {
      readonly kind: 'size';
      readonly cpuUnits: number;
      readonly memoryMB: number;
      /** Runs that did not fail and were seen well enough. */
      readonly basedOnRunCount: number;
      readonly isPresentSize: boolean;
    }
  | {
      readonly kind: 'none';
      /** In words, a sentence without its full stop. */
      readonly reason: string;
    };

/**
 * By how much it grew from the beginning to the end of the job's time, in percent, by Theil and Sen's slope through the
 * means of the series' buckets: single outliers do not move it. Successful runs only.
 */
export interface Trend {
  readonly durationPercent: number;
  /** Of the highest memory of each run. */
  readonly memoryPercent?: number | undefined;
  /** How many buckets it rests on. */
  readonly bucketCount: number;
}

/** Out of memory before failed before all others; then the one nearest to its memory limit, then the longest. */
export interface WorstRun {
  readonly taskId: string;
  /** When its REPORT was written. */
  readonly reportedAt: string;
  readonly status: string;
  readonly errorType?: string | undefined;
  readonly exitCode?: number | undefined;
  readonly durationMs?: number | undefined;
  readonly maxCpuPercent?: number | undefined;
  readonly maxMemoryUsedMB?: number | undefined;
  /** As of the job. */
  readonly peakMemoryMB?: number | undefined;
  readonly isPeakMemoryAnonymous?: boolean | undefined;
  readonly memorySizeMB?: number | undefined;
}

/** The newest of those that `runsWithoutReportCount` counts. */
export interface RunWithoutReport {
  readonly taskId: string;
  /** When it was last heard of. */
  readonly lastLineAt: string;
  /** The highest of its SUMMARY lines, of the limit: near 100 it was probably killed as a whole. */
  readonly memoryUtilizationPercent?: number | undefined;
}

export interface Total extends RunCounts {
  readonly jobCount: number;
  readonly use?: Use | undefined;
  /** Of the jobs that have it. */
  readonly usd?: number | undefined;
  readonly wastedUsd?: number | undefined;
  /** Of the jobs with a recommendation and a price. */
  readonly usdAtPresentSize?: number | undefined;
  readonly usdAtRecommendedSize?: number | undefined;
}

/** Runs over time, for pictures. A run is in the bucket in which its REPORT was written. */
export interface Series {
  /** A minute to four weeks and more: the finest with which 64 buckets at the most cover all runs. */
  readonly bucketMs: number;
  /** Beginning of each bucket, without gaps; UTC, weeks begin on Monday. */
  readonly bucketStarts: readonly string[];
  /** Of all jobs together, one for each bucket with runs, by time. */
  readonly all: readonly Cell[];
  /** One for each job and bucket with runs, by job in their order, then by time. */
  readonly byJob: readonly JobCell[];
  /** Jobs in `byJob`: the first 50. The others are in `all`. */
  readonly jobCount: number;
}

export interface Cell {
  readonly bucketStart: string;
  readonly runCount: number;
  readonly failureCount: number;
  readonly meanDurationMs?: number | undefined;
  readonly maxDurationMs?: number | undefined;
  /** Mean of the runs' averages, of the size. */
  readonly meanCpuUtilizationPercent?: number | undefined;
  readonly maxCpuUtilizationPercent?: number | undefined;
  /** Mean of the runs' highest, of the size. */
  readonly meanMemoryUtilizationPercent?: number | undefined;
  readonly maxMemoryUtilizationPercent?: number | undefined;
}

export interface JobCell extends Cell {
  readonly job: string;
}

export interface Price {
  readonly usdPerVcpuHour: number;
  readonly usdPerGBHour: number;
}

export interface PricesUsed {
  /** By region and architecture. */
  readonly prices: readonly PriceUsed[];
  /** Region and architecture of Fargate runs for which there is no price: their cost is in no figure. */
  readonly unpriced: readonly { readonly region: string; readonly cpuArchitecture: string }[];
}

export interface PriceUsed extends Price {
  readonly region: string;
  readonly cpuArchitecture: string;
  /** Month or year in which AWS's list was seen to say so; absent where the price was given on the command line. */
  readonly asOf?: string | undefined;
}

/** What was read and is in no figure above. */
export interface Skipped {
  /** Somebody else's. */
  readonly foreignLineCount: number;
  /** Ours, but cut, or with a field that is not what it should be. */
  readonly brokenLineCount: number;
  /** Some of the reasons, and how often each was met. */
  readonly brokenReasons: readonly { readonly reason: string; readonly count: number }[];
  /** Of types that this version does not know. */
  readonly newerLineCount: number;
  /** REPORT lines that were delivered twice. */
  readonly copyCount: number;
  /** Of a job that was not asked for. */
  readonly otherJobLineCount: number;
  /** Outside the window. */
  readonly outsideWindowLineCount: number;
  /** From a clock that is wrong: before 2020, or more than a day from now. */
  readonly wrongTimeLineCount: number;
  /** Lines of jobs beyond the first 5,000. */
  readonly tooManyJobsLineCount: number;
  /** Of the runs without a REPORT in a log group only the newest 10,000 are counted, and there are more. */
  readonly hasMoreRunsWithoutReport: boolean;
  /** Lines of runs beyond the 200,000 without a REPORT that are kept in mind at a time. */
  readonly tooManyRunsLineCount: number;
}
