import { gzipSync } from 'node:zlib';
import * as fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Clock } from '../../src/clock.ts';
import { basicAuthorization } from '../../src/subscription/authorization.ts';
import { MAX_MESSAGE_BYTES } from '../../src/subscription/failure-message.ts';
import { connectSearchEngine } from '../../src/subscription/search-client.ts';
import { type BulkFault, type BulkServer, startBulkServer } from '../support/bulk-server.ts';
import { CONTROL_MESSAGE, delivered, deliveryOf, logEvents, packed } from '../support/deliveries.ts';
import { eventsInMessages, openForwarding } from '../support/forwarding.ts';
import { queueEvent } from '../support/lambda-function.ts';
import { linesOfDay, linesOfRun } from '../support/lines.ts';
import { DEADLINE_TESTS } from '../support/program-test.ts';
import { type QueueServer, startQueueServer } from '../support/queue-server.ts';
import { refusingPort } from '../support/refusing-port.ts';

const LINES = linesOfRun('2026-03-02T02:00:00Z', 1);
const ENOUGH_MS = 60_000;

/** A stack that goes one call deeper for each level does not reach the end of these. */
const DEEP_LINES = [
  lineWith(`"job":${nested(20_000)}`),
  lineWith(`"tree":${nested(20_000)}`),
  lineWith(`\n"tree":${nested(20_000)}`),
];

function lineWith(field: string): string {
  const time = '"time":"2026-03-02T02:00:00.000Z"';
  return `{"type":"REPORT",${time},"seq":9,"fargaugeVersion":"0.1.0","taskId":"deep",${field}}`;
}

function nested(levelCount: number): string {
  return '['.repeat(levelCount) + ']'.repeat(levelCount);
}

/** Time that goes by only where the forwarder waits between tries: a minute of back-off takes no time. */
function waitingClock(): Clock {
  let elapsedMs = 0;
  return {
    now: () => Date.now(),
    elapsed: () => elapsedMs,
    sleep: async (ms) => {
      elapsedMs += ms;
    },
  };
}

let engine: BulkServer;
let queue: QueueServer;
let opened: ReturnType<typeof openForwarding>;

beforeEach(async () => {
  [engine, queue] = await Promise.all([startBulkServer(), startQueueServer()]);
  opened = openForwarding(engine.url, queue.queueUrl, { clock: waitingClock(), random: () => 0.5 });
});
afterEach(async () => {
  await Promise.all([opened.close(), engine.close(), queue.close()]);
});

const forward = (event: unknown, remainingMs = ENOUGH_MS) => opened.forwarder.forward(event, remainingMs);
const bulkCount = () => engine.requests.filter(({ path }) => path.startsWith('/_bulk')).length;
/** Without queries. */
const askedFrom = (start: number) =>
  engine.requests.slice(start).map(({ method, path }) => `${method} ${path.split('?')[0]}`);
const indexed = () => [...engine.documents.values()].map((document) => JSON.stringify(document));

