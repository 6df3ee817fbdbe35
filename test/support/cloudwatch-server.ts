import http from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { AwsError } from './aws-error.ts';
import type { Permits } from './iam-policy.ts';
import { LogQueries } from './log-queries.ts';

/**
 * CloudWatch Logs as its API reference describes it, on loopback: refuses all that the real one refuses, with its
 * error names, status codes and, where they are known, its texts; and fails on command. For tests in this process
 * and for programs of other processes (AWS_ENDPOINT_URL_CLOUDWATCH_LOGS=<url>).
 *
 * https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutLogEvents.html
 */

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const MAX_REQUEST_BYTES = 1_048_576;
const EVENT_OVERHEAD_BYTES = 26;
const MAX_REQUEST_EVENTS = 10_000;
const MAX_SPAN_MS = DAY_MS;
const TOO_NEW_MS = 2 * HOUR_MS;
const TOO_OLD_MS = 14 * DAY_MS;

export interface LogStreamName {
  readonly logGroupName: string;
  readonly logStreamName: string;
}

export interface LogEvent {
  readonly timestamp: number;
  readonly message: string;
}

/** What goes wrong with one request. */
export type Fault =
  /** Takes the request, or not, and never answers. */
  | { readonly kind: 'hang'; readonly stores?: boolean }
  /** Cuts the connection without an answer, before or after the request took effect. */
  | { readonly kind: 'reset'; readonly stores?: boolean }
  | { readonly kind: 'error'; readonly status: number; readonly name: string; readonly message?: string }
  /** An answer of something in between that does not speak the protocol. */
  | { readonly kind: 'page'; readonly status: number }
  /** Answers well, this much later. */
  | { readonly kind: 'slow'; readonly delayMs: number }
  /** The stream is deleted just before. */
  | { readonly kind: 'lost-stream' }
  /** Judged by a clock this far ahead (or behind): good events are too old (or too new). */
  | { readonly kind: 'clock'; readonly offsetMs: number };

/** The faults that delivery has to live with, by name. */
export const FAULTS = {
  hang: { kind: 'hang' },
  hangAfterAccepting: { kind: 'hang', stores: true },
  resetBeforeAccepting: { kind: 'reset' },
  resetAfterAccepting: { kind: 'reset', stores: true },
  internalFailure: { kind: 'error', status: 500, name: 'InternalFailure' },
  unavailable: { kind: 'error', status: 503, name: 'ServiceUnavailableException' },
  badGateway: { kind: 'page', status: 502 },
  throttled: { kind: 'error', status: 400, name: 'ThrottlingException', message: 'Rate exceeded' },
  expiredToken: {
    kind: 'error',
    status: 400,
    name: 'ExpiredTokenException',
    message: 'The security token included in the request is expired',
  },
  denied: { kind: 'error', status: 400, name: 'AccessDeniedException', message: 'User is not authorized' },
  slow: { kind: 'slow', delayMs: 200 },
  lostStream: { kind: 'lost-stream' },
  tooOld: { kind: 'clock', offsetMs: 15 * DAY_MS },
  tooNew: { kind: 'clock', offsetMs: -3 * HOUR_MS },
} as const satisfies Record<string, Fault>;

export interface SeenRequest {
  readonly action: string;
  readonly target: Partial<LogStreamName>;
  /** The server's clock when it arrived, ms. */
  readonly atMs: number;
  /** Whose signature it carries; empty when it carries none. */
  readonly accessKeyId: string;
  /** PutLogEvents: the events sent. */
  readonly events: readonly LogEvent[];
  readonly fault: Fault | undefined;
  /** `stored`: took effect. `refused`: by a rule of CloudWatch. `failed`: by the fault alone. Absent while it is looked at. */
  outcome?: 'stored' | 'refused' | 'failed';
  /** PutLogEvents: those of the events that were stored. */
  stored: readonly LogEvent[];
  /** Why it was refused. */
  error?: { readonly name: string; readonly message: string };
}

export interface CloudWatchServerOptions {
  readonly region?: string;
  readonly accountId?: string;
  /** Default: everything is allowed. */
  readonly permits?: Permits;
  /** Wall clock, ms. */
  readonly now?: () => number;
}

