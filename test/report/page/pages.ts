/** Documents for pages, each of a shape that a page must bear. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ReportDocument } from '../../../src/report/report-document.ts';
import { type Job, linesOf, type Run } from '../../insights/simulated-run.ts';
import { documentOf, EXAMPLE_PATH } from '../example-document.ts';
import { MONTH_END_MS } from '../month-of-runs.ts';

const DAY_MS = 86_400_000;

const JOB: Job = {
  name: 'orders',
  launchType: 'FARGATE',
  cpuArchitecture: 'X86_64',
  cpuUnits: 1024,
  memoryMiB: 4096,
  cpuPercent: 45,
  kernelShare: 0.1,
};

export const OUTLINE_PATH = join(import.meta.dirname, '../../fixtures/report/page-outline.golden.txt');

export function exampleDocument(): ReportDocument {
  return JSON.parse(readFileSync(EXAMPLE_PATH, 'utf8')) as ReportDocument;
}

export function emptyDocument(): Promise<ReportDocument> {
  return documentOf(['some text of the batch itself'], {
    window: { fromMs: MONTH_END_MS - 31 * DAY_MS, toMs: MONTH_END_MS },
  });
}

/** A run every day, ten days long. */
function daily(job: Job, run: Partial<Run> = {}): Run[] {
  return Array.from({ length: 10 }, (_, day) => ({
    job,
    startedAt: new Date(MONTH_END_MS - (10 - day) * DAY_MS).toISOString(),
    durationMs: 60_000 + day * 1_000,
    memoryMiB: 900,
    ...run,
  }));
}

function documentOfRuns(runs: readonly Run[]): Promise<ReportDocument> {
  return documentOf(runs.flatMap((run, index) => linesOf(run, index + 1)));
}

export function oneJobDocument(): Promise<ReportDocument> {
  return documentOfRuns(daily(JOB));
}

/** A run of each job. */
export function documentOfJobs(names: readonly string[]): Promise<ReportDocument> {
  return documentOfRuns(names.flatMap((name) => daily({ ...JOB, name }).slice(-1)));
}

/** Runs that were over before they could be seen: nothing is known of what they used. */
export function blindDocument(): Promise<ReportDocument> {
  return documentOfRuns(daily(JOB, { durationMs: 4_000 }));
}

/** Every other job fails now and then. */
export function manyJobsDocument(jobCount: number): Promise<ReportDocument> {
  return documentOfRuns(
    Array.from({ length: jobCount }, (_, number) =>
      daily(
        { ...JOB, name: `team-with-a-long-name-${number % 7}-nightly-import-${number}` },
        { memoryMiB: 400 + number * 15, exitCode: number % 2 },
      ),
    ).flat(),
  );
}
