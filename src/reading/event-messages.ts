/**
 * Finds the log messages in what the tools of AWS print of them, and in what log drivers wrap them in. Their forms, by
 * the references of the AWS CLI, of Docker's json-file and of Fluent Bit:
 *
 *   aws logs filter-log-events, get-log-events     {"events": [{"timestamp": …, "message": "…"}]}
 *   aws logs get-query-results                     {"results": [[{"field": "@message", "value": "…"}]]}
 *   … --query 'events[].message'                   ["…"]
 *   … --output text                                WORD, MESSAGE and others, with tabs between
 *   aws logs tail                                  TIME STREAM MESSAGE, or with --format json the message over lines
 *   json-file, awsfirelens                         {"log": "…", …}
 *
 * and, of course, plain messages, one to a line. JSON may be pretty-printed, as the CLI does it, or stand on one line.
 */

/** A pretty-printed object that is longer than one of our lines can be is not kept: its lines are read one by one. */
const MAX_OBJECT_LENGTH = 65_536;

/** A brace or bracket with nothing after it; before it, what `aws logs tail` puts there: the time and the stream. */
const OPENING = /^(?:\d{4}-\d\d-\d\dT\S+ (?:\S+ )?)?[{[]$/;
const CLOSING = /^[}\]]$/;

/** What all who print JSON over several lines put before each but the first and the last. */
const INDENTED = /^[ \t]/;
const JSON_LINE = /^[ \t]*["{}[\]]/;

/** Of ours as it stands on a line: in a string of a document its quotes would be escaped. */
const MARK = '"fargaugeVersion"';

/** A key that only such a document has; somebody else's object may have it too, and is then read as if AWS had. */
const DOCUMENT_KEY = /^[ \t]+"(?:events|logEvents|results|message|log|field)": /;

const ESCAPED_QUOTE = '\\"';

/**
 * Somebody else's brace or bracket may never be closed, and lines of others may stand between those of an object when two
 * containers share a stream. So only lines that are indented can be part of what was opened; any other stands for itself.
 */
export class EventMessages {
  /** Lines of an object whose closing brace has not come yet. */
  #open: string[] = [];
  #openLength = 0;
  /** Inside an object that is too long to be kept whole. */
  #isLong = false;
  /** It is a document of messages, as far as it was read. */
  #isDocument = false;
  /** The last line named the field `@message`; its value is on the next. */
  #isMessageNext = false;

  /** The messages that a line of text completes: most often the line itself. */
  add(line: string): readonly string[] {
    if (this.#open.length === 0 && !this.#isLong)
      return OPENING.test(line) ? this.#begin(line) : messagesOnLine(line);
    if (CLOSING.test(line)) return this.#close(line);
    if (OPENING.test(line)) return [...this.end(), ...this.#begin(line)];
    if (!INDENTED.test(line) || isOurLine(line)) return messagesOnLine(line);
    return this.#isLong ? this.#addToLong(line) : this.#addToOpen(line);
  }

  /** What is left when the text has ended: lines of an object that was cut. */
  end(): readonly string[] {
    const messages = this.#letGo();
    this.#isLong = false;
    return messages;
  }

  #begin(line: string): readonly string[] {
    this.#open = [line.slice(-1)];
    this.#openLength = 1;
    return [];
  }

  #close(line: string): readonly string[] {
    const wasLong = this.#isLong;
    this.#isLong = false;
    if (wasLong) return this.#isDocument ? [] : [line];
    this.#open.push(line);
    const text = this.#open.join('\n');
    if (parsed(text) === undefined) return this.#letGo();
    this.#open = [];
    return messagesInJson(text);
  }

  #addToOpen(line: string): readonly string[] {
    this.#open.push(line);
    this.#openLength += line.length;
    if (this.#openLength < MAX_OBJECT_LENGTH) return [];
    this.#isLong = true;
    return this.#letGo();
  }

  /** What is in the lines of an object that is not whole: one of ours that was cut stays one message. */
  #letGo(): readonly string[] {
    const lines = this.#open;
    this.#open = [];
    if (lines.some((line) => line.includes(MARK))) return [lines.join('\n')];
    this.#isDocument = lines.some(isOfDocument);
    this.#isMessageNext = false;
    return lines.flatMap((line) => this.#addToLong(line));
  }

  #addToLong(line: string): readonly string[] {
    this.#isDocument ||= isOfDocument(line);
    if (!this.#isDocument || !JSON_LINE.test(line)) return [line];
    const isMessage = this.#isMessageNext;
    this.#isMessageNext = false;
    const [, key, literal] = /^\s*(?:"(message|log|field|value)": )?("(?:.*)"),?\s*$/.exec(line) ?? [];
    const value = literal === undefined ? undefined : parsed(literal);
    if (typeof value !== 'string') return [];
    if (key === 'field') {
      this.#isMessageNext = value === '@message';
      return [];
    }
    return key === 'value' && !isMessage ? [] : [value];
  }
}

/** A whole one, not a field of one that is printed over several lines. */
function isOurLine(line: string): boolean {
  const mark = line.indexOf(MARK);
  return mark > 0 && line.lastIndexOf('{"', mark) >= 0;
}

/** Whether only a document of messages has such a line: a key of it, or a string in a list. */
function isOfDocument(line: string): boolean {
  if (DOCUMENT_KEY.test(line)) return true;
  const item = line.trim();
  return item.startsWith('"') && typeof parsed(item.endsWith(',') ? item.slice(0, -1) : item) === 'string';
}

function messagesOnLine(line: string): readonly string[] {
  // In JSON on one line a tab is escaped: this one stands between columns.
  if (line.includes('\t') && line.includes(MARK)) {
    return line.split('\t').filter((column) => column.includes(MARK));
  }
  const isJson = line.startsWith('{') || line.startsWith('[');
  // A line of ours holds names only: a quote in one of them is rare, and then it is looked at twice.
  if (isJson && line.includes(ESCAPED_QUOTE)) return messagesInJson(line);
  return [line];
}

/**
 * Messages of a whole document; the text itself where it is no document, or none that is known. A message may be one
 * in turn, as a wrapped line in an event is. Each level doubles the backslashes of the one below, so there are few.
 */
function messagesInJson(text: string): readonly string[] {
  const value = parsed(text);
  if (value === undefined || isOurs(value)) return [text];
  const found = [...messagesIn(value)];
  return found.length === 0 ? [text] : found.flatMap(messagesOnLine);
}

function isOurs(value: unknown): boolean {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, 'fargaugeVersion');
}

/** A query's result is the deepest: the document, its list of rows, a row, a field. Nobody's JSON is followed further. */
const MAX_DEPTH = 4;

function* messagesIn(value: unknown, depth = 0): Generator<string> {
  if (typeof value === 'string') yield value;
  if (typeof value !== 'object' || value === null || depth === MAX_DEPTH) return;
  if (Array.isArray(value)) {
    for (const each of value) yield* messagesIn(each, depth + 1);
    return;
  }
  const {
    message,
    log,
    events,
    logEvents,
    results,
    field,
    value: fieldValue,
  } = value as Record<string, unknown>;
  if (typeof message === 'string') yield message;
  if (typeof log === 'string') yield log;
  if (field === '@message' && typeof fieldValue === 'string') yield fieldValue;
  for (const list of [events, logEvents, results]) {
    if (Array.isArray(list)) yield* messagesIn(list, depth + 1);
  }
}

/** Undefined when it is not JSON. */
function parsed(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
}
