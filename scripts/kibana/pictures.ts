/** What the dashboard shows, said once: the saved objects and the Vega specifications are made of it. */
import type { FieldName, LineType } from '../../src/core/fields.ts';

/** What a bar, a point or a cell says of the lines in it. */
export type Figure =
  | { readonly aggregation: 'count'; readonly label: string }
  | { readonly aggregation: 'avg'; readonly field: FieldName; readonly label: string };

/** A figure of each job over time. */
export interface Picture {
  /** Of the saved object; the same in every installation, so that another import replaces it. */
  readonly id: string;
  readonly title: string;
  readonly description: string;
  /** Stacked bars, lines, or jobs down and time across with the figure as a colour. */
  readonly kind: 'bars' | 'lines' | 'heatmap';
  readonly lineType: LineType;
  readonly figure: Figure;
}

/** Rows are lines, the newest first. */
export interface Table {
  readonly id: string;
  readonly title: string;
  readonly description: string;
  readonly lineType: LineType;
  /** Only lines that have it. */
  readonly having: FieldName;
  readonly columns: readonly FieldName[];
}

export const TASK_COUNT: Picture = {
  id: 'fargauge-task-count',
  title: 'Task Count',
  description: 'Runs that ended, by job.',
  kind: 'bars',
  lineType: 'REPORT',
  figure: { aggregation: 'count', label: 'Runs' },
};

export const TASK_DURATION: Picture = {
  id: 'fargauge-task-duration',
  title: 'Task Duration',
  description: 'Average duration of the runs that ended, by job; failed ones too.',
  kind: 'lines',
  lineType: 'REPORT',
  figure: { aggregation: 'avg', field: 'durationMs', label: 'Average duration' },
};

// From SUMMARY lines, one a minute: a run of six hours is a row of cells, not one cell at its end.
export const CPU_USAGE: Picture = {
  id: 'fargauge-cpu-usage',
  title: 'Task Resource Usage Average: CPU',
  description:
    "CPU used by a container while it ran, in percent of the task's size; of several containers the average, not the sum.",
  kind: 'heatmap',
  lineType: 'SUMMARY',
  figure: { aggregation: 'avg', field: 'avgCpuUtilizationPercent', label: 'CPU (% of size)' },
};

export const MEMORY_USAGE: Picture = {
  id: 'fargauge-memory-usage',
  title: 'Task Resource Usage Average: memory',
  description:
    'Memory used by the containers while they ran, the highest of each minute, in percent of the limit.',
  kind: 'heatmap',
  lineType: 'SUMMARY',
  figure: { aggregation: 'avg', field: 'maxMemoryUtilizationPercent', label: 'Memory (% of limit)' },
};

export const PICTURES: readonly Picture[] = [TASK_COUNT, TASK_DURATION, CPU_USAGE, MEMORY_USAGE];

export const RUNS_WITH_ERRORS: Table = {
  id: 'fargauge-runs-with-errors',
  title: 'Runs with errors',
  description: 'Runs that failed or were killed, the newest first.',
  lineType: 'REPORT',
  having: 'errorType',
  columns: [
    'job',
    'errorType',
    'exitCode',
    'durationMs',
    'maxMemoryUsedMB',
    'memorySizeMB',
    'oomEvidence',
    'taskId',
  ],
};

/** Bars and lines are drawn of this many jobs, the highest; the rest is one more, "other jobs". */
export const DRAWN_JOB_COUNT = 10;

/** A heatmap has this many rows at most, the highest: of more, Kibana draws none (`visualization:heatmap:maxBuckets`). */
export const HEATMAP_JOB_COUNT = 50;

/** A cell's colour: the band whose lower edge it has reached. In percent; CPU can be above 100, a little or in a burst. */
export const BAND_EDGES = [0, 10, 25, 50, 75, 90] as const;

export const DASHBOARD = {
  id: 'fargauge',
  title: 'fargauge',
  description: 'Task runs: how many, how long, what they used of their size, what failed.',
} as const;
