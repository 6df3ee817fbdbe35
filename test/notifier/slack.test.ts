import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Message } from '../../src/notifier/message.ts';
import { parseSettings, type Settings } from '../../src/notifier/settings.ts';
import { judge, post } from '../../src/notifier/slack.ts';
import { destinationOf } from '../../src/notifier/slack-access.ts';
import { refusingPort } from '../support/refusing-port.ts';
import { CHANNELS, type SlackServer, startSlackServer } from '../support/slack-server.ts';
import { noticeOf } from './recorded-events.ts';
import { SkippingClock } from './skipping-clock.ts';

let slack: SlackServer;
let settings: Settings;
beforeEach(async () => {
  slack = await startSlackServer();
  settings = parseSettings({
    FARGAUGE_SLACK_SECRET_ARN: 'arn:aws:secretsmanager:us-east-1:123456789012:secret:slack-AbCdEf',
    FARGAUGE_SLACK_SUCCESS_CHANNEL: CHANNELS.success,
    FARGAUGE_SLACK_FAILURE_CHANNEL: CHANNELS.failure,
    FARGAUGE_SLACK_API_URL: slack.apiUrl,
  });
});
afterEach(() => slack.close());

const notice = noticeOf('fargate-out-of-memory');
if ('skip' in notice) throw new Error('the event gives no notice');
const { message } = notice;

const HALF = () => 0.5;

async function send(
  content: Message = message,
  { secret = 'xoxb-1', timeMs = 30_000, clock = new SkippingClock(), attemptTimeoutMs = 10_000 } = {},
) {
  const destination = destinationOf(secret, settings, 'failure');
  if (destination === undefined) throw new Error('nowhere to send');
  await post(destination, content, clock.elapsed() + timeMs, { clock, random: HALF, attemptTimeoutMs });
  return clock;
}

describe('a message', () => {
  it('goes to the channel of its result with the bot’s token', async () => {
    await send();
    expect(slack.taken).toEqual([
      { channel: CHANNELS.failure, text: message.text, blocks: message.blocks, mentions: ['!here'] },
    ]);
    expect(slack.requestCount).toBe(1);
  });

  it('goes to a webhook without one', async () => {
    await send(message, { secret: JSON.stringify({ failureWebhook: slack.webhookUrl }) });
    expect(slack.taken).toMatchObject([{ channel: undefined, text: message.text }]);
  });

  it.each([
    [
      '5xx',
      [
        { kind: 'answer', status: 500 },
        { kind: 'answer', status: 503 },
      ] as const,
      [250, 500],
    ],
    ['connections cut', [{ kind: 'reset' }] as const, [250]],
    ['an error of Slack’s own', [{ kind: 'error', error: 'internal_error' }] as const, [250]],
    ['a page of something in between', [{ kind: 'answer', status: 200, body: '<html>' }] as const, [250]],
    ['429 with Retry-After', [{ kind: 'answer', status: 429, retryAfter: '7' }] as const, [7_500]],
    ['429 without', [{ kind: 'answer', status: 429, retryAfter: 'soon' }] as const, [250]],
  ])('comes in after %s', async (_, faults, slept) => {
    slack.inject(...faults);
    const clock = await send();
    expect(slack.taken).toHaveLength(1);
    expect(clock.slept).toEqual(slept);
  });

  it('comes in after no answer', async () => {
    slack.inject({ kind: 'hang' });
    const clock = await send(message, { attemptTimeoutMs: 200 });
    // A busy machine may make it miss another one.
    expect(slack.taken.length).toBeGreaterThan(0);
    expect(clock.slept[0]).toBe(250);
  });

  it('is given up at once when Slack wants more time than there is', async () => {
    slack.inject({ kind: 'answer', status: 429, retryAfter: '30' });
    const clock = new SkippingClock();
    await expect(send(message, { clock })).rejects.toThrow(
      `Slack did not take the notice for channel ${CHANNELS.failure}: HTTP 429; no time is left for another try (1 made)`,
    );
    expect(clock.slept).toEqual([]);
  });

  it('is tried as long as there is time, and no longer', async () => {
    slack.inject(...Array.from({ length: 50 }, () => ({ kind: 'answer', status: 502 }) as const));
    const clock = new SkippingClock();
    await expect(send(message, { clock, timeMs: 20_000 })).rejects.toThrow('HTTP 502; no time is left');
    expect(clock.elapsed()).toBeGreaterThan(15_000);
    expect(clock.elapsed()).toBeLessThan(20_000);
  });

  it.each([
    ['invalid_auth', { secret: 'xoxb-other' }, ''],
    ['not_in_channel', {}, 'invite the app into the channel'],
    ['missing_scope', {}, 'chat:write'],
  ])('that is refused by %s is not tried again', async (error, options, hint) => {
    if (error !== 'invalid_auth') slack.inject({ kind: 'error', error });
    await expect(send(message, options)).rejects.toThrow(new RegExp(`${error}.*${hint}`));
    expect(slack.requestCount).toBe(1);
  });

  it('of which Slack refuses the blocks goes as text', async () => {
    slack.inject({ kind: 'error', error: 'msg_blocks_too_long' });
    await send();
    expect(slack.taken).toEqual([
      { channel: CHANNELS.failure, text: message.text, blocks: undefined, mentions: ['!here'] },
    ]);
    await expect(send({ ...message, text: '' })).rejects.toThrow('no_text');
  });

  it('that cannot be sent tells neither the token nor the address of the webhook', async () => {
    const nobody = await refusingPort();
    const elsewhere = (url: string) => Object.assign(new URL(url), { port: nobody.port }).href;
    settings = { ...settings, slackApiUrl: elsewhere(slack.apiUrl) };
    const secrets = ['xoxb-1', JSON.stringify({ failureWebhook: elsewhere(slack.webhookUrl) })];
    for (const secret of secrets) {
      const error = await send(message, { secret, timeMs: 1_000 }).then(() => undefined, String);
      expect(error).toContain('ECONNREFUSED');
      expect(error).not.toMatch(/xoxb|services|127\.0\.0\.1/);
    }
    nobody.close();
  });
});