describe('the forwarder', () => {
  it('indexes lines of ours by taskId and seq, as they are, in the index of their day', async () => {
    await forward(delivered(LINES));
    expect([...engine.documents.keys()]).toEqual(
      LINES.map((_, at) => `fargauge-2026.03.02/00000000000000000000000000000001-${at + 1}`),
    );
    expect(indexed()).toEqual(LINES);
    expect(opened.log).toEqual([
      expect.objectContaining({
        level: 'info',
        message: 'done',
        logGroup: '/ecs/nightly-batch',
        eventCount: LINES.length,
        indexedCount: LINES.length,
        copyCount: 0,
        failedCount: 0,
        refused: {},
      }),
    ]);
  });

  it('asks with each character escaped as it is signed: the star too, which a URL would leave', async () => {
    await forward(delivered(LINES));
    expect(engine.requests.at(-1)?.path).toBe(
      '/_bulk?filter_path=items.%2A.status%2Citems.%2A.error.type%2Citems.%2A.error.reason%2Cerror',
    );
  });

  it('says nothing to the engine for a control message, or where nothing is ours', async () => {
    await forward(CONTROL_MESSAGE);
    await forward(delivered(['hello', '{"type":"REPORT"}']));
    expect(engine.requests).toEqual([]);
    expect(opened.log[1]).toMatchObject({ message: 'done', eventCount: 2, refused: { foreign: 2 } });
  });

  it('refuses with a reason that is counted what is no line it could index', async () => {
    const [line = ''] = LINES;
    const events = [
      ...logEvents([line.slice(0, 100), line.replace('"seq":1', '"seq":"1"')]),
      ...logEvents([line.replace('START', 'RECORD'), line.replace('START', 'SAMPLE')]),
      ...logEvents([line], Date.UTC(2026, 4, 1)),
      ...logEvents([`${line.slice(0, -1)},"image":"${'x'.repeat(200_000)}"}`]),
      { id: 1, timestamp: 'now' },
      null,
    ];
    await forward(deliveryOf(events));
    expect(engine.requests).toEqual([]);
    expect(queue.messages).toEqual([]);
    expect(opened.log[0]).toMatchObject({
      eventCount: 8,
      refused: { malformed: 2, broken: 2, 'other-type': 2, 'time-apart': 1, 'too-long': 1 },
      brokenReasons: ['is not JSON', 'seq is "1", not a whole number'],
    });
  });

  it('refuses what a message of the queue could not take, as it is written there', async () => {
    engine.refuses = () => true;
    // Three bytes as it came, six where SQS has no place for it.
    const lines = [45_000, 32_000].map((count) => lineWith(`"note":"${'\uFFFF'.repeat(count)}"`));
    await forward(delivered(lines));
    expect(opened.log.at(-1)).toMatchObject({ refused: { 'too-long': 1 }, failedCount: 1 });
    expect(eventsInMessages(queue.messages).map(({ message }) => message)).toEqual(lines.slice(1));
    for (const body of queue.messages) {
      expect(Buffer.byteLength(body)).toBeLessThanOrEqual(MAX_MESSAGE_BYTES);
    }
  });

  it('keeps others’ log events as text in indices of their own, when it is told to', async () => {
    await opened.close();
    opened = openForwarding(engine.url, queue.queueUrl, { othersIndexPrefix: 'batch' });
    const [event] = logEvents(['{"type":17,"durationMs":"long"}'], Date.UTC(2026, 2, 3));
    await forward(deliveryOf([event]));
    expect([...engine.documents]).toEqual([
      [
        `batch-2026.03.03/${event?.id}`,
        {
          time: '2026-03-03T00:00:00.000Z',
          logGroup: '/ecs/nightly-batch',
          logStream: 'batch/batch/0123',
          message: '{"type":17,"durationMs":"long"}',
        },
      ],
    ]);
  });

  it('puts a line that stands over several lines of text on one', async () => {
    const [line = ''] = LINES;
    await forward(delivered([`${JSON.stringify(JSON.parse(line), null, 2)}\n`]));
    expect(indexed()).toEqual([line]);
  });

  it('refuses a line nested without end, however it stands there, and indexes the others', async () => {
    const [first = '', second = ''] = LINES;
    await forward(delivered([first, ...DEEP_LINES, second]));
    expect(indexed()).toEqual([first, second]);
    expect(queue.messages).toEqual([]);
    expect(opened.log.at(-1)).toMatchObject({
      failedCount: 0,
      refused: { broken: DEEP_LINES.length },
      brokenReasons: expect.arrayContaining(['is nested deeper than 20 levels']),
    });
  });

  it('takes a line nested as deep as a newer version may write one', async () => {
    const line = `${LINES[0]?.slice(0, -1)},"tree":${'['.repeat(19)}${']'.repeat(19)}}`;
    await forward(delivered([line]));
    expect(indexed()).toEqual([line]);
  });

  it('says shortly what is no delivery, however deep it is nested', async () => {
    const deep = `{"messageType":${nested(20_000)}}`;
    const data = gzipSync(deep).toString('base64');
    await expect(forward({ awslogs: { data } })).rejects.toThrow('messageType is a list, not "DATA_MESSAGE"');
    expect(await forward(queueEvent([deep, JSON.stringify({ requestPayload: delivered(LINES) })]))).toEqual({
      batchItemFailures: [{ itemIdentifier: 'message-0' }],
    });
    expect(indexed()).toEqual(LINES);
  });

  it('fails for what is no event it knows, so that Lambda keeps it', async () => {
    const { log } = opened;
    await expect(forward({})).rejects.toThrow(
      'neither of a CloudWatch Logs subscription nor of an SQS queue',
    );
    await expect(forward({ Records: [{ eventSource: 'aws:s3' }] })).rejects.toThrow('neither');
    await expect(forward({ awslogs: { data: 'AAAA' } })).rejects.toThrow('is not gzip');
    await expect(forward(packed('x'))).rejects.toThrow('messageType is missing');
    await expect(forward(packed({ messageType: 'DATA_MESSAGE' }))).rejects.toThrow('logEvents is missing');
    expect(log).toEqual([]);
  });
});

