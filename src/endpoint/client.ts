import { StringDecoder } from 'node:string_decoder';
import Client from 'undici/lib/dispatcher/client.js';
import type { Answer, Container, Failure, Samples, Task } from '../core/types.ts';
import { parseContainer, parseSamples, parseTask } from './schema.ts';

/** Ten containers' stats are some 60 kB: an answer beyond this is no answer of the agent. */
export const MAX_ANSWER_BYTES = 2 * 1024 * 1024;

/** An answer together with the text that it came as, for the recorder. */
export type Asked<T> = Answer<T> & { readonly body?: string };

/** The task metadata endpoint of one container, v3 or v4: both have the same paths. */
export interface Endpoint {
  /** The sidecar's own container. */
  container(timeoutMs: number): Promise<Asked<Container>>;
  task(timeoutMs: number): Promise<Asked<Task>>;
  stats(timeoutMs: number): Promise<Asked<Samples>>;
  /** The time for asking is over: the request in flight and all later ones end with a `timeout` failure. */
  abort(): void;
  close(): void;
}

/**
 * Asks the endpoint over one kept-alive connection. Every call resolves, with a value or with what went wrong; one
 * call at a time. There is no proxy and no redirect: the address is link-local and the agent's own.
 *
 * @param uri `$ECS_CONTAINER_METADATA_URI_V4` or `$ECS_CONTAINER_METADATA_URI`
 */
export function connectEndpoint(uri: URL): Endpoint {
  const basePath = uri.pathname.replace(/\/+$/, '');
  const client = new Client(uri.origin, {
    pipelining: 1,
    // The agent closes idle connections after 5 s: ours go first, so that no request meets a closing one.
    keepAliveTimeout: 4_000,
    keepAliveMaxTimeout: 4_000,
    maxResponseSize: MAX_ANSWER_BYTES,
    // Only the whole request is timed, below: an answer of one byte a second would satisfy each of these for ever.
    headersTimeout: 0,
    bodyTimeout: 0,
    // A link-local address answers at once or not at all; a request that waits for a connection cannot be taken back.
    connect: { timeout: 1_000 },
    allowH2: false,
  });
  let abortRequest: (() => void) | undefined;
  let isAborted = false;

  async function ask<T>(
    path: string,
    timeoutMs: number,
    parse: (document: unknown) => T | undefined,
  ): Promise<Asked<T>> {
    const url = `${uri.origin}${basePath}${path}`;
    const response = await request(url, `${basePath}${path}` || '/', timeoutMs);
    if ('failure' in response) return { ok: false, failure: response.failure };
    const { body } = response;
    let document: unknown;
    try {
      document = JSON.parse(body);
    } catch {
      return {
        ok: false,
        failure: { kind: 'not-json', message: `GET ${url}: not JSON: ${excerpt(body)}` },
        body,
      };
    }
    const value = parse(document);
    if (value !== undefined) return { ok: true, value, body };
    const message = `GET ${url}: not the expected document: ${excerpt(body)}`;
    return { ok: false, failure: { kind: 'wrong-shape', message }, body };
  }

  function request(
    url: string,
    path: string,
    timeoutMs: number,
  ): Promise<{ body: string } | { failure: Failure }> {
    if (isAborted) {
      const message = `GET ${url}: not asked, the time for it is over`;
      return Promise.resolve({ failure: { kind: 'timeout', message } });
    }
    return new Promise((resolve) => {
      // Not Buffer.concat: a small answer's bytes would lie in Node's pool of buffers, and that goes back at V8's next
      // full collection only. At one poll a second none came in ten minutes, and 3 MB lay there.
      const decoder = new StringDecoder('utf8');
      let body = '';
      let status = 0;
      let isSettled = false;
      let abortDispatch: ((reason: Error) => void) | undefined;
      const fail = (kind: Failure['kind'], what: string) =>
        settle({ failure: failure(kind, `GET ${url}: ${what}`, status) });
      const giveUp = () => {
        if (isSettled) return;
        fail('timeout', `no whole answer within ${Math.round(timeoutMs)} ms`);
        abortDispatch?.(new Error('timeout'));
      };
      // A machine short of CPU may run this timer while the answer is already waiting to be read: reading goes first.
      const timer = setTimeout(() => setImmediate(giveUp), timeoutMs);
      const settle = (outcome: { body: string } | { failure: Failure }) => {
        // The error of a request that was given up comes when the next one may be under way.
        if (isSettled) return;
        isSettled = true;
        clearTimeout(timer);
        abortRequest = undefined;
        resolve(outcome);
      };
      abortRequest = giveUp;

      client.dispatch(
        { path, method: 'GET' },
        {
          onRequestStart(controller) {
            if (isSettled) controller.abort(new Error('timeout'));
            else abortDispatch = (reason) => controller.abort(reason);
          },
          onResponseStart(_controller, statusCode) {
            status = statusCode;
          },
          onResponseData(_controller, chunk) {
            body += decoder.write(chunk);
          },
          onResponseEnd() {
            body += decoder.end();
            if (status === 200) settle({ body });
            else fail('status', `status ${status}: ${excerpt(body)}`);
          },
          onResponseError(_controller, error) {
            if (isTooLarge(error)) fail('too-large', `more than ${MAX_ANSWER_BYTES} bytes`);
            else fail('unreachable', describe(error));
          },
        },
      );
    });
  }

  return {
    container: (timeoutMs) => ask('', timeoutMs, parseContainer),
    task: (timeoutMs) => ask('/task', timeoutMs, parseTask),
    stats: (timeoutMs) => ask('/task/stats', timeoutMs, parseSamples),
    abort() {
      isAborted = true;
      abortRequest?.();
    },
    close: () => void client.destroy().catch(() => {}),
  };
}

function failure(kind: Failure['kind'], message: string, status: number): Failure {
  return status === 0 ? { kind, message } : { kind, message, status };
}

function isTooLarge(error: Error): boolean {
  return 'code' in error && error.code === 'UND_ERR_RES_EXCEEDED_MAX_SIZE';
}

function describe(error: Error): string {
  return 'code' in error && typeof error.code === 'string' ? error.code : error.message;
}

/** The beginning of an answer for a message: untrusted, so short and without control characters. */
function excerpt(body: string): string {
  const start = body.slice(0, 80).replace(/\p{Cc}+/gu, ' ');
  return start === '' ? '(empty)' : `"${start}${body.length > 80 ? '…' : ''}"`;
}
