import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import {
  CloudWatchLogsClient,
  CreateLogGroupCommand,
  CreateLogStreamCommand,
} from '@aws-sdk/client-cloudwatch-logs';
import { ECSClient, RegisterTaskDefinitionCommand } from '@aws-sdk/client-ecs';
import { CreateSecretCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { GetParameterCommand, PutParameterCommand, SSMClient } from '@aws-sdk/client-ssm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readEvent } from '../notifier/recorded-events.ts';
import { Program } from '../support/program.ts';
import { MIB } from '../support/program-test.ts';
import { startSimulatedTask } from '../support/simulated-task.ts';
import { CHANNELS, type SlackServer, startSlackServer } from '../support/slack-server.ts';

const { MOTO_URL } = process.env;
if (MOTO_URL === undefined) throw new Error('MOTO_URL is not set: run these tests with npm run test:moto');

const CLI = join(import.meta.dirname, '../../dist/cli.cjs');
const region = 'us-east-1';
const keys = { accessKeyId: 'AKID', secretAccessKey: 'secret' };
const clientSettings = { region, endpoint: MOTO_URL, credentials: keys };
const credentials = { AWS_ACCESS_KEY_ID: keys.accessKeyId, AWS_SECRET_ACCESS_KEY: keys.secretAccessKey };

const logs = new CloudWatchLogsClient(clientSettings);
const ecs = new ECSClient(clientSettings);
const ssm = new SSMClient(clientSettings);
const secrets = new SecretsManagerClient(clientSettings);
const folder = mkdtempSync(join(tmpdir(), 'fargauge-notifier-'));
let slack: SlackServer;
beforeAll(async () => {
  slack = await startSlackServer();
});
afterAll(async () => {
  for (const client of [logs, ecs, ssm, secrets]) client.destroy();
  rmSync(folder, { recursive: true });
  await slack.close();
});

const TASK_ARN = 'arn:aws:ecs:us-east-1:123456789012:task/nightly/0123456789abcdef0123456789abcdef';
const GROUP = '/ecs/notified';
const SIZE = { vcpu: 0.5, memoryMiB: 1024 };

/** As ECS would have it: the batch and the sidecar log into one group. */
async function registerTaskDefinition(): Promise<string> {
  const logConfiguration = {
    logDriver: 'awslogs' as const,
    options: { 'awslogs-group': GROUP, 'awslogs-region': region, 'awslogs-stream-prefix': 'ecs' },
  };
  const { taskDefinition } = await ecs.send(
    new RegisterTaskDefinitionCommand({
      family: 'nightly-batch',
      requiresCompatibilities: ['FARGATE'],
      networkMode: 'awsvpc',
      cpu: '512',
      memory: '1024',
      containerDefinitions: [
        { name: 'batch', image: 'batch', logConfiguration },
        { name: 'fargauge', image: 'fargauge', essential: false, logConfiguration },
      ],
    }),
  );
  return taskDefinition?.taskDefinitionArn ?? '';
}

/** The event that EventBridge would deliver of that task. */
function writeEvent(taskDefinitionArn: string, startedAtMs: number): string {
  const event = readEvent('fargate-out-of-memory');
  const reason = 'OutOfMemoryError: Container killed due to memory usage';
  const detail = {
    ...event.detail,
    taskArn: TASK_ARN,
    taskDefinitionArn,
    clusterArn: 'arn:aws:ecs:us-east-1:123456789012:cluster/nightly',
    containers: [
      { name: 'batch', exitCode: 137, reason },
      { name: 'fargauge', exitCode: 0 },
    ],
    startedAt: new Date(startedAtMs).toISOString(),
    executionStoppedAt: new Date(startedAtMs + 5_000).toISOString(),
  };
  const path = join(folder, 'event.json');
  writeFileSync(path, JSON.stringify({ ...event, detail }));
  return path;
}

/** The function's bundle, as `fargauge notify` runs it. */
async function notify(event: string, secretArn: string) {
  const child = spawn(process.execPath, [CLI, 'notify', '--event', event], {
    env: {
      ...credentials,
      AWS_REGION: region,
      AWS_ENDPOINT_URL: MOTO_URL,
      FARGAUGE_SLACK_SECRET_ARN: secretArn,
      FARGAUGE_SLACK_FAILURE_CHANNEL: CHANNELS.failure,
      FARGAUGE_SLACK_API_URL: slack.apiUrl,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const [stdout, stderr, [exitCode]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'exit'),
  ]);
  return { exitCode, stdout, stderr };
}

/** A batch that fills its memory. */
async function startRun() {
  const logStreamName = 'ecs/batch/0123456789abcdef0123456789abcdef';
  await logs.send(new CreateLogGroupCommand({ logGroupName: GROUP }));
  await logs.send(new CreateLogStreamCommand({ logGroupName: GROUP, logStreamName }));
  const options = { 'awslogs-group': GROUP, 'awslogs-region': region, 'awslogs-stream': logStreamName };
  const load = (ageMs: number) => ({ cpuUsageNs: Math.floor(ageMs * 1e5), memoryBytes: 1000 * MIB });
  const task = await startSimulatedTask({
    containers: [
      { name: 'batch', load, logConfiguration: { driver: 'awslogs', options } },
      { name: 'fargauge' },
    ],
    size: SIZE,
  });
  const program = new Program({
    ...task.environment(),
    ...credentials,
    AWS_ENDPOINT_URL_CLOUDWATCH_LOGS: MOTO_URL ?? '',
  });
  return { task, program };
}

describe('a run that ended for want of memory', () => {
  it('is told to the failure channel with its peak and its size, although the event comes before the REPORT', async () => {
    const { ARN: secretArn = '' } = await secrets.send(
      new CreateSecretCommand({ Name: 'slack', SecretString: JSON.stringify({ token: slack.token }) }),
    );
    const taskDefinitionArn = await registerTaskDefinition();
    const startedAtMs = Date.now();
    const { task, program } = await startRun();
    try {
      await task.requested(3, '/task/stats');
      const notified = notify(writeEvent(taskDefinitionArn, startedAtMs), secretArn);
      task.exit('batch', 137);
      expect((await program.ended).exitCode).toBe(0);
      expect(await notified).toMatchObject({
        exitCode: 0,
        stderr: expect.stringContaining('is sent'),
        stdout: expect.stringContaining('"hasReport":true'),
      });
    } finally {
      program.process.kill('SIGKILL');
      await task.close();
    }
    expect(slack.refusals).toEqual([]);
    expect(slack.taken).toHaveLength(1);
    const [notice] = slack.taken;
    expect(notice?.channel).toBe(CHANNELS.failure);
    expect(notice?.text).toMatch(
      /^❌ nightly-batch failed: OutOfMemory, memory peak 10\d\d MB of 1024 MB \(\d+(\.\d+)? %\), duration [\d.]+ s, task 01234567$/,
    );
    const stream =
      'log-group/$252Fecs$252Fnotified/log-events/ecs$252Fbatch$252F0123456789abcdef0123456789abcdef';
    expect(JSON.stringify(notice?.blocks)).toContain(stream);

    // The token may also be a parameter; the same event again is the same notice.
    await ssm.send(
      new PutParameterCommand({ Name: '/slack/token', Value: slack.token, Type: 'SecureString' }),
    );
    const { Parameter } = await ssm.send(new GetParameterCommand({ Name: '/slack/token' }));
    expect(await notify(join(folder, 'event.json'), Parameter?.ARN ?? '')).toMatchObject({ exitCode: 0 });
    expect(slack.taken[1]).toEqual(notice);
  });

  it('is not told without the secret, and the failure says why', async () => {
    const secretArn = 'arn:aws:secretsmanager:us-east-1:123456789012:secret:none-AbCdEf';
    const { exitCode, stderr } = await notify(join(folder, 'event.json'), secretArn);
    expect(exitCode).toBe(1);
    expect(stderr).toContain("Secrets Manager can't find the specified secret");
  });
});
