import { readFileSync } from 'node:fs';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { setImmediate } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { credentialSource } from '../../src/sinks/credential-source.ts';
import type { OutputLine } from '../../src/sinks/sink.ts';
import { FAULTS, type Fault } from '../support/cloudwatch-server.ts';
import { permitsOf } from '../support/iam-policy.ts';
import {
  BATCH,
  calls,
  type Delivery,
  type DeliverySetup,
  GROUP,
  HELPER,
  messages,
  startDelivery,
} from './delivery.ts';

const opened: { close(): unknown }[] = [];
afterEach(async () => {
  for (const each of opened.splice(0)) await each.close();
});

async function open(setup: DeliverySetup = {}): Promise<Delivery> {
  const delivery = await startDelivery(setup);
  opened.push(delivery.server);
  return delivery;
}

const textsOf = (lines: readonly OutputLine[]): string[] => lines.map(({ text }) => text);
const never = new AbortController().signal;

describe('when lines go out', () => {
  it.each([
    [0, 0],
    [0.25, 2_500],
    [0.999, 9_990],
  ])('START waits for a random part of ten seconds: %d of it', async (random, afterMs) => {
    const { sink, server, clock, line, driveUntil } = await open({ sink: { random: () => random } });
    const startMs = clock.now();
    sink.write([line('START')]);
    await driveUntil(() => sink.counts.acceptedLineCount === 1);
    expect(server.requests.map(({ atMs }) => atMs - startMs)).toEqual([afterMs]);
  });

  it('lines about a container go to its own stream, all others to the batch’s, one request each', async () => {
    const { sink, server, line, driveUntil } = await open();
    const [start, app, helper] = [line('START'), line('SUMMARY', 'app'), line('SUMMARY', 'helper')];
    sink.write([start, app, helper]);
    await driveUntil(() => sink.counts.acceptedLineCount === 3);
    expect(messages(server, BATCH)).toEqual(textsOf([start, app]));
    expect(messages(server, HELPER)).toEqual(textsOf([helper]));
    expect(calls(server)).toHaveLength(2);
  });

  it('a line’s time is the event’s timestamp, in whole milliseconds', async () => {
    const { sink, server, clock, line, driveUntil } = await open();
    sink.write([{ ...line('REPORT'), timeMs: clock.now() + 0.75 }]);
    await driveUntil(() => sink.counts.acceptedLineCount === 1);
    expect(server.stored(BATCH)[0]?.timestamp).toBe(clock.now());
  });

  it('an hour with a line a second makes not more than two requests a minute and stream', async () => {
    const { sink, server, clock, line, driveUntil } = await open({ sink: { random: Math.random } });
    const endMs = clock.now() + 3_600_000;
    while (clock.now() < endMs) {
      sink.write([line('SAMPLE', 'app'), line('SAMPLE', 'helper')]);
      const nextMs = clock.now() + 1_000;
      void clock.sleep(1_000);
      await driveUntil(() => clock.now() >= nextMs);
    }
    for (const target of [BATCH, HELPER]) {
      const times = server.requests
        .filter((request) => request.target.logStreamName === target.logStreamName)
        .map(({ atMs }) => atMs);
      expect(times.length).toBeGreaterThan(60);
      for (const [index, time] of times.entries()) {
        expect((times[index + 2] ?? Number.POSITIVE_INFINITY) - time).toBeGreaterThanOrEqual(60_000);
      }
    }
  });

  it('what does not fit in one request keeps to the pace too', async () => {
    const { sink, server, clock, line, driveUntil } = await open();
    const today = line('SUMMARY');
    sink.write([{ ...today, timeMs: today.timeMs - 25 * 3_600_000 }, today]);
    const startMs = clock.now();
    await driveUntil(() => sink.counts.acceptedLineCount === 2);
    expect(server.requests.map(({ atMs }) => atMs - startMs)).toEqual([5_000, 35_000]);
  });

  it('CONTAINER and REPORT go at once, the REPORT’s stream first, and what waits goes with them', async () => {
    const { sink, server, clock, line, driveUntil } = await open();
    const startMs = clock.now();
    const lines = [line('SUMMARY', 'helper'), line('SUMMARY', 'app')];
    const end = [line('CONTAINER', 'helper'), line('CONTAINER', 'app'), line('REPORT')];
    sink.write(lines);
    for (const each of end) sink.write([each]);
    await driveUntil(() => sink.counts.acceptedLineCount === 5);
    expect(clock.now()).toBe(startMs);
    expect(calls(server)).toEqual([
      `PutLogEvents ${BATCH.logStreamName}`,
      `PutLogEvents ${HELPER.logStreamName}`,
    ]);
    expect(messages(server, BATCH)).toEqual([lines[1], end[1], end[2]].map((each) => each?.text));
  });

  it('RECORD lines stay away from CloudWatch Logs', async () => {
    const { sink, line } = await open();
    sink.write([line('RECORD')]);
    expect(sink.backlog.waitingLineCount).toBe(0);
    expect(await sink.flush(never)).toBe(true);
  });
});

