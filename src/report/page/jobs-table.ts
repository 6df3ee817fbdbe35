import { otherEndings } from '../notes.ts';
import { change, counted, duration, gigabytes, grouped, hours, usd, vcpus } from '../quantities.ts';
import type { Cost, JobReport, ReportDocument, WorstRun } from '../report-document.ts';
import { type Content, html, type Markup } from './markup.ts';
import { minute } from './times.ts';

/** From here on memory is close to its limit, and CPU all used. */
const FULL_PERCENT = 90;
/** From here on a growth is worth a look. */
const MARKED_GROWTH_PERCENT = 10;

interface Column {
  readonly title: string;
  /** Below the title: what the figures are of, or their unit. */
  readonly unit?: string;
  /** The document's own figure, by which the column can be sorted; without this it cannot. */
  readonly value?: (job: JobReport) => number | undefined;
  readonly isText?: boolean;
  /** Undefined where it is not known. */
  readonly cell: (job: JobReport) => Content;
}

type Heading = Pick<Column, 'title' | 'unit' | 'isText'> & { readonly value?: unknown };

const COLUMNS: readonly Column[] = [
  {
    title: 'Runs',
    value: ({ runCount }) => runCount,
    cell: (job) => [
      grouped(job.runCount),
      job.runningCount > 0 ? small(`${grouped(job.runningCount)}\u00a0running`) : undefined,
      ...otherEndings(job).map(small),
    ],
  },
  {
    title: 'Failed',
    value: ({ failureCount }) => failureCount,
    cell: ({ failureCount, outOfMemoryCount }) => [
      badCount(failureCount),
      outOfMemoryCount > 0 ? small(`${grouped(outOfMemoryCount)} out of memory`) : undefined,
    ],
  },
  {
    title: 'Lost',
    unit: 'no REPORT',
    value: ({ runsWithoutReportCount }) => runsWithoutReportCount,
    cell: ({ runsWithoutReportCount }) => badCount(runsWithoutReportCount),
  },
  {
    title: 'Median',
    unit: 'duration',
    value: ({ durationMs }) => durationMs?.p50,
    cell: ({ durationMs }) => known(durationMs?.p50, duration),
  },
  {
    title: 'p95',
    unit: 'duration',
    value: ({ durationMs }) => durationMs?.p95,
    cell: ({ durationMs }) => known(durationMs?.p95, duration),
  },
  {
    title: 'Longest',
    unit: 'duration',
    value: ({ durationMs }) => durationMs?.max,
    cell: ({ durationMs }) => known(durationMs?.max, duration),
  },
  {
    title: 'Trend',
    unit: 'duration',
    value: ({ trend }) => trend?.durationPercent,
    cell: ({ trend }) => known(trend?.durationPercent, growth),
  },
  {
    title: 'Peak CPU',
    unit: '% of size',
    value: ({ maxCpuUtilizationPercent }) => maxCpuUtilizationPercent,
    cell: ({ maxCpuUtilizationPercent, maxCpuPercent }) => [
      known(maxCpuUtilizationPercent, utilization) ?? '–',
      known(maxCpuPercent?.max, (percent) => small(`${(percent / 100).toFixed(2)}\u00a0vCPU`)),
    ],
  },
  {
    title: 'Peak memory',
    unit: '% of size',
    value: ({ maxMemoryUtilizationPercent }) => maxMemoryUtilizationPercent,
    cell: ({ maxMemoryUtilizationPercent, peakMemoryMB, isPeakMemoryAnonymous }) => [
      known(maxMemoryUtilizationPercent, utilization) ?? '–',
      known(peakMemoryMB?.max, (mb) =>
        small(`${grouped(mb)}\u00a0MB${isPeakMemoryAnonymous ? ' anonymous' : ''}`),
      ),
    ],
  },
  { title: 'Size', unit: 'and what would do', isText: true, cell: sizes },
  {
    title: 'Cost',
    unit: 'USD',
    value: ({ cost }) => cost?.usd,
    cell: ({ cost }) =>
      cost && [usd(cost.usd), known(cost.wastedUsd, (value) => small(`${usd(value)} unused`))],
  },
  {
    title: 'Saving',
    unit: '% of cost',
    value: ({ cost }) => cost?.savingPercent,
    cell: ({ cost }) => cost && saving(cost),
  },
  {
    title: 'Unused',
    unit: 'vCPU-hours',
    value: ({ use }) => use?.wastedVcpuHours,
    cell: ({ use }) => known(use?.wastedVcpuHours, hours),
  },
  {
    title: 'Unused',
    unit: 'GB-hours',
    value: ({ use }) => use?.wastedGBHours,
    cell: ({ use }) => known(use?.wastedGBHours, hours),
  },
  {
    title: 'Worst run',
    unit: 'out of memory, failed, fullest',
    isText: true,
    cell: ({ worstRun }) => known(worstRun, worst),
  },
];

