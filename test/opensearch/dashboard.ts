/** What the dashboard shows of the day of runs, whoever has loaded it. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import {
  CPU_USAGE,
  DRAWN_JOB_COUNT,
  HEATMAP_JOB_COUNT,
  MEMORY_USAGE,
  PICTURES,
  type Picture,
  RUNS_WITH_ERRORS,
  TASK_COUNT,
} from '../../scripts/kibana/pictures.ts';
import { pictureFiles } from '../../scripts/pictures.ts';
import { readPage } from '../docs/pages.ts';
import { drawnRows, type LoadedIndex, listedRuns, vegaAnswer, vegaRows } from '../kibana/loaded-index.ts';
import { automaticInterval, type TimeRange } from '../kibana/time-range.ts';
import { trueRows } from '../kibana/true-rows.ts';
import type { Row } from '../kibana/visualization-request.ts';
import { DAY, DAY_END_MS, DAY_MS, DAY_START_MS, RUN_COUNT } from '../support/day-of-runs.ts';
import { documentOf, type LineDocument } from '../support/day-truth.ts';

const HOUR_MS = 3_600_000;

const RANGES: readonly (readonly [string, TimeRange])[] = [
  ['the day', DAY],
  ['a busy hour', { fromMs: DAY_START_MS + 4 * HOUR_MS, toMs: DAY_START_MS + 5 * HOUR_MS }],
  ['a week', { fromMs: DAY_START_MS - 5 * DAY_MS, toMs: DAY_END_MS + DAY_MS }],
];
const HEATMAPS = [CPU_USAGE, MEMORY_USAGE];
const byTitle = (pictures: readonly Picture[]) =>
  pictures.map((picture) => [picture.title, picture] as const);

/**
 * @param lines of the day, all that the index holds, each once
 * @param loaded where they are, once the tests run
 */
export function itDrawsWhatIsTrue(lines: readonly string[], loaded: () => LoadedIndex): void {
  const documents = lines.map(documentOf);

  describe.each(RANGES)('in %s', (_, range) => {
    it.each(byTitle(PICTURES))('%s draws what is true', async (_title, picture) => {
      const wanted = expectedRows(documents, picture, range);
      expect(wanted.flatMap(({ cells }) => cells).length).toBeGreaterThan(30);
      expectSameRows(await drawnRows(loaded(), picture, range), wanted);
    });

    it.each(byTitle(HEATMAPS))('%s is the same in Vega', async (_title, picture) => {
      const answer = await vegaAnswer(loaded(), picture, range);
      expectSameRows(vegaRows(answer), expectedRows(documents, picture, range));
      // A cell's width is the distance of the times: they are the same for each job.
      const times = answer.aggregations.jobs.buckets.map((job) => job.times.buckets.map(({ key }) => key));
      expect(new Set(times.map((keys) => keys.join())).size).toBe(1);
    });
  });

  it('Task Count counts every run once', async () => {
    const [, week] = RANGES.at(-1) ?? [];
    const rows = week ? await drawnRows(loaded(), TASK_COUNT, week) : [];
    expect(rows.reduce((sum, { lineCount }) => sum + lineCount, 0)).toBe(RUN_COUNT);
  });

  it.each(byTitle(HEATMAPS))(
    '%s has a run of six hours in a cell for each half hour',
    async (_title, picture) => {
      const rows = await drawnRows(loaded(), picture, DAY);
      const starts = rows.find(({ job }) => job === 'nightly-etl')?.cells.map(({ fromMs }) => fromMs) ?? [];
      expect(starts).toEqual(starts.map((_start, at) => (starts[0] ?? 0) + (at * HOUR_MS) / 2));
      expect(starts.length).toBeGreaterThanOrEqual(12);
    },
  );

  it('the pictures in docs/ are drawn of it (npm run pictures draws them)', async () => {
    for (const [path, text] of await pictureFiles(loaded())) expect(readFileSync(path, 'utf8')).toBe(text);
    expect(readPage('dashboards.md')).toContain(`${lines.length.toLocaleString('en-US')} lines`);
  });

  it('the table has each run with an error, the newest first', async () => {
    const wanted = documents
      .filter(
        ({ type, time, errorType }) =>
          type === 'REPORT' && errorType !== undefined && Date.parse(time) <= DAY.toMs,
      )
      .toSorted((a, b) => Date.parse(b.time) - Date.parse(a.time));
    const listed = await listedRuns(loaded(), DAY);
    expect(wanted.length).toBeGreaterThan(100);
    const idOf = ({ taskId, seq }: LineDocument) => `${taskId}-${seq}`;
    expect(listed.map(idOf)).toEqual(wanted.map(idOf));
    const [newest] = listed;
    const shown = RUNS_WITH_ERRORS.columns.filter((name) => newest?.[name] !== undefined);
    expect(shown).toEqual(RUNS_WITH_ERRORS.columns.filter((name) => wanted[0]?.[name] !== undefined));
    expect(shown).toContain('errorType');
  });
}

/** What a picture ought to show. */
function expectedRows(documents: Iterable<LineDocument>, picture: Picture, range: TimeRange): Row[] {
  const isHeatmap = picture.kind === 'heatmap';
  const limit = isHeatmap ? HEATMAP_JOB_COUNT : DRAWN_JOB_COUNT;
  return trueRows(documents, picture, range, automaticInterval(range).ms, limit, !isHeatmap);
}

/** Counts exactly, averages but for the last of a double's digits. */
function expectSameRows(drawn: readonly Row[], wanted: readonly Row[]): void {
  const close = (value: number | null) => (value === null ? null : Number(value.toPrecision(12)));
  const rounded = (rows: readonly Row[]) =>
    rows.map(({ cells, ...row }) => ({
      ...row,
      cells: cells.map((cell) => ({ ...cell, value: close(cell.value) })),
    }));
  expect(rounded(drawn)).toEqual(rounded(wanted));
}