describe('an answer of a webhook', () => {
  it.each([
    [200, 'ok', { kind: 'accepted' }],
    [404, 'no_service', { kind: 'refused', reason: 'no_service' }],
    [410, 'channel_is_archived', { kind: 'refused', reason: 'channel_is_archived' }],
    [403, '<html>', { kind: 'refused', reason: 'HTTP 403' }],
    [503, '', { kind: 'transient', reason: 'HTTP 503' }],
  ])('%s %s', (status, body, verdict) => {
    expect(judge({ status, retryAfter: null, body }, false)).toEqual(verdict);
  });
});

describe('the secret', () => {
  const settingsWith = (changes: Partial<Settings>): Settings => ({ ...settings, ...changes });
  const webhooks = { successWebhook: 'https://hooks.slack.com/services/T/B/1' };

  it('is a token as text or as JSON, or webhooks', () => {
    for (const secret of ['xoxb-12-ab\n', '{"token":"xoxb-12-ab"}']) {
      expect(destinationOf(secret, settings, 'success')).toEqual({
        url: `${slack.apiUrl}chat.postMessage`,
        bot: { token: 'xoxb-12-ab', channel: CHANNELS.success },
        name: `channel ${CHANNELS.success}`,
      });
    }
    expect(destinationOf(JSON.stringify(webhooks), settings, 'success')).toEqual({
      url: webhooks.successWebhook,
      bot: undefined,
      name: 'the webhook for success',
    });
  });

  it('names the place of each result, or none', () => {
    expect(destinationOf(JSON.stringify(webhooks), settings, 'failure')).toBeUndefined();
    expect(destinationOf('xoxb-1', settingsWith({ successChannel: undefined }), 'success')).toBeUndefined();
    expect(destinationOf('xoxb-1', settings, 'stopped')?.bot?.channel).toBe(CHANNELS.failure);
    const nowhere = settingsWith({ successChannel: undefined, failureChannel: undefined });
    expect(() => destinationOf('xoxb-1', nowhere, 'failure')).toThrow('FARGAUGE_SLACK_FAILURE_CHANNEL');
  });

  it.each([
    '',
    'hunter2',
    '{}',
    '{"token":"hunter2"}',
    '{"token":"xoxb-1","more":1}',
    '{"failureWebhook":"http://x/hunter2"}',
  ])('cannot be %j, and the message does not tell it', (secret) => {
    const refusal = () => destinationOf(secret, settings, 'failure');
    expect(refusal).toThrow('it must be a bot token (xoxb-…)');
    expect(refusal).not.toThrow('hunter2');
  });
});
