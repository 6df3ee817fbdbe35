import { execFile, execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import type { AxeResults } from 'axe-core';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { launchChromium } from '../../scripts/chromium.ts';
import { renderHtml } from '../../src/report/page/html-page.ts';
import { monthOfLines } from '../report/month-of-runs.ts';
import { emptyDocument, exampleDocument, manyJobsDocument } from '../report/page/pages.ts';

const ROOT = join(import.meta.dirname, '../..');
const CLI = join(ROOT, 'dist/cli.cjs');
const SCREENSHOTS = join(import.meta.dirname, 'screenshots');
const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

const PICTURES = ['#count', '#duration', '#usage'];
const SCHEMES = ['light', 'dark'] as const;
const WIDE = { width: 1_360, height: 900 };
const PHONE = { width: 390, height: 844 };
/** For what a machine draws that is busy otherwise. */
const PATIENCE_MS = 120_000;

const folder = mkdtempSync(join(tmpdir(), 'fargauge-page-'));

function file(name: string): string {
  return join(folder, `${name}.html`);
}

let browser: Browser;
let demo: Promise<unknown>;

beforeAll(async () => {
  mkdirSync(SCREENSHOTS, { recursive: true });
  // It takes a while, as its batch does.
  const pipeline = `node scripts/demo.ts 2>/dev/null | node "${CLI}" report - --format html > "${file('demo')}"`;
  demo = promisify(execFile)('sh', ['-c', pipeline], { cwd: ROOT });
  const lines = join(folder, 'month.jsonl');
  writeFileSync(lines, `${monthOfLines().join('\n')}\n`);
  writeFileSync(file('month'), execFileSync(process.execPath, [CLI, 'report', lines, '--format', 'html']));
  writeFileSync(file('empty'), await renderHtml(await emptyDocument()));
  writeFileSync(file('12 jobs'), await renderHtml(await manyJobsDocument(12)));
  writeFileSync(file('200 jobs'), await renderHtml(await manyJobsDocument(200)));
  browser = await launchChromium();
});

afterAll(async () => {
  await browser?.close();
  await demo;
  rmSync(folder, { recursive: true });
});

interface Opened {
  readonly page: Page;
  /** Whatever a console showed, was thrown, or was asked of anybody but the file. */
  readonly incidents: string[];
}

/** Opens a page from the disk, without a network, and closes it. */
async function opened(
  name: string,
  options: BrowserContextOptions,
  look: (opened: Opened) => Promise<void>,
): Promise<void> {
  const context = await browser.newContext({ viewport: WIDE, offline: true, ...options });
  context.setDefaultTimeout(PATIENCE_MS);
  try {
    const page = await context.newPage();
    const url = pathToFileURL(file(name)).href;
    const incidents: string[] = [];
    page.on('console', (message) => incidents.push(`console: ${message.text()}`));
    page.on('pageerror', (error) => incidents.push(`error: ${error.message}`));
    page.on('requestfailed', (request) => incidents.push(`failed: ${request.url()}`));
    page.on('request', (request) => {
      if (request.url() !== url && !request.url().startsWith('data:')) {
        incidents.push(`request: ${request.url()}`);
      }
    });
    await page.goto(url);
    await look({ page, incidents });
  } finally {
    await context.close();
  }
}

async function expectThreePictures(page: Page): Promise<void> {
  for (const id of PICTURES) {
    const drawn = page.locator(`${id} .picture svg:visible`);
    await drawn.first().scrollIntoViewIfNeeded();
    const box = await drawn.first().boundingBox();
    expect(box?.width, id).toBeGreaterThan(200);
    expect(box?.height, id).toBeGreaterThan(40);
    expect(await drawn.first().locator('path').count(), id).toBeGreaterThan(0);
  }
}

describe('a page opened from a disk, without a network', () => {
  it.each(['month', '200 jobs'])('shows three pictures, and the console says nothing: %s', async (name) => {
    await opened(name, {}, async ({ page, incidents }) => {
      await expectThreePictures(page);
      expect(incidents).toEqual([]);
    });
  });

  it('says of an empty window that there is nothing to draw', async () => {
    await opened('empty', {}, async ({ page, incidents }) => {
      expect(await page.getByText('there is nothing to draw').count()).toBe(3);
      expect(incidents).toEqual([]);
    });
  });

  it('lets nothing load and nothing run that it does not carry, with a network too', async () => {
    const asked: (string | undefined)[] = [];
    const server = createServer(({ url }, response) => {
      asked.push(url);
      response.end();
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const intrude = async (page: Page, path: string): Promise<unknown> => {
      await page.evaluate(`
        document.body.insertAdjacentHTML('beforeend', '<img src="${origin}${path}" onerror="globalThis.hasRun = true">');
        const script = document.createElement('script');
        script.textContent = 'globalThis.hasRun = true';
        document.body.append(script);
      `);
      await page.evaluate(`fetch('${origin}${path}').catch(() => {})`);
      return page.evaluate('globalThis.hasRun === true');
    };
    try {
      await opened('month', { offline: false }, async ({ page }) => {
        expect(await intrude(page, '/guarded')).toBe(false);
        // On a page without a policy the same succeeds.
        await page.goto(origin);
        expect(await intrude(page, '/open')).toBe(true);
      });
      expect(asked).toContain('/open');
      expect(asked).not.toContain('/guarded');
    } finally {
      server.close();
      server.closeAllConnections();
    }
  });
});

describe('a page for every reader', () => {
  it.each(SCHEMES.flatMap((scheme) => ['month', '12 jobs', 'empty'].map((name) => [scheme, name] as const)))(
    'passes axe in the %s scheme: %s',
    async (colorScheme, name) => {
      await opened(name, { colorScheme }, async ({ page }) => {
        // What is folded away must pass too; of a month it would take long.
        if (name !== 'month') {
          await page.evaluate(`for (const each of document.querySelectorAll('details')) each.open = true`);
        }
        await page.evaluate(AXE);
        const { violations, passes } = (await page.evaluate('axe.run()')) as AxeResults;
        expect(
          violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`),
        ).toEqual([]);
        expect(passes.map(({ id }) => id)).toContain('color-contrast');
      });
    },
  );

  it.each(SCHEMES)(
    'has texts in its pictures with a contrast of 4.5 in the %s scheme',
    async (colorScheme) => {
      await opened('month', { colorScheme }, async ({ page }) => {
        const [text, card] = await Promise.all([
          styleOf(page, '#count svg text', 'fill'),
          styleOf(page, '#count', 'backgroundColor'),
        ]);
        expect(contrast(text, card)).toBeGreaterThanOrEqual(4.5);
      });
    },
  );

  it('is named and ordered for a screen reader', async () => {
    await opened('month', {}, async ({ page }) => {
      expect(await page.getByRole('heading', { level: 1 }).textContent()).toBe('469 runs of 8 jobs');
      expect(await page.getByRole('heading', { level: 2 }).allTextContents()).toEqual([
        'Task count',
        'Task duration',
        'Resource usage by job',
        'Jobs',
        'Notes',
      ]);
      expect(await page.getByRole('img', { name: 'Task count: 469 runs, 8 of them failed.' }).count()).toBe(
        1,
      );
      expect(await page.getByRole('table', { name: 'Jobs' }).count()).toBe(1);
      expect(await page.getByRole('rowheader', { name: 'copy-tables' }).count()).toBe(1);
    });
  });

  it('fits on a phone', async () => {
    await opened('200 jobs', { viewport: PHONE }, async ({ page }) => {
      await expectThreePictures(page);
      expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(PHONE.width);
    });
  });

  it('is printed dark on light, with every job and without what only a screen can use', async () => {
    await opened('200 jobs', { colorScheme: 'dark' }, async ({ page }) => {
      await page.emulateMedia({ media: 'print', colorScheme: 'dark' });
      expect(contrast(await styleOf(page, 'h1', 'color'), 'rgb(255, 255, 255)')).toBeGreaterThan(10);
      expect(await page.getByRole('navigation').isVisible()).toBe(false);
      expect(await page.locator('#jobs button:visible').count()).toBe(0);
      expect(await page.locator('#jobs thead .printed:visible').count()).toBeGreaterThan(10);
      const overflow = await styleOf(page, '#jobs .scroll', 'overflow');
      expect(overflow).toBe('visible');
    });
  });
});

describe('the table', () => {
  /** Of the column with this heading: what the document says, where it says something. */
  async function column(page: Page, heading: string): Promise<(number | undefined)[]> {
    const titles = await page
      .locator('#jobs thead .printed, #jobs thead th:not([data-sortable])')
      .allTextContents();
    const index = titles.indexOf(heading) + 1;
    const values = (await page.evaluate(
      `[...document.querySelectorAll('#jobs tbody tr > :nth-child(${index})')].map((cell) => cell.querySelector('data')?.value ?? '')`,
    )) as string[];
    return values.map((value) => (value === '' ? undefined : Number(value)));
  }

  function sorted(values: readonly (number | undefined)[], sign: 1 | -1): (number | undefined)[] {
    const known = values.filter((value) => value !== undefined).toSorted((a, b) => sign * (a - b));
    return [...known, ...Array<undefined>(values.length - known.length).fill(undefined)];
  }

  it('is sorted with the keyboard, both ways, and says so; what is not known is last', async () => {
    await opened('month', {}, async ({ page, incidents }) => {
      const heading = page.getByRole('columnheader', { name: 'Cost USD' });
      const before = await column(page, 'Cost USD');
      expect(before).toEqual(exampleDocument().jobs.map(({ cost }) => cost?.usd));
      expect(before).toContain(undefined);

      // Forward from the heading before it, as a reader does.
      await page.getByRole('button', { name: 'Peak memory % of size' }).focus();
      await page.keyboard.press('Tab');
      expect(await page.evaluate('document.activeElement.textContent')).toBe('Cost USD');
      await page.keyboard.press('Enter');
      expect(await heading.getAttribute('aria-sort')).toBe('descending');
      expect(await column(page, 'Cost USD')).toEqual(sorted(before, -1));
      expect(await page.getByRole('status').textContent()).toBe('Sorted by Cost USD, descending');

      await page.keyboard.press('Space');
      expect(await heading.getAttribute('aria-sort')).toBe('ascending');
      expect(await column(page, 'Cost USD')).toEqual(sorted(before, 1));
      expect(incidents).toEqual([]);
    });
  });

  it('is sorted with a click by the names of the jobs, which takes the mark from the other heading', async () => {
    await opened('month', {}, async ({ page }) => {
      await page.getByRole('button', { name: 'Runs' }).click();
      await page.getByRole('button', { name: 'Job' }).click();
      expect(await page.locator('#jobs [aria-sort]').count()).toBe(1);
      const names = await page.locator('#jobs tbody th data').allTextContents();
      expect(names).toEqual(names.toSorted(new Intl.Collator('en', { numeric: true }).compare));
      expect(names).toHaveLength(8);
    });
  });
});

describe('screenshots', () => {
  it.each([
    ['month', 'light', WIDE],
    ['month', 'dark', WIDE],
    ['month', 'light', PHONE],
    ['200 jobs', 'light', WIDE],
    ['200 jobs', 'dark', PHONE],
    ['empty', 'light', WIDE],
  ] as const)('are kept to be looked at: %s, %s, %o', async (name, colorScheme, viewport) => {
    await opened(name, { colorScheme, viewport }, async ({ page }) => {
      const path = join(SCREENSHOTS, `${name.replace(' ', '-')}-${colorScheme}-${viewport.width}.png`);
      const picture = await page.screenshot({ path, fullPage: true });
      expect(picture.length).toBeGreaterThan(10_000);
    });
  });
});

// The last: its batch goes on while the others are looked at.
it('a page shows three pictures of what the demo pipes into it', async () => {
  await demo;
  await opened('demo', {}, async ({ page, incidents }) => {
    await expectThreePictures(page);
    expect(await page.locator('#jobs tbody th data').textContent()).toBe('demo-batch');
    await page.screenshot({ path: join(SCREENSHOTS, 'demo.png'), fullPage: true });
    expect(incidents).toEqual([]);
  });
});

/** Of the first such element, as the browser computes it. */
function styleOf(page: Page, selector: string, property: string): Promise<string> {
  return page.evaluate(`getComputedStyle(document.querySelector('${selector}')).${property}`);
}

/** Of two colours as CSS computes them, `rgb(…)`: https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio */
function contrast(one: string, other: string): number {
  const [lighter = 0, darker = 0] = [one, other].map(luminance).toSorted((a, b) => b - a);
  return (lighter + 0.05) / (darker + 0.05);
}

function luminance(colour: string): number {
  const [red = 0, green = 0, blue = 0] = (colour.match(/[\d.]+/g) ?? []).map((part) => {
    const share = Number(part) / 255;
    return share <= 0.040_45 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}
