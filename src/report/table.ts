import type { Display } from './formats.ts';
import { first, lostRunNotes, minute, otherEndings, priceNotes, skippedNotes, spanOf } from './notes.ts';
import { printable } from './printable.ts';
import { change, counted, duration, gigabytes, grouped, hours, usd, vcpus } from './quantities.ts';
import type { JobReport, ReportDocument, RunCounts, Spread, WorstRun } from './report-document.ts';
import {
  type Cell,
  type Column,
  coloured,
  type TextTable,
  textTable,
  truncated,
  wrapped,
} from './text-table.ts';

/** From here on a growth is worth a look. */
const MARKED_GROWTH_PERCENT = 10;
/** From here on memory is close to its limit. */
const MARKED_UTILIZATION_PERCENT = 90;

const UNKNOWN: Cell = { text: '–', style: 'dim' };

const JOB_COLUMN: Column<JobReport> = {
  title: 'JOB',
  align: 'left',
  rank: 0,
  minWidth: 12,
  cell: ({ job }) => ({ text: printable(job) }),
};

/** What is neither success nor failure: columns only where a job has some. */
const OTHER_ENDS = [
  ['STOPPED', 'stoppedCount'],
  ['UNKNOWN', 'unknownCount'],
] as const;

function columnsFor(jobs: readonly JobReport[]): readonly Column<JobReport>[] {
  const isAny = (name: keyof RunCounts) => jobs.some((job) => job[name] > 0);
  return [
    JOB_COLUMN,
    { title: 'RUNS', align: 'right', rank: 0, cell: ({ runCount }) => ({ text: grouped(runCount) }) },
    {
      title: 'NO REPORT',
      align: 'right',
      rank: isAny('runsWithoutReportCount') ? 1 : 8,
      cell: ({ runsWithoutReportCount: count }) => marked(grouped(count), count > 0, 'red'),
    },
    { title: 'FAILED', align: 'right', rank: 2, cell: failures },
    ...OTHER_ENDS.filter(([, name]) => isAny(name)).map(
      ([title, name]): Column<JobReport> => ({
        title,
        align: 'right',
        rank: 3,
        cell: (job) => ({ text: grouped(job[name]) }),
      }),
    ),
    { title: 'DURATION', align: 'right', rank: 5, cell: ({ durationMs }) => spread(durationMs, duration) },
    {
      title: 'TREND',
      align: 'right',
      rank: 9,
      cell: ({ trend }) =>
        trend === undefined
          ? UNKNOWN
          : marked(change(trend.durationPercent), trend.durationPercent >= MARKED_GROWTH_PERCENT, 'yellow'),
    },
    { title: 'PEAK CPU', align: 'right', rank: 7, cell: ({ maxCpuPercent }) => spread(maxCpuPercent, cpus) },
    { title: 'OF vCPU', align: 'right', rank: 7, cell: ({ size }) => known(size.cpuUnits, vcpus) },
    { title: 'PEAK MB', align: 'right', rank: 6, cell: memory },
    { title: 'OF MB', align: 'right', rank: 6, cell: ({ size }) => known(size.memoryMB, String) },
    {
      title: 'UNUSED vCPU·h',
      align: 'right',
      rank: 10,
      cell: ({ use }) => known(use?.wastedVcpuHours, hours),
    },
    { title: 'UNUSED GB·h', align: 'right', rank: 10, cell: ({ use }) => known(use?.wastedGBHours, hours) },
    { title: 'USD', align: 'right', rank: 4, cell: ({ cost }) => known(cost?.usd, usd) },
    { title: 'RECOMMENDED', align: 'left', rank: 4, cell: recommendation },
    { title: 'USD THEN', align: 'right', rank: 11, cell: saving },
  ];
}

/** Ids of tasks have 32 characters, types of errors no more than 11. */
const MAX_ID_WIDTH = 36;
const MAX_WORD_WIDTH = 16;

interface JobRun {
  readonly job: JobReport;
  readonly run: WorstRun;
}

