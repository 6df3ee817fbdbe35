import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { mentionsIn, messageProblem } from './slack-message.ts';
import { wholeBody } from './whole-body.ts';

/**
 * Slack as its documentation describes it, on loopback: chat.postMessage and incoming webhooks. It refuses what Slack
 * refuses, with its words, and fails on command.
 *
 * https://docs.slack.dev/reference/methods/chat.postMessage
 * https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks
 */
export interface SlackServer {
  /** Of the Web API, with a slash at its end. */
  readonly apiUrl: string;
  readonly webhookUrl: string;
  token: string;
  /** Messages that it took, in order. */
  readonly taken: readonly TakenMessage[];
  /** Every request, faults and refusals included. */
  readonly requestCount: number;
  /** Why messages were refused, in order: Slack's word and what was wrong. */
  readonly refusals: readonly string[];
  /** Each fault meets one request: the next, the one after it, and so on. */
  inject(...faults: readonly SlackFault[]): void;
  close(): Promise<void>;
}

export interface TakenMessage {
  /** Undefined by a webhook. */
  readonly channel: string | undefined;
  readonly text: string;
  readonly blocks: readonly unknown[] | undefined;
  /** Who is mentioned in it, as Slack would find them. */
  readonly mentions: readonly string[];
}

export type SlackFault =
  /** Taken by nobody. */
  | { readonly kind: 'answer'; readonly status: number; readonly retryAfter?: string; readonly body?: string }
  /** An error of the Web API. */
  | { readonly kind: 'error'; readonly error: string }
  | { readonly kind: 'hang' }
  | { readonly kind: 'reset' };

export const CHANNELS = { success: 'C0SUCCESS', failure: 'C0FAILURE', archived: 'C0ARCHIVED' } as const;
const WEBHOOK_PATH = '/services/T00000000/B00000000/XXXXXXXXXXXXXXXXXXXXXXXX';

export async function startSlackServer(): Promise<SlackServer> {
  const taken: TakenMessage[] = [];
  const refusals: string[] = [];
  const faults: SlackFault[] = [];
  let requestCount = 0;

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    requestCount += 1;
    const body = await wholeBody(request);
    if (body === undefined) return;
    const fault = faults.shift();
    if (fault) return fail(fault, request, response);
    const isWebhook = request.url === WEBHOOK_PATH;
    const error = isWebhook ? takeByWebhook(body) : takeByWebApi(request, body);
    if (isWebhook) {
      response.writeHead(error === undefined ? 200 : 400).end(error ?? 'ok');
      return;
    }
    response.setHeader('content-type', 'application/json; charset=utf-8');
    response.end(JSON.stringify(error === undefined ? { ok: true, ts: '1.0' } : { ok: false, error }));
  }

  function fail(fault: SlackFault, request: IncomingMessage, response: ServerResponse): void {
    if (fault.kind === 'reset') request.socket.destroy();
    if (fault.kind === 'error') response.end(JSON.stringify({ ok: false, error: fault.error }));
    if (fault.kind !== 'answer') return;
    const headers = fault.retryAfter === undefined ? {} : { 'retry-after': fault.retryAfter };
    response.writeHead(fault.status, headers).end(fault.body ?? '');
  }

  function takeByWebApi({ method, url, headers }: IncomingMessage, body: string): string | undefined {
    if (method !== 'POST' || url !== '/api/chat.postMessage')
      return refuse('unknown_method', `${method} ${url}`);
    const { authorization } = headers;
    if (authorization === undefined) return refuse('not_authed', 'no token');
    if (authorization !== `Bearer ${server.token}`) return refuse('invalid_auth', 'another token');
    if (!/^application\/json(;|$)/.test(headers['content-type'] ?? '')) {
      return refuse('invalid_post_type', `${headers['content-type']}`);
    }
    const message = parse(body);
    if (message === undefined) return refuse('json_not_object', body.slice(0, 100));
    const { channel } = message;
    if (channel === CHANNELS.archived) return refuse('is_archived', channel);
    if (channel !== CHANNELS.success && channel !== CHANNELS.failure) {
      return refuse('channel_not_found', String(channel));
    }
    return take(message, channel);
  }

  function takeByWebhook(body: string): string | undefined {
    const message = parse(body);
    return message === undefined ? refuse('invalid_payload', body.slice(0, 100)) : take(message, undefined);
  }

  function take(message: Record<string, unknown>, channel: string | undefined): string | undefined {
    const problem = messageProblem(message);
    if (problem) return refuse(problem.error, problem.about);
    const { text: fallback, blocks } = message as { text: string; blocks?: readonly unknown[] };
    taken.push({ channel, text: fallback, blocks, mentions: mentionsIn(message) });
    return undefined;
  }

  function refuse(error: string, about: string): string {
    refusals.push(`${error}: ${about}`);
    return error;
  }

  const listener = createServer((request, response) => void answer(request, response));
  listener.listen(0, '127.0.0.1');
  await new Promise((resolve) => listener.once('listening', resolve));
  const url = `http://127.0.0.1:${(listener.address() as AddressInfo).port}`;
  const server: SlackServer = {
    apiUrl: `${url}/api/`,
    webhookUrl: `${url}${WEBHOOK_PATH}`,
    token: 'xoxb-1',
    taken,
    refusals,
    get requestCount() {
      return requestCount;
    },
    inject: (...more) => void faults.push(...more),
    async close() {
      listener.closeAllConnections();
      await new Promise((resolve) => listener.close(resolve));
    },
  };
  return server;
}

function parse(body: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(body);
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined;
  } catch {
    return undefined;
  }
}
