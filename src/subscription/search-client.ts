import { escapeUri } from '@smithy/core/protocols';
import { Client } from 'undici';
import { classifyFailure } from '../sinks/retry.ts';
import { type Authorization, AuthorizationError, type SignedPart } from './authorization.ts';

/** An answer of five thousand refused documents is some 2 MB: what is larger is no answer of the engine. */
export const MAX_ANSWER_BYTES = 16 * 1024 * 1024;

export interface SearchRequest {
  readonly method: 'HEAD' | 'PUT' | 'POST';
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: { readonly type: 'application/json' | 'application/x-ndjson'; readonly text: string };
}

/**
 * - `transient`: the connection failed, or no answer came in time: whether the engine acted on it is not known.
 * - `too-large`: an answer beyond the cap.
 * - `permanent`: asking again does not help: a certificate that is not trusted, for one.
 */
export type SearchAnswer =
  | { readonly kind: 'answer'; readonly status: number; readonly body: string }
  | { readonly kind: 'transient' | 'too-large' | 'permanent'; readonly reason: string };

/** OpenSearch or Elasticsearch, one request at a time. A failure is an answer: nothing rejects. */
export interface SearchClient {
  ask(request: SearchRequest, timeoutMs: number, signal?: AbortSignal): Promise<SearchAnswer>;
  /** What the last answer refused is to be read anew. */
  forgetAuthorization(): void;
  close(): Promise<void>;
}

/**
 * Asks over one kept-alive connection, without redirects or a proxy. undici, and no client of the engines: what we ask is
 * two requests that both understand, Elastic's client refuses OpenSearch (since 7.14), and neither knows our deadline.
 * @param url where the engine is; a path in it is a prefix of all paths
 */
export function connectSearchEngine(url: URL, authorization: Authorization): SearchClient {
  const basePath = url.pathname.replace(/\/+$/, '');
  const client = new Client(url.origin, {
    pipelining: 1,
    maxResponseSize: MAX_ANSWER_BYTES,
    // Only the whole request is timed, below: an answer of one byte a second would satisfy each of these for ever.
    headersTimeout: 0,
    bodyTimeout: 0,
    connect: { timeout: 5_000 },
    allowH2: false,
  });

  async function ask(request: SearchRequest, timeoutMs: number, signal?: AbortSignal): Promise<SearchAnswer> {
    const { method, query = {}, body } = request;
    const path = `${basePath}${request.path}`;
    const headers: Record<string, string> = body === undefined ? {} : { 'content-type': body.type };
    const part: SignedPart = { method, path, query, headers, body: body?.text };
    const timeout = AbortSignal.timeout(Math.max(1, Math.ceil(timeoutMs)));
    const end = signal === undefined ? timeout : AbortSignal.any([timeout, signal]);
    try {
      const response = await client.request({
        method,
        path: withQuery(path, query),
        headers: await before(end, authorization.headers(part)),
        body: body?.text ?? null,
        signal: end,
      });
      return { kind: 'answer', status: response.statusCode, body: await response.body.text() };
    } catch (error) {
      if (timeout.aborted) {
        return { kind: 'transient', reason: `no whole answer within ${Math.round(timeoutMs)} ms` };
      }
      return failureOf(error);
    }
  }

  return {
    ask,
    forgetAuthorization: () => authorization.forget(),
    close: () => client.destroy(),
  };
}

/** Settles as the promise does, or rejects when the time for it is over. */
function before<T>(end: AbortSignal, promise: Promise<T>): Promise<T> {
  const ended = new Promise<never>((_, reject) => {
    if (end.aborted) reject(end.reason);
    end.addEventListener('abort', () => reject(end.reason), { once: true });
  });
  return Promise.race([promise, ended]);
}

/** Escaped as in what is signed: who checks the signature may take the text as it came. */
function withQuery(path: string, query: Readonly<Record<string, string>>): string {
  const text = Object.entries(query)
    .map(([name, value]) => `${escapeUri(name)}=${escapeUri(value)}`)
    .join('&');
  return text === '' ? path : `${path}?${text}`;
}

/** undici's own codes: those of an answer that broke off or never came. */
const BROKEN_OFF: ReadonlySet<string> = new Set([
  'UND_ERR_CONNECT_TIMEOUT',
  'UND_ERR_SOCKET',
  'UND_ERR_CLOSED',
  'UND_ERR_DESTROYED',
]);

function failureOf(error: unknown): SearchAnswer {
  const { code } = error as NodeJS.ErrnoException;
  if (code === 'UND_ERR_RES_EXCEEDED_MAX_SIZE') {
    return { kind: 'too-large', reason: `an answer of more than ${MAX_ANSWER_BYTES} bytes` };
  }
  const { kind, reason } = classifyFailure(error);
  // A secret that cannot be had is like an engine that cannot be reached; the reason says which it is.
  const isTransient =
    kind === 'transient' ||
    error instanceof AuthorizationError ||
    (code !== undefined && BROKEN_OFF.has(code));
  return { kind: isTransient ? 'transient' : 'permanent', reason };
}