describe('what does not succeed', () => {
  const THROTTLED: BulkFault = { kind: 'answer', status: 429 };

  it.each<[string, readonly BulkFault[]]>([
    ['429', [THROTTLED, THROTTLED]],
    [
      '429 of some documents',
      [
        { kind: 'items', status: 429 },
        { kind: 'items', status: 503 },
      ],
    ],
    ['a gateway’s page', [{ kind: 'answer', status: 502, body: '<html>' }]],
    ['a page with status 200', [{ kind: 'answer', status: 200, body: '<html>', acts: true }]],
    ['an answer about other documents', [{ kind: 'answer', status: 200, body: '{"items":[]}' }]],
    ['a connection cut before', [{ kind: 'reset' }]],
    ['a connection cut after', [{ kind: 'reset', acts: true }]],
    ['half of a request', [{ kind: 'half' }]],
    ['an endless answer', [{ kind: 'answer', status: 200, body: ' '.repeat(17 * 1024 * 1024) }]],
  ])('is tried again: %s', async (_, faults) => {
    engine.inject(faults);
    await forward(delivered(LINES));
    expect(indexed().toSorted()).toEqual(LINES.toSorted());
    expect(queue.messages).toEqual([]);
    expect(opened.log.at(-1)).toMatchObject({ failedCount: 0 });
  });

  it('waits between tries, longer each time, and puts what is not in by then into the queue', async () => {
    engine.injectAlways(THROTTLED);
    await forward(delivered(LINES));
    // Halves of 200, 400, … 10,000 ms fit into the 45 s that are left beside the reserve.
    expect(bulkCount()).toBe(14);
    expect(eventsInMessages(queue.messages)).toEqual(
      LINES.map((message) => ({
        id: expect.any(String),
        timestamp: expect.any(Number),
        message,
        reason: 'out of time: status 429: rejected_execution_exception: queue full',
      })),
    );
    expect(opened.log).toEqual([
      expect.objectContaining({
        level: 'error',
        message: `${LINES.length} of ${LINES.length} log events are in the failure queue`,
        failedReasons: { 'out of time: status 429: rejected_execution_exception: queue full': LINES.length },
      }),
    ]);
  });

  it('goes to the queue untried when Lambda leaves no time', async () => {
    await forward(delivered(LINES), 0);
    expect(engine.requests).toEqual([]);
    expect(eventsInMessages(queue.messages).map(({ message }) => message)).toEqual(LINES);
  });

  it('that hangs is given up in time for the queue', DEADLINE_TESTS, async () => {
    await opened.close();
    opened = openForwarding(engine.url, queue.queueUrl);
    engine.injectAlways({ kind: 'hang', acts: true });
    await forward(delivered(LINES), 3_000);
    const messages = queue.take();
    expect(eventsInMessages(messages)[0]?.reason).toMatch(/^out of time: no whole answer within \d+ ms$/);
    // It had arrived all the same: replayed, it is a copy.
    engine.calm();
    expect(await forward(queueEvent(messages))).toEqual({ batchItemFailures: [] });
    expect(opened.log.at(-1)).toMatchObject({ copyCount: LINES.length, indexedCount: 0, messageCount: 1 });
  });

  it('with nobody there goes to the queue', async () => {
    const nobody = await refusingPort();
    await opened.close();
    opened = openForwarding(`http://127.0.0.1:${nobody.port}`, queue.queueUrl, { clock: waitingClock() });
    await forward(delivered(LINES));
    nobody.close();
    expect(eventsInMessages(queue.messages)[0]?.reason).toMatch(/^out of time: .*ECONNREFUSED/);
  });

  it('by one document is found by halving, and that one is set aside with the reason', async () => {
    const lines = linesOfDay('2026-03-02', 40);
    engine.spoils = ({ seq, taskId }) => seq === 3 && String(taskId).endsWith('7');
    const spoiling = lines.filter((line) => engine.spoils(JSON.parse(line)));
    expect(spoiling).toHaveLength(3);
    await forward(delivered(lines));
    expect(engine.documents.size).toBe(lines.length - spoiling.length);
    expect(eventsInMessages(queue.messages)).toEqual(
      spoiling.map((message) =>
        expect.objectContaining({ message, reason: expect.stringContaining('Malformed') }),
      ),
    );
  });

  it('by its size is halved until it succeeds', async () => {
    const lines = linesOfDay('2026-03-02', 15);
    engine.maxBytes = 20_000;
    await forward(delivered(lines));
    expect(engine.documents.size).toBe(lines.length);
  });

  it('whatever it is cut to ends after some hundred halvings', async () => {
    const lines = linesOfDay('2026-03-02', 40);
    engine.maxBytes = 10;
    await forward(delivered(lines));
    expect(
      eventsInMessages(queue.messages)
        .map(({ message }) => message)
        .toSorted(),
    ).toEqual(lines.toSorted());
    expect(bulkCount()).toBeLessThan(250);
  });

  it('for a reason of its own is set aside, and the others are indexed', async () => {
    engine.refuses = ({ type }) => type === 'SUMMARY';
    await forward(delivered(LINES));
    const summaries = LINES.filter((line) => line.includes('"SUMMARY"'));
    expect(engine.documents.size).toBe(LINES.length - summaries.length);
    expect(eventsInMessages(queue.messages)).toEqual(
      summaries.map((message) =>
        expect.objectContaining({
          message,
          reason: 'status 400: mapper_parsing_exception: failed to parse field [a]',
        }),
      ),
    );
  });

  it('because nobody lets us in is tried once more and then queued', async () => {
    engine.accepts = () => false;
    await forward(delivered(linesOfDay('2026-03-02', 5)));
    expect(bulkCount()).toBe(2);
    expect(eventsInMessages(queue.messages)[0]?.reason).toBe('status 401: Unauthorized');
    expect(opened.log[0]).toMatchObject({
      level: 'warn',
      message: 'the index template may be missing, and it cannot be looked for: status 401',
    });
  });

  it('fails the invocation when the queue does not take it, and succeeds when it is delivered again', async () => {
    engine.injectAlways({ kind: 'items', status: 403 });
    queue.fail(100);
    const event = delivered(LINES);
    await expect(forward(event)).rejects.toThrow(/fargauge-failures: ServiceUnavailable/);
    expect(opened.log[0]?.message).toContain('nowhere: the failure queue did not take them');
    queue.fail(0);
    engine.calm();
    await forward(event);
    expect(indexed().toSorted()).toEqual(LINES.toSorted());
    expect(queue.messages).toEqual([]);
  });
});

