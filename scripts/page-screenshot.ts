/** Writes docs/report-page.png, the picture of a report's page, anew: `npm run screenshot`. */
import { join } from 'node:path';
import { renderHtml } from '../src/report/page/html-page.ts';
import { documentOf } from '../test/report/example-document.ts';
import { monthOfLines } from '../test/report/month-of-runs.ts';
import { launchChromium } from './chromium.ts';

const PATH = join(import.meta.dirname, '../docs/report-page.png');
const WIDTH = 1_200;
/** As wide as a page of docs shows it. */
const SCALE = 0.72;
const MARGIN_PX = 16;

// Without the job whose name is a test of its own.
const document = await documentOf(monthOfLines().filter((line) => !line.includes('"job":"<b>')));
const browser = await launchChromium();
try {
  const viewport = { width: WIDTH, height: 800 };
  const page = await browser.newPage({ viewport, deviceScaleFactor: SCALE, colorScheme: 'light' });
  await page.setContent(await renderHtml(document));
  const { y = 0, height = 0 } = (await page.locator('#usage').boundingBox()) ?? {};
  const clip = { x: 0, y: 0, width: WIDTH, height: y + height + MARGIN_PX };
  const { length } = await page.screenshot({ path: PATH, fullPage: true, clip });
  console.log(`${PATH}: ${Math.round(length / 1024)} kB`);
} finally {
  await browser.close();
}