describe('streams and groups that are missing', () => {
  it('a stream is created, once, and the lines follow', async () => {
    const { sink, server, line, driveUntil } = await open({ streams: [] });
    sink.write([line('START')]);
    await driveUntil(() => sink.counts.acceptedLineCount === 1);
    sink.write([line('REPORT')]);
    await driveUntil(() => sink.counts.acceptedLineCount === 2);
    const stream = BATCH.logStreamName;
    expect(calls(server)).toEqual([
      `PutLogEvents ${stream}`,
      `CreateLogStream ${stream}`,
      `PutLogEvents ${stream}`,
      `PutLogEvents ${stream}`,
    ]);
  });

  it('a line written while a stream is created does not put off those that wait for it', async () => {
    const { sink, clock, line, driveUntil } = await open({ streams: [] });
    const startMs = clock.now();
    sink.write([line('START')]);
    await driveUntil(() => sink.backlog.isCallInFlight);
    sink.write([line('SUMMARY', 'app')]);
    await driveUntil(() => sink.counts.acceptedLineCount === 2);
    expect(clock.now() - startMs).toBe(5_000);
  });

  it('a stream that someone else creates meanwhile is taken as it is', async () => {
    const { sink, server, line, driveUntil } = await open();
    server.inject([{ kind: 'error', status: 400, name: 'ResourceNotFoundException' }]);
    sink.write([line('START')]);
    await driveUntil(() => sink.counts.acceptedLineCount === 1);
    expect(server.requests.map(({ error }) => error?.name)).toEqual([
      undefined,
      'ResourceAlreadyExistsException',
      undefined,
    ]);
  });

  it('a stream that is not found right after it was created is waited for, not created again and again', async () => {
    const { sink, server, clock, line, driveUntil } = await open();
    const missing: Fault = { kind: 'error', status: 400, name: 'ResourceNotFoundException' };
    server.inject([missing, missing, missing, missing]);
    sink.write([line('REPORT')]);
    const startMs = clock.now();
    await driveUntil(() => sink.counts.acceptedLineCount === 1);
    expect(server.requests.filter(({ action }) => action === 'CreateLogStream')).toHaveLength(2);
    expect(clock.now() - startMs).toBe(0.5 * 1_000 + 0.5 * 2_000);
  });

  it('a stream that is deleted during the run is created again', async () => {
    const { sink, server, line, driveUntil } = await open();
    sink.write([line('REPORT')]);
    await driveUntil(() => sink.counts.acceptedLineCount === 1);
    server.inject([FAULTS.lostStream]);
    const last = line('REPORT');
    sink.write([last]);
    await driveUntil(() => sink.counts.acceptedLineCount === 2);
    expect(messages(server, BATCH)).toEqual([last.text]);
  });

  it('a group is created where that was asked for', async () => {
    const defaultTarget = { logGroupName: 'new', logStreamName: 's' };
    const { sink, server, line, driveUntil } = await open({ sink: { defaultTarget, createLogGroup: true } });
    sink.write([line('START')]);
    await driveUntil(() => sink.counts.acceptedLineCount === 1);
    expect(calls(server)).toEqual([
      'PutLogEvents s',
      'CreateLogStream s',
      'CreateLogGroup new',
      'CreateLogStream s',
      'PutLogEvents s',
    ]);
  });

  it('a group that is missing is a refusal else, with what to do about it', async () => {
    const defaultTarget = { logGroupName: 'none', logStreamName: 's' };
    const { sink, refusals, line, driveUntil } = await open({ sink: { defaultTarget } });
    const start = line('START');
    sink.write([start]);
    await driveUntil(() => refusals.length > 0);
    expect(refusals).toEqual([
      'CloudWatch Logs refused CreateLogStream in log group none (eu-central-1): ' +
        'ResourceNotFoundException: The specified log group does not exist. ' +
        'Create the log group, name another one with FARGAUGE_LOG_GROUP, or set FARGAUGE_CREATE_LOG_GROUP=true',
    ]);
    expect(sink.takeUndelivered()).toEqual([start]);
  });
});

