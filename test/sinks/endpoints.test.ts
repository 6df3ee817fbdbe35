import { PutLogEventsCommand } from '@aws-sdk/client-cloudwatch-logs';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { createCredentialProvider } from '../../src/sinks/credentials.ts';
import { createClient } from '../../src/sinks/logs-api.ts';
import { startCloudWatchServer } from '../support/cloudwatch-server.ts';

afterEach(() => vi.unstubAllEnvs());

const keys = { accessKeyId: 'AKID', secretAccessKey: 'secret' };
const command = new PutLogEventsCommand({ logGroupName: 'g', logStreamName: 's', logEvents: [] });

function client(region: string) {
  return createClient(
    region,
    createCredentialProvider({ kind: 'environment', ...keys }, systemClock, () => {}),
  );
}

/** Where a request would go: it is stopped right before it is sent. */
async function hostOf(region: string): Promise<string> {
  const client_ = client(region);
  let url = '';
  client_.middlewareStack.add(
    () => (args) => {
      const { protocol, hostname } = args.request as { protocol: string; hostname: string };
      url = `${protocol}//${hostname}`;
      return Promise.reject(new Error('stopped'));
    },
    { step: 'finalizeRequest', priority: 'low' },
  );
  await expect(client_.send(command)).rejects.toThrow('stopped');
  return url;
}

describe('where requests go', () => {
  it.each([
    ['eu-central-1', 'https://logs.eu-central-1.amazonaws.com'],
    ['cn-north-1', 'https://logs.cn-north-1.amazonaws.com.cn'],
    ['us-gov-west-1', 'https://logs.us-gov-west-1.amazonaws.com'],
  ])('%s', async (region, url) => {
    expect(await hostOf(region)).toBe(url);
  });

  it.each([
    ['us-east-1', 'https://logs-fips.us-east-1.amazonaws.com'],
    ['us-gov-west-1', 'https://logs.us-gov-west-1.amazonaws.com'],
  ])('FIPS in %s, by the SDK’s own variable', async (region, url) => {
    vi.stubEnv('AWS_USE_FIPS_ENDPOINT', 'true');
    expect(await hostOf(region)).toBe(url);
  });

  it.each([
    ['eu-central-1', 'https://logs.eu-central-1.api.aws'],
    ['cn-north-1', 'https://logs.cn-north-1.api.amazonwebservices.com.cn'],
  ])('dual-stack in %s, by the SDK’s own variable', async (region, url) => {
    vi.stubEnv('AWS_USE_DUALSTACK_ENDPOINT', 'true');
    expect(await hostOf(region)).toBe(url);
  });

  it('elsewhere, by the SDK’s own variables, that of the service before the one for all', async () => {
    vi.stubEnv('AWS_ENDPOINT_URL', 'http://127.0.0.1:1');
    expect(await hostOf('eu-central-1')).toBe('http://127.0.0.1');
    const server = await startCloudWatchServer();
    vi.stubEnv('AWS_ENDPOINT_URL_CLOUDWATCH_LOGS', server.url);
    await expect(client('eu-central-1').send(command)).rejects.toThrow('greater than or equal to 1');
    await server.close();
  });
});
