import {
  CloudWatchLogsClient,
  CreateLogGroupCommand,
  CreateLogStreamCommand,
  PutLogEventsCommand,
} from '@aws-sdk/client-cloudwatch-logs';
import type { Clock } from '../clock.ts';
import type { CredentialSource } from './credential-source.ts';
import { type CredentialProvider, createCredentialProvider } from './credentials.ts';
import { type BufferedLine, LineBuffer } from './line-buffer.ts';
import {
  eventTimestampMs,
  type LogTarget,
  packRequests,
  problemOfTarget,
  type RejectedLogEventsInfo,
  readAcceptance,
} from './log-events.ts';
import { policyStatement } from './policy.ts';
import { backoffFor, type CallFailure, classifyFailure, type FailureKind, fullJitterMs } from './retry.ts';
import type { OutputLine, Sink } from './sink.ts';

/**
 * START and SUMMARY lines wait for a random part of this, so that ten thousand tasks started in the same second
 * make 1,000 requests a second and not 10,000: the account's quota is 5,000.
 */
const JITTER_MS = 10_000;
/** Distance of two paced requests to one stream: not more than two a minute. */
const PACE_MS = 30_000;
/** CloudWatch Logs answers in well below a second; a connection that was cut without a word never does. */
const ATTEMPT_TIMEOUT_MS = 10_000;
/** Before a deadline, and doubled with every failure: a hung connection costs one try, a slow answer is waited for. */
const FLUSH_ATTEMPT_TIMEOUT_MS = 750;
/** How long a flush waits for the request that it finds in flight, which may be stuck, before it sends the REPORT. */
const STUCK_GRACE_MS = 500;
const CONNECTION_TIMEOUT_MS = 3_000;
/** A refusal is believed the third time in a row: a new role's policy takes seconds to be known everywhere. */
const REFUSALS_BELIEVED = 3;
/** More lines than this refused one after another, and it is not the lines that are wrong. */
const POISON_LINES_BELIEVED = 10;
/** As much as one request holds: after an outage a stream's backlog goes out in one. */
const DEFAULT_BUFFER_BYTES = 1_048_576;

/** Failures that no waiting mends. */
const REFUSALS: ReadonlySet<FailureKind> = new Set<FailureKind>(['missing', 'denied', 'invalid', 'unknown']);

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

export interface CloudWatchLogsOptions {
  readonly region: string;
  /** The batch's stream: where START and REPORT go, and lines about containers that have no stream of their own. */
  readonly defaultTarget: LogTarget;
  /** A container's own stream, asked for each line about it. One in another region must not be given. */
  readonly targetOf?: ((container: string) => LogTarget | undefined) | undefined;
  /** Create a group that is missing. Streams always are. */
  readonly createLogGroup: boolean;
  readonly credentialSource: CredentialSource;
  /** For the policy that a refusal names. */
  readonly accountId?: string | undefined;
  /** Default: the SDK's own resolution, its AWS_ENDPOINT_URL variables included. */
  readonly endpoint?: string | undefined;
  /** Bound of the lines that wait, in bytes (see LineBuffer). */
  readonly maxBufferBytes?: number | undefined;
  readonly clock: Clock;
  /** 0 (inclusive) to 1. */
  readonly random: () => number;
  readonly log: (level: LogLevel, fields: Readonly<Record<string, unknown>>, message: string) => void;
  /**
   * Told once, when CloudWatch Logs refuses the default stream for a reason that waiting does not mend, with what
   * to do about it. From then on the sink sends nothing: `takeUndelivered` has the lines.
   */
  readonly onRefused: (reason: string) => void;
}

/** What a sink did so far. */
export interface DeliveryCounts {
  /** Calls of the API, tries that failed included. */
  readonly callCount: number;
  readonly acceptedLineCount: number;
  /** Lines that CloudWatch Logs refused one by one: too old, too new, expired, or not valid. */
  readonly refusedLineCount: number;
}