describe('what the task role allows', () => {
  const policy = readFileSync(
    new URL('../../task-definitions/task-role-policy.json', import.meta.url),
    'utf8',
  )
    .replace('REGION', 'eu-central-1')
    .replace('ACCOUNT', '123456789012')
    .replace('LOG_GROUP', GROUP);

  it('the shipped policy is enough for streams that exist and for streams that do not', async () => {
    const { sink, server, line } = await open({
      streams: [BATCH],
      server: { permits: permitsOf(JSON.parse(policy)) },
    });
    sink.write([line('START'), line('SUMMARY', 'helper'), line('REPORT')]);
    expect(await sink.flush(never)).toBe(true);
    expect(server.refusals).toEqual([]);
    expect(server.stored(HELPER)).toHaveLength(1);
  });

  it.each([
    ['PutLogEvents', BATCH],
    ['CreateLogStream', { ...BATCH, logStreamName: 'new' }],
  ])(
    'without logs:%s nothing more is sent from START on, and the missing statement is told once',
    async (action, defaultTarget) => {
      const permits = (asked: string) => asked !== `logs:${action}`;
      const { sink, server, clock, refusals, line, driveUntil } = await open({
        server: { permits },
        sink: { defaultTarget, accountId: '123456789012' },
      });
      const startMs = clock.now();
      const start = line('START');
      sink.write([start]);
      await driveUntil(() => refusals.length > 0);
      expect(clock.now() - startMs).toBe(5_000 + 500 + 1_000);
      expect(refusals).toHaveLength(1);
      expect(refusals[0]).toContain(
        `CloudWatch Logs refused ${action} in log group ${GROUP} (eu-central-1): AccessDenied`,
      );
      expect(refusals[0]).toContain(`not authorized to perform: logs:${action} on resource`);
      expect(refusals[0]).toContain(
        'The task role needs {"Effect":"Allow","Action":["logs:CreateLogStream","logs:PutLogEvents"],' +
          '"Resource":"arn:aws:logs:eu-central-1:123456789012:log-group:/ecs/nightly:*"}',
      );
      expect(sink.takeUndelivered()).toEqual([start]);

      const requestCount = server.requests.length;
      sink.write([line('REPORT')]);
      expect(await sink.flush(never)).toBe(false);
      expect(server.requests).toHaveLength(requestCount);
      expect(sink.takeUndelivered()).toHaveLength(1);
      expect(refusals).toHaveLength(1);
    },
  );

  it('a policy that takes a moment to be known is waited for', async () => {
    const { sink, server, refusals, line, driveUntil } = await open();
    server.inject([FAULTS.denied, FAULTS.denied]);
    sink.write([line('START')]);
    await driveUntil(() => sink.counts.acceptedLineCount === 1);
    expect(refusals).toEqual([]);
  });

  it('a refusal among other failures is not believed', async () => {
    const { sink, server, refusals, line, driveUntil } = await open();
    server.inject([FAULTS.denied, FAULTS.denied, FAULTS.throttled, FAULTS.denied, FAULTS.denied]);
    sink.write([line('START')]);
    await driveUntil(() => sink.counts.acceptedLineCount === 1);
    expect(refusals).toEqual([]);
  });

  it('a container’s group that is not allowed sends its lines to the batch’s stream', async () => {
    const other = { logGroupName: 'other', logStreamName: 's' };
    const permits = (_: string, arn: string) => arn.includes(GROUP);
    const { sink, server, refusals, logged, line, driveUntil } = await open({
      server: { permits },
      sink: { targetOf: () => other },
    });
    const lines = [line('START'), line('SUMMARY', 'app'), line('SUMMARY', 'app')];
    sink.write(lines);
    await driveUntil(() => sink.counts.acceptedLineCount === 3);
    expect(messages(server, BATCH)).toEqual(textsOf(lines));
    expect(refusals).toEqual([]);
    expect(logged.filter(({ message }) => message.includes('The task role needs'))).toHaveLength(1);

    sink.write([line('CONTAINER', 'app')]);
    await driveUntil(() => sink.counts.acceptedLineCount === 4);
    expect(server.requests.filter(({ target }) => target.logGroupName === 'other')).toHaveLength(3);
  });

  it('a name that cannot be is refused without a request', async () => {
    const { sink, server, refusals, line } = await open({
      sink: { defaultTarget: { logGroupName: GROUP, logStreamName: 'a:b' } },
    });
    sink.write([line('START')]);
    expect(await sink.flush(never)).toBe(false);
    expect(refusals).toEqual([expect.stringContaining('log stream name "a:b"')]);
    expect(server.requests).toEqual([]);
  });
});

