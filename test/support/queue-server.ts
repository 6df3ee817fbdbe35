import { createHash } from 'node:crypto';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { wholeBody } from './whole-body.ts';

/**
 * Amazon SQS on loopback, as far as messages are sent to it: refuses what the real one refuses.
 *
 * https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html
 */
export interface QueueServer {
  readonly queueUrl: string;
  /** Bodies of the messages in the queue. */
  readonly messages: readonly string[];
  /** Names of the errors that requests were answered with. */
  readonly refusals: readonly string[];
  /** So many requests from now on fail with 503. */
  fail(requestCount: number): void;
  /** As Lambda does it when an invocation failed to the last. */
  put(message: string): void;
  /** Takes all messages out. */
  take(): string[];
  close(): Promise<void>;
}

const MAX_MESSAGE_BYTES = 262_144;
/** `#x9 | #xA | #xD | #x20 to #xD7FF | #xE000 to #xFFFD | #x10000 to #x10FFFF` */
const FORBIDDEN = /[^\t\n\r\u{20}-\u{D7FF}\u{E000}-\u{FFFD}\u{10000}-\u{10FFFF}]/u;

export async function startQueueServer(): Promise<QueueServer> {
  let messages: string[] = [];
  const refusals: string[] = [];
  let failureCount = 0;

  function refusalOf(action: string, body: string): [status: number, name: string] | undefined {
    if (failureCount > 0) {
      failureCount -= 1;
      return [503, 'ServiceUnavailable'];
    }
    if (action !== 'AmazonSQS.SendMessage') return [400, 'InvalidAction'];
    if (body === '' || Buffer.byteLength(body) > MAX_MESSAGE_BYTES) return [400, 'InvalidParameterValue'];
    if (FORBIDDEN.test(body)) return [400, 'InvalidMessageContents'];
    return undefined;
  }

  const server = http.createServer(async (request, response) => {
    const sent = await wholeBody(request);
    if (sent === undefined) return;
    const { MessageBody: body = '' } = JSON.parse(sent);
    const refusal = refusalOf(String(request.headers['x-amz-target']), body);
    const answer = (status: number, document: object) => {
      response.writeHead(status, { 'content-type': 'application/x-amz-json-1.0' });
      response.end(JSON.stringify(document));
    };
    if (refusal !== undefined) {
      const [status, name] = refusal;
      refusals.push(name);
      answer(status, { __type: `com.amazonaws.sqs#${name}`, message: name });
      return;
    }
    messages.push(body);
    const MD5OfMessageBody = createHash('md5').update(body).digest('hex');
    answer(200, { MessageId: crypto.randomUUID(), MD5OfMessageBody });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    queueUrl: `http://127.0.0.1:${port}/123456789012/fargauge-failures`,
    get messages() {
      return messages;
    },
    refusals,
    fail: (requestCount) => {
      failureCount = requestCount;
    },
    put: (message) => {
      messages.push(message);
    },
    take: () => {
      const taken = messages;
      messages = [];
      return taken;
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
