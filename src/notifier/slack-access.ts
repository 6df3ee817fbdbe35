import * as z from 'zod/mini';
import type { Result } from './run-ending.ts';
import { channelOf, NOTIFIER_VARIABLES, type Settings } from './settings.ts';

/** Where a notice is posted, and with what right. */
export interface Destination {
  readonly url: string;
  /** With a bot token; a webhook has its channel and its right in its URL. */
  readonly bot: { readonly token: string; readonly channel: string } | undefined;
  /** For messages and logs: nothing secret. */
  readonly name: string;
}

/** The secret cannot be had, or is not what it must be. The message tells nothing of what it is. */
export class SecretError extends Error {
  override readonly name = 'SecretError';
}

const ALLOWED =
  'it must be a bot token (xoxb-…), or a JSON object with the key token, or with successWebhook, failureWebhook or both';

const token = z.string().check(z.regex(/^xox[a-z]-\S{1,500}$|^xoxe\.xox[a-z]-\S{1,500}$/));
/** Plain HTTP is for tests on this machine. */
const webhook = z.string().check(z.regex(/^https:\/\/\S{1,500}$|^http:\/\/127\.0\.0\.1:\d+\/\S{1,500}$/));

const Secret = z.union([
  z.strictObject({ token }),
  z
    .strictObject({ successWebhook: z.optional(webhook), failureWebhook: z.optional(webhook) })
    .check(z.refine((webhooks) => Object.keys(webhooks).length > 0)),
]);

/**
 * Where notices of a result go. One token serves all channels; a webhook is bound to the channel that it was made for.
 * @param secret its text
 * @returns undefined when the settings name no place for such a result
 * @throws SecretError
 */
export function destinationOf(secret: string, settings: Settings, result: Result): Destination | undefined {
  const access = parseSecret(secret);
  const kind = result === 'success' ? 'success' : 'failure';
  if ('token' in access) {
    const { successChannel, failureChannel, slackApiUrl } = settings;
    if (successChannel === undefined && failureChannel === undefined) {
      const names = [NOTIFIER_VARIABLES.successChannel, NOTIFIER_VARIABLES.failureChannel].map(
        ({ name }) => name,
      );
      throw new SecretError(`the secret is a bot token, and no channel is named: set ${names.join(' or ')}`);
    }
    const channel = channelOf(settings, result);
    return channel === undefined
      ? undefined
      : {
          url: `${slackApiUrl}chat.postMessage`,
          bot: { token: access.token, channel },
          name: `channel ${channel}`,
        };
  }
  const url = result === 'success' ? access.successWebhook : access.failureWebhook;
  return url === undefined ? undefined : { url, bot: undefined, name: `the webhook for ${kind}` };
}

function parseSecret(secret: string): z.infer<typeof Secret> {
  const text = secret.trim();
  if (token.safeParse(text).success) return { token: text };
  try {
    return Secret.parse(JSON.parse(text));
  } catch {
    // Without the cause: it may quote the secret.
    throw new SecretError(`the secret is not what the notifier needs: ${ALLOWED}`);
  }
}
