/** Documents made of simulated lines, kept as fixtures; `npm run golden` writes them anew. */
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { LineReading } from '../../src/reading/found-lines.ts';
import { streamLines } from '../../src/reading/text-lines.ts';
import { Aggregation, type AggregationOptions, REPORT_LINE_TYPES } from '../../src/report/aggregation.ts';
import type { ReportDocument } from '../../src/report/report-document.ts';
import { renderTable } from '../../src/report/table.ts';
import { MONTH_END_MS, monthOfLines } from './month-of-runs.ts';

export const EXAMPLE_PATH = join(import.meta.dirname, '../fixtures/report/month.golden.json');

export const EXAMPLE_TABLE_PATH = join(import.meta.dirname, '../fixtures/report/month.golden.txt');

/** What is reported of the lines of a log. */
export async function documentOf(
  lines: readonly string[],
  options: Partial<AggregationOptions> = {},
): Promise<ReportDocument> {
  const reading = new LineReading({ types: REPORT_LINE_TYPES });
  const aggregation = new Aggregation({ nowMs: MONTH_END_MS, ...options });
  for await (const found of reading.of(streamLines(Readable.from([`${lines.join('\n')}\n`])))) {
    if (found.kind === 'line') aggregation.add(found.line);
  }
  return aggregation.document(['lines.jsonl'], reading.counts);
}

export async function exampleText(): Promise<string> {
  return `${JSON.stringify(await documentOf(monthOfLines()), undefined, 2)}\n`;
}

/** For lines of any width. */
export async function exampleTable(): Promise<string> {
  return renderTable(await documentOf(monthOfLines()), { columns: undefined, isColoured: false });
}
