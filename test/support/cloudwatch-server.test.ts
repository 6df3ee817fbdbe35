import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  type CloudWatchServer,
  type CloudWatchServerOptions,
  FAULTS,
  type LogEvent,
  startCloudWatchServer,
} from './cloudwatch-server.ts';
import { permitsOf } from './iam-policy.ts';

const NOW = Date.UTC(2026, 0, 5, 3);
const DAY_MS = 86_400_000;
const TARGET = { logGroupName: '/ecs/nightly', logStreamName: 'ecs/app/1' };
const SIGNED = {
  authorization:
    'AWS4-HMAC-SHA256 Credential=AKID/20260105/eu-central-1/logs/aws4_request, SignedHeaders=host, Signature=0',
};

let server: CloudWatchServer;

async function start(options: CloudWatchServerOptions = {}): Promise<void> {
  server = await startCloudWatchServer({ now: () => NOW, ...options });
  server.createLogStream(TARGET);
}

beforeEach(() => start());
afterEach(() => server.close());

async function call(
  action: string,
  body: object,
  headers: Record<string, string> = SIGNED,
): Promise<unknown> {
  const response = await fetch(server.url, {
    method: 'POST',
    headers: {
      'content-type': 'application/x-amz-json-1.1',
      'x-amz-target': `Logs_20140328.${action}`,
      ...headers,
    },
    body: JSON.stringify(body),
  });
  const answer = (await response.json()) as object;
  return { status: response.status, ...answer };
}

const put = (logEvents: readonly LogEvent[], target: object = TARGET) =>
  call('PutLogEvents', { ...target, logEvents });
const event = (timestamp = NOW, message = 'm'): LogEvent => ({ timestamp, message });
const repeat = (count: number, one: LogEvent): LogEvent[] => Array.from({ length: count }, () => one);

describe('the strict server refuses what CloudWatch Logs refuses', () => {
  const half = 'x'.repeat(1_048_576 / 2 - 26);

  it.each([
    ['no events', [], 'greater than or equal to 1'],
    ['10,001 events', repeat(10_001, event()), 'less than or equal to 10000'],
    ['an empty message', [event(NOW, '')], 'must not be empty'],
    ['events out of order', [event(NOW), event(NOW - 1)], 'must be in chronological order'],
    ['a byte too much', [event(NOW, half), event(NOW, `${half}x`)], 'Upload too large: 1048577 bytes'],
    [
      'a byte too much in one event',
      [event(NOW, 'x'.repeat(1_048_551))],
      'Log event too large: 1048577 bytes',
    ],
    ['more than a day', [event(NOW - DAY_MS - 1), event(NOW)], 'cannot span more than 24 hours'],
  ])('%s', async (_, events, text) => {
    const answer = await put(events);
    expect(answer).toMatchObject({ status: 400, __type: 'InvalidParameterException' });
    expect(answer).toMatchObject({ message: expect.stringContaining(text) });
    expect(server.refusals).toHaveLength(1);
    expect(server.stored(TARGET)).toEqual([]);
  });

  it.each([
    ['10,000 events', repeat(10_000, event(NOW, 'x'))],
    ['1,048,576 bytes in UTF-8', [event(NOW, half), event(NOW, `${half.slice(2)}é`)]],
    ['a day', [event(NOW - DAY_MS), event(NOW)]],
    ['a day of valid events beside an old one', [event(NOW - 15 * DAY_MS), event(NOW)]],
  ])('but not %s', async (_, events) => {
    expect(await put(events)).toMatchObject({ status: 200 });
    expect(server.refusals).toEqual([]);
  });

  it('names that CloudWatch does not allow', async () => {
    expect(await put([event()], { ...TARGET, logGroupName: 'a b' })).toMatchObject({
      message: expect.stringContaining("Value 'a b' at 'logGroupName' failed to satisfy constraint"),
    });
    expect(await put([event()], { ...TARGET, logStreamName: 'a:b' })).toMatchObject({
      message: expect.stringContaining("Value 'a:b' at 'logStreamName'"),
    });
  });

  it('a group and a stream that do not exist, and says which', async () => {
    expect(await put([event()], { ...TARGET, logGroupName: 'other' })).toEqual({
      status: 400,
      __type: 'ResourceNotFoundException',
      message: 'The specified log group does not exist.',
    });
    expect(await put([event()], { ...TARGET, logStreamName: 'other' })).toMatchObject({
      message: 'The specified log stream does not exist.',
    });
    expect(await call('CreateLogStream', { logGroupName: 'other', logStreamName: 's' })).toMatchObject({
      message: 'The specified log group does not exist.',
    });
  });

  it('what exists already', async () => {
    expect(await call('CreateLogGroup', { logGroupName: 'new' })).toEqual({ status: 200 });
    expect(await call('CreateLogGroup', { logGroupName: 'new' })).toMatchObject({
      __type: 'ResourceAlreadyExistsException',
    });
    expect(await call('CreateLogStream', TARGET)).toMatchObject({ __type: 'ResourceAlreadyExistsException' });
  });

  it('requests that are not signed, or for another region', async () => {
    expect(await call('PutLogEvents', TARGET, {})).toMatchObject({
      __type: 'MissingAuthenticationTokenException',
    });
    const elsewhere = { authorization: SIGNED.authorization.replace('eu-central-1', 'us-east-1') };
    expect(await call('PutLogEvents', TARGET, elsewhere)).toMatchObject({
      __type: 'InvalidSignatureException',
    });
  });

  it('operations that do not exist', async () => {
    expect(await call('PutLogEvent', TARGET)).toMatchObject({ __type: 'UnknownOperationException' });
  });

  it('actions that the policy does not allow', async () => {
    await server.close();
    const resource = `arn:aws:logs:eu-central-1:123456789012:log-group:${TARGET.logGroupName}:*`;
    const statement = { Effect: 'Allow', Action: ['logs:PutLogEvents'], Resource: resource };
    await start({ permits: permitsOf({ Statement: [statement] }) });
    expect(await put([event()])).toEqual({ status: 200 });
    expect(await call('CreateLogStream', { ...TARGET, logStreamName: 'other' })).toMatchObject({
      status: 400,
      __type: 'AccessDeniedException',
      message: expect.stringContaining(
        'not authorized to perform: logs:CreateLogStream on resource: arn:aws:logs:',
      ),
    });
  });
});