export interface CloudWatchLogsSink extends Sink {
  readonly counts: DeliveryCounts;
  /** What is not out yet. Lines in a call that is not answered do not count among those that wait. */
  readonly backlog: {
    readonly waitingLineCount: number;
    /** As LineBuffer counts them. */
    readonly waitingBytes: number;
    readonly isCallInFlight: boolean;
  };
}

/**
 * Lines to CloudWatch Logs, at least once: a request that got no answer is sent again, and a copy is recognised by
 * the line's `taskId` and `seq`. RECORD lines are not for CloudWatch Logs and are left out.
 *
 * One request is in flight at a time. CONTAINER and REPORT lines go at once, the REPORT's stream first; others wait
 * for company, for 10 s (random) after the first and 30 s after the stream's last request. Failures are retried
 * for ever, with a wait of a random time of up to 60 s; before a deadline, see `flush`.
 *
 * - `flush(signal)` sends everything now, the REPORT's stream first and the others after it, and retries until the
 *   signal aborts. It resolves with true when no line is left, with false when some are left for
 *   `takeUndelivered`. After an abort the sink rests until the next `flush`. One flush at a time.
 * - `takeUndelivered` has also the lines that CloudWatch Logs refused one by one. Lines of a request in flight are
 *   not among them: after `flush`, and when `onRefused` is told, there is none.
 * - `droppedLineCount` counts what the bounded buffer dropped (see LineBuffer).
 */
export function createCloudWatchLogsSink(options: CloudWatchLogsOptions): CloudWatchLogsSink {
  return new StreamWriter(options);
}

/** The client of the sink: every setting that differs from the SDK's defaults, with the reason. */
export function createClient(
  region: string,
  credentials: CredentialProvider,
  endpoint?: string,
): CloudWatchLogsClient {
  return new CloudWatchLogsClient({
    region,
    credentials,
    // retry.ts decides.
    maxAttempts: 1,
    retryMode: 'standard',
    // By default there is no time-out at all, and requestTimeout alone only logs a warning.
    requestHandler: {
      connectionTimeout: CONNECTION_TIMEOUT_MS,
      requestTimeout: ATTEMPT_TIMEOUT_MS,
      throwOnRequestTimeout: true,
    },
    // FIPS, dual-stack and endpoint overrides are left to the SDK's own variables. It looks for them in
    // ~/.aws/config too: once, two reads of files that a container does not have, below a millisecond.
    ...(endpoint !== undefined && { endpoint }),
  });
}

/** One log stream, and how it has been doing. Times are monotonic ms. */
interface Stream {
  readonly target: LogTarget;
  sentAtMs: number;
  /** Lines that can wait are held until then. */
  pacedUntilMs: number;
  /** All lines are held until then. */
  backoffUntilMs: number;
  /** In a row. */
  failureCount: number;
  /** In a row. */
  refusalCount: number;
  /** In a row. */
  poisonLineCount: number;
  lastFailureKind: FailureKind | undefined;
  /** How many of the first lines are known to hold one that is not valid; 0 when none is known. */
  suspectCount: number;
  /** Created by us, and nothing accepted since. */
  created: boolean;
  refused: boolean;
}

type Action = 'PutLogEvents' | 'CreateLogStream' | 'CreateLogGroup';

interface ActionFailure extends CallFailure {
  readonly action: Action;
}

/** A call on its way. */
interface Attempt {
  readonly abort: AbortController;
  /** Aborts when the call has ended, however. */
  readonly answered: AbortSignal;
}

/** Why we gave up a request ourselves. */
class TimeoutError extends Error {
  override readonly name = 'TimeoutError';
}

class StreamWriter implements CloudWatchLogsSink {
  readonly name = 'cloudwatch';
  readonly #options: CloudWatchLogsOptions;
  readonly #clock: Clock;
  readonly #client: CloudWatchLogsClient;
  readonly #credentials: CredentialProvider;
  readonly #buffer: LineBuffer;
  readonly #streams = new Map<string, Stream>();
  readonly #defaultStream: Stream;
  #loop: Promise<void> | undefined;
  #wakeUp = new AbortController();
  #attempt: Attempt | undefined;
  /** That of the flush that runs; an aborted one stays and keeps the sink at rest. */
  #flushSignal: AbortSignal | undefined;
  #refused = false;
  /** Log groups whose missing policy was told: once is enough. */
  readonly #explainedGroups = new Set<string>();
  #callCount = 0;
  #acceptedLineCount = 0;
  #refusedLineCount = 0;
  /** What `droppedLineCount` was when a delivery last went well. */
  #knownDroppedCount = 0;
  #areDropsTold = false;

