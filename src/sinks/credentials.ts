import { readFile } from 'node:fs/promises';
import http from 'node:http';
import https from 'node:https';
import type { Clock } from '../clock.ts';
import type { CredentialSource } from './credential-source.ts';

/** A set of keys, as the SDK takes them. */
export interface Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
  readonly expiration?: Date;
}

/**
 * The SDK's shape of a credential provider. `memoized` tells it to keep none of its own: its cache throws when a
 * refresh fails although the old keys are still good, and cannot be told to forget keys that were refused.
 */
export interface CredentialProvider {
  (): Promise<Credentials>;
  readonly memoized: true;
  /** Has the next call fetch new ones: those given last were not accepted. */
  forget(): void;
}

/** No credentials to be had now. */
export class CredentialsError extends Error {
  override readonly name = 'CredentialsError';
}

/** New ones are asked for this long before the old expire, as the SDKs do. */
const REFRESH_BEFORE_MS = 5 * 60_000;
/** The endpoint is on the task's own host and answers in milliseconds. */
const ENDPOINT_TIMEOUT_MS = 1_000;
const MAX_ANSWER_BYTES = 64 * 1024;

/**
 * Keeps the credentials of a source, and fetches new ones from the container endpoint five minutes before they
 * expire. A fetch that fails is not repeated here: while the old keys are good they are given (and
 * `onRefreshFailed` is told), then the call rejects with a CredentialsError, and the caller's back-off decides when
 * to ask again.
 *
 * The SDK's own `fromHttp` does not do: it waits for ever on an endpoint that accepts and does not answer.
 */
export function createCredentialProvider(
  source: CredentialSource,
  clock: Clock,
  onRefreshFailed: (error: unknown) => void,
): CredentialProvider {
  let current: Credentials | undefined;
  let pending: Promise<Credentials> | undefined;

  const fetchOnce = (): Promise<Credentials> => {
    pending ??= fetchCredentials(source, clock)
      .then((fetched) => {
        current = fetched;
        return fetched;
      })
      .finally(() => {
        pending = undefined;
      });
    return pending;
  };

  const provide = async (): Promise<Credentials> => {
    const held = current;
    if (!held) return fetchOnce();
    const goodForMs = held.expiration ? held.expiration.getTime() - clock.now() : Number.POSITIVE_INFINITY;
    if (goodForMs > REFRESH_BEFORE_MS) return held;
    if (goodForMs <= 0) return fetchOnce();
    return fetchOnce().catch((error: unknown) => {
      onRefreshFailed(error);
      return held;
    });
  };

  return Object.assign(provide, {
    memoized: true as const,
    forget: () => {
      current = undefined;
    },
  });
}

async function fetchCredentials(source: CredentialSource, clock: Clock): Promise<Credentials> {
  if (source.kind === 'environment') {
    const { kind: _, ...credentials } = source;
    return credentials;
  }
  const { url, authorizationToken, authorizationTokenFile } = source;
  try {
    const authorization = authorizationTokenFile
      ? (await readFile(authorizationTokenFile, 'utf8')).trim()
      : authorizationToken;
    return parseCredentials(await get(url, authorization, clock));
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new CredentialsError(`no credentials from ${url.origin}: ${reason}`, { cause: error });
  }
}

/** The text of a 200 answer; rejects with what went wrong. */
async function get(url: URL, authorization: string | undefined, clock: Clock): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const { request } = url.protocol === 'https:' ? https : http;
  const headers = authorization === undefined ? {} : { authorization };
  const outgoing = request(url, { agent: false, headers }, (answer) => {
    let text = '';
    answer.setEncoding('utf8');
    answer.on('error', reject);
    answer.on('data', (part: string) => {
      text += part;
      if (text.length > MAX_ANSWER_BYTES) reject(new Error(`more than ${MAX_ANSWER_BYTES} bytes`));
    });
    answer.on('end', () => {
      if (answer.statusCode === 200) resolve(text);
      else reject(new Error(`status ${answer.statusCode}: ${text.slice(0, 200)}`));
    });
  });
  outgoing.on('error', reject);
  outgoing.end();
  const ended = new AbortController();
  void clock
    .sleep(ENDPOINT_TIMEOUT_MS, ended.signal)
    .then(() => reject(new Error(`no answer within ${ENDPOINT_TIMEOUT_MS} ms`)));
  try {
    return await promise;
  } finally {
    ended.abort();
    outgoing.destroy();
  }
}

/** `{AccessKeyId, SecretAccessKey, Token, Expiration}`, as the ECS agent answers. */
function parseCredentials(text: string): Credentials {
  let answer: unknown;
  try {
    answer = JSON.parse(text);
  } catch {
    // JSON.parse quotes its input, and keys must never stand in a log.
    throw new Error('the answer is not JSON');
  }
  const { AccessKeyId, SecretAccessKey, Token, Expiration } = (answer ?? {}) as Readonly<
    Record<string, unknown>
  >;
  const expiration = new Date(typeof Expiration === 'string' ? Expiration : Number.NaN);
  if (
    typeof AccessKeyId !== 'string' ||
    typeof SecretAccessKey !== 'string' ||
    typeof Token !== 'string' ||
    Number.isNaN(expiration.getTime())
  ) {
    throw new Error('the answer is not { AccessKeyId, SecretAccessKey, Token, Expiration }');
  }
  return { accessKeyId: AccessKeyId, secretAccessKey: SecretAccessKey, sessionToken: Token, expiration };
}
