import { CloudWatchLogsClient, FilterLogEventsCommand } from '@aws-sdk/client-cloudwatch-logs';
import { logGroupArn } from '../sinks/policy.ts';
import { classifyFailure } from '../sinks/retry.ts';
import type { TextBatches } from './text-lines.ts';

/** A span of time, ms since the epoch: from `fromMs`, up to but not with `toMs`. */
export interface TimeWindow {
  readonly fromMs: number;
  readonly toMs: number;
}

/** CloudWatch Logs did not give what was asked for, and asking again will not help. The message says what to do. */
export class LogGroupError extends Error {
  override readonly name = 'LogGroupError';
}

/** Throttling is waited out: by region, 5 to 25 calls of FilterLogEvents a second are allowed, and 10 of StartQuery. */
const MAX_ATTEMPTS = 10;
const CONNECTION_TIMEOUT_MS = 5_000;
const REQUEST_TIMEOUT_MS = 60_000;

/**
 * A client for reading, with the SDK's own chain of credentials: whoever reads sits at a terminal or in CI, with
 * profiles, SSO or a role. It retries throttling and transient failures itself, with full jitter.
 */
export function createReadingClient(region: string): CloudWatchLogsClient {
  return new CloudWatchLogsClient({
    region,
    maxAttempts: MAX_ATTEMPTS,
    retryMode: 'standard',
    requestHandler: {
      connectionTimeout: CONNECTION_TIMEOUT_MS,
      requestTimeout: REQUEST_TIMEOUT_MS,
      throwOnRequestTimeout: true,
    },
  });
}

export interface FilterOptions {
  readonly client: CloudWatchLogsClient;
  readonly region: string;
  readonly logGroupName: string;
  readonly window: TimeWindow;
  /** Only lines of these types. Default: all. */
  readonly types?: ReadonlySet<string>;
  readonly signal: AbortSignal;
}

/**
 * Our lines of one log group, page by page, by FilterLogEvents. CloudWatch Logs looks at every event of the window,
 * so pages may be empty. Give them to `LineReading.ofMessages`.
 * @throws LogGroupError; the signal's reason, once it is aborted
 */
export async function* filteredLines(options: FilterOptions): TextBatches {
  const { client, region, logGroupName, window, signal } = options;
  let nextToken: string | undefined;
  do {
    const command = new FilterLogEventsCommand({
      logGroupName,
      startTime: window.fromMs,
      // Both ends are included.
      endTime: window.toMs - 1,
      filterPattern: filterPattern(options.types),
      ...(nextToken !== undefined && { nextToken }),
    });
    const sent = client.send(command, { abortSignal: signal });
    const page = await untilAborted(sent, signal).catch((error: unknown) => {
      signal.throwIfAborted();
      throw explained(error, { region, logGroupNames: [logGroupName], actions: ['logs:FilterLogEvents'] });
    });
    nextToken = page.nextToken;
    yield (page.events ?? []).flatMap(({ message }) => (message === undefined ? [] : [message]));
  } while (nextToken !== undefined);
}

/** Settles as the promise does, or rejects at the abort: the SDK's pause before the next try heeds no signal. */
export async function untilAborted<Value>(promise: Promise<Value>, signal: AbortSignal): Promise<Value> {
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const onAbort = (): void => reject(signal.reason);
  if (signal.aborted) onAbort();
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}

/** The user guide, "Filter pattern syntax for metric filters, subscription filters, filter log events". */
function filterPattern(types: ReadonlySet<string> | undefined): string {
  const isOurs = '($.fargaugeVersion = *)';
  if (types === undefined) return `{ ${isOurs} }`;
  return `{ ${isOurs} && (${[...types].map((type) => `($.type = "${type}")`).join(' || ')}) }`;
}

export interface Asked {
  readonly region: string;
  readonly logGroupNames: readonly string[];
  /** What a policy must allow on the log groups. */
  readonly actions: readonly string[];
  /** What it must allow on `*`, because these actions know no resources. */
  readonly unscopedActions?: readonly string[];
}

/** What a failed call means for who asked, in words. */
export function explained(error: unknown, asked: Asked): LogGroupError {
  const { region, logGroupNames } = asked;
  const groups = logGroupNames.join(', ');
  const { kind, reason } = classifyFailure(error);
  const say = (text: string): LogGroupError => new LogGroupError(text, { cause: error });
  if (kind === 'missing') {
    const which = logGroupNames.length > 1 ? `one of ${groups}` : groups;
    const advice = 'check the name, --region and the account';
    return say(`log group ${which}: not there in ${region}; ${advice}: ${reason}`);
  }
  if (kind === 'denied') {
    return say(`log group ${groups}: ${reason}\nThe policy of who runs this needs ${statementsFor(asked)}`);
  }
  if (kind === 'credentials' || (error as Error).name === 'CredentialsProviderError') {
    return say(`no valid AWS credentials: ${reason}; set AWS_PROFILE or log in, as for the aws command`);
  }
  if (kind === 'throttled') {
    return say(
      `log group ${groups}: still throttled after ${MAX_ATTEMPTS} tries: ${reason}; try again later`,
    );
  }
  return say(`log group ${groups}: ${reason}`);
}

function statementsFor({ region, logGroupNames, actions, unscopedActions }: Asked): string {
  const resources = logGroupNames.map((name) => logGroupArn(region, '*', name));
  const statements = [
    { Effect: 'Allow', Action: actions, Resource: resources },
    ...(unscopedActions === undefined ? [] : [{ Effect: 'Allow', Action: unscopedActions, Resource: '*' }]),
  ];
  return statements.map((statement) => JSON.stringify(statement)).join(',');
}
