/**
 * Finds the log messages in what the tools of AWS print of them. Its forms, by the AWS CLI's reference:
 *
 *   aws logs filter-log-events, get-log-events     {"events": [{"timestamp": …, "message": "…"}]}
 *   aws logs get-query-results                     {"results": [[{"field": "@message", "value": "…"}]]}
 *   … --query 'events[].message'                   ["…"]
 *   aws logs tail                                  TIME STREAM MESSAGE, or with --format json the message over lines
 *
 * and, of course, plain messages, one to a line. JSON may be pretty-printed, as the CLI does it, or stand on one line.
 */

/** A pretty-printed object that is longer than one of our lines can be is a document: its lines are read one by one. */
const MAX_OBJECT_LENGTH = 65_536;

/** A brace or bracket with nothing after it; before it, what `aws logs tail` puts there: the time and the stream. */
const OPENING = /^(?:\d{4}-\d\d-\d\dT\S+ (?:\S+ )?)?[{[]$/;

const ESCAPED_QUOTE = '\\"';

export class EventMessages {
  /** Lines of an object whose closing brace has not come yet. */
  #open: string[] = [];
  #openLength = 0;
  /** Inside a document that is too long to be kept whole. */
  #isInDocument = false;
  /** The last line named the field `@message`; its value is on the next. */
  #isMessageNext = false;

  /** The messages that a line of text completes: most often the line itself. */
  add(line: string): readonly string[] {
    if (this.#isInDocument) return this.#addInDocument(line);
    if (this.#open.length > 0) return this.#addToOpen(line);
    if (OPENING.test(line)) {
      this.#open = [line.slice(-1)];
      this.#openLength = 1;
      return [];
    }
    return messagesOnLine(line);
  }

  /** What is left when the text has ended: lines of an object that was cut. */
  end(): readonly string[] {
    const cut = this.#open;
    this.#open = [];
    return cut.length === 0 ? [] : [cut.join('')];
  }

  #addToOpen(line: string): readonly string[] {
    this.#open.push(line);
    this.#openLength += line.length;
    if (line === '}' || line === ']') {
      const text = this.#open.join('\n');
      this.#open = [];
      return messagesInJson(text);
    }
    if (this.#openLength < MAX_OBJECT_LENGTH) return [];
    const lines = this.#open;
    this.#open = [];
    this.#isInDocument = true;
    return lines.flatMap((each) => this.#addInDocument(each));
  }

  #addInDocument(line: string): readonly string[] {
    if (line === '}' || line === ']') {
      this.#isInDocument = false;
      return [];
    }
    const isMessage = this.#isMessageNext;
    this.#isMessageNext = false;
    const [, key, literal] = /^\s*(?:"(message|field|value)": )?("(?:.*)"),?\s*$/.exec(line) ?? [];
    const value = literal === undefined ? undefined : parsed(literal);
    if (typeof value !== 'string') return [];
    if (key === 'field') {
      this.#isMessageNext = value === '@message';
      return [];
    }
    return key === 'value' && !isMessage ? [] : [value];
  }
}

function messagesOnLine(line: string): readonly string[] {
  const isJson = line.startsWith('{') || line.startsWith('[');
  // A line of ours holds names only: a quote in one of them is rare, and then it is looked at twice.
  if (isJson && line.includes(ESCAPED_QUOTE)) return messagesInJson(line);
  return [line];
}

/** Messages of a whole document; the text itself where it is no document, or none that is known. */
function messagesInJson(text: string): readonly string[] {
  const value = parsed(text);
  if (value === undefined || isOurs(value)) return [text];
  const found = [...messagesIn(value)];
  return found.length === 0 ? [text] : found;
}

function isOurs(value: unknown): boolean {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, 'fargaugeVersion');
}

function* messagesIn(value: unknown): Generator<string> {
  if (typeof value === 'string') yield value;
  if (typeof value !== 'object' || value === null) return;
  if (Array.isArray(value)) {
    for (const each of value) yield* messagesIn(each);
    return;
  }
  const { message, events, logEvents, results, field, value: fieldValue } = value as Record<string, unknown>;
  if (typeof message === 'string') yield message;
  if (field === '@message' && typeof fieldValue === 'string') yield fieldValue;
  for (const list of [events, logEvents, results]) if (Array.isArray(list)) yield* messagesIn(list);
}

/** Undefined when it is not JSON. */
function parsed(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
}
