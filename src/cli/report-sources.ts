import type { Clock } from '../clock.ts';
import { LineReading, nothingFound } from '../reading/found-lines.ts';
import { fileLines, ReadError, streamLines } from '../reading/text-lines.ts';
import { Aggregation, REPORT_LINE_TYPES } from '../report/aggregation.ts';
import { MORE_RUNS_WITHOUT_REPORT } from '../report/notes.ts';
import { grouped } from '../report/quantities.ts';
import type { ReportDocument } from '../report/report-document.ts';
import type { Streams } from './command.ts';
import { Progress } from './progress.ts';
import type { ReportLogGroups, ReportOptions } from './report-options.ts';

export interface ReadingSurroundings {
  readonly streams: Streams;
  readonly clock: Clock;
  readonly tell: (message: string) => void;
  /** Aborts on Ctrl-C. */
  readonly signal: AbortSignal;
}

/**
 * Reads all lines that are asked for.
 * @throws ReadError; the signal's reason, once it is aborted
 */
export async function reportDocument(
  options: ReportOptions,
  surroundings: ReadingSurroundings,
): Promise<ReportDocument> {
  const { clock, streams } = surroundings;
  const { source, window } = options;
  const aggregation = new Aggregation({
    nowMs: clock.now(),
    window,
    // A file may be old; a log group is asked up to the end of the window.
    endMs: source.kind === 'files' ? undefined : source.window.toMs,
    jobs: options.jobs,
    prices: { given: options.price },
  });
  const reading = new LineReading({ types: REPORT_LINE_TYPES });
  const progress = new Progress(streams.stderr, clock);
  const reader = { ...surroundings, aggregation, reading, progress };
  try {
    if (source.kind === 'files') await readFiles(source.files, reader);
    else await readGroups(source, options.jobs, reader);
  } finally {
    progress.clear();
  }
  const nothing = nothingFound(reading.counts);
  if (nothing !== undefined) surroundings.tell(nothing);
  const sources = source.kind === 'files' ? source.files.map(nameOfFile) : source.logGroupNames;
  return aggregation.document(sources, reading.counts);
}

interface Reader extends ReadingSurroundings {
  readonly aggregation: Aggregation;
  readonly reading: LineReading;
  readonly progress: Progress;
}

/** @throws ReadError */
async function readFiles(
  files: readonly string[],
  { streams, aggregation, reading, progress }: Reader,
): Promise<void> {
  for (const file of files) {
    const name = nameOfFile(file);
    const texts = file === '-' ? streamLines(streams.stdin, name) : fileLines(file);
    for await (const found of reading.of(texts)) {
      if (found.kind !== 'line') continue;
      aggregation.add(found.line);
      progress.tell(() => `${name}: ${grouped(reading.counts.lines)} lines`);
    }
  }
}

/** @throws ReadError; the signal's reason, once it is aborted */
async function readGroups(
  source: ReportLogGroups,
  jobs: readonly string[],
  { aggregation, reading, progress, clock, signal, streams, tell }: Reader,
): Promise<void> {
  const { readLogGroups } = await import('./report-log-groups.ts');
  const outcome = await readLogGroups({
    source,
    jobs,
    types: REPORT_LINE_TYPES,
    reading,
    clock,
    signal,
    onLine: (line) => aggregation.add(line),
    onUnreportedRun: (run) => aggregation.addOpenRun(run),
    onProgress: (text) => progress.tell(text),
  });
  if (!outcome.ok) throw new ReadError(outcome.message);
  progress.clear();
  if (outcome.hasMoreUnreportedRuns) {
    aggregation.hearOfMoreOpenRuns();
    tell(`there are ${MORE_RUNS_WITHOUT_REPORT}`);
  }
  if (outcome.bytesScanned !== undefined && streams.stderr.isTTY) {
    tell(`Logs Insights scanned ${grouped(outcome.bytesScanned / 1e6, 1)} MB`);
  }
}

function nameOfFile(file: string): string {
  return file === '-' ? 'stdin' : file;
}
