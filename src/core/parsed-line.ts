import { type Field, REPORT_FIELDS } from './fields.ts';

/** A line of ours as it was found in a log: of this version, or of an older or newer one. */
export interface FoundLine {
  /** One of LINE_TYPES, or what a newer version may add. */
  readonly type: string;
  /** Wall clock, ms since the epoch. */
  readonly timeMs: number;
  /** Number of the line among its sidecar's. With `taskId` it tells a copy. */
  readonly seq: number;
  /** All fields as they stand in the line, in its order. Those of REPORT_FIELDS have their kind; others may be anything. */
  readonly fields: Readonly<Record<string, unknown>>;
}

export type ParsedLine =
  | { readonly kind: 'line'; readonly line: FoundLine }
  /** Somebody else's: text, or JSON without our mark. */
  | { readonly kind: 'foreign' }
  /** Ours by its mark, but cut, or with a field that is not what it should be. */
  | { readonly kind: 'broken'; readonly reason: string };

/** `fargaugeVersion` marks a line as ours among the batch's own JSON. */
const MARK = '"fargaugeVersion"';

const FOREIGN: ParsedLine = { kind: 'foreign' };
const FIELDS = new Map<string, Field>(REPORT_FIELDS.map((field) => [field.name, field]));

/**
 * Reads one line back. The text is untrusted, since any program can write into the same log.
 * @param text one line, with or without its line break
 */
export function parseLine(text: string): ParsedLine {
  const json = text.trim();
  if (!json.startsWith('{') || !json.includes(MARK)) return FOREIGN;
  let fields: Record<string, unknown>;
  try {
    // Starts with a brace: what parses is an object.
    fields = JSON.parse(json);
  } catch {
    return broken('is not JSON');
  }
  // The mark may have stood deeper, in somebody else's object.
  if (!Object.hasOwn(fields, 'fargaugeVersion')) return FOREIGN;
  for (const [name, value] of Object.entries(fields)) {
    const field = FIELDS.get(name);
    if (field && !hasKind(value, field))
      return broken(`${name} is ${shown(value)}, not ${KINDS[field.kind]}`);
  }
  const { type, time, seq } = fields;
  // Their kinds hold where they are there at all.
  if (typeof type !== 'string') return broken('type is missing');
  if (typeof time !== 'string') return broken('time is missing');
  if (typeof seq !== 'number') return broken('seq is missing');
  return { kind: 'line', line: { type, timeMs: Date.parse(time), seq, fields } };
}

const KINDS = {
  string: 'a string',
  time: 'an ISO 8601 time',
  integer: 'a whole number',
  percent: 'a number',
} as const;

/** `2026-11-21T02:15:07.543Z`; other forms are not written by any version. */
const ISO_TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;

function hasKind(value: unknown, { kind }: Field): boolean {
  switch (kind) {
    case 'string':
      return typeof value === 'string';
    case 'time':
      return typeof value === 'string' && ISO_TIME.test(value) && !Number.isNaN(Date.parse(value));
    case 'integer':
      return Number.isSafeInteger(value);
    case 'percent':
      return Number.isFinite(value);
  }
}

function broken(reason: string): ParsedLine {
  return { kind: 'broken', reason };
}

/** Short enough for a message, whatever stands in the line: lists may be nested deeper than a stack goes. */
function shown(value: unknown): string {
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object' && value !== null) return 'an object';
  return JSON.stringify(value).slice(0, 40);
}