  constructor(options: CloudWatchLogsOptions) {
    this.#options = options;
    this.#clock = options.clock;
    this.#credentials = createCredentialProvider(options.credentialSource, options.clock, (error) => {
      options.log(
        'warn',
        { reason: String(error) },
        'new credentials are not to be had yet, the old ones are still good',
      );
    });
    this.#client = createClient(options.region, this.#credentials, options.endpoint);
    this.#buffer = new LineBuffer(options.maxBufferBytes ?? DEFAULT_BUFFER_BYTES);
    this.#defaultStream = this.#stream(options.defaultTarget);
  }

  get counts(): DeliveryCounts {
    return {
      callCount: this.#callCount,
      acceptedLineCount: this.#acceptedLineCount,
      refusedLineCount: this.#refusedLineCount,
    };
  }

  get backlog(): CloudWatchLogsSink['backlog'] {
    return {
      waitingLineCount: this.#buffer.lines.length,
      waitingBytes: this.#buffer.bytes,
      isCallInFlight: this.#attempt !== undefined,
    };
  }

  get droppedLineCount(): number {
    return this.#buffer.droppedCount;
  }

  write(lines: readonly OutputLine[]): void {
    const now = this.#clock.elapsed();
    const kept = lines.filter((line) => line.type !== 'RECORD');
    for (const stream of new Set(kept.map((line) => this.#streamOf(line)))) {
      if (!this.#isWaitingFor(stream)) {
        const jitteredMs = now + this.#options.random() * JITTER_MS;
        stream.pacedUntilMs = Math.max(jitteredMs, stream.sentAtMs + PACE_MS);
      }
    }
    this.#buffer.add(kept, (line) => this.#streamOf(line).target);
    this.#reportDrops();
    this.#start();
  }

  async flush(signal: AbortSignal): Promise<boolean> {
    this.#flushSignal = signal;
    for (const stream of this.#streams.values()) {
      stream.failureCount = 0;
      stream.backoffUntilMs = 0;
    }
    const stop = (): void => {
      this.#attempt?.abort.abort(signal.reason);
      this.#wake();
    };
    signal.addEventListener('abort', stop, { once: true });
    if (signal.aborted) stop();
    else if (this.#attempt) void this.#giveUpAfter(STUCK_GRACE_MS, this.#attempt);
    this.#start();
    await this.#loop;
    signal.removeEventListener('abort', stop);
    if (!signal.aborted) this.#flushSignal = undefined;
    return this.#buffer.lines.length === 0;
  }

  takeUndelivered(): readonly OutputLine[] {
    const lines = this.#buffer.drain();
    this.#wake();
    return lines;
  }

  #start(): void {
    this.#wake();
    this.#loop ??= this.#run();
  }

  #wake(): void {
    this.#wakeUp.abort();
    this.#wakeUp = new AbortController();
  }

  async #run(): Promise<void> {
    // Lines written in one turn of the event loop are looked at together: the REPORT may be the last of them.
    await Promise.resolve();
    for (let next = this.#next(); next !== undefined; next = this.#next()) {
      if (next.waitMs > 0) await this.#clock.sleep(next.waitMs, this.#wakeUp.signal);
      else await this.#deliver(next.stream);
    }
    this.#loop = undefined;
  }

  /** Which stream is to be sent to next, and how long from now; undefined when there is nothing to do. */
  #next(): { readonly stream: Stream; readonly waitMs: number } | undefined {
    if (this.#refused || this.#flushSignal?.aborted) return undefined;
    const flushing = this.#flushSignal !== undefined;
    const now = this.#clock.elapsed();
    const queue = [...this.#streams.values()]
      .flatMap((stream) => {
        const waiting = this.#waitingFor(stream);
        const [first] = waiting;
        if (!first) return [];
        const rank = waiting.reduce((lowest, entry) => Math.min(lowest, rankOf(entry)), ORDINARY_RANK);
        const dueMs = Math.max(now, dueAtMs(stream, flushing || rank < ORDINARY_RANK));
        return [{ stream, rank, ordinal: first.ordinal, dueMs }];
      })
      // Before a deadline the REPORT's stream goes first even while its back-off lasts: whatever hangs next would
      // hold it up.
      .sort((a, b) => (flushing ? 0 : a.dueMs - b.dueMs) || a.rank - b.rank || a.ordinal - b.ordinal);
    const [first] = queue;
    return first && { stream: first.stream, waitMs: first.dueMs - now };
  }

  async #deliver(stream: Stream): Promise<void> {
    const problem = problemOfTarget(stream.target);
    if (problem !== undefined) return this.#refuse(stream, problem);

    const [packed = []] = packRequests(this.#waitingFor(stream));
    const request = stream.suspectCount > 0 ? packed.slice(0, Math.ceil(stream.suspectCount / 2)) : packed;
    this.#buffer.take(request);
    stream.sentAtMs = this.#clock.elapsed();
    const command = new PutLogEventsCommand({
      ...stream.target,
      logEvents: request.map(({ line }) => ({ timestamp: eventTimestampMs(line), message: line.text })),
    });
    const answer = await this.#call(stream, 'PutLogEvents', (options) => this.#client.send(command, options));
    if (!('action' in answer)) return this.#accept(stream, request, answer.rejectedLogEventsInfo);
    if (answer.kind === 'accepted') return this.#accept(stream, request, undefined);

    if (answer.kind === 'invalid' || answer.kind === 'too-large') return this.#split(stream, request, answer);
    this.#putBack(request);
    if (answer.kind !== 'missing') return this.#fail(stream, answer);
    const failure = await this.#create(stream);
    if (failure) this.#fail(stream, failure);
  }

  #accept(stream: Stream, request: readonly BufferedLine[], info: RejectedLogEventsInfo | undefined): void {
    const { acceptedStart, acceptedEnd, ...rejectedCounts } = readAcceptance(info, request.length);
    const rejected = [...request.slice(0, acceptedStart), ...request.slice(acceptedEnd)];
    this.#acceptedLineCount += request.length - rejected.length;
    if (rejected.length > 0) {
      this.#keepRefused(rejected);
      const message =
        'CloudWatch Logs did not store some lines: too old, older than the retention, or too new';
      this.#options.log('warn', { ...stream.target, ...rejectedCounts }, message);
    }
    if (stream.failureCount > 0) {
      const fields = { ...stream.target, failureCount: stream.failureCount };
      this.#options.log('info', fields, 'CloudWatch Logs takes lines again');
    }
    this.#knownDroppedCount = this.#buffer.droppedCount;
    this.#areDropsTold = false;
    stream.pacedUntilMs = Math.max(stream.pacedUntilMs, stream.sentAtMs + PACE_MS);
    stream.backoffUntilMs = 0;
    stream.failureCount = 0;
    stream.refusalCount = 0;
    stream.poisonLineCount = 0;
    stream.lastFailureKind = undefined;
    stream.suspectCount = Math.max(0, stream.suspectCount - request.length);
    stream.created = false;
  }

  /** A request that is not valid: halves, until the line at fault stands alone and is laid aside. */
  #split(stream: Stream, request: readonly BufferedLine[], failure: ActionFailure): void {
    if (request.length > 1) {
      this.#putBack(request);
      stream.suspectCount = request.length;
      return;
    }
    stream.suspectCount = 0;
    stream.poisonLineCount += 1;
    this.#keepRefused(request);
    const fields = { ...stream.target, reason: failure.reason };
    this.#options.log('warn', fields, 'CloudWatch Logs refused a line as not valid');
    if (stream.poisonLineCount >= POISON_LINES_BELIEVED) this.#refuse(stream, this.#explain(stream, failure));
  }

  /** Creates a stream that is missing, and its group when asked to; undefined when it is there now. */
  async #create(stream: Stream): Promise<ActionFailure | undefined> {
    if (stream.created) {
      stream.created = false;
      return {
        action: 'PutLogEvents',
        kind: 'transient',
        reason: 'the stream was created and is not found yet',
      };
    }
    let failure = await this.#createStream(stream);
    if (failure?.kind === 'missing' && this.#options.createLogGroup) {
      const { logGroupName } = stream.target;
      const command = new CreateLogGroupCommand({ logGroupName });
      const answer = await this.#call(stream, 'CreateLogGroup', (options) =>
        this.#client.send(command, options),
      );
      if ('action' in answer && answer.kind !== 'exists') return answer;
      this.#options.log('info', { logGroupName }, 'log group created');
      failure = await this.#createStream(stream);
    }
    if (failure) return failure;
    stream.created = true;
    this.#options.log('info', { ...stream.target }, 'log stream created');
    return undefined;
  }

  async #createStream(stream: Stream): Promise<ActionFailure | undefined> {
    const command = new CreateLogStreamCommand(stream.target);
    const answer = await this.#call(stream, 'CreateLogStream', (options) =>
      this.#client.send(command, options),
    );
    return 'action' in answer && answer.kind !== 'exists' ? answer : undefined;
  }

  #fail(stream: Stream, failure: ActionFailure): void {
    if (this.#flushSignal?.aborted) return;
    if (failure.kind === 'credentials') this.#credentials.forget();
    stream.refusalCount = REFUSALS.has(failure.kind) ? stream.refusalCount + 1 : 0;
    if (stream.refusalCount >= REFUSALS_BELIEVED) {
      this.#refuse(stream, this.#explain(stream, failure));
      return;
    }

    stream.failureCount += 1;
    const backoff = backoffFor(failure.kind, this.#flushSignal !== undefined);
    const waitMs = fullJitterMs(stream.failureCount, backoff, this.#options.random);
    stream.backoffUntilMs = this.#clock.elapsed() + waitMs;
    stream.pacedUntilMs = 0;
    const isNews = stream.lastFailureKind !== failure.kind;
    stream.lastFailureKind = failure.kind;
    this.#options.log(
      isNews ? 'warn' : 'debug',
      { ...stream.target, ...failure, waitMs: Math.round(waitMs), failureCount: stream.failureCount },
      'CloudWatch Logs takes no lines now, they wait',
    );
  }

  /** Gives a stream up: a container's lines go to the batch's stream then, the batch's back to the caller. */
  #refuse(stream: Stream, reason: string): void {
    stream.refused = true;
    if (stream === this.#defaultStream) {
      this.#refused = true;
      this.#options.onRefused(reason);
      return;
    }
    this.#options.log('warn', { ...stream.target }, `${reason}; its lines go to the batch's stream`);
    this.#buffer.redirect(stream.target, this.#defaultStream.target);
  }

  #explain(stream: Stream, { action, kind, reason }: ActionFailure): string {
    const { region, accountId, createLogGroup } = this.#options;
    const { logGroupName } = stream.target;
    const refusal = `CloudWatch Logs refused ${action} in log group ${logGroupName} (${region}): ${reason.replace(/\.$/, '')}`;
    if (kind === 'denied' && !this.#explainedGroups.has(logGroupName)) {
      this.#explainedGroups.add(logGroupName);
      const statement = policyStatement({ region, accountId, target: stream.target, createLogGroup });
      return `${refusal}. The task role needs ${statement}`;
    }
    if (kind === 'missing') {
      return `${refusal}. Create the log group, name another one with FARGAUGE_LOG_GROUP, or set FARGAUGE_CREATE_LOG_GROUP=true`;
    }
    return refusal;
  }

  /** One call of the API, given up when it lasts too long or the flush's signal aborts; never rejects. */
  async #call<T extends object>(
    stream: Stream,
    action: Action,
    send: (options: { abortSignal: AbortSignal }) => Promise<T>,
  ): Promise<T | ActionFailure> {
    const abort = new AbortController();
    const answered = new AbortController();
    const attempt: Attempt = { abort, answered: answered.signal };
    this.#attempt = attempt;
    this.#callCount += 1;
    const timeoutMs =
      this.#flushSignal === undefined
        ? ATTEMPT_TIMEOUT_MS
        : FLUSH_ATTEMPT_TIMEOUT_MS * 2 ** stream.failureCount;
    void this.#giveUpAfter(timeoutMs, attempt);
    if (this.#flushSignal?.aborted) abort.abort(this.#flushSignal.reason);
    try {
      // The SDK minds the signal in its HTTP handler only: the race also cuts the wait for credentials.
      return await Promise.race([send({ abortSignal: abort.signal }), rejectOnAbort(abort.signal)]);
    } catch (error) {
      return { action, ...classifyFailure(error) };
    } finally {
      answered.abort();
      this.#attempt = undefined;
    }
  }

  async #giveUpAfter(timeoutMs: number, { abort, answered }: Attempt): Promise<void> {
    await this.#clock.sleep(timeoutMs, answered);
    if (!answered.aborted) abort.abort(new TimeoutError(`no answer within ${timeoutMs} ms`));
  }

  #putBack(request: readonly BufferedLine[]): void {
    this.#buffer.putBack(request);
    this.#reportDrops();
  }

  #keepRefused(lines: readonly BufferedLine[]): void {
    this.#refusedLineCount += lines.length;
    this.#putBack(lines.map((entry) => ({ ...entry, target: undefined })));
  }

  /** Says that lines are being dropped once for each time that deliveries stop. */
  #reportDrops(): void {
    const { droppedCount } = this.#buffer;
    if (this.#areDropsTold || droppedCount === this.#knownDroppedCount) return;
    this.#areDropsTold = true;
    this.#options.log(
      'warn',
      { droppedCount },
      'too many lines wait for CloudWatch Logs: the oldest are dropped',
    );
  }

  #streamOf(line: OutputLine): Stream {
    const target = line.container === undefined ? undefined : this.#options.targetOf?.(line.container);
    const stream = target ? this.#stream(target) : this.#defaultStream;
    return stream.refused ? this.#defaultStream : stream;
  }

  #stream(target: LogTarget): Stream {
    const { logGroupName, logStreamName } = target;
    const key = `${logGroupName}:${logStreamName}`;
    let stream = this.#streams.get(key);
    if (!stream) {
      stream = {
        target: { logGroupName, logStreamName },
        sentAtMs: Number.NEGATIVE_INFINITY,
        pacedUntilMs: 0,
        backoffUntilMs: 0,
        failureCount: 0,
        refusalCount: 0,
        poisonLineCount: 0,
        lastFailureKind: undefined,
        suspectCount: 0,
        created: false,
        refused: false,
      };
      this.#streams.set(key, stream);
    }
    return stream;
  }

  #waitingFor(stream: Stream): BufferedLine[] {
    return this.#buffer.lines.filter((entry) => entry.target === stream.target);
  }

  #isWaitingFor(stream: Stream): boolean {
    return this.#buffer.lines.some((entry) => entry.target === stream.target);
  }
}

const ORDINARY_RANK = 2;

/** What goes first: the REPORT, then CONTAINER lines, then all others. */
function rankOf({ line }: BufferedLine): number {
  if (line.type === 'REPORT') return 0;
  return line.type === 'CONTAINER' ? 1 : ORDINARY_RANK;
}

/** Monotonic ms. A search for a line that is not valid goes on at once, too. */
function dueAtMs(stream: Stream, atOnce: boolean): number {
  if (atOnce || stream.suspectCount > 0) return stream.backoffUntilMs;
  return Math.max(stream.backoffUntilMs, stream.pacedUntilMs);
}

function rejectOnAbort(signal: AbortSignal): Promise<never> {
  const { promise, reject } = Promise.withResolvers<never>();
  if (signal.aborted) reject(signal.reason);
  signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  return promise;
}