describe('failures that pass', () => {
  const passing = Object.entries<Fault>(FAULTS).filter(([name]) => !['tooOld', 'tooNew'].includes(name));

  it.each(passing)('%s: the line is there, at least once, and unaltered', async (_, fault) => {
    const { sink, server, line, driveUntil } = await open();
    server.inject([fault]);
    const start = line('START');
    sink.write([start]);
    await driveUntil(() => sink.counts.acceptedLineCount === 1);
    const storedCount = 'stores' in fault ? 2 : 1;
    expect(messages(server, BATCH)).toEqual(Array.from({ length: storedCount }, () => start.text));
    expect(sink.takeUndelivered()).toEqual([]);
    expect(sink.droppedLineCount).toBe(0);
  });

  it('a request that gets no answer is given up after ten seconds', async () => {
    const { sink, server, clock, line, driveUntil } = await open({ sink: { random: () => 0 } });
    server.inject([FAULTS.hang]);
    const startMs = clock.now();
    sink.write([line('START')]);
    await driveUntil(() => sink.counts.acceptedLineCount === 1);
    expect(server.requests.map(({ atMs }) => atMs - startMs)).toEqual([0, 10_000]);
  });

  it('a line written meanwhile does not put off the next try', async () => {
    const { sink, server, clock, line, driveUntil } = await open();
    server.inject([FAULTS.hang]);
    const startMs = clock.now();
    sink.write([line('START')]);
    await driveUntil(() => server.hangingCount === 1);
    sink.write([line('SUMMARY')]);
    await driveUntil(() => sink.counts.acceptedLineCount === 2);
    expect(server.requests.map(({ atMs }) => atMs - startMs)).toEqual([5_000, 15_500]);
  });

  it('nobody listens for a while', async () => {
    const { sink, server, clock, line, driveUntil } = await open();
    await server.refuse();
    sink.write([line('START')]);
    await driveUntil(() => clock.elapsed() > 600_000);
    await server.accept();
    await driveUntil(() => sink.counts.acceptedLineCount === 1);
    expect(server.stored(BATCH)).toHaveLength(1);
  });

  it('waits longer each time, up to a minute', async () => {
    const { sink, server, line, driveUntil } = await open({ sink: { random: () => 1 } });
    server.injectAlways(FAULTS.throttled);
    sink.write([line('REPORT')]);
    await driveUntil(() => server.requests.length === 9);
    const times = server.requests.map(({ atMs }) => atMs);
    const waitsMs = times.slice(1).map((time, index) => time - (times[index] ?? 0));
    expect(waitsMs).toEqual([1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000]);
  });

  it('an outage is told once, by its kind, and its end too', async () => {
    const { sink, server, logged, line, driveUntil } = await open();
    server.inject([FAULTS.throttled, FAULTS.throttled, FAULTS.unavailable, FAULTS.unavailable]);
    sink.write([line('REPORT')]);
    await driveUntil(() => sink.counts.acceptedLineCount === 1);
    const told = logged.filter(({ level }) => level !== 'debug');
    expect(told.map(({ level, fields }) => [level, (fields as { kind?: string }).kind])).toEqual([
      ['warn', 'throttled'],
      ['warn', 'transient'],
      ['info', undefined],
    ]);
  });

  it('answers that make no sense are a refusal the third time', async () => {
    const { sink, server, refusals, line, driveUntil } = await open();
    server.injectAlways({ kind: 'page', status: 404 });
    sink.write([line('START')]);
    await driveUntil(() => refusals.length > 0);
    expect(server.requests).toHaveLength(3);
  });
});

