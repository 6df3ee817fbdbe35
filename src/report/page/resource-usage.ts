import stringWidth from 'string-width';
import { printable } from '../printable.ts';
import { counted } from '../quantities.ts';
import type { Cell, JobReport, ReportDocument } from '../report-document.ts';
import { draw } from './drawing.ts';
import { type FigureTable, figure, NOTHING_TO_DRAW } from './figure.ts';
import { html, type Markup } from './markup.ts';
import { extentOf, OVER_EXTENT, type TimeSpan, timeChart, timeSpanOf } from './time-chart.ts';
import { bucketStart, bucketWidth } from './times.ts';
import { UTILIZATION_STEP_COUNT, utilizationColour } from './utilization-scale.ts';

/** More rows are a picture that nobody reads, and a heavy page; the table has every job. */
const MAX_JOBS = 30;

const ROW_PX = 15;
const PLOT_WIDTH_PX = 460;
const PADDING = { left: 146, right: 18, top: 4, bottom: 38 };
/** Half of what the space on the left has room for, in columns of a terminal: a wide character has two. */
const LABEL_HALF_COLUMNS = 10;

/** One of the two pictures side by side. */
interface Measure {
  readonly title: string;
  readonly meaning: string;
  readonly percentOf: (cell: Cell) => number | undefined;
}

const MEASURES: readonly Measure[] = [
  {
    title: 'CPU',
    meaning: 'mean of the runs’ averages, % of the size',
    percentOf: ({ meanCpuUtilizationPercent }) => meanCpuUtilizationPercent,
  },
  {
    title: 'Memory',
    meaning: 'highest of the runs, % of the size',
    percentOf: ({ maxMemoryUtilizationPercent }) => maxMemoryUtilizationPercent,
  },
];

interface Row {
  readonly job: string;
  readonly cells: readonly Cell[];
}

/** How much of its size each job used, over time: wide pale rows are paid for and idle, dark ones are about to fail. */
export async function resourceUsage(document: ReportDocument): Promise<Markup> {
  const { series, jobs } = document;
  const span = timeSpanOf(series);
  const title = 'Resource usage by job';
  const rows = rowsOf(document);
  if (span === undefined || rows.length === 0) {
    return figure({ id: 'usage', title, summary: NOTHING_TO_DRAW });
  }
  const width = bucketWidth(span.bucketMs);
  const panels = await Promise.all(
    MEASURES.map(async (measure) => {
      const label = `${measure.title} of ${counted(rows.length, 'job')} over time: ${measure.meaning}`;
      return html`<div class="panel"><h3>${measure.title}<span>, ${measure.meaning}</span></h3>${await draw(chart(rows, span, measure), label)}</div>`;
    }),
  );
  return figure({
    id: 'usage',
    title,
    subtitle: `Runs that ended, per ${width}; jobs that waste most first`,
    summary: summaryOf(jobs, rows.length),
    legend: scaleLegend(),
    picture: html`<div class="heatmaps" role="region" tabindex="0" aria-label="${title}">${panels}</div>`,
    tables: MEASURES.map((measure) => tableOf(rows, document, span, measure)),
  });
}

function rowsOf({ series, jobs }: ReportDocument): readonly Row[] {
  const byJob = Map.groupBy(series.byJob, ({ job }) => job);
  return jobs
    .flatMap(({ job }) => {
      const cells = byJob.get(job);
      return cells === undefined ? [] : [{ job, cells }];
    })
    .slice(0, MAX_JOBS);
}

function summaryOf(jobs: readonly JobReport[], shownCount: number): string {
  const jobCount = jobs.filter(({ runCount }) => runCount > 0).length;
  const peaks = jobs.flatMap(({ job, maxMemoryUtilizationPercent: percent }) =>
    percent === undefined ? [] : [{ job, percent }],
  );
  const sorted = peaks.toSorted((a, b) => b.percent - a.percent);
  const [highest] = sorted;
  const lowest = sorted.at(-1);
  const shown =
    shownCount < jobCount ? `${shownCount} of ${jobCount} jobs are drawn; the table below has all. ` : '';
  if (highest === undefined || lowest === undefined) {
    return `${shown}No run had enough samples to tell its memory.`;
  }
  const least = lowest === highest ? '' : `; ${lowest.job} the smallest, ${lowest.percent}\u00a0%`;
  return `${shown}Of its memory, ${highest.job} used the largest share at its peak, ${highest.percent}\u00a0%${least}.`;
}

