import { SendMessageCommand, SQSClient, type SQSClientConfig } from '@aws-sdk/client-sqs';
import { classifyFailure } from '../sinks/retry.ts';

/** Where what was not indexed is kept. */
export interface FailureQueue {
  /** Rejects unless every message was taken. */
  send(messages: readonly string[]): Promise<void>;
}

/** The failure queue did not take something. */
export class FailureQueueError extends Error {
  override readonly name = 'FailureQueueError';
}

const TIMEOUTS = { connectionTimeout: 2_000, requestTimeout: 4_000, throwOnRequestTimeout: true } as const;
const CONCURRENCY = 8;

/**
 * An SQS queue, by the SDK, which retries twice. One message to a request: some are as large as a request may be.
 * @param queueUrl `https://sqs.REGION.amazonaws.com/ACCOUNT/NAME`
 * @param configuration where the environment does not have a region and keys, as Lambda's has
 */
export function openFailureQueue(queueUrl: string, configuration: SQSClientConfig = {}): FailureQueue {
  const region = /^https:\/\/sqs\.([\w-]+)\./.exec(queueUrl)?.[1];
  const client = new SQSClient({
    ...(region !== undefined && { region }),
    endpoint: new URL(queueUrl).origin,
    requestHandler: TIMEOUTS,
    ...configuration,
  });
  return {
    async send(messages) {
      const waiting = messages.values();
      const sendWaiting = async () => {
        for (const MessageBody of waiting) {
          await client.send(new SendMessageCommand({ QueueUrl: queueUrl, MessageBody }));
        }
      };
      const sent = await Promise.allSettled(Array.from({ length: CONCURRENCY }, sendWaiting));
      const failed = sent.find((each) => each.status === 'rejected');
      if (failed === undefined) return;
      const { reason } = classifyFailure(failed.reason);
      throw new FailureQueueError(`${queueUrl}: ${reason}`, { cause: failed.reason });
    },
  };
}
