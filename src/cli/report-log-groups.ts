/** Reads the lines of log groups: loaded when it is needed, because the AWS SDK comes with it. */
import type { Clock } from '../clock.ts';
import type { FoundLine } from '../core/parsed-line.ts';
import type { LineReading } from '../reading/found-lines.ts';
import { reportLines, type UnreportedRun, unreportedRuns } from '../reading/insights-lines.ts';
import { InsightsQueries } from '../reading/insights-queries.ts';
import { createReadingClient, filteredLines, LogGroupError } from '../reading/log-groups.ts';
import type { TextBatches } from '../reading/text-lines.ts';
import type { ReportLogGroups } from './report-options.ts';

export interface LogGroupReader {
  readonly source: ReportLogGroups;
  /** As `--job` takes them. */
  readonly jobs: readonly string[];
  /** Lines that a report is made of. */
  readonly types: ReadonlySet<string>;
  readonly reading: LineReading;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  onLine(line: FoundLine): void;
  /** A run without a REPORT, where its lines are not read. */
  onUnreportedRun(run: UnreportedRun): void;
  onProgress(text: () => string): void;
}

export type LogGroupOutcome =
  | {
      readonly ok: true;
      /** What AWS bills of Logs Insights. */
      readonly bytesScanned?: number;
      /** There are more runs without a REPORT than those that were told. */
      readonly hasMoreUnreportedRuns: boolean;
    }
  | { readonly ok: false; readonly message: string };

/** @throws the signal's reason, once it is aborted */
export async function readLogGroups(reader: LogGroupReader): Promise<LogGroupOutcome> {
  const client = createReadingClient(reader.source.region);
  try {
    if (!reader.source.isByInsights) {
      await readLines(reader, filteredGroups(reader, client));
      return { ok: true, hasMoreUnreportedRuns: false };
    }
    return await readByInsights(reader, client);
  } catch (error) {
    if (!(error instanceof LogGroupError)) throw error;
    return { ok: false, message: error.message };
  } finally {
    client.destroy();
  }
}

type Client = ReturnType<typeof createReadingClient>;

async function readByInsights(reader: LogGroupReader, client: Client): Promise<LogGroupOutcome> {
  const { source, onProgress } = reader;
  const queries = new InsightsQueries({ ...source, client, clock: reader.clock, signal: reader.signal });
  onProgress(() => 'asking Logs Insights for the runs without a REPORT');
  const wanted = { window: source.window, jobs: reader.jobs };
  const unreported = await unreportedRuns(queries, wanted, source.reportsToMs);
  for (const run of unreported.runs) reader.onUnreportedRun(run);
  const lines = reportLines(queries, wanted, (readCount, totalCount) =>
    onProgress(() => `Logs Insights: ${readCount} of ${totalCount} REPORT lines`),
  );
  await readLines(reader, lines);
  return { ok: true, bytesScanned: queries.bytesScanned, hasMoreUnreportedRuns: unreported.hasMore };
}

async function* filteredGroups(
  { source, types, signal, onProgress }: LogGroupReader,
  client: Client,
): TextBatches {
  const { region, window, reportsToMs } = source;
  const parts = [
    { window, types },
    { window: { fromMs: window.toMs, toMs: reportsToMs }, types: LATE_TYPES },
  ].filter(({ window: { fromMs, toMs } }) => fromMs < toMs);
  for (const logGroupName of source.logGroupNames) {
    let lineCount = 0;
    for (const part of parts) {
      for await (const lines of filteredLines({ client, region, logGroupName, signal, ...part })) {
        lineCount += lines.length;
        onProgress(() => `${logGroupName}: ${lineCount} lines`);
        yield lines;
      }
    }
  }
}

/** After the window. */
const LATE_TYPES: ReadonlySet<string> = new Set(['REPORT']);

async function readLines({ reading, onLine }: LogGroupReader, lines: TextBatches): Promise<void> {
  for await (const found of reading.ofMessages(lines)) if (found.kind === 'line') onLine(found.line);
}
