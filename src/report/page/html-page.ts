import { createHash } from 'node:crypto';
import { lostRunNotes, otherEndings, priceNotes, skippedNotes, spanOf } from '../notes.ts';
import { counted, grouped, usd } from '../quantities.ts';
import type { ReportDocument, Total } from '../report-document.ts';
import { jobsTable } from './jobs-table.ts';
import { html, Markup } from './markup.ts';
import { resourceUsage } from './resource-usage.ts';
import { SORTING } from './sorting.ts';
import { STYLE } from './style.ts';
import { taskCount } from './task-count.ts';
import { taskDuration } from './task-duration.ts';
import { minute } from './times.ts';

/** Nothing may be loaded, and nothing run but what is here: whatever a job is called, the page reaches nobody. */
const POLICY = [
  "default-src 'none'",
  `style-src '${hashOf(STYLE)}'`,
  `script-src '${hashOf(SORTING)}'`,
  'img-src data:',
  "base-uri 'none'",
  "form-action 'none'",
].join('; ');

/** Without one, a browser asks the server for it. */
const ICON = `data:image/svg+xml,${encodeURIComponent(
  '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16"><path d="M1 15V9h3v6zm5 0V1h3v14zm5 0V5h3v10z" fill="#4a94c4"/></svg>',
)}`;

/** One page that needs nothing else: it opens from a disk, without a network. */
export async function renderHtml(document: ReportDocument): Promise<string> {
  const pictures = await Promise.all([taskCount(document), taskDuration(document), resourceUsage(document)]);
  const { source } = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${POLICY}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
<title>${titleOf(document)} – fargauge report</title>
<link rel="icon" href="${ICON}">
<style>${new Markup(STYLE)}</style>
</head>
<body>
<div class="page">
<header>
<p class="mark">fargauge report</p>
<h1>${titleOf(document)}</h1>
<p class="origin">${originOf(document)}</p>
<nav aria-label="Parts of this page"><ul>
<li><a href="#count">Task count</a></li>
<li><a href="#duration">Task duration</a></li>
<li><a href="#usage">Resource usage</a></li>
<li><a href="#jobs">Jobs</a></li>
<li><a href="#notes">Notes</a></li>
</ul></nav>
</header>
<main>
${tiles(document.total)}
${pictures}
${jobsTable(document)}
${notes(document)}
</main>
</div>
<script>${new Markup(SORTING)}</script>
</body>
</html>
`;
  return source;
}

function hashOf(text: string): string {
  return `sha256-${createHash('sha256').update(text).digest('base64')}`;
}

function titleOf({ total }: ReportDocument): string {
  return `${counted(total.runCount, 'run')} of ${counted(total.jobCount, 'job')}`;
}

function originOf({ sources, window, madeAt, fargaugeVersion }: ReportDocument): string {
  return [
    spanOf(window, minute) ?? 'No runs',
    `From ${sources.join(', ')}`,
    `Made ${minute(madeAt)} UTC by fargauge ${fargaugeVersion}`,
  ].join(' · ');
}

/** What every figure of the page is, whatever the document. */
const READING: readonly string[] = [
  'Times are UTC. A run is counted when its REPORT was written; a lost run began and left none.',
  'Durations are of the batch itself. p95: 95 of 100 runs took no longer. Trend: from the beginning to the end of the time, of successful runs.',
  'Peaks are the highest of any run. The size is that of the task; MB are 1,048,576 bytes.',
  'Unused: what was held for the runs, less what they used. Cost: on demand, without storage above 20 GB.',
  'Recommended: the smallest size that Fargate sells above every peak, with a fifth of headroom; “by” says how many runs it rests on.',
];

function notes(document: ReportDocument): Markup {
  const found = [...lostRunNotes(document), ...priceNotes(document), ...skippedNotes(document)];
  return html`<section class="card notes" id="notes">
<h2>Notes</h2>
<ul>${[...READING, ...found].map((note) => html`<li>${note}</li>`)}</ul>
</section>`;
}

function tiles(total: Total): Markup {
  const { usd: cost, wastedUsd, usdAtPresentSize, usdAtRecommendedSize } = total;
  const more = [
    ...(total.runningCount > 0 ? [`${grouped(total.runningCount)} more running`] : []),
    ...otherEndings(total),
  ];
  return html`<dl class="tiles">
${tile('Runs', grouped(total.runCount), more.length > 0 ? more.join(', ') : undefined)}
${tile('Failed', grouped(total.failureCount), total.outOfMemoryCount > 0 ? `${grouped(total.outOfMemoryCount)} out of memory` : undefined)}
${tile('Without a REPORT', grouped(total.runsWithoutReportCount))}
${tile('Cost', money(cost), wastedUsd === undefined ? undefined : `${money(wastedUsd)} of it unused`)}
${tile('At recommended sizes', money(usdAtRecommendedSize), usdAtPresentSize === undefined ? undefined : `instead of ${money(usdAtPresentSize)}`)}
</dl>`;
}

function tile(title: string, figure: string, more?: string): Markup {
  return html`<div><dt>${title}</dt><dd class="figure">${figure}</dd>${more && html`<dd class="more">${more}</dd>`}</div>`;
}

function money(value: number | undefined): string {
  return value === undefined ? '–' : `${usd(value)} USD`;
}
