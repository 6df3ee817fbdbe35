/** What is true of a set of lines, worked out by plain loops: to be compared with what a search engine answers. */
import { type FieldName, type LineType, REPORT_FIELDS } from '../../src/core/fields.ts';

/** A line as a search index has it. */
export type LineDocument = {
  readonly type: LineType;
  readonly time: string;
  readonly seq: number;
  readonly taskId: string;
  readonly job: string;
} & { readonly [Name in FieldName]?: string | number };

export interface DayTruth {
  readonly lineCount: number;
  readonly countByType: Readonly<Record<string, number>>;
  /** REPORT lines of each job. */
  readonly runCountByJob: Readonly<Record<string, number>>;
  /** Over the REPORT lines, of each integer field that any of them has. */
  readonly reportSums: Readonly<Record<string, number>>;
}

/** @param lines each once, in any order */
export function truthOf(lines: Iterable<string>): DayTruth {
  const countByType: Record<string, number> = {};
  const runCountByJob: Record<string, number> = {};
  const reportSums: Record<string, number> = {};
  const integers = REPORT_FIELDS.filter(({ kind }) => kind === 'integer');
  let lineCount = 0;
  for (const text of lines) {
    const line = documentOf(text);
    lineCount += 1;
    countByType[line.type] = (countByType[line.type] ?? 0) + 1;
    if (line.type !== 'REPORT') continue;
    runCountByJob[line.job] = (runCountByJob[line.job] ?? 0) + 1;
    for (const { name } of integers) {
      const value = line[name];
      if (typeof value === 'number') reportSums[name] = (reportSums[name] ?? 0) + value;
    }
  }
  return { lineCount, countByType, runCountByJob, reportSums };
}

export function documentOf(line: string): LineDocument {
  return JSON.parse(line);
}
