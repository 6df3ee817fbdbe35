import { counted, grouped } from '../quantities.ts';
import type { Cell, ReportDocument } from '../report-document.ts';
import { draw } from './drawing.ts';
import { figure, type Legend, legend, NOTHING_TO_DRAW } from './figure.ts';
import { html, type Markup } from './markup.ts';
import {
  extentOf,
  type Frame,
  fromZeroTo,
  hoverLayer,
  OVER_EXTENT,
  type TimeSpan,
  timeChart,
  timeSpanOf,
} from './time-chart.ts';
import { bucketStart, bucketWidth } from './times.ts';

const WIDE: Frame = { width: 1_120, height: 150, padding: { left: 52, right: 16, top: 10, bottom: 38 } };
/** For a phone. */
const NARROW: Frame = { width: 280, height: 150, padding: { left: 52, right: 14, top: 10, bottom: 38 } };

/** A lone bucket is no wall. */
const MAX_BAR_PX = 40;
const BAR_SHARE = 0.86;

const LEGEND: Legend = [
  { className: 'failed', text: 'failed' },
  { className: 'runs', text: 'did not fail' },
];

/** How many runs ended when, and how many of them failed. */
export async function taskCount({ series, total }: ReportDocument): Promise<Markup> {
  const span = timeSpanOf(series);
  const title = 'Task count';
  if (span === undefined) return figure({ id: 'count', title, summary: NOTHING_TO_DRAW });
  const width = bucketWidth(span.bucketMs);
  const summary = summaryOf(series.all, span, counted(total.runCount, 'run'), grouped(total.failureCount));
  return figure({
    id: 'count',
    title,
    subtitle: `Runs that ended, per ${width}`,
    summary,
    legend: legend(LEGEND),
    picture: [
      html`<div class="wide">${await draw(chart(series.all, span, WIDE), `${title}: ${summary}`)}</div>`,
      html`<div class="narrow">${await draw(chart(series.all, span, NARROW), `${title}: ${summary}`)}</div>`,
    ],
    tables: [
      {
        caption: `Runs that ended, per ${width}`,
        columns: ['From (UTC)', 'Runs', 'Failed'],
        rows: series.all.map(({ bucketStart: start, runCount, failureCount }) => [
          bucketStart(start, span.bucketMs),
          grouped(runCount),
          grouped(failureCount),
        ]),
      },
    ],
  });
}

function summaryOf(cells: readonly Cell[], { bucketMs }: TimeSpan, runs: string, failed: string): string {
  const [busiest] = cells.toSorted((a, b) => b.runCount - a.runCount);
  const end =
    busiest === undefined
      ? ''
      : ` The busiest ${bucketWidth(bucketMs)} began on ${bucketStart(busiest.bucketStart, bucketMs)}: ${counted(busiest.runCount, 'run')}.`;
  return `${runs}, ${failed} of them failed.${end}`;
}

function chart(cells: readonly Cell[], span: TimeSpan, frame: Frame) {
  const bars = cells.flatMap((cell) => {
    const extent = barExtent(cell, span, frame);
    const { failureCount, runCount } = cell;
    return [
      { ...extent, from: 0, to: failureCount, fill: 'var(--failed)' },
      { ...extent, from: failureCount, to: runCount, fill: 'var(--runs)' },
    ].filter(({ from, to }) => to > from);
  });
  const hovers = cells.map((cell) => ({
    ...extentOf(cell.bucketStart, span),
    text: `${bucketStart(cell.bucketStart, span.bucketMs)} UTC: ${counted(cell.runCount, 'run')}, ${grouped(cell.failureCount)} failed`,
  }));
  return timeChart(span, frame, {
    y: fromZeroTo(Math.max(...cells.map(({ runCount }) => runCount))),
    yAxis: { title: 'runs', titleX: -40, grid: true, tickCount: 4, tickMinStep: 1, format: ',d' },
    layers: [
      {
        type: 'rect',
        values: bars,
        shape: {
          ...OVER_EXTENT,
          y: { scale: 'y', field: 'from' },
          y2: { scale: 'y', field: 'to' },
          fill: { field: 'fill' },
        },
      },
      hoverLayer(hovers),
    ],
  });
}

function barExtent({ bucketStart: start }: Cell, span: TimeSpan, { width }: Frame) {
  const { fromMs, toMs } = extentOf(start, span);
  const msPerPx = (span.toMs - span.fromMs) / width;
  const halfMs = Math.min(span.bucketMs * BAR_SHARE, MAX_BAR_PX * msPerPx) / 2;
  const middleMs = (fromMs + toMs) / 2;
  return { fromMs: middleMs - halfMs, toMs: middleMs + halfMs };
}
