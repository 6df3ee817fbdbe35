import type { Clock } from '../clock.ts';
import type { CredentialSource } from './credential-source.ts';
import { type CredentialProvider, createCredentialProvider } from './credentials.ts';
import { type BufferedLine, LineBuffer } from './line-buffer.ts';
import {
  type LogTarget,
  packRequests,
  problemOfTarget,
  type RejectedLogEventsInfo,
  readAcceptance,
} from './log-events.ts';
import { LogStream } from './log-stream.ts';
import { type ActionFailure, ATTEMPT_TIMEOUT_MS, createClient, LogsApi, type Patience } from './logs-api.ts';
import { policyStatement } from './policy.ts';
import { backoffFor, fullJitterMs } from './retry.ts';
import type { OutputLine, Sink } from './sink.ts';

/**
 * START and SUMMARY lines wait for a random part of this, so that ten thousand tasks started in the same second
 * make 1,000 requests a second and not 10,000: the account's quota is 5,000.
 */
const JITTER_MS = 10_000;
/** Before a deadline, and doubled with every failure: a hung connection costs one try, a slow answer is waited for. */
const FLUSH_ATTEMPT_TIMEOUT_MS = 750;
/** How long a flush waits for the request that it finds in flight, which may be stuck, before it sends the REPORT. */
const STUCK_GRACE_MS = 500;
/** As much as one request holds: after an outage a stream's backlog goes out in one. */
const DEFAULT_BUFFER_BYTES = 1_048_576;

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

class StreamWriter implements CloudWatchLogsSink {
  readonly name = 'cloudwatch';
  readonly #options: CloudWatchLogsOptions;
  readonly #clock: Clock;
  readonly #api: LogsApi;
  readonly #credentials: CredentialProvider;
  readonly #buffer: LineBuffer;
  readonly #streams = new Map<string, LogStream>();
  readonly #defaultStream: LogStream;
  #loop: Promise<void> | undefined;
  #wakeUp = new AbortController();
  /** That of the flush that runs; an aborted one stays and keeps the sink at rest. */
  #flushSignal: AbortSignal | undefined;
  #refused = false;
  /** Log groups whose missing policy was told: once is enough. */
  readonly #explainedGroups = new Set<string>();
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
    const client = createClient(options.region, this.#credentials, options.endpoint);
    this.#api = new LogsApi(client, options.clock);
    this.#buffer = new LineBuffer(options.maxBufferBytes ?? DEFAULT_BUFFER_BYTES);
    this.#defaultStream = this.#stream(options.defaultTarget);
  }

  get counts(): DeliveryCounts {
    return {
      callCount: this.#api.callCount,
      acceptedLineCount: this.#acceptedLineCount,
      refusedLineCount: this.#refusedLineCount,
    };
  }

  get backlog(): CloudWatchLogsSink['backlog'] {
    return {
      waitingLineCount: this.#buffer.lines.length,
      waitingBytes: this.#buffer.bytes,
      isCallInFlight: this.#api.isCallInFlight,
    };
  }

  get droppedLineCount(): number {
    return this.#buffer.droppedCount;
  }