export interface CloudWatchServer {
  readonly url: string;
  /** Every request that arrived, in order. */
  readonly requests: readonly SeenRequest[];
  /** Requests refused by a rule of CloudWatch, a fault set aside. A missing stream or group is not among them. */
  readonly refusals: readonly SeenRequest[];
  /** Requests that wait for an answer that never comes. */
  readonly hangingCount: number;
  /** How many of those there were so far. */
  readonly hungCount: number;
  createLogGroup(logGroupName: string, retentionDays?: number): void;
  createLogStream(target: LogStreamName): void;
  hasLogStream(target: LogStreamName): boolean;
  /** The events that stand in a stream now, in the order they came. */
  stored(target: LogStreamName): readonly LogEvent[];
  /** Puts events into a stream without a request, however old they are. */
  store(target: LogStreamName, events: readonly LogEvent[]): void;
  /** Queries that were started, and how they go; FilterLogEvents. */
  readonly queries: LogQueries;
  /** Each fault meets one request of the action: the next, the one after it, and so on. */
  inject(faults: readonly Fault[], action?: string): void;
  /** Every request of the action from now on meets the fault; undefined ends it. */
  injectAlways(fault: Fault | undefined, action?: string): void;
  /** Resolves when `condition` holds; it is looked at when a request arrives and when one is dealt with. */
  until(condition: () => boolean): Promise<void>;
  /** Connections are refused until `accept`. */
  refuse(): Promise<void>;
  accept(): Promise<void>;
  close(): Promise<void>;
}

interface Group {
  readonly streams: Map<string, LogEvent[]>;
  readonly retentionDays: number | undefined;
}

let serverCount = 0;

/**
 * One of its own, of this process: at a port that is given up while connections are refused, another test's server
 * may begin to listen, and would take what is meant for this one.
 */
function loopbackAddress(): string {
  serverCount += 1;
  const byte = (value: number) => value & 0xff;
  return `127.${byte(process.pid) || 1}.${byte(serverCount)}.${2 + (byte(process.pid >> 8) % 250)}`;
}

