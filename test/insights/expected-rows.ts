/** The rows that each saved query gives over two sets of lines, kept as tables; `npm run golden` writes them anew. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { SavedQuery } from '../../scripts/queries/saved-queries.ts';
import { checkNames } from './check.ts';
import { evaluate, type LogEvent, type Result } from './evaluator.ts';
import { parseQuery } from './parser.ts';
import { eventOf, NOW_MS, recordedEvents } from './recorded-runs.ts';
import { tableOf } from './table.ts';

const FOLDER = join(import.meta.dirname, '../fixtures/insights');

export interface LineSet {
  readonly name: 'two-weeks' | 'demo';
  readonly events: readonly LogEvent[];
  /** When the queries are run. */
  readonly nowMs: number;
}

export const TWO_WEEKS: LineSet = { name: 'two-weeks', events: recordedEvents(), nowMs: NOW_MS };
export const DEMO: LineSet = demoLines();
export const LINE_SETS: readonly LineSet[] = [TWO_WEEKS, DEMO];

/** What the demo printed once: `npm run -s demo > test/fixtures/insights/demo.jsonl`. Asked a minute after its end. */
function demoLines(): LineSet {
  const events = readFileSync(join(FOLDER, 'demo.jsonl'), 'utf8').trimEnd().split('\n').map(eventOf);
  return { name: 'demo', events, nowMs: Math.max(...events.map(({ timestampMs }) => timestampMs)) + 60_000 };
}

export function resultOf({ text }: Pick<SavedQuery, 'text'>, { events, nowMs }: LineSet): Result {
  const query = parseQuery(text);
  checkNames(query);
  return evaluate(query, events, nowMs);
}

export function rowsAsTable(query: SavedQuery, lines: LineSet): string {
  return tableOf(resultOf(query, lines));
}

export function expectedPath({ name }: LineSet, query: Pick<SavedQuery, 'name'>): string {
  return join(FOLDER, name, `${query.name}.golden.txt`);
}