function scaleLegend(): Markup {
  const steps = Array.from(
    { length: UTILIZATION_STEP_COUNT },
    (_, step) => html`<span class="u${step}"></span>`,
  );
  return html`<div class="scale"><span class="ends">0 %</span><span class="steps" aria-hidden="true">${steps}</span><span class="ends">100 % and more, 10 % a step</span></div>
<ul class="legend"><li><span class="key unknown"></span>ran, but the figure is not known</li><li><span class="key none"></span>no run ended</li></ul>`;
}

function chart(rows: readonly Row[], span: TimeSpan, { percentOf }: Measure) {
  const values = rows.flatMap(({ job, cells }, row) =>
    cells.map((cell) => {
      const percent = percentOf(cell);
      const said = percent === undefined ? 'not known' : `${percent} %`;
      return {
        ...extentOf(cell.bucketStart, span),
        row,
        fill: percent === undefined ? 'var(--unknown)' : utilizationColour(percent),
        text: `${printable(job)}, ${bucketStart(cell.bucketStart, span.bucketMs)}: ${said}, ${counted(cell.runCount, 'run')}`,
      };
    }),
  );
  const height = rows.length * ROW_PX;
  return timeChart(
    span,
    { width: PLOT_WIDTH_PX, height, padding: PADDING },
    {
      // By number: names that look alike are still jobs of their own.
      y: { name: 'y', type: 'band', domain: rows.map((_, row) => row), range: 'height' },
      yAxis: { labelLimit: 0, encode: { labels: { update: { text: { signal: 'names[datum.value]' } } } } },
      signals: [{ name: 'names', value: rows.map(({ job }) => shortened(printable(job))) }],
      layers: [
        {
          type: 'rect',
          values,
          shape: {
            ...OVER_EXTENT,
            y: { scale: 'y', field: 'row' },
            height: { scale: 'y', band: 1 },
            fill: { field: 'fill' },
            stroke: { value: 'var(--card)' },
            strokeWidth: { value: 0.75 },
            description: { field: 'text' },
          },
        },
      ],
    },
  );
}

/** Without its middle: names of jobs tend to begin alike, and to differ at the end. */
function shortened(name: string): string {
  if (stringWidth(name) <= 2 * LABEL_HALF_COLUMNS) return name;
  const characters = Array.from(new Intl.Segmenter().segment(name), ({ segment }) => segment);
  const head = fitting(characters);
  const tail = fitting(characters.toReversed()).toReversed();
  return `${head.join('')}…${tail.join('')}`;
}

function fitting(characters: readonly string[]): readonly string[] {
  let columns = 0;
  return characters.slice(
    0,
    characters.findIndex((character) => {
      columns += stringWidth(character);
      return columns > LABEL_HALF_COLUMNS;
    }),
  );
}

function tableOf(
  rows: readonly Row[],
  { series }: ReportDocument,
  { bucketMs }: TimeSpan,
  { title, meaning, percentOf }: Measure,
): FigureTable {
  return {
    caption: `${title}: ${meaning}; ? where it is not known`,
    columns: ['Job', ...series.bucketStarts.map((start) => bucketStart(start, bucketMs))],
    rows: rows.map(({ job, cells }) => {
      const byStart = new Map(cells.map((cell) => [cell.bucketStart, cell]));
      return [
        job,
        ...series.bucketStarts.map((start) => {
          const cell = byStart.get(start);
          if (cell === undefined) return '';
          return String(percentOf(cell) ?? '?');
        }),
      ];
    }),
  };
}