describe('the strict server stores only what is in the time window, and says where it ends', () => {
  const HOUR_MS = 3_600_000;

  it.each([
    [
      'too new from, inclusive',
      [0, 2 * HOUR_MS, 2 * HOUR_MS + 1],
      { tooNewLogEventStartIndex: 2 },
      [0, 2 * HOUR_MS],
    ],
    [
      'too old to, exclusive',
      [-14 * DAY_MS - 1, -14 * DAY_MS],
      { tooOldLogEventEndIndex: 1 },
      [-14 * DAY_MS],
    ],
    [
      'all of them',
      [-20 * DAY_MS, 3 * HOUR_MS],
      { tooOldLogEventEndIndex: 1, tooNewLogEventStartIndex: 1 },
      [],
    ],
  ])('%s', async (_, offsetsMs, rejectedLogEventsInfo, storedOffsetsMs) => {
    expect(await put(offsetsMs.map((offsetMs) => event(NOW + offsetMs)))).toEqual({
      status: 200,
      rejectedLogEventsInfo,
    });
    expect(server.stored(TARGET)).toEqual(storedOffsetsMs.map((offsetMs) => event(NOW + offsetMs)));
  });

  it('expired: older than the group keeps them', async () => {
    const target = { logGroupName: 'short', logStreamName: 's' };
    server.createLogGroup('short', 3);
    server.createLogStream(target);
    expect(await put([event(NOW - 3 * DAY_MS - 1), event(NOW - 3 * DAY_MS)], target)).toEqual({
      status: 200,
      rejectedLogEventsInfo: { expiredLogEventEndIndex: 1 },
    });
  });
});

