import { LINE_TYPES } from '../core/fields.ts';
import { type FoundLine, parseLine } from '../core/parsed-line.ts';
import { EventMessages } from './event-messages.ts';
import { LineIdentities } from './line-identities.ts';
import { type TextBatches, TOO_LONG } from './text-lines.ts';

/**
 * - `foreign`: somebody else's.
 * - `broken`: ours by its mark, but cut or with a field that is not what it should be.
 * - `newer`: ours, of a type that this version does not know.
 * - `copy`: a REPORT of ours, seen before: delivery is at least once. Of other lines there are many to a run, and whoever
 *   takes them takes a copy without harm.
 */
export type SkipKind = 'foreign' | 'broken' | 'newer' | 'copy';

export type Found =
  | ({ readonly kind: 'line' } & LineText)
  | ({ readonly kind: 'newer'; readonly reason: string } & LineText)
  | { readonly kind: Exclude<SkipKind, 'newer'>; readonly reason: string };

interface LineText {
  readonly line: FoundLine;
  /** As it stood in the log. */
  readonly text: string;
}

/** How many there were of each, so that nothing is left out without a word. */
export interface FoundCounts {
  lines: number;
  foreign: number;
  broken: number;
  newer: number;
  copy: number;
  /** Of a type that was not asked for. */
  otherTypes: number;
  /** Why lines are broken, the first ten reasons with their numbers; untrusted text is in them. */
  readonly brokenReasons: Map<string, number>;
}

/** Undefined unless there was text and none of it ours: probably something else was meant to be read. */
export function nothingFound({
  foreign,
  lines,
  broken,
  newer,
  copy,
  otherTypes,
}: FoundCounts): string | undefined {
  if (foreign === 0 || lines + broken + newer + copy + otherTypes > 0) return undefined;
  return `no line of fargauge was found; lines of others: ${foreign.toLocaleString('en-US')}`;
}

export interface ReadingOptions {
  /** Only lines of these types; others are counted. Default: all. */
  readonly types?: ReadonlySet<string>;
}

const MAX_BROKEN_REASONS = 10;
const FOREIGN: Found = { kind: 'foreign', reason: 'somebody else’s' };
const COPY: Found = { kind: 'copy', reason: 'seen before' };
const KNOWN_TYPES: ReadonlySet<string> = new Set(LINE_TYPES);

/**
 * Reads our lines out of the text of logs:
 *
 *   const reading = new LineReading();
 *   for await (const found of reading.of(fileLines('lines.jsonl'))) if (found.kind === 'line') use(found.line);
 *   reading.counts.copy
 *
 * Copies are known across all texts given to one reading. Memory: some 20 bytes for each REPORT.
 */
export class LineReading {
  readonly counts: FoundCounts = {
    lines: 0,
    foreign: 0,
    broken: 0,
    newer: 0,
    copy: 0,
    otherTypes: 0,
    brokenReasons: new Map(),
  };
  readonly #types: ReadonlySet<string> | undefined;
  /** How a line begins that need not be parsed. */
  readonly #unwantedStarts: readonly string[];
  readonly #reports = new LineIdentities();

  constructor({ types }: ReadingOptions = {}) {
    this.#types = types;
    this.#unwantedStarts = LINE_TYPES.filter((type) => types !== undefined && !types.has(type)).map(
      (type) => `{"type":"${type}",`,
    );
  }

  /** Out of text: messages one to a line, or as the tools of AWS print them (see EventMessages). */
  of(texts: TextBatches): AsyncGenerator<Found> {
    return this.ofMessages(messagesOf(texts));
  }

  /** Out of messages of log events. */
  async *ofMessages(messages: TextBatches): AsyncGenerator<Found> {
    for await (const batch of messages) {
      for (const message of batch) {
        const found = this.#read(message);
        if (found !== undefined) yield found;
      }
    }
  }

  /** Undefined for an empty line, and for one of a type that was not asked for. */
  #read(message: string): Found | undefined {
    if (message === '') return undefined;
    if (message === TOO_LONG) return this.#broken('is too long a line: print the JSON with line breaks');
    if (this.#unwantedStarts.some((start) => message.startsWith(start))) {
      this.counts.otherTypes += 1;
      return undefined;
    }
    const text = withoutPrefix(message);
    const parsed = parseLine(text);
    if (parsed.kind === 'foreign') {
      this.counts.foreign += 1;
      return FOREIGN;
    }
    if (parsed.kind === 'broken')
      return this.#broken(text === message ? parsed.reason : withAdvice(parsed.reason));
    return this.#judge(parsed.line, text);
  }

  #judge(line: FoundLine, text: string): Found | undefined {
    const { type, seq } = line;
    const { taskId } = line.fields;
    if (type === 'REPORT' && typeof taskId === 'string' && !this.#reports.add(taskId, seq)) {
      this.counts.copy += 1;
      return COPY;
    }
    if (!KNOWN_TYPES.has(type)) {
      this.counts.newer += 1;
      return {
        kind: 'newer',
        reason: `type ${JSON.stringify(type).slice(0, 40)} is not known to this version`,
        line,
        text,
      };
    }
    if (this.#types !== undefined && !this.#types.has(type)) {
      this.counts.otherTypes += 1;
      return undefined;
    }
    this.counts.lines += 1;
    return { kind: 'line', line, text };
  }

  #broken(reason: string): Found {
    const { counts } = this;
    counts.broken += 1;
    const count = counts.brokenReasons.get(reason);
    if (count !== undefined || counts.brokenReasons.size < MAX_BROKEN_REASONS) {
      counts.brokenReasons.set(reason, (count ?? 0) + 1);
    }
    return { kind: 'broken', reason };
  }
}

async function* messagesOf(texts: TextBatches): TextBatches {
  const messages = new EventMessages();
  for await (const batch of texts) yield batch.flatMap((text) => messages.add(text));
  yield messages.end();
}

/** What stands before a line may also be of a form that is not taken apart here: YAML folds a line, a table frames it. */
function withAdvice(reason: string): string {
  return reason === 'is not JSON' ? `${reason}: if aws logs printed it, then with --output json` : reason;
}

/** `aws logs tail` puts the time and the log stream before the message. */
function withoutPrefix(message: string): string {
  if (message.startsWith('{')) return message;
  const start = message.indexOf('{"');
  return start > 0 ? message.slice(start) : message;
}
