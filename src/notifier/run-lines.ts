import type { LineFields } from '../core/line.ts';
import { parseLine } from '../core/parsed-line.ts';

/** The fields of a run's REPORT line. */
export type Report = LineFields;

/** What the sidecar left at the end of a run. */
export interface RunLines {
  readonly report: Report;
  /** The fields of the CONTAINER lines that stand in the same log: the batch's, as a rule. */
  readonly containers: readonly LineFields[];
}

/**
 * The REPORT of one task among the messages of a log, and its CONTAINER lines. Anybody who writes into that log may
 * write such a line, and each may stand there twice: the last one counts.
 * @param messages the oldest first
 */
export function findRunLines(messages: readonly string[], taskId: string): RunLines | undefined {
  let report: Report | undefined;
  const containers = new Map<string, LineFields>();
  for (const message of messages) {
    const parsed = parseLine(message);
    if (parsed.kind !== 'line' || parsed.line.fields.taskId !== taskId) continue;
    // parseLine has checked the kind of each field that it knows.
    const fields = parsed.line.fields as LineFields;
    if (parsed.line.type === 'REPORT') report = fields;
    if (parsed.line.type === 'CONTAINER') containers.set(fields.container ?? '', fields);
  }
  return report && { report, containers: [...containers.values()] };
}
