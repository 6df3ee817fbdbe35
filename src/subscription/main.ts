/** The Lambda function: environment in, events in, lines out to stdout, which is its log. */

import { systemClock } from '../clock.ts';
import {
  type Authorization,
  AuthorizationError,
  basicAuthorization,
  NO_AUTHORIZATION,
  type SigningKeys,
  sigV4Authorization,
} from './authorization.ts';
import { openFailureQueue } from './failure-queue.ts';
import { Forwarder, type Log, type MessageFailures } from './forwarder.ts';
import { connectSearchEngine } from './search-client.ts';
import { readSecret } from './secret.ts';
import { parseSettings, type Settings } from './settings.ts';

/** What we use of Lambda's context. */
export interface InvocationContext {
  readonly awsRequestId: string;
  getRemainingTimeInMillis(): number;
}

let forwarder: Forwarder | undefined;
let requestId = '';

/**
 * What Lambda calls: the function's handler is `subscription.forward`.
 * @param event of a CloudWatch Logs subscription, or of the failure queue
 */
export async function forward(
  event: unknown,
  context: InvocationContext,
): Promise<MessageFailures | undefined> {
  requestId = context.awsRequestId;
  // Not when the file is loaded: a wrong setting would look like a function that cannot start.
  forwarder ??= open(parseSettings(process.env));
  return forwarder.forward(event, context.getRemainingTimeInMillis());
}

function open({ url, authorization, failureQueueUrl, othersIndexPrefix }: Settings): Forwarder {
  return new Forwarder({
    client: connectSearchEngine(url, authorizationOf(url, authorization)),
    failureQueue: openFailureQueue(failureQueueUrl),
    othersIndexPrefix,
    clock: systemClock,
    random: Math.random,
    log,
  });
}

function authorizationOf(url: URL, settings: Settings['authorization']): Authorization {
  switch (settings.kind) {
    case 'sigv4':
      return sigV4Authorization(settings.region, url.host, keysOfFunction);
    case 'basic':
      return basicAuthorization(() => readSecret(settings.secretArn));
    case 'none':
      return NO_AUTHORIZATION;
  }
}

/** Lambda puts the role's keys into the environment, and starts another process before they expire. */
async function keysOfFunction(): Promise<SigningKeys> {
  const { AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN } = process.env;
  if (!AWS_ACCESS_KEY_ID || !AWS_SECRET_ACCESS_KEY) {
    throw new AuthorizationError(
      'AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not set, as Lambda sets them',
    );
  }
  return {
    accessKeyId: AWS_ACCESS_KEY_ID,
    secretAccessKey: AWS_SECRET_ACCESS_KEY,
    sessionToken: AWS_SESSION_TOKEN,
  };
}

const log: Log = (level, fields, message) => {
  process.stdout.write(`${JSON.stringify({ level, message, requestId, ...fields })}\n`);
};
