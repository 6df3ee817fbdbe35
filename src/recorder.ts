import type { Line, LineFields } from './core/line.ts';

/** One thing that happened, as it is recorded: an answer of the endpoint, a failure, a signal. */
export interface Recordable {
  readonly path: string;
  /** The answer's text. */
  readonly body?: string | undefined;
  readonly failure?: string | undefined;
}

/** A part of a body, all ASCII, so that a RECORD line stays below 16 KiB even when every character is escaped. */
const PART_LENGTH = 6_000;

/**
 * Turns what the endpoint said into RECORD lines for `fargauge replay`: only what changed since the last time, with
 * names and ids scrubbed.
 */
export class Recorder {
  readonly #scrub: Scrubber;
  readonly #last = new Map<string, string>();

  /** @param isUnobserved whether FARGAUGE_CONTAINERS leaves this container out, which its scrubbed name must keep */
  constructor(isUnobserved: (containerName: string) => boolean) {
    this.#scrub = new Scrubber(isUnobserved);
  }

  /** @param common the fields that every RECORD line carries */
  record(recordable: Recordable, timeMs: number, common: LineFields): Line[] {
    const body =
      recordable.body === undefined
        ? undefined
        : this.#scrub.body(recordable.body, recordable.path === '/task/stats');
    const failure = recordable.failure;
    const content = JSON.stringify([body, failure]);
    if (this.#last.get(recordable.path) === content) return [];
    this.#last.set(recordable.path, content);
    const fields: LineFields = { ...common, path: recordable.path, failure };
    if (body === undefined) return [{ type: 'RECORD', timeMs, fields }];
    const partCount = Math.max(1, Math.ceil(body.length / PART_LENGTH));
    return Array.from({ length: partCount }, (_, index) => ({
      type: 'RECORD' as const,
      timeMs,
      fields: {
        ...fields,
        part: index + 1,
        partCount,
        body: body.slice(index * PART_LENGTH, (index + 1) * PART_LENGTH),
      },
    }));
  }
}

/** Keys whose strings say nothing of whose task it is. */
const PUBLIC_KEYS: ReadonlySet<string> = new Set([
  'DesiredStatus',
  'KnownStatus',
  'LaunchType',
  'Type',
  'LogDriver',
  'NetworkMode',
  'PullStartedAt',
  'PullStoppedAt',
  'ExecutionStoppedAt',
  'CreatedAt',
  'StartedAt',
  'FinishedAt',
  'ReferenceTimestamp',
  'ClockSynchronizationStatus',
  'Snapshotter',
  'status',
  'statusSince',
  'read',
  'preread',
  'op',
]);

/** Names that AWS gives, and that decide what a container is. */
const PUBLIC_NAME = /^(~internal~|aws-guardduty-agent|ecs-service-connect-)/;

/** Under this key the user's log driver has its own keys: nothing there is public. */
const LOG_OPTIONS = 'LogOptions';

/**
 * Replaces every string but those under PUBLIC_KEYS, and every key that is an id, by a stand-in: the same one for
 * the same string, so that what belonged together still does. Numbers stay: they are what a recording is for.
 */
class Scrubber {
  readonly #isUnobserved: (containerName: string) => boolean;
  readonly #standIns = new Map<string, string>();
  readonly #names = new Map<string, string>();

  constructor(isUnobserved: (containerName: string) => boolean) {
    this.#isUnobserved = isUnobserved;
  }

  /**
   * Text that is not JSON is replaced by its length.
   * @param isKeyedById whether the document's own keys are ids
   */
  body(text: string, isKeyedById: boolean): string {
    let document: unknown;
    try {
      document = JSON.parse(text);
    } catch {
      return JSON.stringify(`(${text.length} characters that are not JSON)`);
    }
    const scrubbed = this.#value(isKeyedById ? this.#withoutIds(document) : document, '');
    return JSON.stringify(scrubbed).replace(/[\u0080-\uffff]/g, escaped);
  }

  containerName(name: string): string {
    if (PUBLIC_NAME.test(name)) return name;
    let standIn = this.#names.get(name);
    if (standIn === undefined) {
      standIn = `${this.#isUnobserved(name) ? 'unobserved' : 'container'}-${this.#names.size + 1}`;
      this.#names.set(name, standIn);
    }
    return standIn;
  }

  #value(value: unknown, key: string): unknown {
    if (typeof value === 'string') return this.#text(value, key);
    if (Array.isArray(value)) return value.map((each) => this.#value(each, key));
    if (typeof value !== 'object' || value === null) return value;
    const entries = Object.entries(value).filter(([k]) => k !== 'Labels');
    return Object.fromEntries(
      entries.map(([k, v]) => [k, this.#value(v, key === LOG_OPTIONS ? LOG_OPTIONS : k)]),
    );
  }

  #text(text: string, key: string): string {
    if (text === '' || PUBLIC_KEYS.has(key)) return text;
    if (key === 'Name') return this.containerName(text);
    if (key === 'TaskARN')
      return 'arn:aws:ecs:us-east-1:123456789012:task/cluster/00000000000000000000000000000001';
    return this.#standIn(text);
  }

  /** The empty id, of a container that is being created, is nobody's. */
  #withoutIds(document: unknown): unknown {
    if (typeof document !== 'object' || document === null || Array.isArray(document)) return document;
    return Object.fromEntries(Object.entries(document).map(([id, v]) => [id && this.#standIn(id), v]));
  }

  #standIn(text: string): string {
    let standIn = this.#standIns.get(text);
    if (standIn === undefined) {
      standIn = `scrubbed-${this.#standIns.size + 1}`;
      this.#standIns.set(text, standIn);
    }
    return standIn;
  }
}

function escaped(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}
