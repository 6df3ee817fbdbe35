import { type InsightsQueries, MAX_ROWS, type QueryRow } from './insights-queries.ts';
import { LogGroupError, type TimeWindow } from './log-groups.ts';
import type { TextBatches } from './text-lines.ts';

/** So many queries at a time: an account has 100 for all who ask. */
const MAX_QUERIES = 4;
/** Lines may come in between counting and reading. */
const MAX_SLICE_LINES = 9_000;

/** As `bin` takes them. */
const BINS = [
  { name: '1s', ms: 1_000 },
  { name: '1m', ms: 60_000 },
  { name: '1h', ms: 3_600_000 },
  { name: '24h', ms: 86_400_000 },
] as const;
/** Each bin is a row: far fewer than a query gives. */
const MAX_BINS = 5_000;

/** Which lines are asked for. */
export interface Wanted {
  readonly window: TimeWindow;
  /** Of these jobs; names with `*` are not asked of Logs Insights, and lines of all jobs come. Empty: of all. */
  readonly jobs: readonly string[];
}

/** How far it is: lines read so far, and how many were counted. */
export type OnProgress = (readCount: number, totalCount: number) => void;

/**
 * The REPORT lines of a window, in any order. They are counted by time first, so that each query after that is of a
 * slice with fewer lines than a query can give. Percentiles are not asked of Logs Insights, which approximates them: the
 * same lines give the same figures wherever they are read. Give the lines to `LineReading.ofMessages`.
 * @throws LogGroupError; the reason of the queries' signal, once it is aborted
 */
export async function* reportLines(
  queries: InsightsQueries,
  wanted: Wanted,
  onProgress: OnProgress,
): TextBatches {
  const { slices, lineCount } = await slicesOf(queries, wanted);
  let readCount = 0;
  onProgress(readCount, lineCount);
  for (let at = 0; at < slices.length; at += MAX_QUERIES) {
    const read = slices.slice(at, at + MAX_QUERIES).map((window) => linesOf(queries, { ...wanted, window }));
    for (const lines of await allOf(read)) {
      readCount += lines.length;
      onProgress(readCount, lineCount);
      yield lines;
    }
  }
}

/** Waits for the others before it fails, so that each can stop its query: one that fails ends them all. */
async function allOf<Value>(promises: readonly Promise<Value>[]): Promise<readonly Value[]> {
  await Promise.allSettled(promises);
  return Promise.all(promises);
}

interface Slices {
  readonly slices: readonly TimeWindow[];
  /** Of all of them. */
  readonly lineCount: number;
}

/**
 * Spans of time with lines, in their order, none with more than MAX_SLICE_LINES but for a second that has more. The last
 * ends with the window: lines that came after the counting are in it too.
 */
async function slicesOf(queries: InsightsQueries, wanted: Wanted): Promise<Slices> {
  const { window } = wanted;
  const bin = BINS.find(({ ms }) => (window.toMs - window.fromMs) / ms <= MAX_BINS) ?? BINS[3];
  const counts = await countsByTime(queries, wanted, bin.name);
  const slices: TimeWindow[] = [];
  let fromMs = window.fromMs;
  let heldCount = 0;
  const closeAt = (toMs: number): void => {
    if (heldCount > 0) slices.push({ fromMs, toMs });
    fromMs = toMs;
    heldCount = 0;
  };
  for (const { startMs, count } of counts) {
    const binFromMs = Math.max(startMs, window.fromMs);
    if (heldCount + count > MAX_SLICE_LINES) closeAt(binFromMs);
    heldCount += count;
    if (count <= MAX_SLICE_LINES) continue;
    const binWindow = { fromMs: binFromMs, toMs: Math.min(startMs + bin.ms, window.toMs) };
    if (bin !== BINS[0]) {
      slices.push(...(await slicesOf(queries, { ...wanted, window: binWindow })).slices);
      heldCount = 0;
    }
    closeAt(binWindow.toMs);
  }
  closeAt(window.toMs);
  return { slices, lineCount: counts.reduce((sum, { count }) => sum + count, 0) };
}

interface Count {
  /** Beginning of the bin, ms since the epoch. */
  readonly startMs: number;
  readonly count: number;
}

async function countsByTime(
  queries: InsightsQueries,
  wanted: Wanted,
  binName: string,
): Promise<readonly Count[]> {
  const rows = await queries.rows(
    `filter ${isWanted(['REPORT'], wanted)}
| stats count(*) as lines by bin(${binName})
| limit ${MAX_ROWS}`,
    wanted.window,
  );
  return rows
    .map((row) => ({ startMs: timeMsOf(row[`bin(${binName})`]), count: Number(row.lines) }))
    .filter(({ startMs, count }) => !Number.isNaN(startMs) && !Number.isNaN(count))
    .toSorted((a, b) => a.startMs - b.startMs);
}

