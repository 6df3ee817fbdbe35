import {
  CloudWatchLogsClient,
  CreateLogGroupCommand,
  CreateLogStreamCommand,
  PutLogEventsCommand,
} from '@aws-sdk/client-cloudwatch-logs';
import type { Clock } from '../clock.ts';
import type { CredentialProvider } from './credentials.ts';
import type { BufferedLine } from './line-buffer.ts';
import { eventTimestampMs, type LogTarget, type RejectedLogEventsInfo } from './log-events.ts';
import { type CallFailure, classifyFailure } from './retry.ts';

/** CloudWatch Logs answers in well below a second; a connection that was cut without a word never does. */
export const ATTEMPT_TIMEOUT_MS = 10_000;
const CONNECTION_TIMEOUT_MS = 3_000;

export type Action = 'PutLogEvents' | 'CreateLogStream' | 'CreateLogGroup';

export interface ActionFailure extends CallFailure {
  readonly action: Action;
}

/** How long a call may take. */
export interface Patience {
  readonly timeoutMs: number;
  /** Ends the call as well. */
  readonly signal: AbortSignal | undefined;
}

/** Why we gave up a request ourselves. */
class TimeoutError extends Error {
  override readonly name = 'TimeoutError';
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

/** A call on its way. */
interface Attempt {
  readonly abort: AbortController;
  /** Aborts when the call has ended, however. */
  readonly answered: AbortSignal;
}

/** The three calls of CloudWatch Logs that a sink makes, one at a time. A failure is an answer: nothing rejects. */
export class LogsApi {
  readonly #client: CloudWatchLogsClient;
  readonly #clock: Clock;
  #attempt: Attempt | undefined;
  #callCount = 0;

  constructor(client: CloudWatchLogsClient, clock: Clock) {
    this.#client = client;
    this.#clock = clock;
  }

  get isCallInFlight(): boolean {
    return this.#attempt !== undefined;
  }

  /** Tries that failed included. */
  get callCount(): number {
    return this.#callCount;
  }

  /** @returns what of the request was rejected, if anything was; or why it failed */
  async putLogEvents(
    target: LogTarget,
    request: readonly BufferedLine[],
    patience: Patience,
  ): Promise<{ readonly rejected: RejectedLogEventsInfo | undefined } | ActionFailure> {
    const command = new PutLogEventsCommand({
      ...target,
      logEvents: request.map(({ line }) => ({ timestamp: eventTimestampMs(line), message: line.text })),
    });
    const answer = await this.#call('PutLogEvents', patience, (options) =>
      this.#client.send(command, options),
    );
    if (!('action' in answer)) return { rejected: answer.rejectedLogEventsInfo };
    return answer.kind === 'accepted' ? { rejected: undefined } : answer;
  }

  /** @returns undefined when the stream is there now */
  async createLogStream(target: LogTarget, patience: Patience): Promise<ActionFailure | undefined> {
    const command = new CreateLogStreamCommand(target);
    return failureOf(
      await this.#call('CreateLogStream', patience, (options) => this.#client.send(command, options)),
    );
  }

  /** @returns undefined when the group is there now */
  async createLogGroup({ logGroupName }: LogTarget, patience: Patience): Promise<ActionFailure | undefined> {
    const command = new CreateLogGroupCommand({ logGroupName });
    return failureOf(
      await this.#call('CreateLogGroup', patience, (options) => this.#client.send(command, options)),
    );
  }

  /** Ends the call that is in flight, if one is. */
  abort(reason: unknown): void {
    this.#attempt?.abort.abort(reason);
  }

  /** Gives the call that is in flight, if one is, so much longer at most. */
  hasten(timeoutMs: number): void {
    if (this.#attempt) void this.#giveUpAfter(timeoutMs, this.#attempt);
  }

  async #call<T extends object>(
    action: Action,
    { timeoutMs, signal }: Patience,
    send: (options: { abortSignal: AbortSignal }) => Promise<T>,
  ): Promise<T | ActionFailure> {
    const abort = new AbortController();
    const answered = new AbortController();
    const attempt: Attempt = { abort, answered: answered.signal };
    this.#attempt = attempt;
    this.#callCount += 1;
    void this.#giveUpAfter(timeoutMs, attempt);
    if (signal?.aborted) abort.abort(signal.reason);
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
}

function failureOf(answer: object | ActionFailure): ActionFailure | undefined {
  return 'action' in answer && answer.kind !== 'exists' ? answer : undefined;
}

function rejectOnAbort(signal: AbortSignal): Promise<never> {
  const { promise, reject } = Promise.withResolvers<never>();
  if (signal.aborted) reject(signal.reason);
  signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  return promise;
}
