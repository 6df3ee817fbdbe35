import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createAws } from '../../src/notifier/aws.ts';
import { type CloudWatchServer, startCloudWatchServer } from '../support/cloudwatch-server.ts';

const TARGET = { logGroupName: '/ecs/nightly-batch', logStreamName: 'ecs/nightly-batch/5b64c49e' };
const LOCATION = { region: 'us-east-1', ...TARGET };
const NOW = Date.UTC(2026, 0, 5, 3);
const LONG_MS = 20_000;

let server: CloudWatchServer;

beforeEach(async () => {
  server = await startCloudWatchServer({ region: LOCATION.region, now: () => NOW });
  server.createLogGroup(TARGET.logGroupName);
  server.createLogStream(TARGET);
  for (const [name, value] of [
    ['AWS_ACCESS_KEY_ID', 'test'],
    ['AWS_SECRET_ACCESS_KEY', 'test'],
    ['AWS_ENDPOINT_URL_CLOUDWATCH_LOGS', server.url],
    ['AWS_ENDPOINT_URL_ECS', server.url],
    ['AWS_ENDPOINT_URL_SECRETS_MANAGER', server.url],
    ['AWS_ENDPOINT_URL_SSM', server.url],
  ] as const) {
    vi.stubEnv(name, value);
  }
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await server.close();
});

async function pagesOf(sinceMs: number, timeoutMs = LONG_MS): Promise<readonly (readonly string[])[]> {
  const pages: (readonly string[])[] = [];
  for await (const page of createAws().readTail(LOCATION, sinceMs, timeoutMs)) pages.push(page);
  return pages;
}

describe('the tail of a log', () => {
  it('comes page by page, the newest first, up to the bound', async () => {
    const events = Array.from({ length: 5_500 }, (_, index) => ({
      timestamp: NOW + index,
      message: `${index}`,
    }));
    server.store(TARGET, events);
    const pages = await pagesOf(NOW);
    expect(pages.map((page) => [page[0], page.at(-1)])).toEqual([
      ['4500', '5499'],
      ['3500', '4499'],
      ['2500', '3499'],
      ['1500', '2499'],
    ]);
    expect(server.requests).toHaveLength(4);
  });

  it('ends where the log begins', async () => {
    server.store(TARGET, [
      { timestamp: NOW - 1, message: 'before' },
      { timestamp: NOW, message: 'first' },
    ]);
    expect(await pagesOf(NOW)).toEqual([['first']]);
  });
});

describe('a call that gets no answer', () => {
  it('ends when its time is over', async () => {
    for (const action of [
      'GetLogEvents',
      'AmazonEC2ContainerServiceV20141113.DescribeTaskDefinition',
      'secretsmanager.GetSecretValue',
      'AmazonSSM.GetParameter',
    ]) {
      server.injectAlways({ kind: 'hang' }, action);
    }
    const aws = createAws();
    const arn = (service: string, what: string) => `arn:aws:${service}:us-east-1:123456789012:${what}`;
    const calls = [
      pagesOf(NOW, 50),
      aws.describeTaskDefinition(arn('ecs', 'task-definition/nightly-batch:1'), 50),
      aws.readSecret(arn('secretsmanager', 'secret:slack-AbCdEf'), 50),
      aws.readSecret(arn('ssm', 'parameter/slack'), 50),
    ];
    for (const ending of await Promise.allSettled(calls)) {
      expect(ending).toMatchObject({ status: 'rejected', reason: { name: 'TimeoutError' } });
    }
  });
});
