import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import {
  CloudWatchLogsClient,
  CreateLogGroupCommand,
  CreateLogStreamCommand,
  PutLogEventsCommand,
} from '@aws-sdk/client-cloudwatch-logs';
import { CreateSecretCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { CreateQueueCommand, ReceiveMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type BulkServer, startBulkServer } from '../support/bulk-server.ts';
import { delivered } from '../support/deliveries.ts';
import { LambdaFunction } from '../support/lambda-function.ts';
import { linesOfRun } from '../support/lines.ts';

const { MOTO_URL } = process.env;
if (MOTO_URL === undefined) throw new Error('MOTO_URL is not set: run these tests with npm run test:moto');

const region = 'eu-west-1';
const client = {
  region,
  endpoint: MOTO_URL,
  credentials: { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'the-secret-key' },
};
const logs = new CloudWatchLogsClient(client);
const secretsManager = new SecretsManagerClient(client);
const sqs = new SQSClient(client);
afterAll(() => {
  for (const each of [logs, secretsManager, sqs]) each.destroy();
});

let engine: BulkServer;
beforeEach(async () => {
  engine = await startBulkServer();
});
afterEach(() => engine.close());

describe('the function', () => {
  it('keeps what it could not index in a queue of SQS, reads a secret, and replays what SQS gives back', async () => {
    const { QueueUrl = '' } = await sqs.send(new CreateQueueCommand({ QueueName: randomUUID() }));
    const { ARN = '' } = await secretsManager.send(
      new CreateSecretCommand({
        Name: randomUUID(),
        SecretString: JSON.stringify({ username: 'forwarder', password: 'hunter2' }),
      }),
    );
    const authorization = `Basic ${Buffer.from('forwarder:hunter2').toString('base64')}`;
    engine.accepts = ({ headers }) => headers.authorization === authorization;
    const lambda = await LambdaFunction.start({
      AWS_ENDPOINT_URL: MOTO_URL,
      OPENSEARCH_URL: engine.url,
      OPENSEARCH_SECRET_ARN: ARN,
      FAILURE_QUEUE_URL: QueueUrl,
    });
    const lines = [...linesOfRun('2026-03-02T02:00:00Z', 1), ...linesOfRun('2026-03-02T02:00:00Z', 2)];
    // Characters that XML has no place for are among what a log may hold.
    const strange = (lines[0] ?? '')
      .replace('"seq":1', '"seq":99')
      .replace('nightly-etl', 'nightly-etl\uFFFF\uFFFE');
    engine.injectAlways({ kind: 'items', status: 403 });
    expect(await lambda.invoke(delivered([strange, strange, ...lines]))).toEqual({ result: undefined });
    engine.calm();
    const { Messages = [] } = await sqs.send(
      new ReceiveMessageCommand({ QueueUrl, MaxNumberOfMessages: 10 }),
    );
    expect(Messages).toHaveLength(1);
    const kept: string[] = [];
    await lambda.poll(
      Messages.map(({ Body = '' }) => Body),
      (body) => kept.push(body),
    );
    await lambda.stop();
    expect(kept).toEqual([]);
    expect([...engine.documents.values()].map((document) => JSON.stringify(document)).toSorted()).toEqual(
      [strange, ...lines].toSorted(),
    );
    expect(JSON.stringify([lambda.log, lambda.stderr])).not.toContain('hunter2');
  });
});

describe('fargauge index', () => {
  it('back-fills from a log group', async () => {
    const logGroupName = `/ecs/${randomUUID()}`;
    const logStreamName = 'batch/batch/1';
    await logs.send(new CreateLogGroupCommand({ logGroupName }));
    await logs.send(new CreateLogStreamCommand({ logGroupName, logStreamName }));
    const startMs = Date.now() - 3_600_000;
    const known = linesOfRun(new Date(startMs).toISOString(), 1);
    const ofType = (type: string, seq: number) =>
      (known[0] ?? '').replace('"START"', `"${type}"`).replace('"seq":1', `"seq":${seq}`);
    // One of a type that a newer version may add.
    const lines = [...known, ofType('EPILOGUE', 100)];
    await logs.send(
      new PutLogEventsCommand({
        logGroupName,
        logStreamName,
        logEvents: ['order 17 imported', ...lines, ofType('SAMPLE', 101)].map((message, at) => ({
          timestamp: startMs + at,
          message,
        })),
      }),
    );
    const cli = join(import.meta.dirname, '../../dist/cli.cjs');
    const argv = [
      'index',
      '--opensearch',
      engine.url,
      '--log-group',
      logGroupName,
      '--since',
      '2h',
      '--json',
    ];
    const run = spawn(process.execPath, [cli, ...argv], {
      env: {
        AWS_ENDPOINT_URL: MOTO_URL,
        AWS_REGION: region,
        AWS_ACCESS_KEY_ID: 'AKIDEXAMPLE',
        AWS_SECRET_ACCESS_KEY: 'the-secret-key',
      },
    });
    const [stdout, stderr, [exitCode]] = await Promise.all([
      text(run.stdout),
      text(run.stderr),
      once(run, 'exit'),
    ]);
    expect({ stderr, exitCode }).toEqual({ stderr: '', exitCode: 0 });
    expect(JSON.parse(stdout)).toMatchObject({
      indexed: lines.length,
      copies: 0,
      failed: 0,
      leftOut: { otherTypes: 1 },
    });
    expect([...engine.documents.values()].map((document) => JSON.stringify(document))).toEqual(lines);
  });
});
