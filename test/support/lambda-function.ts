import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

/** What the function's file says of an invocation that failed, as Lambda passes it on. */
export interface FunctionError {
  readonly errorType: string;
  readonly errorMessage: string;
}

export interface Invoked {
  readonly result?: unknown;
  readonly error?: FunctionError;
}

/** A line of the function's log. */
export type LogLine = Readonly<Record<string, unknown>> & { readonly message: string };

/** Lambda's time-out in the templates. */
export const FUNCTION_TIMEOUT_MS = 120_000;

/** What came of a call, and its log, come by two ways of which either may be the faster. */
interface Call {
  readonly answered: PromiseWithResolvers<Invoked>;
  readonly logged: PromiseWithResolvers<void>;
}

const END_LINE = /^END RequestId: request-(\d+)$/;

/** dist/subscription.cjs in a process of its own, as Lambda runs it. */
export class LambdaFunction {
  readonly #process: ChildProcess;
  readonly #calls = new Map<number, Call>();
  #callCount = 0;
  readonly log: LogLine[] = [];
  stderr = '';

  private constructor(process: ChildProcess) {
    this.#process = process;
    process.on('message', ({ number, ...invoked }: { number: number } & Invoked) => {
      this.#calls.get(number)?.answered.resolve(invoked);
    });
    if (process.stdout) {
      createInterface({ input: process.stdout }).on('line', (line) => {
        const [, number] = END_LINE.exec(line) ?? [];
        if (number === undefined) this.log.push(JSON.parse(line));
        else this.#calls.get(Number(number))?.logged.resolve();
      });
    }
    process.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.stderr += text;
    });
  }

  /** @param environment the function's variables; nothing else is in its environment */
  static async start(environment: Readonly<Record<string, string>>): Promise<LambdaFunction> {
    const started = fork(join(import.meta.dirname, 'lambda-program.ts'), {
      env: {
        AWS_REGION: 'eu-west-1',
        AWS_ACCESS_KEY_ID: 'AKIDEXAMPLE',
        AWS_SECRET_ACCESS_KEY: 'the-secret-key',
        AWS_SESSION_TOKEN: 'the-session-token',
        ...environment,
      },
      serialization: 'advanced',
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    });
    const lambda = new LambdaFunction(started);
    await once(started, 'message');
    return lambda;
  }

  /** Calls it once. What it logged of the call is in the log then. */
  async invoke(event: unknown, timeoutMs = FUNCTION_TIMEOUT_MS): Promise<Invoked> {
    this.#callCount += 1;
    const number = this.#callCount;
    const call: Call = { answered: Promise.withResolvers(), logged: Promise.withResolvers() };
    this.#calls.set(number, call);
    this.#process.send({ number, event, timeoutMs });
    const [invoked] = await Promise.all([call.answered.promise, call.logged.promise]);
    this.#calls.delete(number);
    return invoked;
  }

  /**
   * Calls it as CloudWatch Logs does, by Lambda's queue of asynchronous events: up to twice more when it fails, then the
   * record of it goes to the destination for failures.
   */
  async deliver(event: unknown, toDestination: (record: string) => void, timeoutMs?: number): Promise<void> {
    for (let invokeCount = 1; ; invokeCount += 1) {
      const { error } = await this.invoke(event, timeoutMs);
      if (error === undefined) return;
      if (invokeCount < 3) continue;
      toDestination(invocationRecord(event, error, invokeCount));
      return;
    }
  }

  /** Calls it with messages as Lambda polls them from SQS; those that are not done with stay in the queue. */
  async poll(bodies: readonly string[], keep: (body: string) => void): Promise<void> {
    const { result, error } = await this.invoke(queueEvent(bodies));
    const { batchItemFailures = [] } = (result ?? {}) as {
      batchItemFailures?: { itemIdentifier: string }[];
    };
    const failed = new Set(batchItemFailures.map(({ itemIdentifier }) => itemIdentifier));
    for (const { messageId, body } of queueEvent(bodies).Records) {
      if (error !== undefined || failed.has(messageId)) keep(body);
    }
  }

  get processId(): number {
    return this.#process.pid ?? 0;
  }

  async stop(): Promise<void> {
    const ended = once(this.#process, 'exit');
    this.#process.disconnect();
    this.#process.kill();
    await ended;
  }
}

/** As the Lambda developer guide shows it: "Capturing records of Lambda asynchronous invocations". */
function invocationRecord(event: unknown, error: FunctionError, invokeCount: number): string {
  return JSON.stringify({
    version: '1.0',
    timestamp: '2026-06-15T03:00:00.000Z',
    requestContext: {
      requestId: 'e4b46cbf-b738-xmpl-8880-a18cdf61200e',
      functionArn: 'arn:aws:lambda:eu-west-1:123456789012:function:fargauge-forwarder:$LATEST',
      condition: 'RetriesExhausted',
      approximateInvokeCount: invokeCount,
    },
    requestPayload: event,
    responseContext: { statusCode: 200, executedVersion: '$LATEST', functionError: 'Unhandled' },
    responsePayload: error,
  });
}

/** Messages as Lambda polls them from SQS and calls the function with. */
export function queueEvent(bodies: readonly string[]) {
  return {
    Records: bodies.map((body, index) => ({
      messageId: `message-${index}`,
      receiptHandle: `receipt-${index}`,
      body,
      attributes: { ApproximateReceiveCount: '1' },
      messageAttributes: {},
      eventSource: 'aws:sqs',
      eventSourceARN: 'arn:aws:sqs:eu-west-1:123456789012:fargauge-failures',
      awsRegion: 'eu-west-1',
    })),
  };
}