describe('credentials', () => {
  async function serveKeys(
    act: (response: http.ServerResponse, keys: string) => void,
  ): Promise<{ url: string }> {
    let count = 0;
    const endpoint = http.createServer((_, response) => {
      count += 1;
      const Expiration = new Date(Date.now() + 3_600_000).toISOString();
      act(
        response,
        JSON.stringify({ AccessKeyId: `AKID${count}`, SecretAccessKey: 's', Token: 't', Expiration }),
      );
    });
    await new Promise<void>((resolve) => endpoint.listen(0, '127.0.0.1', resolve));
    opened.push({
      close: () => {
        endpoint.close();
        endpoint.closeAllConnections();
      },
    });
    return { url: `http://127.0.0.1:${(endpoint.address() as AddressInfo).port}/` };
  }

  async function openWith(url: string): Promise<Delivery> {
    const source = credentialSource({ AWS_CONTAINER_CREDENTIALS_FULL_URI: url });
    return open({ sink: { ...(source && { credentialSource: source }) } });
  }

  it('of the container endpoint sign all requests until they are refused, then new ones do', async () => {
    const { url } = await serveKeys((response, keys) => response.end(keys));
    const { sink, server, line, driveUntil } = await openWith(url);
    server.inject([FAULTS.slow, FAULTS.expiredToken]);
    sink.write([line('REPORT')]);
    await driveUntil(() => sink.counts.acceptedLineCount === 1);
    sink.write([line('REPORT')]);
    await driveUntil(() => sink.counts.acceptedLineCount === 2);
    expect(server.requests.map(({ accessKeyId }) => accessKeyId)).toEqual(['AKID1', 'AKID1', 'AKID2']);
  });

  it('that are not to be had are waited for', async () => {
    let gapCount = 4;
    const { url } = await serveKeys((response, keys) => {
      if (gapCount-- > 0) response.writeHead(503).end();
      else response.end(keys);
    });
    const { sink, server, refusals, line, driveUntil } = await openWith(url);
    sink.write([line('START')]);
    await driveUntil(() => sink.counts.acceptedLineCount === 1);
    expect(server.requests).toHaveLength(1);
    expect(refusals).toEqual([]);
  });

  it('that never come do not hold up the end of a flush', async () => {
    const asked = Promise.withResolvers<void>();
    const { url } = await serveKeys(() => asked.resolve());
    const { sink, line } = await openWith(url);
    sink.write([line('REPORT')]);
    const deadline = new AbortController();
    const flushed = sink.flush(deadline.signal);
    await asked.promise;
    deadline.abort();
    expect(await flushed).toBe(false);
    expect(sink.takeUndelivered()).toHaveLength(1);
  });
});

