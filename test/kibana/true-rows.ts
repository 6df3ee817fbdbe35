/** The rows of a picture worked out of the lines by plain loops, without a word of the engine's language. */
import type { Picture } from '../../scripts/kibana/pictures.ts';
import type { LineDocument } from '../support/day-truth.ts';
import type { TimeRange } from './time-range.ts';
import { OTHER_JOBS, type Row } from './visualization-request.ts';

interface Tally {
  count: number;
  sum: number;
}

/**
 * @param stepMs width of a cell, a divisor of a day: cells begin at whole multiples of it in UTC
 * @param limit of rows; the jobs below it are one more row, where `hasOthers`
 */
export function trueRows(
  lines: Iterable<LineDocument>,
  { lineType, figure }: Picture,
  { fromMs, toMs }: TimeRange,
  stepMs: number,
  limit: number,
  hasOthers: boolean,
): Row[] {
  const field = figure.aggregation === 'count' ? undefined : figure.field;
  const jobs = new Map<string, { readonly all: Tally; readonly cells: Map<number, Tally> }>();
  for (const line of lines) {
    const timeMs = Date.parse(line.time);
    if (line.type !== lineType || timeMs < fromMs || timeMs > toMs) continue;
    const value = field === undefined ? 1 : line[field];
    if (typeof value !== 'number') continue;
    const job = jobs.get(line.job) ?? { all: { count: 0, sum: 0 }, cells: new Map<number, Tally>() };
    jobs.set(line.job, job);
    const cellMs = Math.floor(timeMs / stepMs) * stepMs;
    const cell = job.cells.get(cellMs) ?? { count: 0, sum: 0 };
    job.cells.set(cellMs, cell);
    for (const tally of [job.all, cell]) {
      tally.count += 1;
      tally.sum += value;
    }
  }
  const rank = ({ count, sum }: Tally) => (field === undefined ? count : sum / count);
  const ordered = [...jobs].toSorted(([, a], [, b]) => rank(b.all) - rank(a.all));
  const rows = ordered.slice(0, limit).map(([job, { all, cells }]) => rowOf(job, all.count, cells));
  const rest = ordered.slice(limit);
  if (!hasOthers || rest.length === 0) return rows;
  const merged = new Map<number, Tally>();
  for (const [, { cells }] of rest) {
    for (const [cellMs, { count, sum }] of cells) {
      const before = merged.get(cellMs) ?? { count: 0, sum: 0 };
      merged.set(cellMs, { count: before.count + count, sum: before.sum + sum });
    }
  }
  return [
    ...rows,
    rowOf(
      OTHER_JOBS,
      rest.reduce((sum, [, { all }]) => sum + all.count, 0),
      merged,
    ),
  ];

  function rowOf(job: string, lineCount: number, cells: ReadonlyMap<number, Tally>): Row {
    return {
      job,
      lineCount,
      cells: [...cells]
        .toSorted(([a], [b]) => a - b)
        .map(([cellMs, { count, sum }]) => ({
          fromMs: cellMs,
          lineCount: count,
          value: field === undefined ? count : sum / count,
        })),
    };
  }
}