  write(lines: readonly OutputLine[]): void {
    const now = this.#clock.elapsed();
    const kept = lines.filter((line) => line.type !== 'RECORD');
    for (const stream of new Set(kept.map((line) => this.#streamOf(line)))) {
      if (!this.#isWaitingFor(stream)) stream.pace(now, this.#options.random() * JITTER_MS);
    }
    this.#buffer.add(kept, (line) => this.#streamOf(line).target);
    this.#reportDrops();
    this.#start();
  }

  async flush(signal: AbortSignal): Promise<boolean> {
    this.#flushSignal = signal;
    for (const stream of this.#streams.values()) stream.hurry();
    const stop = (): void => {
      this.#api.abort(signal.reason);
      this.#wake();
    };
    signal.addEventListener('abort', stop, { once: true });
    if (signal.aborted) stop();
    else this.#api.hasten(STUCK_GRACE_MS);
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
  #next(): { readonly stream: LogStream; readonly waitMs: number } | undefined {
    if (this.#refused || this.#flushSignal?.aborted) return undefined;
    const flushing = this.#flushSignal !== undefined;
    const now = this.#clock.elapsed();
    const queue = [...this.#streams.values()]
      .flatMap((stream) => {
        const waiting = this.#waitingFor(stream);
        const [first] = waiting;
        if (!first) return [];
        const rank = waiting.reduce((lowest, entry) => Math.min(lowest, rankOf(entry)), ORDINARY_RANK);
        const dueMs = Math.max(now, stream.dueAtMs(flushing || rank < ORDINARY_RANK));
        return [{ stream, rank, ordinal: first.ordinal, dueMs }];
      })
      // Before a deadline the REPORT's stream goes first even while its back-off lasts: whatever hangs next would
      // hold it up.
      .sort((a, b) => (flushing ? 0 : a.dueMs - b.dueMs) || a.rank - b.rank || a.ordinal - b.ordinal);
    const [first] = queue;
    return first && { stream: first.stream, waitMs: first.dueMs - now };
  }

  async #deliver(stream: LogStream): Promise<void> {
    const problem = problemOfTarget(stream.target);
    if (problem !== undefined) return this.#refuse(stream, problem);

    const [packed = []] = packRequests(this.#waitingFor(stream));
    const request = stream.suspects(packed);
    this.#buffer.take(request);
    stream.sent(this.#clock.elapsed());
    const answer = await this.#api.putLogEvents(stream.target, request, this.#patience(stream));
    if (!('action' in answer)) return this.#accept(stream, request, answer.rejected);
    if (answer.kind === 'invalid' || answer.kind === 'too-large') return this.#split(stream, request, answer);
    this.#putBack(request);
    if (answer.kind !== 'missing') return this.#fail(stream, answer);
    const failure = await this.#create(stream);
    if (failure) this.#fail(stream, failure);
  }

  #accept(
    stream: LogStream,
    request: readonly BufferedLine[],
    info: RejectedLogEventsInfo | undefined,
  ): void {
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
    stream.accepted(request.length);
  }

  /** A request that is not valid: halves, until the line at fault stands alone and is laid aside. */
  #split(stream: LogStream, request: readonly BufferedLine[], failure: ActionFailure): void {
    if (request.length > 1) {
      this.#putBack(request);
      stream.suspect(request.length);
      return;
    }
    this.#keepRefused(request);
    const fields = { ...stream.target, reason: failure.reason };
    this.#options.log('warn', fields, 'CloudWatch Logs refused a line as not valid');
    if (stream.poisoned()) this.#refuse(stream, this.#explain(stream, failure));
  }

  /** Creates a stream that is missing, and its group when asked to; undefined when it is there now. */
  async #create(stream: LogStream): Promise<ActionFailure | undefined> {
    if (stream.isCreated) {
      stream.isCreated = false;
      const reason = 'the stream was created and is not found yet';
      return { action: 'PutLogEvents', kind: 'transient', reason };
    }
    let failure = await this.#api.createLogStream(stream.target, this.#patience(stream));
    if (failure?.kind === 'missing' && this.#options.createLogGroup) {
      const groupFailure = await this.#api.createLogGroup(stream.target, this.#patience(stream));
      if (groupFailure) return groupFailure;
      this.#options.log('info', { logGroupName: stream.target.logGroupName }, 'log group created');
      failure = await this.#api.createLogStream(stream.target, this.#patience(stream));
    }
    if (failure) return failure;
    stream.created();
    this.#options.log('info', { ...stream.target }, 'log stream created');
    return undefined;
  }

  #fail(stream: LogStream, failure: ActionFailure): void {
    if (this.#flushSignal?.aborted) return;
    if (failure.kind === 'credentials') this.#credentials.forget();
    if (stream.isRefusal(failure.kind)) {
      this.#refuse(stream, this.#explain(stream, failure));
      return;
    }

    const { failureCount, isNews } = stream.failed(failure.kind);
    const backoff = backoffFor(failure.kind, this.#flushSignal !== undefined);
    const waitMs = fullJitterMs(failureCount, backoff, this.#options.random);
    stream.backOff(this.#clock.elapsed() + waitMs);
    this.#options.log(
      isNews ? 'warn' : 'debug',
      { ...stream.target, ...failure, waitMs: Math.round(waitMs), failureCount },
      'CloudWatch Logs takes no lines now, they wait',
    );
  }

  /** Gives a stream up: a container's lines go to the batch's stream then, the batch's back to the caller. */
  #refuse(stream: LogStream, reason: string): void {
    stream.isRefused = true;
    if (stream === this.#defaultStream) {
      this.#refused = true;
      this.#options.onRefused(reason);
      return;
    }
    this.#options.log('warn', { ...stream.target }, `${reason}; its lines go to the batch's stream`);
    this.#buffer.redirect(stream.target, this.#defaultStream.target);
  }

  #explain(stream: LogStream, { action, kind, reason }: ActionFailure): string {
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

  /** A call lasts no longer than the flush; the tries before its deadline grow from short ones. */
  #patience(stream: LogStream): Patience {
    const signal = this.#flushSignal;
    const timeoutMs = signal ? FLUSH_ATTEMPT_TIMEOUT_MS * 2 ** stream.failureCount : ATTEMPT_TIMEOUT_MS;
    return { timeoutMs, signal };
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

  #streamOf(line: OutputLine): LogStream {
    const target = line.container === undefined ? undefined : this.#options.targetOf?.(line.container);
    const stream = target ? this.#stream(target) : this.#defaultStream;
    return stream.isRefused ? this.#defaultStream : stream;
  }

  #stream(target: LogTarget): LogStream {
    const key = `${target.logGroupName}:${target.logStreamName}`;
    let stream = this.#streams.get(key);
    if (!stream) {
      stream = new LogStream(target);
      this.#streams.set(key, stream);
    }
    return stream;
  }

  #waitingFor(stream: LogStream): BufferedLine[] {
    return this.#buffer.lines.filter((entry) => entry.target === stream.target);
  }

  #isWaitingFor(stream: LogStream): boolean {
    return this.#buffer.lines.some((entry) => entry.target === stream.target);
  }
}

const ORDINARY_RANK = 2;

/** What goes first: the REPORT, then CONTAINER lines, then all others. */
function rankOf({ line }: BufferedLine): number {
  if (line.type === 'REPORT') return 0;
  return line.type === 'CONTAINER' ? 1 : ORDINARY_RANK;
}