describe('lines that CloudWatch Logs does not store', () => {
  it.each([
    ['too old', -15 * 24],
    ['too new', 3],
  ])('%s: given back and counted, the others stored', async (_, hours) => {
    const { sink, server, logged, line, driveUntil } = await open();
    const good = line('START');
    const bad = { ...line('SUMMARY'), timeMs: good.timeMs + hours * 3_600_000 };
    sink.write([bad, good]);
    await driveUntil(() => sink.backlog.waitingLineCount === 1 && sink.counts.acceptedLineCount === 1);
    expect(messages(server, BATCH)).toEqual([good.text]);
    expect(sink.takeUndelivered()).toEqual([bad]);
    expect(sink.counts.refusedLineCount).toBe(1);
    expect(logged.at(-1)).toMatchObject({ level: 'warn' });
  });

  it('expired: given back and counted', async () => {
    const { sink, server, line, logged } = await open({
      sink: { defaultTarget: { logGroupName: 'short', logStreamName: 's' } },
    });
    server.createLogGroup('short', 1);
    server.createLogStream({ logGroupName: 'short', logStreamName: 's' });
    const good = line('REPORT');
    const bad = { ...line('SUMMARY'), timeMs: good.timeMs - 25 * 3_600_000 };
    sink.write([bad]);
    expect(await sink.flush(never)).toBe(false);
    expect(sink.takeUndelivered()).toEqual([bad]);
    expect(logged.at(-1)?.fields).toMatchObject({ tooOldCount: 0, expiredCount: 1, tooNewCount: 0 });
  });

  it('a line at fault is found by halving, and costs no other line', async () => {
    const { sink, server, line, driveUntil } = await open();
    const lines = Array.from({ length: 100 }, (_, index) =>
      index === 70 ? { ...line('SUMMARY'), text: '' } : line('SUMMARY'),
    );
    sink.write(lines);
    await driveUntil(() => sink.counts.acceptedLineCount === 99);
    expect(messages(server, BATCH)).toEqual(textsOf(lines).filter((text) => text !== ''));
    expect(textsOf(sink.takeUndelivered())).toEqual(['']);
    expect(sink.counts.refusedLineCount).toBe(1);
    expect(server.requests.length).toBeLessThan(2 * Math.log2(100));
  });

  it('a line that is too large costs no other line', async () => {
    const { sink, server, line, driveUntil } = await open({ sink: { maxBufferBytes: 10_000_000 } });
    const large: OutputLine = { ...line('REPORT'), text: 'x'.repeat(1_048_576) };
    const lines = [line('SUMMARY'), large, line('CONTAINER')];
    sink.write(lines);
    await driveUntil(() => sink.counts.acceptedLineCount === 2);
    expect(messages(server, BATCH)).toEqual([lines[0]?.text, lines[2]?.text]);
    expect(sink.takeUndelivered()).toEqual([large]);
  });

  it('when every line is refused it is the stream that is refused', async () => {
    const { sink, server, refusals, line, driveUntil } = await open();
    server.injectAlways({ kind: 'error', status: 400, name: 'InvalidParameterException', message: 'no' });
    const lines = Array.from({ length: 50 }, () => line('SUMMARY'));
    sink.write(lines);
    await driveUntil(() => refusals.length > 0);
    expect(server.requests.length).toBeLessThan(100);
    expect(sink.takeUndelivered()).toEqual(lines);
  });
});

describe('a long outage', () => {
  it('of eight hours keeps the buffer within its bound, drops the oldest SAMPLE lines first, and the rest arrives', async () => {
    const maxBufferBytes = 50_000;
    const { sink, server, clock, logged, line, driveUntil } = await open({
      sink: { maxBufferBytes, random: () => 1 },
    });
    await server.refuse();
    const written: OutputLine[] = [];
    const write = (type: OutputLine['type']) => {
      const each = line(type, 'app');
      written.push(each);
      sink.write([each]);
      expect(sink.backlog.waitingBytes).toBeLessThanOrEqual(maxBufferBytes);
    };
    write('START');
    for (let minute = 0; minute < 8 * 60; minute++) {
      for (let second = 0; second < 60; second += 20) write('SAMPLE');
      if (minute % 10 === 0) write('SUMMARY');
      const nextMs = clock.now() + 60_000;
      void clock.sleep(60_000);
      await driveUntil(() => clock.now() >= nextMs);
    }
    await server.accept();
    write('REPORT');
    const keptCount = sink.backlog.waitingLineCount;
    expect(await sink.flush(never)).toBe(true);

    const arrived = messages(server, BATCH);
    const samples = arrived.filter((text) => text.includes('"SAMPLE"'));
    const others = textsOf(written.filter(({ type }) => type !== 'SAMPLE'));
    expect(arrived.filter((text) => !text.includes('"SAMPLE"'))).toEqual(others);
    expect(samples).toEqual(textsOf(written.filter(({ type }) => type === 'SAMPLE')).slice(-samples.length));
    expect(samples.length).toBeGreaterThan(0);
    expect(sink.droppedLineCount).toBe(written.length - keptCount);
    expect(server.requests).toHaveLength(1);
    expect(server.refusals).toEqual([]);
    expect(logged.filter(({ message }) => message.includes('oldest are dropped'))).toHaveLength(1);
  });
});

