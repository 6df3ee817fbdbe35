import { randomUUID } from 'node:crypto';
import {
  CloudWatchLogsClient,
  CreateLogGroupCommand,
  CreateLogStreamCommand,
  GetLogEventsCommand,
} from '@aws-sdk/client-cloudwatch-logs';
import { afterAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { type CloudWatchLogsOptions, createCloudWatchLogsSink } from '../../src/sinks/cloudwatch-logs.ts';
import type { LogTarget } from '../../src/sinks/log-events.ts';
import type { OutputLine } from '../../src/sinks/sink.ts';
import { type ParsedLine, Program } from '../support/program.ts';
import { BATCH, DEADLINE_TESTS, SIDECAR, SIZE } from '../support/program-test.ts';
import { startSimulatedTask } from '../support/simulated-task.ts';

const { MOTO_URL } = process.env;
if (MOTO_URL === undefined) throw new Error('MOTO_URL is not set: run these tests with npm run test:moto');

const region = 'us-east-1';
const keys = { accessKeyId: 'AKID', secretAccessKey: 'secret' };
const client = new CloudWatchLogsClient({ region, endpoint: MOTO_URL, credentials: keys });
afterAll(() => client.destroy());
const never = new AbortController().signal;

function newTarget(): LogTarget {
  const id = randomUUID();
  return { logGroupName: `/ecs/${id}`, logStreamName: `ecs/batch/${id}` };
}

async function create(target: LogTarget): Promise<void> {
  await client.send(new CreateLogGroupCommand({ logGroupName: target.logGroupName }));
  await client.send(new CreateLogStreamCommand(target));
}

/** Everything in a stream: the last page repeats its token. */
async function read(
  target: LogTarget,
): Promise<{ timestamp: number | undefined; message: string | undefined }[]> {
  const events: { timestamp: number | undefined; message: string | undefined }[] = [];
  let nextToken: string | undefined;
  for (;;) {
    const page = await client.send(new GetLogEventsCommand({ ...target, nextToken, startFromHead: true }));
    events.push(...(page.events ?? []).map(({ timestamp, message }) => ({ timestamp, message })));
    if (page.nextForwardToken === nextToken) return events;
    nextToken = page.nextForwardToken;
  }
}

function openSink(defaultTarget: LogTarget, options: Partial<CloudWatchLogsOptions> = {}) {
  return createCloudWatchLogsSink({
    region,
    defaultTarget,
    createLogGroup: false,
    credentialSource: { kind: 'environment', ...keys },
    endpoint: MOTO_URL,
    clock: systemClock,
    random: Math.random,
    log: () => {},
    onRefused: () => {},
    ...options,
  });
}

function line(type: OutputLine['type'], seq: number): OutputLine {
  return { type, timeMs: Date.now() + seq, text: JSON.stringify({ type, seq, word: 'Grüße 😀' }) };
}

// What moto gets wrong (limits, rejected indexes) is the strict server's to test. A request that it does not answer in
// 750 ms is made again, and what it had stored all the same is there twice.
describe('the sink with an implementation that is not ours', DEADLINE_TESTS, () => {
  it('lines come back by GetLogEvents as they were, in order', async () => {
    const target = newTarget();
    await create(target);
    const sink = openSink(target);
    const lines = Array.from({ length: 200 }, (_, seq) => line(seq === 199 ? 'REPORT' : 'SUMMARY', seq));
    sink.write(lines);
    expect(await sink.flush(never)).toBe(true);
    expect(await read(target)).toEqual(
      lines.map(({ timeMs, text }) => ({ timestamp: timeMs, message: text })),
    );
  });

  it('a stream and a group that are missing are created', async () => {
    const target = newTarget();
    const sink = openSink(target, { createLogGroup: true });
    sink.write([line('REPORT', 1)]);
    expect(await sink.flush(never)).toBe(true);
    expect(await read(target)).toHaveLength(1);
  });

  it('a group that is missing is a refusal when it is not to be created', async () => {
    const refusals: string[] = [];
    const sink = openSink(newTarget(), { onRefused: (reason) => refusals.push(reason) });
    sink.write([line('REPORT', 1)]);
    expect(await sink.flush(never)).toBe(false);
    expect(refusals[0]).toContain('The specified log group does not exist.');
    expect(sink.takeUndelivered()).toHaveLength(1);
  });
});

describe('the program with an implementation that is not ours', DEADLINE_TESTS, () => {
  it('all lines of a run stand in the batch’s own stream, the REPORT last, each once', async () => {
    const target = newTarget();
    await create(target);
    const { logGroupName, logStreamName } = target;
    const task = await startSimulatedTask({
      containers: [
        {
          ...BATCH,
          logConfiguration: {
            driver: 'awslogs',
            options: {
              'awslogs-group': logGroupName,
              'awslogs-region': region,
              'awslogs-stream': logStreamName,
            },
          },
        },
        SIDECAR,
      ],
      size: SIZE,
    });
    const program = new Program({
      ...task.environment(),
      AWS_ACCESS_KEY_ID: keys.accessKeyId,
      AWS_SECRET_ACCESS_KEY: keys.secretAccessKey,
      AWS_ENDPOINT_URL_CLOUDWATCH_LOGS: MOTO_URL,
      FARGAUGE_SUMMARY_INTERVAL_SECONDS: '1',
    });
    try {
      await task.requested(4, '/task/stats');
      task.exit('batch', 3);
      const { exitCode, lines, stderr } = await program.ended;
      expect(exitCode).toBe(0);
      expect(lines).toEqual([]);
      expect(stderr).toContain(`log group ${logGroupName}, log stream ${logStreamName}, ${region}`);
      const stored = (await read(target)).map(({ message }) => JSON.parse(message ?? '') as ParsedLine);
      expect(stored.map(({ seq }) => seq)).toEqual(stored.map((_, index) => index + 1));
      expect(stored[0]?.type).toBe('START');
      expect(stored.filter(({ type }) => type === 'SUMMARY').length).toBeGreaterThan(1);
      expect(stored.at(-1)).toMatchObject({ type: 'REPORT', status: 'failure', exitCode: 3 });
    } finally {
      program.process.kill('SIGKILL');
      await task.close();
    }
  });
});