/** Halved for as long as there are more lines in it than a query gives. */
async function linesOf(queries: InsightsQueries, wanted: Wanted): Promise<readonly string[]> {
  const { fromMs, toMs } = wanted.window;
  const rows = await queries.rows(
    `fields @message
| filter ${isWanted(['REPORT'], wanted)}
| limit ${MAX_ROWS}`,
    wanted.window,
  );
  if (rows.length < MAX_ROWS) return rows.flatMap((row) => row['@message'] ?? []);
  const middleMs = Math.floor((fromMs + toMs) / 2);
  if (middleMs === fromMs) {
    throw new LogGroupError(
      `${MAX_ROWS} REPORT lines or more are of one millisecond, ${new Date(fromMs).toISOString()}: use --no-insights`,
    );
  }
  const earlier = await linesOf(queries, { ...wanted, window: { fromMs, toMs: middleMs } });
  return [...earlier, ...(await linesOf(queries, { ...wanted, window: { fromMs: middleMs, toMs } }))];
}

/** A run of which there is a START or SUMMARY and no REPORT. */
export interface UnreportedRun {
  readonly job: string;
  readonly taskId: string;
  readonly lastLineMs: number;
  readonly memoryUtilizationPercent: number | undefined;
}

export interface UnreportedRuns {
  readonly runs: readonly UnreportedRun[];
  /** There are older ones that did not fit into the query's rows. */
  readonly hasMore: boolean;
}

/**
 * The runs of a window that have no REPORT, found by Logs Insights alone: the newest MAX_ROWS at the most.
 * @param reportsToMs up to then, after the window, a REPORT counts
 * @throws LogGroupError; the reason of the queries' signal, once it is aborted
 */
export async function unreportedRuns(
  queries: InsightsQueries,
  wanted: Wanted,
  reportsToMs: number,
): Promise<UnreportedRuns> {
  const window = { ...wanted.window, toMs: reportsToMs };
  const rows = await queries.rows(
    `filter ${isWanted(['START', 'SUMMARY', 'REPORT'], { ...wanted, window })}
  and (type = "REPORT" or toMillis(@timestamp) < ${wanted.window.toMs})
# Every REPORT has droppedLineCount, and no other line has it.
| stats count(droppedLineCount) as reports, latest(time) as lastLineAt,
  max(maxMemoryUtilizationPercent) as memoryPercent by job, taskId
| filter reports = 0
| sort lastLineAt desc
| limit ${MAX_ROWS}`,
    window,
  );
  return { runs: rows.flatMap((row) => unreportedRun(row) ?? []), hasMore: rows.length >= MAX_ROWS };
}

/** Undefined where what makes a line ours is missing. */
function unreportedRun({ job, taskId, lastLineAt, memoryPercent }: QueryRow): UnreportedRun | undefined {
  const lastLineMs = Date.parse(lastLineAt ?? '');
  if (job === undefined || taskId === undefined || Number.isNaN(lastLineMs)) return undefined;
  const percent = memoryPercent === undefined ? Number.NaN : Number(memoryPercent);
  return {
    job,
    taskId,
    lastLineMs,
    memoryUtilizationPercent: Number.isNaN(percent) ? undefined : percent,
  };
}

/** Names that need no care in a query. */
const PLAIN_NAME = /^[\w.-]+$/;

/** The window once more, to the millisecond: StartQuery takes whole seconds. */
function isWanted(types: readonly string[], { window: { fromMs, toMs }, jobs }: Wanted): string {
  const conditions = [
    'ispresent(fargaugeVersion)',
    isAmong('type', types),
    ...(jobs.length > 0 && jobs.every((job) => PLAIN_NAME.test(job)) ? [isAmong('job', jobs)] : []),
    `toMillis(@timestamp) >= ${fromMs}`,
    `toMillis(@timestamp) < ${toMs}`,
  ];
  return conditions.join(' and ');
}

function isAmong(field: string, values: readonly string[]): string {
  return `${field} in [${values.map((value) => `"${value}"`).join(', ')}]`;
}

/** `2026-11-21 02:00:00.000`, UTC; NaN when it is none. */
function timeMsOf(text = ''): number {
  return Date.parse(`${text.replace(' ', 'T')}Z`);
}
