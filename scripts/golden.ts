/**
 * Writes the expected lines of every fixture, the expected rows of every saved query, the expected notice of every
 * event and the example of a report anew: `npm run golden`. Read the diff before you keep it.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { renderHtml } from '../src/report/page/html-page.ts';
import { expectedPath, LINE_SETS, rowsAsTable } from '../test/insights/expected-rows.ts';
import { EVENTS, expectedNoticePath, noticeAsText } from '../test/notifier/recorded-events.ts';
import {
  EXAMPLE_PATH,
  EXAMPLE_TABLE_PATH,
  exampleTable,
  exampleText,
} from '../test/report/example-document.ts';
import { outlineOf } from '../test/report/page/page-outline.ts';
import { pageOf } from '../test/report/page/page-tree.ts';
import { exampleDocument, OUTLINE_PATH } from '../test/report/page/pages.ts';
import { goldenPath, linesOf, readFixture, SHAPES } from '../test/support/fixtures.ts';
import { SAVED_QUERIES } from './queries/saved-queries.ts';

for (const shape of SHAPES) {
  const lines = linesOf(readFixture(shape));
  writeFileSync(goldenPath(shape), `${lines.join('\n')}\n`);
  console.log(`${shape}: ${lines.length} lines`);
}

for (const lines of LINE_SETS) {
  for (const query of SAVED_QUERIES) {
    const path = expectedPath(lines, query);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, rowsAsTable(query, lines));
  }
  console.log(`${lines.name}: rows of ${SAVED_QUERIES.length} saved queries`);
}

for (const name of EVENTS) writeFileSync(expectedNoticePath(name), noticeAsText(name));
console.log(`notices of ${EVENTS.length} events`);
mkdirSync(dirname(EXAMPLE_PATH), { recursive: true });
writeFileSync(EXAMPLE_PATH, await exampleText());
writeFileSync(EXAMPLE_TABLE_PATH, await exampleTable());
console.log('report: a month of runs');

writeFileSync(OUTLINE_PATH, outlineOf(pageOf(await renderHtml(exampleDocument()))));
console.log('report: what its page tells');
