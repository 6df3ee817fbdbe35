import { beforeAll, describe, expect, it } from 'vitest';
import { CPU_USAGE, MEMORY_USAGE, PICTURES, RUNS_WITH_ERRORS } from '../../scripts/kibana/pictures.ts';
import type { TimeRange } from '../kibana/time-range.ts';
import { loadLines } from '../support/bulk-load.ts';
import {
  drawnRows,
  expectedRows,
  expectSameRows,
  type LoadedIndex,
  listedRuns,
  vegaAnswer,
  vegaRows,
} from '../support/dashboard-check.ts';
import { DAY_END_MS, DAY_START_MS, dayOfRuns } from '../support/day-of-runs.ts';
import { documentOf } from '../support/day-truth.ts';
import { runningEngines } from '../support/search-engines.ts';

const HOUR_MS = 3_600_000;

const LINES = dayOfRuns().flatMap(({ lines }) => lines);
const DOCUMENTS = LINES.map(documentOf);

const DAY: TimeRange = { fromMs: DAY_START_MS, toMs: DAY_END_MS - 1 };
const RANGES: readonly (readonly [string, TimeRange])[] = [
  ['the day', DAY],
  ['a busy hour', { fromMs: DAY_START_MS + 4 * HOUR_MS, toMs: DAY_START_MS + 5 * HOUR_MS }],
  ['a week', { fromMs: DAY_START_MS - 5 * 24 * HOUR_MS, toMs: DAY_END_MS + 24 * HOUR_MS }],
];

describe.each(runningEngines())('the dashboard over a day of 10,000 runs on $label', (engine) => {
  let at: LoadedIndex;

  beforeAll(async () => {
    at = { url: engine.url, index: await loadLines(engine, 'dashboards-', LINES) };
  });

  describe.each(RANGES)('in %s', (_, range) => {
    it.each(PICTURES.map((picture) => [picture.title, picture] as const))(
      '%s draws what is true',
      async (_title, picture) => {
        const wanted = expectedRows(DOCUMENTS, picture, range);
        expect(wanted.flatMap(({ cells }) => cells).length).toBeGreaterThan(30);
        expectSameRows(await drawnRows(at, picture, range), wanted);
      },
    );

    it.each([CPU_USAGE, MEMORY_USAGE].map((picture) => [picture.title, picture] as const))(
      '%s is the same in Vega',
      async (_title, picture) => {
        const answer = await vegaAnswer(at, picture, range);
        expectSameRows(vegaRows(answer), expectedRows(DOCUMENTS, picture, range));
        const times = answer.aggregations.jobs.buckets.map((job) => job.times.buckets.map(({ key }) => key));
        expect(new Set(times.map((keys) => keys.join())).size).toBe(1);
      },
    );
  });

  it('the table has each run with an error, the newest first', async () => {
    const wanted = DOCUMENTS.filter(
      ({ type, time, errorType }) =>
        type === 'REPORT' && errorType !== undefined && Date.parse(time) <= DAY.toMs,
    ).toSorted((a, b) => Date.parse(b.time) - Date.parse(a.time));
    const listed = await listedRuns(at, DAY);
    expect(wanted.length).toBeGreaterThan(100);
    expect(listed.map(({ taskId }) => taskId)).toEqual(wanted.map(({ taskId }) => taskId));
    const [newest] = listed;
    const shown = RUNS_WITH_ERRORS.columns.filter((name) => newest?.[name] !== undefined);
    expect(shown).toEqual(RUNS_WITH_ERRORS.columns.filter((name) => wanted[0]?.[name] !== undefined));
    expect(shown).toContain('errorType');
  });
});