describe('flush', () => {
  it('with nothing to do is done', async () => {
    const { sink, server } = await open();
    expect(await sink.flush(never)).toBe(true);
    expect(server.requests).toEqual([]);
  });

  it('sends everything at once, the REPORT’s stream first', async () => {
    const { sink, server, clock, line } = await open();
    const startMs = clock.now();
    sink.write([line('START'), line('SUMMARY', 'helper'), line('CONTAINER', 'helper'), line('REPORT')]);
    expect(await sink.flush(never)).toBe(true);
    expect(clock.now()).toBe(startMs);
    expect(calls(server)).toEqual([
      `PutLogEvents ${BATCH.logStreamName}`,
      `PutLogEvents ${HELPER.logStreamName}`,
    ]);
  });

  it('does not wait for the back-off of an outage', async () => {
    const { sink, server, clock, line, driveUntil } = await open({ sink: { random: () => 1 } });
    server.injectAlways(FAULTS.unavailable);
    sink.write([line('START')]);
    await driveUntil(() => server.requests.length === 8 && !sink.backlog.isCallInFlight);
    server.injectAlways(undefined);
    sink.write([line('REPORT')]);
    const startMs = clock.now();
    expect(await sink.flush(never)).toBe(true);
    expect(clock.now()).toBe(startMs);
  });

  it('retries quickly, the REPORT’s stream until it is through before any other', async () => {
    const { sink, server, clock, line, driveUntil } = await open();
    server.inject([FAULTS.unavailable, FAULTS.throttled, FAULTS.internalFailure]);
    sink.write([line('SUMMARY', 'helper'), line('REPORT')]);
    const startMs = clock.now();
    const flushed = sink.flush(never);
    await driveUntil(() => sink.backlog.waitingLineCount === 0 && !sink.backlog.isCallInFlight);
    expect(await flushed).toBe(true);
    const stream = (name: string) => `PutLogEvents ${name}`;
    expect(calls(server)).toEqual([
      ...Array.from({ length: 4 }, () => stream(BATCH.logStreamName)),
      stream(HELPER.logStreamName),
    ]);
    expect(clock.now() - startMs).toBe(0.5 * 100 + 0.5 * 1_000 + 0.5 * 400);
  });

  it('gives up a request that is stuck after half a second and sends the REPORT', async () => {
    const { sink, server, clock, line, driveUntil } = await open({ sink: { random: () => 0 } });
    server.inject([FAULTS.hang]);
    const stuck = line('SUMMARY', 'helper');
    sink.write([stuck]);
    await driveUntil(() => server.hangingCount === 1);
    const report = line('REPORT');
    sink.write([report]);
    const startMs = clock.now();
    const flushed = sink.flush(never);
    await driveUntil(() => sink.counts.acceptedLineCount === 2);
    expect(await flushed).toBe(true);
    expect(clock.now() - startMs).toBe(500);
    expect(calls(server).slice(1)).toEqual([
      `PutLogEvents ${BATCH.logStreamName}`,
      `PutLogEvents ${HELPER.logStreamName}`,
    ]);
  });

  it('lets a request in flight end that is not stuck', async () => {
    const { sink, server, line, driveUntil } = await open({ sink: { random: () => 0 } });
    server.inject([FAULTS.slow]);
    sink.write([line('SUMMARY', 'helper')]);
    await driveUntil(() => server.requests.length === 1);
    sink.write([line('REPORT')]);
    expect(await sink.flush(never)).toBe(true);
    expect(server.requests).toHaveLength(2);
  });

  it('against a server that hangs for ever ends at its deadline and gives everything back, in order', async () => {
    const { sink, server, clock, line, driveUntil } = await open();
    server.injectAlways(FAULTS.hang);
    const lines = [line('START'), line('SUMMARY', 'helper'), line('CONTAINER', 'helper'), line('REPORT')];
    sink.write(lines);
    const deadline = new AbortController();
    void clock.sleep(5_000).then(() => deadline.abort());
    const startMs = clock.now();
    const ended = Promise.withResolvers<boolean>();
    let isEnded = false;
    void sink.flush(deadline.signal).then((result) => {
      isEnded = true;
      ended.resolve(result);
    });
    await driveUntil(() => isEnded);
    expect(await ended.promise).toBe(false);
    expect(clock.now() - startMs).toBe(5_000);
    expect(server.requests.map(({ target, atMs }) => [target.logStreamName, atMs - startMs])).toEqual([
      [BATCH.logStreamName, 0],
      [BATCH.logStreamName, 750 + 50],
      [BATCH.logStreamName, 800 + 1_500 + 100],
    ]);
    expect(sink.takeUndelivered()).toEqual(lines);
    expect(sink.takeUndelivered()).toEqual([]);
  });

  it('after an abort sends nothing more by itself, and the next flush does', async () => {
    const { sink, server, clock, line } = await open();
    sink.write([line('REPORT')]);
    expect(await sink.flush(AbortSignal.abort())).toBe(false);
    sink.write([line('CONTAINER')]);
    await setImmediate();
    expect(clock.sleeperCount).toBe(0);
    expect(sink.backlog).toMatchObject({ waitingLineCount: 2, isCallInFlight: false });
    expect(await sink.flush(never)).toBe(true);
    expect(server.stored(BATCH)).toHaveLength(2);
  });

  it('cut short is not a refusal, however often', async () => {
    const { sink, server, refusals, logged, line } = await open();
    server.injectAlways(FAULTS.hang);
    sink.write([line('REPORT')]);
    for (let count = 0; count < 4; count++) {
      const deadline = new AbortController();
      const flushed = sink.flush(deadline.signal);
      await server.until(() => server.requests.length > count);
      deadline.abort();
      expect(await flushed).toBe(false);
    }
    server.injectAlways(undefined);
    expect(await sink.flush(never)).toBe(true);
    expect(refusals).toEqual([]);
    expect(logged).toEqual([]);
  });

  it('cut short between two calls does not begin the next one', async () => {
    const deadline = new AbortController();
    const { sink, server, line } = await open({
      sink: {
        defaultTarget: { logGroupName: 'new', logStreamName: 's' },
        createLogGroup: true,
        log: (_level, _fields, message) => {
          if (message === 'log group created') deadline.abort();
        },
      },
    });
    sink.write([line('REPORT')]);
    expect(await sink.flush(deadline.signal)).toBe(false);
    expect(calls(server)).toEqual(['PutLogEvents s', 'CreateLogStream s', 'CreateLogGroup new']);
    expect(sink.takeUndelivered()).toHaveLength(1);
  });

  it('cuts a request in flight when its signal has aborted already', async () => {
    const { sink, server, line, driveUntil } = await open({ sink: { random: () => 0 } });
    server.inject([FAULTS.hang]);
    const start = line('START');
    sink.write([start]);
    await driveUntil(() => server.hangingCount === 1);
    expect(await sink.flush(AbortSignal.abort())).toBe(false);
    expect(sink.takeUndelivered()).toEqual([start]);
  });

  it('leaves no timer behind', async () => {
    const { sink, clock, line } = await open();
    sink.write([line('REPORT')]);
    await sink.flush(never);
    expect(clock.sleeperCount).toBe(0);
  });

  it('afterwards lines go out at their own pace again', async () => {
    const { sink, server, clock, line, driveUntil } = await open();
    sink.write([line('START')]);
    await sink.flush(never);
    sink.write([line('SUMMARY')]);
    const startMs = clock.now();
    await driveUntil(() => sink.counts.acceptedLineCount === 2);
    expect(clock.now() - startMs).toBe(30_000);
    expect(server.requests).toHaveLength(2);
  });
});
