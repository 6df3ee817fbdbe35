import { counted, duration } from '../quantities.ts';
import type { Cell, JobReport, ReportDocument } from '../report-document.ts';
import { draw } from './drawing.ts';
import { type FigureTable, figure, type Legend, legend, NOTHING_TO_DRAW } from './figure.ts';
import { html, type Markup } from './markup.ts';
import {
  extentOf,
  type Frame,
  fromZeroTo,
  hoverLayer,
  type TimeSpan,
  timeChart,
  timeSpanOf,
} from './time-chart.ts';
import { bucketStart, bucketWidth } from './times.ts';

/** As many as can be compared at a glance. */
const MAX_JOBS = 8;

const FRAME: Frame = { width: 300, height: 96, padding: { left: 44, right: 16, top: 8, bottom: 38 } };

const LEGEND: Legend = [
  { className: 'mean', text: 'mean of the runs' },
  { className: 'longest', text: 'longest run' },
];

/** What has a panel of its own: a job, or all of them. */
interface Panel {
  readonly name: string;
  readonly cells: readonly TimedCell[];
}

/** A cell with at least one run whose duration is known. */
type TimedCell = Cell & { readonly meanDurationMs: number; readonly maxDurationMs: number };

/** How long runs took: a panel for each job, as a mean over different jobs hides what becomes of one. */
export async function taskDuration(document: ReportDocument): Promise<Markup> {
  const { series, jobs } = document;
  const span = timeSpanOf(series);
  const title = 'Task duration';
  const panels = panelsOf(document);
  if (span === undefined || panels.length === 0) {
    return figure({ id: 'duration', title, summary: NOTHING_TO_DRAW });
  }
  const drawn = await Promise.all(
    panels.map(async ({ name, cells }) => {
      const label = `${name}: ${panelSummary(cells)}`;
      return html`<div class="panel"><h3>${name}</h3>${await draw(chart(cells, span), label)}</div>`;
    }),
  );
  return figure({
    id: 'duration',
    title,
    subtitle: `Runs that ended, per ${bucketWidth(span.bucketMs)}${panels.length > 1 ? '; every panel has a scale of its own' : ''}`,
    summary: summaryOf(jobs),
    legend: legend(LEGEND),
    picture: html`<div class="panels">${drawn}</div>`,
    tables: [tableOf(panels, document, span)],
  });
}

function panelsOf({ series, jobs }: ReportDocument): readonly Panel[] {
  const byJob = Map.groupBy(series.byJob, ({ job }) => job);
  const ofJobs = jobs.flatMap(({ job }) => {
    const cells = timed(byJob.get(job) ?? []);
    return cells.length === 0 ? [] : [{ name: job, cells }];
  });
  const all = { name: 'All jobs together', cells: timed(series.all) };
  return jobs.length === 1
    ? ofJobs
    : [...(all.cells.length === 0 ? [] : [all]), ...ofJobs.slice(0, MAX_JOBS)];
}

function timed(cells: readonly Cell[]): readonly TimedCell[] {
  return cells.flatMap((cell) => {
    const { meanDurationMs, maxDurationMs } = cell;
    return meanDurationMs === undefined || maxDurationMs === undefined
      ? []
      : [{ ...cell, meanDurationMs, maxDurationMs }];
  });
}

function summaryOf(jobs: readonly JobReport[]): string {
  const known = jobs.flatMap(({ job, durationMs }) => (durationMs ? [{ job, maxMs: durationMs.max }] : []));
  const [longest] = known.toSorted((a, b) => b.maxMs - a.maxMs);
  const drawnCount = Math.min(known.length, MAX_JOBS);
  const which =
    drawnCount < known.length
      ? `The ${drawnCount} jobs that waste most; the other ${known.length - drawnCount} are only in the sum of all. `
      : '';
  return longest === undefined
    ? which
    : `${which}The longest run took ${duration(longest.maxMs)}, of ${longest.job}.`;
}

function panelSummary(cells: readonly TimedCell[]): string {
  const [first] = cells;
  const last = cells.at(-1);
  if (first === undefined || last === undefined) return '';
  const longestMs = Math.max(...cells.map(({ maxDurationMs }) => maxDurationMs));
  return `mean duration from ${duration(first.meanDurationMs)} at first to ${duration(last.meanDurationMs)} at last, longest run ${duration(longestMs)}`;
}

const UNITS: readonly (readonly [ms: number, title: string])[] = [
  [3_600_000, 'hours'],
  [60_000, 'minutes'],
  [1_000, 'seconds'],
  [1, 'milliseconds'],
];

/** The largest of which the longest run has two. */
function unitOf(longestMs: number) {
  const [ms, title] = UNITS.find(([each]) => longestMs >= 2 * each) ?? [1, 'milliseconds'];
  return { ms, title };
}

function chart(cells: readonly TimedCell[], span: TimeSpan) {
  const longestMs = Math.max(...cells.map(({ maxDurationMs }) => maxDurationMs));
  const unit = unitOf(longestMs);
  const points = cells.map(({ bucketStart: start, meanDurationMs, maxDurationMs }) => {
    const { fromMs, toMs } = extentOf(start, span);
    return { atMs: (fromMs + toMs) / 2, mean: meanDurationMs / unit.ms, max: maxDurationMs / unit.ms };
  });
  const hovers = cells.map((cell) => ({
    ...extentOf(cell.bucketStart, span),
    text: `${bucketStart(cell.bucketStart, span.bucketMs)} UTC: ${duration(cell.meanDurationMs)} on average of ${counted(cell.runCount, 'run')}, longest ${duration(cell.maxDurationMs)}`,
  }));
  const at = (field: 'mean' | 'max') => ({
    x: { scale: 'x', field: 'atMs' },
    y: { scale: 'y', field },
  });
  return timeChart(span, FRAME, {
    y: fromZeroTo(longestMs / unit.ms),
    yAxis: { title: unit.title, titleX: -34, grid: true, tickCount: 3 },
    layers: [
      {
        type: 'symbol',
        values: points,
        shape: {
          ...at('max'),
          size: { value: 14 },
          stroke: { value: 'var(--longest)' },
          strokeWidth: { value: 1.2 },
        },
      },
      {
        type: 'line',
        values: points,
        shape: { ...at('mean'), stroke: { value: 'var(--mean)' }, strokeWidth: { value: 1.4 } },
      },
      {
        type: 'symbol',
        values: points,
        shape: { ...at('mean'), size: { value: 10 }, fill: { value: 'var(--mean)' } },
      },
      hoverLayer(hovers),
    ],
  });
}

function tableOf(panels: readonly Panel[], { series }: ReportDocument, { bucketMs }: TimeSpan): FigureTable {
  const byStart = panels.map(({ cells }) => new Map(cells.map((cell) => [cell.bucketStart, cell] as const)));
  return {
    caption: `Duration: mean / longest of the runs that ended, per ${bucketWidth(bucketMs)}`,
    columns: ['From (UTC)', ...panels.map(({ name }) => name)],
    rows: series.all.map(({ bucketStart: start }) => [
      bucketStart(start, bucketMs),
      ...byStart.map((cells) => {
        const cell = cells.get(start);
        return cell === undefined
          ? '–'
          : `${duration(cell.meanDurationMs)} / ${duration(cell.maxDurationMs)}`;
      }),
    ]),
  };
}