describe('the index template', () => {
  it('is put once where it is missing', async () => {
    engine.hasTemplate = false;
    await forward(delivered(LINES));
    await forward(delivered(LINES));
    expect(askedFrom(0)).toEqual([
      'HEAD /_index_template/fargauge',
      'PUT /_index_template/fargauge',
      'POST /_bulk',
      'POST /_bulk',
    ]);
    expect(engine.requests[1]?.path).toContain('?create=true');
    expect(JSON.parse(engine.requests[1]?.body ?? '')).toMatchObject({ index_patterns: ['fargauge-*'] });
  });

  it('is put before the first line that is let in, however often it was refused before', async () => {
    engine.hasTemplate = false;
    engine.accepts = () => false;
    await forward(delivered(LINES));
    await forward(delivered(LINES));
    expect(opened.log.filter(({ level }) => level === 'warn')).toHaveLength(2);
    engine.accepts = undefined;
    const before = engine.requests.length;
    await forward(delivered(LINES));
    expect(askedFrom(before)).toEqual([
      'HEAD /_index_template/fargauge',
      'PUT /_index_template/fargauge',
      'POST /_bulk',
    ]);
    expect(engine.documents.size).toBe(LINES.length);
    expect(opened.log).toContainEqual({
      level: 'info',
      message: 'the index template was missing and is there now',
    });
  });

  it('is looked for with a password that was changed since it was read', async () => {
    await opened.close();
    const passwords = ['old', 'new'];
    const authorization = basicAuthorization(async () => ({
      username: 'me',
      password: passwords.shift() ?? '',
    }));
    const client = connectSearchEngine(new URL(engine.url), authorization);
    opened = { ...openForwarding(engine.url, queue.queueUrl, { client }), close: () => client.close() };
    engine.accepts = ({ headers }) => headers.authorization === `Basic ${btoa('me:new')}`;
    await forward(delivered(LINES));
    expect(askedFrom(0)).toEqual([
      'HEAD /_index_template/fargauge',
      'HEAD /_index_template/fargauge',
      'POST /_bulk',
    ]);
    expect(engine.documents.size).toBe(LINES.length);
  });

  it('that is missing and may not be put keeps lines in the queue until it is there', async () => {
    engine.hasTemplate = false;
    engine.accepts = ({ method }) => method !== 'PUT';
    await forward(delivered(LINES));
    expect(bulkCount()).toBe(0);
    const messages = queue.take();
    expect(eventsInMessages(messages)).toEqual(
      LINES.map((message) =>
        expect.objectContaining({
          message,
          reason: 'the index template is missing, and it cannot be put: status 401: Unauthorized',
        }),
      ),
    );
    engine.hasTemplate = true;
    expect(await forward(queueEvent(messages))).toEqual({ batchItemFailures: [] });
    expect(engine.documents.size).toBe(LINES.length);
  });

  it('that we may not look for is somebody else’s to put: lines are indexed, with a warning each time', async () => {
    engine.accepts = ({ path }) => path.startsWith('/_bulk');
    await forward(delivered(LINES));
    await forward(delivered(LINES));
    expect(engine.documents.size).toBe(LINES.length);
    const warning = {
      level: 'warn',
      message: 'the index template may be missing, and it cannot be looked for: status 401',
    };
    expect(opened.log.filter(({ level }) => level === 'warn')).toEqual([warning, warning]);
  });
});