/** Sorted by the job's name. */
const JOB_HEADING: Heading = { title: 'Job', value: true };

/** Every job, those that waste most first; sorting.ts makes the headings work. */
export function jobsTable({ jobs }: ReportDocument): Markup {
  return html`<section class="card jobs" id="jobs">
<h2 id="jobs-title">Jobs</h2>
${jobs.length === 0 ? html`<p>No job has left a line in this window.</p>` : tableOf(jobs)}
</section>
`;
}

function tableOf(jobs: readonly JobReport[]): Markup {
  return html`<p class="subtitle" id="jobs-order">Those that waste most first; a heading with arrows sorts them anew. A dash: not known.</p>
<p class="hidden" role="status" id="jobs-sorted"></p>
<div class="scroll" role="region" tabindex="0" aria-labelledby="jobs-title">
<table data-sorted-by="jobs-sorted" aria-labelledby="jobs-title" aria-describedby="jobs-order">
<thead><tr>${[JOB_HEADING, ...COLUMNS].map(heading)}</tr></thead>
<tbody>${jobs.map(row)}</tbody>
</table>
</div>`;
}

function heading({ title, unit, value, isText }: Heading): Markup {
  const content = html`<span class="head"><span class="title">${title}</span>${unit && html` <small>${unit}</small>`}</span>`;
  if (value !== undefined) return html`<th scope="col" data-sortable>${content}</th>`;
  return isText ? html`<th scope="col" class="text">${content}</th>` : html`<th scope="col">${content}</th>`;
}

function row(job: JobReport): Markup {
  const { launchType, cpuArchitecture, region } = job;
  const place = [launchType === 'FARGATE' ? 'Fargate' : launchType, cpuArchitecture, region];
  const placeParts = place.filter((part) => part !== undefined);
  return html`<tr><th scope="row"><data value="${job.job}">${job.job}</data>${small(placeParts.join(' · '))}</th>${COLUMNS.map((column) => cell(column, job))}</tr>
`;
}

function cell({ value, isText, cell: show }: Column, job: JobReport): Markup {
  const shown = show(job) ?? '–';
  const figure = value?.(job);
  const content = figure === undefined ? shown : html`<data value="${figure}">${shown}</data>`;
  return isText ? html`<td class="text">${content}</td>` : html`<td>${content}</td>`;
}

function known<Value>(value: Value | undefined, show: (value: Value) => Content): Content {
  return value === undefined ? undefined : show(value);
}

function small(text: string): Markup {
  return html`<small>${text}</small>`;
}

function bad(text: string): Markup {
  return html`<span class="bad">${text}</span>`;
}

function badCount(count: number): Content {
  return count > 0 ? bad(grouped(count)) : '0';
}

function growth(percent: number): Content {
  return percent >= MARKED_GROWTH_PERCENT ? bad(change(percent)) : change(percent);
}

function utilization(percent: number): Markup {
  const meter = percent >= FULL_PERCENT ? 'meter full' : 'meter';
  return html`${percent.toFixed(1)}<svg class="${meter}" viewBox="0 0 100 4" preserveAspectRatio="none" aria-hidden="true"><rect width="${Math.min(percent, 100)}" height="4"/></svg>`;
}

function sizeText(cpuUnits: number | undefined, memoryMB: number | undefined): string | undefined {
  const parts = [
    cpuUnits === undefined ? undefined : `${vcpus(cpuUnits)} vCPU`,
    memoryMB === undefined ? undefined : `${gigabytes(memoryMB)} GB`,
  ].filter((part) => part !== undefined);
  return parts.length === 0 ? undefined : parts.join(', ');
}

function sizes({ size, recommendation: made }: JobReport): Content {
  const present = sizeText(size.cpuUnits, size.memoryMB) ?? '–';
  if (made.kind === 'none') return [present, small(`none recommended: ${made.reason}`)];
  const basis = `by ${counted(made.basedOnRunCount, 'run')}`;
  return made.isPresentSize
    ? [present, small(`as recommended, ${basis}`)]
    : [present, html`<small><strong>→ ${sizeText(made.cpuUnits, made.memoryMB)}</strong>, ${basis}</small>`];
}

function saving({ savingPercent, usdAtRecommendedSize }: Cost): Content {
  if (savingPercent === undefined || usdAtRecommendedSize === undefined) return undefined;
  const text = savingPercent.toFixed(0).replace('-', '−');
  return [
    savingPercent > 0 ? html`<span class="good">${text}</span>` : text,
    small(`${usd(usdAtRecommendedSize)}\u00a0USD`),
  ];
}

function worst({ taskId, status, errorType, exitCode, reportedAt }: WorstRun): Content {
  const code = exitCode === undefined || exitCode === 0 ? '' : ` ${exitCode}`;
  const end = `${errorType ?? status}${code}`;
  return [
    html`<code>${taskId}</code>`,
    html`<small>${status === 'failure' ? bad(end) : end}, ${minute(reportedAt)} UTC</small>`,
  ];
}