/** A task's id is of use only as a whole: on a line of 40 it leaves the job's name no more than this. */
const MIN_JOB_WIDTH_BESIDE_ID = 6;

const WORST_COLUMNS: readonly Column<JobRun>[] = [
  { ...JOB_COLUMN, minWidth: MIN_JOB_WIDTH_BESIDE_ID, cell: ({ job }) => JOB_COLUMN.cell(job) },
  {
    title: 'WORST RUN',
    align: 'left',
    rank: 0,
    cell: ({ run }) => ({ text: shortened(run.taskId, MAX_ID_WIDTH) }),
  },
  { title: 'REPORT AT', align: 'left', rank: 2, cell: ({ run }) => ({ text: minute(run.reportedAt) }) },
  { title: 'END', align: 'left', rank: 1, cell: ({ run }) => ending(run) },
  { title: 'DURATION', align: 'right', rank: 3, cell: ({ run }) => known(run.durationMs, duration) },
  {
    title: 'PEAK MB',
    align: 'right',
    rank: 4,
    cell: ({ run }) => known(run.peakMemoryMB, (mb) => `${mb}${anonymous(run)}`),
  },
  { title: 'OF MB', align: 'right', rank: 4, cell: ({ run }) => known(run.memorySizeMB, String) },
];

/** Text that is short unless somebody made it long. */
function shortened(text: string, width: number): string {
  return truncated(printable(text), width);
}

/** For a person's eyes; triples are the median, the 95th percentile and the maximum. */
export function renderTable(document: ReportDocument, display: Display): string {
  const { jobs } = document;
  const notes = notesOf(document).flatMap((note) => wrapped(note, display.columns));
  const origin = wrapped(originOf(document), display.columns);
  if (jobs.length === 0) return `${[...origin, 'No runs.', ...notes].join('\n')}\n`;
  const table = textTable(columnsFor(jobs), jobs, display);
  const worst = textTable(
    WORST_COLUMNS,
    jobs.flatMap((job) => (job.worstRun === undefined ? [] : [{ job, run: job.worstRun }])),
    display,
  );
  const total = wrapped(totalOf(document), display.columns);
  const bold = (line: string) => (display.isColoured ? coloured(line, 'bold') : line);
  const blocks = [
    origin,
    withLeftOut(table, display.columns),
    total.map(bold),
    worst.lines.length > 1 ? withLeftOut(worst, display.columns) : [],
    notes,
  ];
  return `${blocks
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.join('\n'))
    .join('\n\n')}\n`;
}

/** The lines of a table, and below them which of its columns did not fit. */
function withLeftOut({ lines, leftOut }: TextTable, columns: number | undefined): readonly string[] {
  if (leftOut.length === 0) return lines;
  const text = `Too wide for ${columns} columns: ${leftOut.join(', ')}; --format json has all.`;
  return [...lines, ...wrapped(text, columns)];
}

function known<Value>(value: Value | undefined, show: (value: Value) => string): Cell {
  return value === undefined ? UNKNOWN : { text: show(value) };
}

function marked(text: string, isMarked: boolean, style: Cell['style']): Cell {
  return isMarked ? { text, style } : { text };
}

function spread(values: Spread | undefined, show: (value: number) => string): Cell {
  return known(values, ({ p50, p95, max }) => [p50, p95, max].map(show).join(' / '));
}

function cpus(percent: number): string {
  return (percent / 100).toFixed(2);
}

function failures({ failureCount, outOfMemoryCount }: JobReport): Cell {
  if (failureCount === 0) return { text: '0' };
  const text = outOfMemoryCount === 0 ? '' : ` (${grouped(outOfMemoryCount)} OOM)`;
  return { text: `${grouped(failureCount)}${text}`, style: 'red' };
}

function memory(job: JobReport): Cell {
  const { peakMemoryMB, maxMemoryUtilizationPercent = 0 } = job;
  const cell = spread(peakMemoryMB, String);
  const text = `${cell.text}${anonymous(job)}`;
  return maxMemoryUtilizationPercent >= MARKED_UTILIZATION_PERCENT
    ? { text, style: 'red' }
    : { ...cell, text };
}