describe('a replay of the failure queue', () => {
  it('leaves in the queue what fails again, and takes out what is done with', async () => {
    engine.refuses = ({ seq }) => seq === 2;
    await forward(delivered(LINES.slice(0, 1)));
    engine.injectAlways({ kind: 'items', status: 404 });
    await forward(delivered(LINES.slice(0, 2)));
    await forward(delivered([LINES[2] ?? '', LINES[3] ?? '']));
    const messages = queue.take();
    engine.calm();
    const answered = await forward(queueEvent([...messages, '{', '{"messageType":"CONTROL_MESSAGE"}']));
    expect(answered).toEqual({
      batchItemFailures: [{ itemIdentifier: 'message-0' }, { itemIdentifier: 'message-2' }],
    });
    expect(queue.messages).toEqual([]);
    expect(opened.log.at(-1)).toMatchObject({ message: '1 of 2 log events are still in the failure queue' });
  });

  it('reads Lambda’s own record of an invocation that failed', async () => {
    const record = JSON.stringify({ version: '1.0', requestPayload: delivered(LINES), responsePayload: {} });
    expect(await forward(queueEvent([record]))).toEqual({ batchItemFailures: [] });
    expect(indexed()).toEqual(LINES);
  });
});

describe('a message of the failure queue that nobody can read', () => {
  it('keeps no other of its batch there', async () => {
    const [first = '', second = ''] = LINES;
    const bodies = [[first], [...DEEP_LINES, second]].map((lines) =>
      JSON.stringify({ requestPayload: delivered(lines) }),
    );
    expect(await forward(queueEvent([...bodies, nested(20_000)]))).toEqual({
      batchItemFailures: [{ itemIdentifier: 'message-2' }],
    });
    expect(indexed()).toEqual([first, second]);
    expect(opened.log.at(-1)).toMatchObject({ refused: { broken: DEEP_LINES.length } });
  });

  it('stays there with whatever error it meets', async () => {
    await opened.close();
    const { log, ...forwarding } = openForwarding(engine.url, queue.queueUrl, {
      client: {
        ask: async ({ body }) => {
          if (body?.text.includes('"START"')) throw new RangeError('Maximum call stack size exceeded');
          return { kind: 'answer', status: 200, body: '{"items":[{"create":{"status":201}}]}' };
        },
        forgetAuthorization: () => {},
        close: async () => {},
      },
    });
    opened = { ...forwarding, log };
    const bodies = LINES.slice(0, 2).map((line) => JSON.stringify({ requestPayload: delivered([line]) }));
    expect(await forward(queueEvent(bodies))).toEqual({
      batchItemFailures: [{ itemIdentifier: 'message-0' }],
    });
    expect(log).toContainEqual({
      level: 'error',
      messageId: 'message-0',
      message: 'message cannot be replayed: Maximum call stack size exceeded',
    });
  });
});

