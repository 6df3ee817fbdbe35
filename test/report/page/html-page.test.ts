import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { beforeAll, describe, expect, it, vi } from 'vitest';
import { renderHtml } from '../../../src/report/page/html-page.ts';
import { printable } from '../../../src/report/printable.ts';
import type { JobReport, ReportDocument } from '../../../src/report/report-document.ts';
import { documentOf } from '../example-document.ts';
import { lineText, NOW_MS } from '../lines.ts';
import { outlineOf } from './page-outline.ts';
import {
  all,
  attribute,
  byId,
  type Element,
  elements,
  named,
  type Page,
  pageOf,
  rowsOf,
  skeleton,
  textOf,
} from './page-tree.ts';
import {
  blindDocument,
  documentOfJobs,
  emptyDocument,
  exampleDocument,
  manyJobsDocument,
  OUTLINE_PATH,
  oneJobDocument,
} from './pages.ts';

const manyJobs = manyJobsDocument(40);

const SHAPES: readonly (readonly [name: string, document: () => ReportDocument | Promise<ReportDocument>])[] =
  [
    ['of a month', exampleDocument],
    ['of an empty window', emptyDocument],
    ['of one job', oneJobDocument],
    ['of runs that nobody saw', blindDocument],
    ['of 40 jobs', () => manyJobs],
  ];

async function rendered(document: ReportDocument): Promise<Page> {
  return pageOf(await renderHtml(document));
}

