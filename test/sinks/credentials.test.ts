import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createCredentialProvider } from '../../src/sinks/credentials.ts';
import { FakeClock } from '../support/fake-clock.ts';

const MINUTE_MS = 60_000;

let server: http.Server;
let url: URL;
let clock: FakeClock;
let requests: http.IncomingMessage[];
let refreshFailures: unknown[];
/** What the endpoint does with a request. */
let answer: (response: http.ServerResponse, requestCount: number) => void;

/** As the ECS agent answers; keys are numbered by request and hold for an hour from now. */
function giveKeys(response: http.ServerResponse, requestCount: number): void {
  response.end(
    JSON.stringify({
      RoleArn: 'arn:aws:iam::123456789012:role/task-role',
      AccessKeyId: `AKID${requestCount}`,
      SecretAccessKey: 'secret',
      Token: 'token',
      Expiration: new Date(clock.now() + 60 * MINUTE_MS).toISOString(),
    }),
  );
}

beforeEach(async () => {
  clock = new FakeClock();
  requests = [];
  refreshFailures = [];
  answer = giveKeys;
  server = http.createServer((request, response) => {
    requests.push(request);
    answer(response, requests.length);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/v2/credentials/secret-id?a=b`);
});

afterEach(() => {
  server.close();
  server.closeAllConnections();
});

const provider = (extra: { authorizationToken?: string; authorizationTokenFile?: string } = {}) =>
  createCredentialProvider({ kind: 'container', url, ...extra }, clock, (error) =>
    refreshFailures.push(error),
  );

describe('credentials of the environment', () => {
  it('are given as they are', async () => {
    const keys = { accessKeyId: 'AKID', secretAccessKey: 'secret', sessionToken: 'token' };
    const provide = createCredentialProvider({ kind: 'environment', ...keys }, clock, () => {});
    expect(await provide()).toEqual(keys);
  });
});

describe('credentials of the container endpoint', () => {
  it('are asked for once and kept', async () => {
    const provide = provider();
    const both = await Promise.all([provide(), provide()]);
    expect(both[0]).toEqual({
      accessKeyId: 'AKID1',
      secretAccessKey: 'secret',
      sessionToken: 'token',
      expiration: new Date(clock.now() + 60 * MINUTE_MS),
    });
    expect(both[1]).toBe(both[0]);
    expect(await provide()).toBe(both[0]);
    expect(requests.map((request) => request.url)).toEqual(['/v2/credentials/secret-id?a=b']);
    expect(requests[0]?.headers.authorization).toBeUndefined();
  });

  it('are asked for anew five minutes before they expire', async () => {
    const provide = provider();
    await provide();
    clock.advance(55 * MINUTE_MS - 1);
    expect((await provide()).accessKeyId).toBe('AKID1');
    clock.advance(1);
    expect((await provide()).accessKeyId).toBe('AKID2');
  });

  it('are still given while they are good and new ones are not to be had', async () => {
    const provide = provider();
    await provide();
    clock.advance(56 * MINUTE_MS);
    answer = (response) => response.writeHead(503).end('{"code":"CredentialsUninitialized"}');
    expect((await provide()).accessKeyId).toBe('AKID1');
    expect(String(refreshFailures)).toContain('status 503: {"code":"CredentialsUninitialized"}');
    clock.advance(4 * MINUTE_MS);
    await expect(provide()).rejects.toThrow('status 503');
    answer = giveKeys;
    expect((await provide()).accessKeyId).toBe('AKID4');
  });

  it('are asked for anew when they were not accepted', async () => {
    const provide = provider();
    await provide();
    provide.forget();
    expect((await provide()).accessKeyId).toBe('AKID2');
  });

  it('are asked for with the token, that of the file read each time', async () => {
    await provider({ authorizationToken: 'Bearer t' })();
    const folder = await mkdtemp(join(tmpdir(), 'fargauge-'));
    const file = join(folder, 'token');
    await writeFile(file, 'first\n');
    const provide = provider({ authorizationToken: 'not this', authorizationTokenFile: file });
    await provide();
    await writeFile(file, 'second\n');
    provide.forget();
    await provide();
    await rm(folder, { recursive: true });
    expect(requests.map((request) => request.headers.authorization)).toEqual(['Bearer t', 'first', 'second']);
  });

  it.each([
    [
      'a status',
      'status 404: nothing',
      (response: http.ServerResponse) => response.writeHead(404).end('nothing'),
    ],
    ['no JSON', 'the answer is not JSON', (response: http.ServerResponse) => response.end('AKID secret')],
    ['null', 'the answer is not { AccessKeyId', (response: http.ServerResponse) => response.end('null')],
    [
      'a part',
      'the answer is not { AccessKeyId',
      (response: http.ServerResponse) => response.end('{"AccessKeyId":"A"}'),
    ],
    ['too much', 'more than 65536', (response: http.ServerResponse) => response.end('x'.repeat(1_000_000))],
    ['a cut', 'socket hang up', (response: http.ServerResponse) => response.destroy()],
  ])(
    'an endpoint that gives %s is an error, which shows neither keys nor the id in the path',
    async (_, text, act) => {
      answer = act;
      const failure = await provider()().catch((error: unknown) => error);
      expect(failure).toMatchObject({ name: 'CredentialsError', message: expect.stringContaining(text) });
      expect(String(failure)).toContain(url.origin);
      expect(String(failure)).not.toMatch(/secret/);
    },
  );

  it.each([
    ['nothing', () => {}],
    ['half of its answer', (response: http.ServerResponse) => response.write('{')],
  ])('an endpoint that gives %s is given up after a second', async (_, act) => {
    const asked = Promise.withResolvers<void>();
    answer = (response) => {
      act(response);
      asked.resolve();
    };
    const failure = provider()().catch((error: unknown) => error);
    await asked.promise;
    clock.advance(1_000);
    expect(await failure).toMatchObject({
      name: 'CredentialsError',
      message: expect.stringContaining('no answer within 1000 ms'),
    });
  });
});
