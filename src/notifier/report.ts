import type { LineFields } from '../core/line.ts';
import { parseLine } from '../core/parsed-line.ts';

/** The fields of a run's REPORT line. */
export type Report = LineFields;

/**
 * The REPORT of one task among the messages of a log. Anybody who writes into that log may write such a line, and a
 * REPORT may stand there twice: the last one of this task counts.
 */
export function findReport(messages: readonly string[], taskId: string): Report | undefined {
  for (const message of messages.toReversed()) {
    const parsed = parseLine(message);
    if (parsed.kind !== 'line' || parsed.line.type !== 'REPORT') continue;
    // parseLine has checked the kind of each field that it knows.
    const fields = parsed.line.fields as Report;
    if (fields.taskId === taskId) return fields;
  }
  return undefined;
}
