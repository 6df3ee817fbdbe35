import { printable } from './printable.ts';
import { counted, grouped } from './quantities.ts';
import type { ReportDocument, RunCounts, Window } from './report-document.ts';

/** Sentences beside a report's figures, for the formats that a person reads. What comes out of lines is printable. */

const MAX_NOTES = 20;

/** No more notes of a kind than a reader takes in. */
export function first(notes: readonly string[]): readonly string[] {
  if (notes.length <= MAX_NOTES) return notes;
  return [
    ...notes.slice(0, MAX_NOTES),
    `… and ${grouped(notes.length - MAX_NOTES)} more; --format json has all.`,
  ];
}

export function lostRunNotes({ jobs }: ReportDocument): readonly string[] {
  const notes = jobs.flatMap(({ job, newestRunWithoutReport: run }) => {
    if (run === undefined) return [];
    const memoryText =
      run.memoryUtilizationPercent === undefined
        ? ''
        : `, memory at ${Math.round(run.memoryUtilizationPercent)} % at the most`;
    return [
      `${printable(job)}: the newest run without a REPORT is ${printable(run.taskId)}, last heard of at ${minute(run.lastLineAt)}${memoryText}.`,
    ];
  });
  return first(notes);
}

export function priceNotes({ prices: { prices, unpriced } }: ReportDocument): readonly string[] {
  const texts = prices.map(({ region, cpuArchitecture, usdPerVcpuHour, usdPerGBHour, asOf }) => {
    const origin = asOf === undefined ? 'as given' : `AWS's list of ${asOf}`;
    return `${printable(`${region} ${cpuArchitecture}`)} ${usdPerVcpuHour} per vCPU-hour and ${usdPerGBHour} per GB-hour (${origin})`;
  });
  return [
    ...(texts.length === 0
      ? []
      : [`USD on demand: ${texts.join('; ')}. Spot and Savings Plans cannot be seen from inside a task.`]),
    ...(unpriced.length === 0
      ? []
      : [
          `No price is known for ${unpriced.map(({ region, cpuArchitecture }) => printable(`${region} ${cpuArchitecture}`)).join(', ')}: ` +
            'give --price-vcpu-hour and --price-gb-hour.',
        ]),
  ];
}

export function skippedNotes({ skipped }: ReportDocument): readonly string[] {
  const parts: readonly (readonly [count: number, one: string, many: string])[] = [
    [skipped.foreignLineCount, 'line of others', 'lines of others'],
    [skipped.brokenLineCount, 'broken line', 'broken lines'],
    [skipped.newerLineCount, 'line of a newer version', 'lines of a newer version'],
    [skipped.copyCount, 'copy', 'copies'],
    [skipped.otherJobLineCount, 'line of another job', 'lines of other jobs'],
    [skipped.outsideWindowLineCount, 'line outside the window', 'lines outside the window'],
    [skipped.wrongTimeLineCount, 'line of a wrong clock', 'lines of a wrong clock'],
    [skipped.tooManyJobsLineCount, 'line of a job too many', 'lines of jobs too many'],
    [skipped.tooManyRunsLineCount, 'line of a run too many', 'lines of runs too many'],
  ];
  const texts = parts.filter(([count]) => count > 0).map(([count, one, many]) => counted(count, one, many));
  const reasons = skipped.brokenReasons.map(
    ({ reason, count }) => `${printable(reason)}${count === 1 ? '' : ` (${grouped(count)})`}`,
  );
  return [
    ...(texts.length === 0 ? [] : [`Left out: ${texts.join(', ')}.`]),
    ...(skipped.hasMoreRunsWithoutReport ? [`There are ${MORE_RUNS_WITHOUT_REPORT}.`] : []),
    ...(reasons.length === 0 ? [] : [`Broken: ${reasons.join('; ')}.`]),
  ];
}

export const MORE_RUNS_WITHOUT_REPORT =
  'more runs without a REPORT than the newest 10,000, which are counted';

/** Runs that ended, and neither well nor by a failure. */
export function otherEndings({ stoppedCount, unknownCount }: RunCounts): readonly string[] {
  return [
    ...(stoppedCount > 0 ? [`${grouped(stoppedCount)} stopped`] : []),
    ...(unknownCount > 0 ? [`${grouped(unknownCount)} of unknown end`] : []),
  ];
}

/** The window that was asked for, else from the first REPORT to the last; undefined without any. */
export function spanOf(
  { from, to, firstReportAt, lastReportAt }: Window,
  show: (isoTime: string) => string,
): string | undefined {
  const [begin, end] = [from ?? firstReportAt, to ?? lastReportAt];
  return begin === undefined || end === undefined ? undefined : `${show(begin)} to ${show(end)} UTC`;
}

/** `2026-05-31 13:07`. */
export function minute(isoTime: string): string {
  return isoTime.slice(0, 16).replace('T', ' ');
}