export async function startCloudWatchServer(
  options: CloudWatchServerOptions = {},
): Promise<CloudWatchServer> {
  const {
    region = 'eu-central-1',
    accountId = '123456789012',
    permits = () => true,
    now = Date.now,
  } = options;
  const groups = new Map<string, Group>();
  const requests: SeenRequest[] = [];
  const queuedFaults = new Map<string, Fault[]>();
  const standingFaults = new Map<string, Fault>();
  const hanging = new Set<Socket>();
  let hungCount = 0;
  let watchers: { condition: () => boolean; resolve: () => void }[] = [];

  function tellWatchers(): void {
    const satisfied = watchers.filter(({ condition }) => condition());
    watchers = watchers.filter((watcher) => !satisfied.includes(watcher));
    for (const { resolve } of satisfied) resolve();
  }

  function authorize(request: http.IncomingMessage, action: string, target: Partial<LogStreamName>): void {
    const { authorization = '' } = request.headers;
    const signedRegion = /^AWS4-HMAC-SHA256 Credential=[^/]+\/\d{8}\/([^/]+)\/logs\/aws4_request, /.exec(
      authorization,
    )?.[1];
    if (signedRegion === undefined) {
      throw new AwsError('MissingAuthenticationTokenException', 'Missing Authentication Token');
    }
    if (signedRegion !== region) {
      throw new AwsError(
        'InvalidSignatureException',
        `Credential should be scoped to a valid region, not '${signedRegion}'.`,
      );
    }
    const { logGroupName = '', logStreamName = '' } = target;
    const arn = `arn:aws:logs:${region}:${accountId}:log-group:${logGroupName}:log-stream:${logStreamName}`;
    if (permits(`logs:${action}`, arn)) return;
    const user = `arn:aws:sts::${accountId}:assumed-role/task-role/task`;
    throw new AwsError(
      'AccessDeniedException',
      `User: ${user} is not authorized to perform: logs:${action} on resource: ${arn} because no identity-based policy allows the logs:${action} action`,
    );
  }

  function groupOf(logGroupName: string): Group {
    const group = groups.get(logGroupName);
    if (!group) throw new AwsError('ResourceNotFoundException', 'The specified log group does not exist.');
    return group;
  }

  function streamOf({ logGroupName, logStreamName }: LogStreamName): LogEvent[] {
    const stream = groupOf(logGroupName).streams.get(logStreamName);
    if (!stream) throw new AwsError('ResourceNotFoundException', 'The specified log stream does not exist.');
    return stream;
  }

  function putLogEvents(target: LogStreamName, seen: SeenRequest, nowMs: number): object {
    const { events } = seen;
    checkCount(events);
    const stream = streamOf(target);
    const { retentionDays } = groupOf(target.logGroupName);
    checkEvents(events);
    const tooOldEnd = countWhile(events, (event) => event.timestamp < nowMs - TOO_OLD_MS);
    const expiredEnd =
      retentionDays === undefined
        ? 0
        : countWhile(events, (event) => event.timestamp < nowMs - retentionDays * DAY_MS);
    const tooNewStart = countWhile(events, (event) => event.timestamp <= nowMs + TOO_NEW_MS);
    const valid = events.slice(Math.max(tooOldEnd, expiredEnd), tooNewStart);
    checkSpan(valid);
    stream.push(...valid);
    seen.stored = valid;
    const rejectedLogEventsInfo = {
      ...(tooNewStart < events.length && { tooNewLogEventStartIndex: tooNewStart }),
      ...(tooOldEnd > 0 && { tooOldLogEventEndIndex: tooOldEnd }),
      ...(expiredEnd > tooOldEnd && { expiredLogEventEndIndex: expiredEnd }),
    };
    return Object.keys(rejectedLogEventsInfo).length > 0 ? { rejectedLogEventsInfo } : {};
  }

  function createLogGroup(logGroupName: string, retentionDays?: number): object {
    if (groups.has(logGroupName)) {
      throw new AwsError('ResourceAlreadyExistsException', 'The specified log group already exists');
    }
    groups.set(logGroupName, { streams: new Map(), retentionDays });
    return {};
  }

  function createLogStream({ logGroupName, logStreamName }: LogStreamName): object {
    const { streams } = groupOf(logGroupName);
    if (streams.has(logStreamName)) {
      throw new AwsError('ResourceAlreadyExistsException', 'The specified log stream already exists');
    }
    streams.set(logStreamName, []);
    return {};
  }

  /**
   * Pages of `limit` (default 10,000) from the head, or from the tail where it is asked for; the token of the last page
   * is repeated, as CloudWatch does.
   */
  function getLogEvents(target: LogStreamName, body: Body): object {
    const since = typeof body.startTime === 'number' ? body.startTime : 0;
    const sorted = streamOf(target)
      .filter(({ timestamp }) => timestamp >= since)
      .toSorted((a, b) => a.timestamp - b.timestamp);
    const limit = typeof body.limit === 'number' ? body.limit : 10_000;
    const token = typeof body.nextToken === 'string' ? body.nextToken : undefined;
    const isBackward = token === undefined ? body.startFromHead === false : token.startsWith('b/');
    const at = token === undefined ? (isBackward ? sorted.length : 0) : Number(token.slice(2));
    const [start, end] = isBackward ? [Math.max(0, at - limit), at] : [at, at + limit];
    const events = sorted.slice(start, end);
    return {
      events: events.map((event) => ({ ...event, ingestionTime: now() })),
      nextForwardToken: `f/${start + events.length}`,
      nextBackwardToken: `b/${start}`,
    };
  }

  const queries = new LogQueries({
    eventsOf: (logGroupName) => [...groupOf(logGroupName).streams.values()].flat(),
    nowMs: now,
  });

  function perform(seen: SeenRequest, body: Body): object {
    const { action, fault } = seen;
    const answered = queries.perform(action, body);
    if (answered !== undefined) return answered;
    checkName('logGroupName', body.logGroupName, /^[.\-_/#A-Za-z0-9]+$/, '[\\.\\-_/#A-Za-z0-9]+');
    const logGroupName = String(body.logGroupName);
    if (action === 'CreateLogGroup') return createLogGroup(logGroupName);
    checkName('logStreamName', body.logStreamName, /^[^:*]*$/, '[^:*]*');
    const target = { logGroupName, logStreamName: String(body.logStreamName) };
    switch (action) {
      case 'CreateLogStream':
        return createLogStream(target);
      case 'PutLogEvents':
        return putLogEvents(target, seen, now() + (fault?.kind === 'clock' ? fault.offsetMs : 0));
      case 'GetLogEvents':
        return getLogEvents(target, body);
      default:
        throw new AwsError('UnknownOperationException', `no such operation here: ${action}`);
    }
  }

  /** What the server itself has to say: the answer's status and body. */
  function judge(
    request: http.IncomingMessage,
    body: Body,
    seen: SeenRequest,
  ): [status: number, answer: object] {
    try {
      if (request.headers['content-type'] !== 'application/x-amz-json-1.1') {
        throw new AwsError('SerializationException', `content type ${request.headers['content-type']}`);
      }
      authorize(request, seen.action, seen.target);
      const answer = perform(seen, body);
      seen.outcome = 'stored';
      return [200, answer];
    } catch (error) {
      if (!(error instanceof AwsError)) throw error;
      seen.outcome = 'refused';
      seen.error = { name: error.name, message: error.message };
      return [error.status, { __type: error.name, message: error.message }];
    }
  }

  function answer(response: http.ServerResponse, status: number, body: object): void {
    const text = JSON.stringify(body);
    response.writeHead(status, { 'content-type': 'application/x-amz-json-1.1', 'x-amzn-requestid': 'test' });
    response.end(text);
  }

  function handle(request: http.IncomingMessage, response: http.ServerResponse, text: string): void {
    const action = String(request.headers['x-amz-target']).replace(/^Logs_20140328\./, '');
    const body = JSON.parse(text) as Body;
    const fault = queuedFaults.get(action)?.shift() ?? standingFaults.get(action);
    const target = {
      ...(typeof body.logGroupName === 'string' && { logGroupName: body.logGroupName }),
      ...(typeof body.logStreamName === 'string' && { logStreamName: body.logStreamName }),
    };
    const accessKeyId = /Credential=([^/]+)/.exec(request.headers.authorization ?? '')?.[1] ?? '';
    const events = eventsOf(body);
    const seen: SeenRequest = { action, target, atMs: now(), accessKeyId, events, fault, stored: [] };
    requests.push(seen);
    perhapsFail(request, response, body, seen);
    tellWatchers();
  }

  /** Deals with a request as its fault demands. */
  function perhapsFail(
    request: http.IncomingMessage,
    response: http.ServerResponse,
    body: Body,
    seen: SeenRequest,
  ): void {
    const { fault } = seen;
    switch (fault?.kind) {
      case 'hang':
      case 'reset': {
        if (fault.stores) judge(request, body, seen);
        else seen.outcome = 'failed';
        if (fault.kind === 'reset') request.socket.resetAndDestroy();
        else hang(request.socket);
        return;
      }
      case 'error':
        seen.outcome = 'failed';
        answer(response, fault.status, { __type: fault.name, message: fault.message ?? fault.name });
        return;
      case 'page':
        seen.outcome = 'failed';
        response.writeHead(fault.status, { 'content-type': 'text/html' });
        response.end('<html><body>Bad Gateway</body></html>');
        return;
      case 'slow': {
        // Also when nobody waits for the answer any more.
        setTimeout(() => {
          answer(response, ...judge(request, body, seen));
          tellWatchers();
        }, fault.delayMs);
        return;
      }
      case 'lost-stream':
        groups.get(String(body.logGroupName))?.streams.delete(String(body.logStreamName));
        break;
      default:
    }
    answer(response, ...judge(request, body, seen));
  }

  function hang(socket: Socket): void {
    hungCount += 1;
    hanging.add(socket);
    socket.once('close', () => hanging.delete(socket));
  }

  const server = http.createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on('data', (part: Buffer) => parts.push(part));
    request.on('end', () => handle(request, response, Buffer.concat(parts).toString('utf8')));
  });
  const hostname = loopbackAddress();
  const listen = (port: number): Promise<void> =>
    new Promise((resolve, reject) => {
      server.once('error', reject);
      server.listen(port, hostname, () => {
        server.off('error', reject);
        resolve();
      });
    });
  const shut = (): Promise<void> =>
    new Promise((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  await listen(0);
  const { port } = server.address() as AddressInfo;

  return {
    url: `http://${hostname}:${port}`,
    requests,
    store: (target, events) => {
      streamOf(target).push(...events);
    },
    queries,
    get refusals() {
      return requests.filter(
        ({ outcome, error }) => outcome === 'refused' && error?.name !== 'ResourceNotFoundException',
      );
    },
    get hangingCount() {
      return hanging.size;
    },
    get hungCount() {
      return hungCount;
    },
    createLogGroup: (logGroupName, retentionDays) => {
      createLogGroup(logGroupName, retentionDays);
    },
    createLogStream: (target) => {
      if (!groups.has(target.logGroupName)) createLogGroup(target.logGroupName);
      createLogStream(target);
    },
    hasLogStream: ({ logGroupName, logStreamName }) =>
      groups.get(logGroupName)?.streams.has(logStreamName) ?? false,
    stored: ({ logGroupName, logStreamName }) => groups.get(logGroupName)?.streams.get(logStreamName) ?? [],
    inject: (faults, action = 'PutLogEvents') => {
      queuedFaults.set(action, [...(queuedFaults.get(action) ?? []), ...faults]);
    },
    injectAlways: (fault, action = 'PutLogEvents') => {
      if (fault) standingFaults.set(action, fault);
      else standingFaults.delete(action);
    },
    until: (condition) => {
      if (condition()) return Promise.resolve();
      const { promise, resolve } = Promise.withResolvers<void>();
      watchers.push({ condition, resolve });
      return promise;
    },
    refuse: shut,
    accept: () => listen(port),
    close: () => (server.listening ? shut() : Promise.resolve()),
  };
}

type Body = Readonly<Record<string, unknown>>;

function eventsOf(body: Body): LogEvent[] {
  return Array.isArray(body.logEvents) ? (body.logEvents as LogEvent[]) : [];
}

function checkName(field: string, value: unknown, allowed: RegExp, pattern: string): void {
  const constraint = (text: string): AwsError =>
    new AwsError(
      'InvalidParameterException',
      `1 validation error detected: Value '${value}' at '${field}' failed to satisfy constraint: ${text}`,
    );
  if (typeof value !== 'string') throw constraint('Member must not be null');
  if (value.length < 1) throw constraint('Member must have length greater than or equal to 1');
  if (value.length > 512) throw constraint('Member must have length less than or equal to 512');
  if (!allowed.test(value)) throw constraint(`Member must satisfy regular expression pattern: ${pattern}`);
}

function checkCount(events: readonly LogEvent[]): void {
  const constraint = (text: string): AwsError =>
    new AwsError(
      'InvalidParameterException',
      `1 validation error detected: Value at 'logEvents' failed to satisfy constraint: Member must have length ${text}`,
    );
  if (events.length < 1) throw constraint('greater than or equal to 1');
  if (events.length > MAX_REQUEST_EVENTS) throw constraint(`less than or equal to ${MAX_REQUEST_EVENTS}`);
}

function checkEvents(events: readonly LogEvent[]): void {
  const invalid = (message: string): AwsError => new AwsError('InvalidParameterException', message);
  let totalBytes = 0;
  for (const [index, event] of events.entries()) {
    const { timestamp, message } = event;
    if (typeof message !== 'string' || message.length === 0) {
      throw invalid(`Log event message at index ${index} must not be empty`);
    }
    if (!Number.isInteger(timestamp) || timestamp < 0) {
      throw new AwsError('SerializationException', `timestamp ${timestamp} at index ${index}`);
    }
    const previous = events[index - 1];
    if (previous && timestamp < previous.timestamp) {
      throw invalid('Log events in a single PutLogEvents request must be in chronological order.');
    }
    const bytes = Buffer.byteLength(message, 'utf8') + EVENT_OVERHEAD_BYTES;
    if (bytes > MAX_REQUEST_BYTES) {
      throw invalid(`Log event too large: ${bytes} bytes exceeds limit of ${MAX_REQUEST_BYTES}`);
    }
    totalBytes += bytes;
  }
  if (totalBytes > MAX_REQUEST_BYTES) {
    throw invalid(`Upload too large: ${totalBytes} bytes exceeds limit of ${MAX_REQUEST_BYTES}`);
  }
}

/** AWS's own text is not known. */
function checkSpan(events: readonly LogEvent[]): void {
  const [first] = events;
  const last = events.at(-1);
  if (first && last && last.timestamp - first.timestamp > MAX_SPAN_MS) {
    throw new AwsError(
      'InvalidParameterException',
      'The batch of log events in a single PutLogEvents request cannot span more than 24 hours.',
    );
  }
}

function countWhile<T>(items: readonly T[], holds: (item: T) => boolean): number {
  const end = items.findIndex((item) => !holds(item));
  return end === -1 ? items.length : end;
}
