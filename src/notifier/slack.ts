import type { Clock } from '../clock.ts';
import { type Backoff, fullJitterMs } from '../sinks/retry.ts';
import type { Message } from './message.ts';
import type { Destination } from './slack-access.ts';

/** A message did not get to Slack. The message says where it was to go, what was said, and what to do. */
export class SlackError extends Error {
  override readonly name = 'SlackError';
  /** Slack's word for it, or our own. */
  readonly reason: string;

  constructor(message: string, reason: string) {
    super(message);
    this.reason = reason;
  }

  /** Whether another token could help: it may have been replaced. */
  get isAuthentication(): boolean {
    return AUTHENTICATION.has(this.reason);
  }
}

/**
 * What an answer means.
 * - `transient`: again, not before `afterMs` where Slack says so.
 * - `refused`: never the same again.
 */
export type Verdict =
  | { readonly kind: 'accepted' }
  | { readonly kind: 'transient'; readonly reason: string; readonly afterMs?: number }
  | { readonly kind: 'refused'; readonly reason: string };

/** An answer of Slack, or of what stands before it. */
export interface Answer {
  readonly status: number;
  readonly retryAfter: string | null;
  readonly body: string;
}

/** Errors of the Web API that pass; all come with HTTP 200. https://docs.slack.dev/reference/methods/chat.postMessage */
const TRANSIENT: ReadonlySet<string> = new Set([
  'fatal_error',
  'internal_error',
  'rate_limited',
  'ratelimited',
  'request_timeout',
  'service_unavailable',
  'team_added_to_org',
]);

const AUTHENTICATION: ReadonlySet<string> = new Set([
  'account_inactive',
  'invalid_auth',
  'not_authed',
  'token_expired',
  'token_revoked',
]);

/** The blocks are at fault, by the Web API and by webhooks: without them the text may do. */
const CONTENT: ReadonlySet<string> = new Set([
  'invalid_blocks',
  'invalid_blocks_format',
  'invalid_payload',
  'msg_blocks_too_long',
]);

const HINTS: ReadonlyMap<string, string> = new Map(
  Object.entries({
    channel_not_found: 'check the id; the app must be a member of a private channel',
    not_in_channel: 'invite the app into the channel: /invite @app',
    is_archived: 'the channel is archived: name another one',
    missing_scope: 'the app needs the scope chat:write',
    no_service: 'the webhook was removed: make another one',
  }),
);

export function judge({ status, retryAfter, body }: Answer, isWebApi: boolean): Verdict {
  if (status === 429) {
    const seconds = Number(retryAfter ?? '');
    const afterMs = retryAfter !== null && seconds > 0 ? { afterMs: seconds * 1000 } : {};
    return { kind: 'transient', reason: 'HTTP 429', ...afterMs };
  }
  if (status === 408 || status >= 500) return { kind: 'transient', reason: `HTTP ${status}` };
  if (!isWebApi) {
    return status === 200
      ? { kind: 'accepted' }
      : { kind: 'refused', reason: firstWord(body) ?? `HTTP ${status}` };
  }
  const { ok, error } = parseAnswer(body);
  if (ok === true && status === 200) return { kind: 'accepted' };
  // A page of something in between, or half an answer.
  if (ok === undefined) {
    return { kind: status === 200 ? 'transient' : 'refused', reason: `HTTP ${status} without Slack's JSON` };
  }
  const reason = firstWord(error) ?? 'an error without a name';
  return { kind: TRANSIENT.has(reason) ? 'transient' : 'refused', reason };
}

function parseAnswer(body: string): { readonly ok?: unknown; readonly error?: unknown } {
  try {
    const value: unknown = JSON.parse(body);
    return typeof value === 'object' && value !== null ? value : {};
  } catch {
    return {};
  }
}

/** Slack's errors are words such as `invalid_auth`. */
function firstWord(text: unknown): string | undefined {
  return typeof text === 'string' ? /^[a-z_]{1,64}/.exec(text.trim())?.[0] : undefined;
}

/** Time and chance as parameters. */
export interface SlackOptions {
  readonly clock: Clock;
  readonly random: () => number;
  /** Of one try, ms. Slack answers within a second. */
  readonly attemptTimeoutMs?: number;
}

const ATTEMPT_TIMEOUT_MS = 5_000;
const BACKOFF: Backoff = { baseMs: 500, capMs: 5_000 };
/** Those who were told to come back at the same moment do not. */
const RETRY_AFTER_JITTER_MS = 1_000;

/**
 * Posts a message, by chat.postMessage or by a webhook. Throttling (as Retry-After says), 5xx, time-outs and network
 * errors are met with another try as long as there is time. When Slack refuses the blocks, the text goes alone. A try
 * that got no answer may have been taken: then a message comes twice.
 *
 * Not @slack/web-api or @slack/webhook: both bound the number of tries and not their time, the latter does not retry a
 * 429, and one loop serves both ways here.
 * @param untilMs when to give up, by clock.elapsed()
 * @throws SlackError
 */
export async function post(
  destination: Destination,
  message: Message,
  untilMs: number,
  { clock, random, attemptTimeoutMs = ATTEMPT_TIMEOUT_MS }: SlackOptions,
): Promise<void> {
  let content: Partial<Message> = message;
  for (let failureCount = 1; ; failureCount += 1) {
    const verdict = await attempt(
      destination,
      content,
      Math.min(attemptTimeoutMs, untilMs - clock.elapsed()),
    );
    if (verdict.kind === 'accepted') return;
    const { kind, reason } = verdict;
    if (kind === 'refused' && CONTENT.has(reason) && content.blocks !== undefined) {
      content = { text: message.text };
      continue;
    }
    if (kind === 'refused') throw failure(destination, reason, HINTS.get(reason));
    const waitMs =
      verdict.afterMs === undefined
        ? fullJitterMs(failureCount, BACKOFF, random)
        : verdict.afterMs + random() * RETRY_AFTER_JITTER_MS;
    if (clock.elapsed() + waitMs >= untilMs) {
      throw failure(destination, reason, `no time is left for another try (${failureCount} made)`);
    }
    await clock.sleep(waitMs);
  }
}

function failure({ name }: Destination, reason: string, hint: string | undefined): SlackError {
  return new SlackError(
    `Slack did not take the notice for ${name}: ${reason}${hint ? `; ${hint}` : ''}`,
    reason,
  );
}

async function attempt(
  { url, bot }: Destination,
  content: Partial<Message>,
  timeoutMs: number,
): Promise<Verdict> {
  try {
    const response = await fetch(url, {
      method: 'POST',
      headers: {
        'content-type': 'application/json; charset=utf-8',
        ...(bot && { authorization: `Bearer ${bot.token}` }),
      },
      body: JSON.stringify({
        ...(bot && { channel: bot.channel }),
        ...content,
        unfurl_links: false,
        unfurl_media: false,
      }),
      redirect: 'error',
      signal: AbortSignal.timeout(Math.max(1, Math.ceil(timeoutMs))),
    });
    const answer = {
      status: response.status,
      retryAfter: response.headers.get('retry-after'),
      body: await response.text(),
    };
    return judge(answer, bot !== undefined);
  } catch (error) {
    return { kind: 'transient', reason: networkReason(error as Error) };
  }
}

/** Without the URL: a webhook's is a secret. */
function networkReason({ name, cause }: Error): string {
  if (name === 'TimeoutError') return 'no answer in time';
  const { code } = (cause ?? {}) as { readonly code?: unknown };
  return typeof code === 'string' ? code : 'no connection';
}
