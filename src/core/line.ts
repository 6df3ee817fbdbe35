import { type FieldName, type LineType, REPORT_FIELDS } from './fields.ts';

type FieldRow = (typeof REPORT_FIELDS)[number];
type Value<Row> = Row extends { kind: 'integer' | 'percent' } ? number : string;

/** The fields of a line but for `type`, `time` and `seq`. What is undefined is left out. */
export type LineFields = {
  [Row in FieldRow as Exclude<Row['name'], 'type' | 'time' | 'seq'>]?: Value<Row> | undefined;
};

/** A line before it has its number. */
export interface Line {
  readonly type: LineType;
  /** Wall clock, ms since the epoch. */
  readonly timeMs: number;
  readonly fields: LineFields;
}

/** A line stays below this, UTF-8: every log driver but awslogs cuts at 16 KiB. */
export const MAX_LINE_BYTES = 16_384;

/** Where a line would be too long, each of its strings is cut to this many UTF-16 units. */
const CUT_STRING_LENGTH = 64;

const encoder = new TextEncoder();

/**
 * One JSON object on one line, fields in the table's order.
 * @param seq number of this line among the sidecar's, from 1
 */
export function render(line: Line, seq: number): string {
  const text = stringify(line, seq, Number.POSITIVE_INFINITY);
  return encoder.encode(text).length < MAX_LINE_BYTES ? text : stringify(line, seq, CUT_STRING_LENGTH);
}

function stringify({ type, timeMs, fields }: Line, seq: number, maxStringLength: number): string {
  const values: Partial<Record<FieldName, string | number | undefined>> = {
    ...fields,
    type,
    time: isoTime(timeMs),
    seq,
  };
  const ordered: Record<string, string | number> = {};
  for (const { name } of REPORT_FIELDS) {
    const value = values[name];
    if (value === undefined) continue;
    ordered[name] = typeof value === 'string' ? value.slice(0, maxStringLength) : value;
  }
  return JSON.stringify(ordered);
}

/** ISO 8601, UTC, with milliseconds. */
export function isoTime(ms: number): string {
  return new Date(ms).toISOString();
}