const FAULT = fc.oneof(
  fc.record({
    kind: fc.constant('answer'),
    status: fc.constantFrom(429, 502, 503, 403, 404, 413, 400),
    acts: fc.boolean(),
  }),
  fc.record({ kind: fc.constant('reset'), acts: fc.boolean() }),
  fc.record({ kind: fc.constant('items'), status: fc.constantFrom(429, 503, 403, 400) }),
  fc.record({ kind: fc.constant('half') }),
) as fc.Arbitrary<BulkFault>;

describe('whatever goes wrong', () => {
  it('each line is in the index once, in the queue, or refused and counted; a replay brings the rest', async () => {
    const lines = linesOfDay('2026-03-02', 3);
    const foreign = ['theirs', '{"x":1}'];
    await fc.assert(
      fc.asyncProperty(
        fc.array(FAULT, { maxLength: 8 }),
        fc.integer({ min: 0, max: 30_000 }),
        fc.nat(6),
        async (faults, remainingMs, queueFailureCount) => {
          const [server, failures] = await Promise.all([startBulkServer(), startQueueServer()]);
          const { forwarder, log, close } = openForwarding(server.url, failures.queueUrl, {
            clock: waitingClock(),
          });
          server.inject(faults);
          failures.fail(queueFailureCount);
          const event = delivered([...foreign, ...lines]);
          // Lambda calls up to three times.
          let callCount = 0;
          for (let isDone = false; !isDone && callCount < 3; callCount += 1) {
            isDone = await forwarder.forward(event, remainingMs).then(
              () => true,
              () => false,
            );
          }
          const documents = [...server.documents.values()].map((document) => JSON.stringify(document));
          const inQueue = eventsInMessages(failures.messages);
          const queued = inQueue.map(({ message }) => message);
          expect(new Set(documents).size).toBe(documents.length);
          expect(new Set([...documents, ...queued, ...foreign])).toEqual(new Set([...lines, ...foreign]));
          const { indexedCount, copyCount, failedCount, refused } = log.at(-1) as Record<string, unknown>;
          expect(refused).toEqual({ foreign: 2 });
          expect(Number(indexedCount) + Number(copyCount) + Number(failedCount)).toBe(lines.length);
          // Where no answer was lost, or came too late, nothing is in two places.
          const isCertain =
            faults.every((fault) => fault.kind !== 'half' && !('acts' in fault && fault.acts)) &&
            !inQueue.some(({ reason }) => reason.includes('no whole answer'));
          if (isCertain && callCount === 1) {
            expect(documents.filter((document) => queued.includes(document))).toEqual([]);
          }

          server.calm();
          const answered = await forwarder.forward(queueEvent(failures.take()), ENOUGH_MS);
          expect(answered).toEqual({ batchItemFailures: [] });
          expect(server.documents.size).toBe(lines.length);
          await Promise.all([close(), server.close(), failures.close()]);
        },
      ),
      { numRuns: 20 },
    );
  });
});