describe('the strict server gives events back', () => {
  it('sorted by time, in pages whose last token is repeated', async () => {
    await put([event(NOW + 2, 'c')]);
    await put([event(NOW, 'a'), event(NOW + 1, 'b')]);
    const first = (await call('GetLogEvents', { ...TARGET, limit: 2 })) as {
      events: LogEvent[];
      nextForwardToken: string;
    };
    expect(first.events.map(({ message }) => message)).toEqual(['a', 'b']);
    const nextToken = first.nextForwardToken;
    const second = (await call('GetLogEvents', { ...TARGET, nextToken })) as typeof first;
    expect(second.events.map(({ message }) => message)).toEqual(['c']);
    expect(await call('GetLogEvents', { ...TARGET, nextToken: second.nextForwardToken })).toMatchObject({
      events: [],
      nextForwardToken: second.nextForwardToken,
    });
  });

  it('from the tail, too', async () => {
    await put([event(NOW, 'a'), event(NOW + 1, 'b'), event(NOW + 2, 'c')]);
    const tail = { ...TARGET, startFromHead: false, startTime: NOW };
    const last = (await call('GetLogEvents', { ...tail, limit: 2 })) as {
      events: LogEvent[];
      nextBackwardToken: string;
    };
    expect(last.events.map(({ message }) => message)).toEqual(['b', 'c']);
    const before = (await call('GetLogEvents', {
      ...tail,
      nextToken: last.nextBackwardToken,
    })) as typeof last;
    expect(before.events.map(({ message }) => message)).toEqual(['a']);
    expect(await call('GetLogEvents', { ...tail, nextToken: before.nextBackwardToken })).toMatchObject({
      events: [],
      nextBackwardToken: before.nextBackwardToken,
    });
    expect(await call('GetLogEvents', { ...tail, startTime: NOW + 2 })).toMatchObject({
      events: [{ message: 'c' }],
    });
  });
});

describe('the strict server fails on command', () => {
  it('each fault meets one request, in turn, and then all is well', async () => {
    server.inject([FAULTS.throttled, FAULTS.unavailable]);
    expect(await put([event()])).toMatchObject({ status: 400, __type: 'ThrottlingException' });
    expect(await put([event()])).toMatchObject({ status: 503, __type: 'ServiceUnavailableException' });
    expect(await put([event()])).toEqual({ status: 200 });
    expect(server.requests.map(({ outcome }) => outcome)).toEqual(['failed', 'failed', 'stored']);
    expect(server.refusals).toEqual([]);
  });

  it('a standing fault meets every request of its action until it is taken away', async () => {
    server.injectAlways(FAULTS.denied, 'CreateLogStream');
    expect(await put([event()])).toEqual({ status: 200 });
    expect(await call('CreateLogStream', { ...TARGET, logStreamName: 'o' })).toMatchObject({ status: 400 });
    expect(await call('CreateLogStream', { ...TARGET, logStreamName: 'o' })).toMatchObject({ status: 400 });
    server.injectAlways(undefined, 'CreateLogStream');
    expect(await call('CreateLogStream', { ...TARGET, logStreamName: 'o' })).toEqual({ status: 200 });
  });

  it.each([
    ['before', FAULTS.resetBeforeAccepting, []],
    ['after', FAULTS.resetAfterAccepting, [event()]],
  ])('cuts the connection %s it stored the events', async (_, fault, stored) => {
    server.inject([fault]);
    await expect(put([event()])).rejects.toThrow('fetch failed');
    expect(server.stored(TARGET)).toEqual(stored);
  });

  it.each([
    ['without storing', FAULTS.hang, []],
    ['after storing', FAULTS.hangAfterAccepting, [event()]],
  ])('never answers, %s', async (_, fault, stored) => {
    server.inject([fault]);
    const answer = put([event()]).catch(() => 'cut');
    await server.until(() => server.hangingCount === 1);
    expect(server.stored(TARGET)).toEqual(stored);
    await server.close();
    expect(await answer).toBe('cut');
  });

  it('judges by a clock that is off, and loses a stream', async () => {
    server.inject([FAULTS.tooOld, FAULTS.tooNew, FAULTS.lostStream]);
    expect(await put([event()])).toMatchObject({ rejectedLogEventsInfo: { tooOldLogEventEndIndex: 1 } });
    expect(await put([event()])).toMatchObject({ rejectedLogEventsInfo: { tooNewLogEventStartIndex: 0 } });
    expect(await put([event()])).toMatchObject({ message: 'The specified log stream does not exist.' });
  });

  it('refuses connections until it accepts them again, on the same port', async () => {
    await server.refuse();
    await expect(put([event()])).rejects.toThrow('fetch failed');
    await server.accept();
    expect(await put([event()])).toEqual({ status: 200 });
  });
});
