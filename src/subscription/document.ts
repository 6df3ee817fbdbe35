import { createHash } from 'node:crypto';
import type { LineType } from '../core/fields.ts';
import type { FoundLine } from '../core/parsed-line.ts';
import { indexNameOf } from './index-name.ts';

/** What the engine keeps of one line. */
export interface Document {
  readonly index: string;
  readonly id: string;
  /** One line of JSON. */
  readonly json: string;
}

/** The engine's limit: of a longer one the whole request is refused. */
const MAX_ID_BYTES = 512;

/** The line itself is the first. As many as the engines make fields of (`index.mapping.depth.limit`). */
const MAX_NESTING_LEVELS = 20;

/**
 * Answers of the metadata endpoint, for `fargauge replay`, say nothing of whose task it was; samples, each second at most,
 * are many and for a closer look at one run.
 */
const UNINDEXED_TYPES: ReadonlySet<string> = new Set<LineType>(['SAMPLE', 'RECORD']);

/** Whether lines of this type are put into the index. Of a newer version's types nothing is known but that they are lines. */
export function isIndexed(type: string): boolean {
  return !UNINDEXED_TYPES.has(type);
}

/**
 * The document of a line of ours: the line itself. Its id is made of `taskId` and `seq`, which make a line unique, so
 * that a line that is delivered again, or back-filled, makes no copy.
 * @param text the line as it stood in the log
 */
export function lineDocument(line: FoundLine, text: string): Document {
  const { taskId } = line.fields;
  return {
    index: indexNameOf(line.timeMs),
    id: typeof taskId === 'string' ? shortId(`${taskId}-${line.seq}`) : hashOf(text),
    json: onOneLine(text),
  };
}

/**
 * Lines are flat, and a newer version's may nest a little. What is nested without end is nobody's line, and could take
 * the stack of whoever walks through it: ours, or the engine's.
 * @returns what is wrong with a line
 */
export function nestingProblem(line: FoundLine): string | undefined {
  let level: readonly object[] = [line.fields];
  for (let depth = 0; depth < MAX_NESTING_LEVELS; depth += 1) {
    level = level.flatMap((value) => Object.values(value).filter(isNested));
    if (level.length === 0) return undefined;
  }
  return `is nested deeper than ${MAX_NESTING_LEVELS} levels`;
}

/** A task's id is 32 characters: a longer one is somebody's invention, but no reason to lose the line. */
function shortId(id: string): string {
  return Buffer.byteLength(id) <= MAX_ID_BYTES ? id : hashOf(id);
}

function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

function isNested(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}

/** In a log event JSON may stand over lines; `_bulk` counts lines. Within a string JSON has no line break as it is. */
function onOneLine(json: string): string {
  return json.trim().replaceAll(/[\n\r]\s*/g, '');
}