function anonymous({ isPeakMemoryAnonymous = false }: Pick<JobReport, 'isPeakMemoryAnonymous'>): string {
  return isPeakMemoryAnonymous ? ' anon' : '';
}

function recommendation({ recommendation: made }: JobReport): Cell {
  if (made.kind === 'none') return UNKNOWN;
  const size = `${vcpus(made.cpuUnits)} vCPU, ${gigabytes(made.memoryMB)} GB`;
  return { text: `${made.isPresentSize ? 'as it is' : size} (${grouped(made.basedOnRunCount)})` };
}

function saving({ cost, recommendation: made }: JobReport): Cell {
  if (cost?.usdAtRecommendedSize === undefined) return UNKNOWN;
  if (made.kind === 'size' && made.isPresentSize) return { text: usd(cost.usdAtRecommendedSize) };
  const { savingPercent = 0 } = cost;
  const text = `${usd(cost.usdAtRecommendedSize)} (${change(-savingPercent)})`;
  return marked(text, savingPercent > 0, 'green');
}

function ending({ status, errorType, exitCode }: WorstRun): Cell {
  const code = exitCode === undefined || exitCode === 0 ? '' : ` ${exitCode}`;
  const text = `${shortened(errorType ?? status, MAX_WORD_WIDTH)}${code}`;
  return marked(text, status === 'failure', 'red');
}

function originOf({ sources, window }: ReportDocument): string {
  const span = spanOf(window, minute);
  return `${span === undefined ? 'From' : `${span}, from`} ${printable(sources.join(', '))}`;
}

function totalOf({ total }: ReportDocument): string {
  const runs = [
    counted(total.runCount, 'run'),
    ...(total.runningCount > 0 ? [`${grouped(total.runningCount)} running`] : []),
    ...(total.runsWithoutReportCount > 0
      ? [`${grouped(total.runsWithoutReportCount)} without a REPORT`]
      : []),
    `${grouped(total.failureCount)} failed`,
    ...otherEndings(total),
  ];
  const sentences = [`${counted(total.jobCount, 'job')}: ${runs.join(', ')}.`];
  if (total.usd !== undefined && total.wastedUsd !== undefined) {
    sentences.push(`${usd(total.usd)} USD, ${usd(total.wastedUsd)} of it unused.`);
  }
  if (total.usdAtRecommendedSize !== undefined && total.usdAtPresentSize !== undefined) {
    sentences.push(
      `Jobs with a recommendation: ${usd(total.usdAtPresentSize)} USD at their sizes, ` +
        `${usd(total.usdAtRecommendedSize)} at those recommended.`,
    );
  }
  return sentences.join(' ');
}

function notesOf(document: ReportDocument): readonly string[] {
  return [
    ...(document.jobs.length === 0 ? [] : ['Triples: median / 95th percentile / maximum of the runs.']),
    ...(document.jobs.some(({ isPeakMemoryAnonymous, worstRun }) =>
      [isPeakMemoryAnonymous, worstRun?.isPeakMemoryAnonymous].includes(true),
    )
      ? ['anon: anonymous memory, the least that was in use; the rest was not seen at its highest.']
      : []),
    ...recommendationNotes(document),
    ...lostRunNotes(document),
    ...priceNotes(document),
    ...skippedNotes(document),
  ];
}

function recommendationNotes({ jobs }: ReportDocument): readonly string[] {
  const isAnyMade = jobs.some(({ recommendation: made }) => made.kind === 'size');
  const refusals = jobs.flatMap(({ job, recommendation: made }) =>
    made.kind === 'none' ? [`No size recommended for ${printable(job)}: ${printable(made.reason)}.`] : [],
  );
  return [
    ...(isAnyMade
      ? [
          'Recommended: the smallest size that Fargate sells above every peak, with a fifth of headroom; in brackets the runs that it rests on.',
        ]
      : []),
    ...first(refusals),
  ];
}