describe.each(SHAPES)('a page %s', (_, make) => {
  let html: string;
  let page: Page;
  beforeAll(async () => {
    html = await renderHtml(await make());
    page = pageOf(html);
  });

  it('is HTML without an error', () => {
    expect(page.errors).toEqual([]);
    expect(html.startsWith('<!doctype html>\n')).toBe(true);
    expect(html.endsWith('</html>\n')).toBe(true);
  });

  it('refers to nothing outside itself', () => {
    const references = elements(page.root).flatMap(({ attrs }) =>
      attrs.filter(({ name }) => /^(src|srcset|href|action|poster|background|xlink:href)$/.test(name)),
    );
    expect(references.filter(({ value }) => !/^(#|data:image\/svg\+xml,)/.test(value))).toEqual([]);
    const styles = named(page.root, 'style').map(textOf).join('');
    expect(styles).not.toMatch(/url\(|@import|image-set/);
  });

  it('lets nothing run and nothing load but what it carries', () => {
    const [policy] = all(page.root, (each) => attribute(each, 'http-equiv') === 'Content-Security-Policy');
    const directives = new Map(
      attribute(policy as Element, 'content')
        ?.split('; ')
        .map((each) => [each.split(' ')[0], each.split(' ').slice(1).join(' ')]),
    );
    const hashes = (name: string) =>
      named(page.root, name).map(
        (each) => `'sha256-${createHash('sha256').update(textOf(each)).digest('base64')}'`,
      );
    expect(Object.fromEntries(directives)).toEqual({
      'default-src': "'none'",
      'style-src': hashes('style').join(' '),
      'script-src': hashes('script').join(' '),
      'img-src': 'data:',
      'base-uri': "'none'",
      'form-action': "'none'",
    });
  });

  it('has no style and no script in an attribute, which the policy would refuse', () => {
    const names = elements(page.root).flatMap(({ attrs }) => attrs.map(({ name }) => name));
    expect(names.filter((name) => name === 'style' || name.startsWith('on'))).toEqual([]);
  });

  it('has every identifier once, and each reference to one leads somewhere', () => {
    const ids = elements(page.root).flatMap((each) => attribute(each, 'id') ?? []);
    expect(new Set(ids).size).toBe(ids.length);
    const wanted = elements(page.root).flatMap((each) => [
      ...['aria-labelledby', 'aria-describedby', 'data-sorted-by'].flatMap(
        (name) => attribute(each, name) ?? [],
      ),
      ...(attribute(each, 'href')?.startsWith('#') ? [attribute(each, 'href')?.slice(1)] : []),
    ]);
    expect(wanted.filter((id) => id === undefined || !ids.includes(id))).toEqual([]);
  });

  it('has one text for each picture', () => {
    const pictures = named(page.root, 'svg').filter((each) => attribute(each, 'aria-hidden') !== 'true');
    const spoken = pictures.flatMap(elements).flatMap(({ attrs }) => attrs.map(({ name }) => name));
    expect(spoken.filter((name) => name === 'role' || name.startsWith('aria-'))).toEqual([]);
    expect(
      pictures.filter((each) => attribute(each, 'role') !== 'img' || !attribute(each, 'aria-label')),
    ).toEqual([]);
  });
});

/** How high above the lower edge of its plot a point stands, in px. */
function heightOf(point: Element, plotHeightPx: number): number {
  const [, y] = /translate\([\d.]+,([\d.]+)\)/.exec(attribute(point, 'transform') ?? '') ?? [];
  return plotHeightPx - Number(y);
}

describe('the page of a month', () => {
  let document: ReportDocument;
  let page: Page;
  beforeAll(async () => {
    document = exampleDocument();
    page = await rendered(document);
  });

  it('tells who does not see it what was checked', () => {
    expect(outlineOf(page)).toBe(readFileSync(OUTLINE_PATH, 'utf8'));
  });

  it.each<readonly [title: string, figure: (job: JobReport) => number | undefined]>([
    ['Runs', ({ runCount }) => runCount],
    ['Failed', ({ failureCount }) => failureCount],
    ['Lost no REPORT', ({ runsWithoutReportCount }) => runsWithoutReportCount],
    ['Median duration', ({ durationMs }) => durationMs?.p50],
    ['p95 duration', ({ durationMs }) => durationMs?.p95],
    ['Longest duration', ({ durationMs }) => durationMs?.max],
    ['Trend duration', ({ trend }) => trend?.durationPercent],
    ['Peak CPU % of size', ({ maxCpuUtilizationPercent }) => maxCpuUtilizationPercent],
    ['Peak memory % of size', ({ maxMemoryUtilizationPercent }) => maxMemoryUtilizationPercent],
    ['Cost USD', ({ cost }) => cost?.usd],
    ['Saving % of cost', ({ cost }) => cost?.savingPercent],
    ['Unused vCPU-hours', ({ use }) => use?.wastedVcpuHours],
    ['Unused GB-hours', ({ use }) => use?.wastedGBHours],
  ])('has the document’s own figures in the column %s, and a dash where there is none', (title, figure) => {
    const [headings = [], ...rows] = rowsOf(named(byId(page.root, 'jobs'), 'table')[0] as Element);
    const column = headings.findIndex((heading) => textOf(heading) === title);
    const cells = rows.map((row) => row[column] as Element);
    expect(cells.map((cell) => named(cell, 'data').map((each) => attribute(each, 'value')))).toEqual(
      document.jobs.map((job) => (figure(job) === undefined ? [] : [String(figure(job))])),
    );
    expect(cells.map((cell) => textOf(cell).startsWith('–'))).toEqual(
      document.jobs.map((job) => figure(job) === undefined),
    );
    // Sorted by script, so it must be marked for it.
    expect(attribute(headings[column] as Element, 'data-sortable')).toBe('');
  });

  it('tells of runs that were stopped, or ended nobody knows how', async () => {
    const lines = ['stopped', 'stopped', 'hibernated'].map((status, index) =>
      lineText('REPORT', { status, taskId: `task-${index}` }),
    );
    const { root } = await rendered(await documentOf(lines, { nowMs: NOW_MS }));
    const [runs] = named(root, 'dl').flatMap((list) => named(list, 'div'));
    expect(named(runs as Element, 'dd').map(textOf)).toEqual(['3', '2 stopped, 1 of unknown end']);
    const [, [, cell] = []] = rowsOf(named(byId(root, 'jobs'), 'table')[0] as Element);
    expect(named(cell as Element, 'small').map(textOf)).toEqual(['2 stopped', '1 of unknown end']);
  });

  it('counts in the bars of the first picture what the series counts', () => {
    const [table] = named(byId(page.root, 'count'), 'table');
    const [, ...rows] = rowsOf(table as Element);
    expect(rows.map((row) => row.map(textOf).slice(1).map(Number))).toEqual(
      document.series.all.map(({ runCount, failureCount }) => [runCount, failureCount]),
    );
    const bars = (fill: string) =>
      named(byId(page.root, 'count'), 'path').filter((each) => attribute(each, 'fill') === fill);
    const heights = bars('var(--runs)').map((each) =>
      Number(/v([\d.]+)h/.exec(attribute(each, 'd') ?? '')?.[1]),
    );
    const counts = document.series.all.map(({ runCount, failureCount }) => runCount - failureCount);
    const unitPx = (heights[0] ?? 0) / (counts[0] ?? 0);
    expect(unitPx).toBeGreaterThan(5);
    expect([...counts, ...counts].map((count) => Math.round(count * unitPx))).toEqual(
      heights.map(Math.round),
    );
    // Drawn for a wide window and for a narrow one.
    expect(bars('var(--failed)')).toHaveLength(
      2 * document.series.all.filter(({ failureCount }) => failureCount > 0).length,
    );
    expect(bars('var(--runs)')).toHaveLength(
      2 * document.series.all.filter(({ runCount, failureCount }) => runCount > failureCount).length,
    );
  });

  it('has in each panel of the second picture a point for the mean and for the longest of each bucket', () => {
    const panels = all(byId(page.root, 'duration'), (each) => attribute(each, 'class') === 'panel');
    const expected = [
      ['All jobs together', document.series.all.length],
      ...document.jobs.flatMap(({ job }) => {
        const cells = document.series.byJob.filter((cell) => cell.job === job);
        return cells.length === 0 ? [] : [[printable(job), cells.length]];
      }),
    ];
    const points = (panel: Element, name: string, value: string) =>
      named(panel, 'path').filter(
        (each) => attribute(each, name) === value && attribute(each, 'transform') !== undefined,
      );
    const means = panels.map((panel) => points(panel, 'fill', 'var(--mean)'));
    const longest = panels.map((panel) => points(panel, 'stroke', 'var(--longest)'));
    const counts = (drawn: Element[][]) =>
      panels.map((panel, index) => [named(panel, 'h3').map(textOf)[0], drawn[index]?.length]);
    expect(counts(means)).toEqual(expected);
    expect(counts(longest)).toEqual(expected);
    // From zero, so that what is twice as long stands twice as high; the first panel is that of all jobs.
    document.series.all.forEach(({ meanDurationMs = 0, maxDurationMs = 0 }, index) => {
      const [mean, max] = [means[0]?.[index], longest[0]?.[index]].map((each) =>
        heightOf(each as Element, 96),
      );
      expect((max ?? 0) / (mean ?? 0)).toBeCloseTo(maxDurationMs / meanDurationMs, 1);
    });
  });

  it('colours in the third picture each job and bucket by its utilization, and greys what is not known', () => {
    const [cpu, memory] = all(byId(page.root, 'usage'), (each) => attribute(each, 'class') === 'panel');
    const colours = (panel: Element | undefined) =>
      named(panel as Element, 'path')
        .filter((each) => named(each, 'title').length === 1)
        .map((each) => attribute(each, 'fill'));
    const step = (percent: number | undefined) =>
      percent === undefined ? 'var(--unknown)' : `var(--u${Math.min(9, Math.floor(percent / 10))})`;
    expect(colours(cpu)).toEqual(
      document.series.byJob.map(({ meanCpuUtilizationPercent }) => step(meanCpuUtilizationPercent)),
    );
    expect(colours(memory)).toEqual(
      document.series.byJob.map(({ maxMemoryUtilizationPercent }) => step(maxMemoryUtilizationPercent)),
    );
    expect(new Set([...colours(cpu), ...colours(memory)]).size).toBeGreaterThan(8);
  });
});

describe('a page', () => {
  it('of an empty window draws nothing and says so', async () => {
    const { root } = await rendered(await emptyDocument());
    expect(named(root, 'svg', 'table', 'details')).toEqual([]);
    expect(named(root, 'figcaption').map(textOf)).toEqual(
      Array(3).fill('No run in this window has left a REPORT: there is nothing to draw.'),
    );
    expect(textOf(byId(root, 'jobs'))).toContain('No job has left a line in this window.');
    expect(textOf(byId(root, 'notes'))).toContain('Left out: 1 line of others.');
  });

  it('shows what nobody saw as not known, not as zero', async () => {
    const { root } = await rendered(await blindDocument());
    const cells = named(byId(root, 'usage'), 'path').filter((each) => named(each, 'title').length === 1);
    expect(new Set(cells.map((each) => attribute(each, 'fill')))).toEqual(new Set(['var(--unknown)']));
    expect(cells.every((each) => textOf(each).includes('not known'))).toBe(true);
  });

  it('draws as many jobs as can be read, says how many are left out, and has all in its table', async () => {
    const html = await renderHtml(await manyJobs);
    const { root } = pageOf(html);
    expect(textOf(byId(root, 'usage'))).toContain('30 of 40 jobs are drawn; the table below has all.');
    expect(textOf(byId(root, 'duration'))).toContain(
      'The 8 jobs that waste most; the other 32 are only in the sum of all.',
    );
    const [table] = named(byId(root, 'jobs'), 'table');
    expect(rowsOf(table as Element)).toHaveLength(41);
    const labels = named(byId(root, 'usage'), 'text').map(textOf);
    const shortened = labels.filter((label) => label.includes('…'));
    // Both pictures have all names, and the shortened ones can be told apart.
    expect(new Set(shortened).size).toBe(30);
    expect(html.length).toBeLessThan(500_000);
  });

  it('is the same in every time zone', async () => {
    const document = await oneJobDocument();
    const here = await renderHtml(document);
    vi.stubEnv('TZ', 'Pacific/Auckland');
    vi.resetModules();
    try {
      const elsewhere = await import('../../../src/report/page/html-page.ts');
      expect(new Date(0).getHours()).toBe(12);
      expect(await elsewhere.renderHtml(document)).toBe(here);
    } finally {
      vi.unstubAllEnvs();
    }
  });
});

describe('text out of lines', () => {
  const HOSTILE = [
    '</script><script>alert(1)</script>',
    '</title></style><!--',
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='alert(1)",
    '&lt;b&gt;&amp;&#0;',
    // biome-ignore lint/suspicious/noTemplateCurlyInString: what a template of somebody else's would fill in
    '${alert(1)} {{7*7}} %3Cscript%3E',
    'a title="x" role="img" aria-label="y"',
    '\u001b[31mred\u0007\u0000\r\n\t',
    '\u202egnihtyreve\u2066\u200b\ufeff',
    '\ud800 half of a character',
    ']]><svg/onload=alert(1)>',
    'x'.repeat(1_500),
    '日本語の長い名前の仕事です、とても長い名前です',
  ];
  const PLAIN = 'plain-text';

  /** A document with this text wherever a text out of lines may stand. */
  async function documentWith(text: string): Promise<ReportDocument> {
    const made = await documentOfJobs([PLAIN]);
    const [job] = made.jobs;
    const [price] = made.prices.prices;
    if (job?.worstRun === undefined || price === undefined)
      throw new Error('the example lacks what is tested');
    const document: ReportDocument = {
      ...made,
      sources: [PLAIN],
      jobs: [
        {
          ...job,
          launchType: PLAIN,
          cpuArchitecture: PLAIN,
          region: PLAIN,
          recommendation: { kind: 'none', reason: PLAIN },
          worstRun: { ...job.worstRun, taskId: PLAIN, status: PLAIN, errorType: PLAIN },
          newestRunWithoutReport: { taskId: PLAIN, lastLineAt: made.madeAt },
        },
      ],
      prices: {
        prices: [{ ...price, region: PLAIN, cpuArchitecture: PLAIN }],
        unpriced: [{ region: PLAIN, cpuArchitecture: PLAIN }],
      },
      skipped: { ...made.skipped, brokenReasons: [{ reason: PLAIN, count: 2 }] },
    };
    const replaced = JSON.stringify(document, (_, value) => (value === PLAIN ? text : value));
    return JSON.parse(replaced) as ReportDocument;
  }

  it('does nothing to the page as the names of jobs', async () => {
    const page = await rendered(await documentOfJobs(HOSTILE));
    const plain = await rendered(await documentOfJobs(HOSTILE.map((_, index) => `job-${index}`)));
    expect(page.errors).toEqual([]);
    expect(skeleton(page.root)).toBe(skeleton(plain.root));
    const names = named(byId(page.root, 'jobs'), 'th').flatMap((each) => named(each, 'data').map(textOf));
    expect(new Set(names)).toEqual(new Set(HOSTILE.map(printable)));
  });

  it('does nothing wherever it stands, whatever it is', async () => {
    const expected = skeleton((await rendered(await documentWith(PLAIN))).root);
    const text = fc.oneof(
      fc.string({ unit: 'binary', minLength: 1 }),
      fc.string({ unit: fc.constantFrom(...'<>"\'&/-! =;a\0\r'), minLength: 1 }),
    );
    await fc.assert(
      fc.asyncProperty(text, async (hostile) => {
        const { root } = await rendered(await documentWith(hostile));
        expect(skeleton(root)).toBe(expected);
        const [name] = named(byId(root, 'jobs'), 'data');
        expect(textOf(name as Element)).toBe(printable(hostile));
      }),
      { numRuns: 7, examples: [[HOSTILE.join('')]] },
    );
  });
});
