import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type BulkServer, startBulkServer } from '../support/bulk-server.ts';
import { delivered } from '../support/deliveries.ts';
import { eventsInMessages } from '../support/forwarding.ts';
import { LambdaFunction } from '../support/lambda-function.ts';
import { linesOfRun } from '../support/lines.ts';
import { DEADLINE_TESTS } from '../support/program-test.ts';
import { type QueueServer, startQueueServer } from '../support/queue-server.ts';
import { isSigned } from '../support/signature.ts';

const LINES = linesOfRun('2026-03-02T02:00:00Z', 1);
const SECRET_ARN = 'arn:aws:secretsmanager:eu-west-1:123456789012:secret:engine-AbCdEf';

let engine: BulkServer;
let queue: QueueServer;
let lambda: LambdaFunction | undefined;

beforeEach(async () => {
  [engine, queue] = await Promise.all([startBulkServer(), startQueueServer()]);
});
afterEach(async () => {
  await Promise.all([lambda?.stop(), engine.close(), queue.close()]);
  lambda = undefined;
});

function start(environment: Readonly<Record<string, string>> = {}): Promise<LambdaFunction> {
  return LambdaFunction.start({
    OPENSEARCH_URL: engine.url,
    FAILURE_QUEUE_URL: queue.queueUrl,
    ...environment,
  });
}

/** All that the function has said, anywhere. */
function said({ log, stderr }: LambdaFunction): string {
  return JSON.stringify([log, stderr, queue.messages]);
}

/** Secrets Manager on loopback with one secret, which the test may change. */
async function startSecrets(text: string) {
  const secrets = { text, readCount: 0, isHanging: false };
  const server = http.createServer((request, response) => {
    request.resume();
    if (secrets.isHanging) return;
    const isRead = request.headers['x-amz-target'] === 'secretsmanager.GetSecretValue';
    if (isRead) secrets.readCount += 1;
    response.writeHead(isRead ? 200 : 400, { 'content-type': 'application/x-amz-json-1.1' });
    response.end(JSON.stringify({ SecretString: secrets.text }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const close = () => {
    server.close();
    server.closeAllConnections();
  };
  return { secrets, url: `http://127.0.0.1:${port}`, close };
}

const secretText = (password: string) => JSON.stringify({ username: 'forwarder', password });
const basic = (password: string) => `Basic ${Buffer.from(`forwarder:${password}`).toString('base64')}`;

describe('the function’s file', () => {
  it('indexes a delivery over one connection, without telling who it is where nobody asks', async () => {
    lambda = await start();
    expect(await lambda.invoke(delivered(LINES))).toEqual({ result: undefined });
    expect(engine.documents.size).toBe(LINES.length);
    expect(engine.requests.every(({ headers }) => headers.authorization === undefined)).toBe(true);
    expect(lambda.log.at(-1)).toMatchObject({
      level: 'info',
      requestId: 'request-1',
      indexedCount: LINES.length,
    });
    expect(lambda.stderr).toBe('');
  });

  it('signs its requests for Amazon OpenSearch Service', async () => {
    engine.hasTemplate = false;
    engine.accepts = (request) =>
      isSigned(request, 'the-secret-key', { region: 'eu-central-1', service: 'es' }) &&
      request.headers['x-amz-security-token'] === 'the-session-token';
    lambda = await start({ OPENSEARCH_AUTH: 'sigv4', OPENSEARCH_REGION: 'eu-central-1' });
    await lambda.invoke(delivered(LINES));
    expect(engine.documents.size).toBe(LINES.length);
    expect(engine.requests.map(({ method }) => method)).toEqual(['HEAD', 'PUT', 'POST']);
    expect(said(lambda)).not.toMatch(/the-secret-key|the-session-token/);
  });

  it(
    'reads a password from Secrets Manager once, and again when it is not accepted any more',
    DEADLINE_TESTS,
    async () => {
      const { secrets, url, close } = await startSecrets(secretText('hunter1'));
      engine.accepts = ({ headers }) => headers.authorization === basic('hunter1');
      lambda = await start({ OPENSEARCH_SECRET_ARN: SECRET_ARN, AWS_ENDPOINT_URL_SECRETS_MANAGER: url });
      await lambda.invoke(delivered(LINES.slice(0, 1)));
      await lambda.invoke(delivered(LINES.slice(1, 2)));
      expect([engine.documents.size, secrets.readCount]).toEqual([2, 1]);

      secrets.text = secretText('hunter2');
      engine.accepts = ({ headers }) => headers.authorization === basic('hunter2');
      await lambda.invoke(delivered(LINES.slice(2)));
      expect([engine.documents.size, secrets.readCount]).toEqual([LINES.length, 2]);
      expect(said(lambda)).not.toMatch(/hunter/);

      secrets.text = 'hunter3';
      engine.accepts = () => false;
      await lambda.invoke(delivered(LINES), 4_500);
      close();
      expect(eventsInMessages(queue.messages)[0]?.reason).toContain(
        `secret ${SECRET_ARN} is not JSON with the strings username and password`,
      );
      expect(said(lambda)).not.toMatch(/hunter/);
    },
  );

  it('does not wait for a secret longer than there is time', async () => {
    const { secrets, url, close } = await startSecrets('');
    secrets.isHanging = true;
    lambda = await start({ OPENSEARCH_SECRET_ARN: SECRET_ARN, AWS_ENDPOINT_URL_SECRETS_MANAGER: url });
    await lambda.invoke(delivered(LINES), 900);
    close();
    expect(engine.requests).toEqual([]);
    expect(eventsInMessages(queue.messages).map(({ message }) => message)).toEqual(LINES);
  });

  it('fails with all that is wrong with its settings, so that Lambda keeps the delivery', async () => {
    lambda = await start({ OPENSEARCH_URL: 'nowhere', FAILURE_QUEUE_URL: '' });
    const event = delivered(LINES);
    await lambda.deliver(event, queue.put);
    expect(queue.messages.map((message) => JSON.parse(message))).toEqual([
      expect.objectContaining({
        requestPayload: event,
        responsePayload: {
          errorType: 'SettingsError',
          errorMessage: expect.stringMatching(/OPENSEARCH_URL="nowhere".*\n.*FAILURE_QUEUE_URL is not set/),
        },
      }),
    ]);
  });
});
