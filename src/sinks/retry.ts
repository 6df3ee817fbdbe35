/**
 * What an error of a CloudWatch Logs call means, and how long to wait before the next try. Pure.
 *
 * The SDK retries by itself too, but blindly to our deadline and to what a request holds: it is told to try once
 * (`maxAttempts: 1`), and this is the only place that decides. Only what is recognised as transient is tried
 * again for ever.
 */

/**
 * - `throttled`, `transient`: the same request may succeed later.
 * - `credentials`: none to be had now, or those we have are not accepted: later, with new ones.
 * - `missing`: the log group or the log stream does not exist.
 * - `exists`, `accepted`: what was asked for is there already.
 * - `denied`: the policy does not allow it.
 * - `invalid`, `too-large`: never the same request again; a part of it may be good.
 * - `unknown`: none of these.
 */
export type FailureKind =
  | 'throttled'
  | 'transient'
  | 'credentials'
  | 'missing'
  | 'exists'
  | 'accepted'
  | 'denied'
  | 'invalid'
  | 'too-large'
  | 'unknown';

export interface CallFailure {
  readonly kind: FailureKind;
  /** AWS's error name or the system's error code, and the message: for a person. */
  readonly reason: string;
}

/** AWS error names: the API reference of Logs, its page "Common Errors", and the lists in the SDK's own retry code. */
const KIND_OF_NAME: ReadonlyMap<string, FailureKind> = new Map<string, FailureKind>(
  Object.entries({
    ThrottlingException: 'throttled',
    ThrottledException: 'throttled',
    Throttling: 'throttled',
    TooManyRequestsException: 'throttled',
    RequestLimitExceeded: 'throttled',
    RequestThrottled: 'throttled',
    RequestThrottledException: 'throttled',
    SlowDown: 'throttled',
    LimitExceededException: 'throttled',

    ServiceUnavailableException: 'transient',
    ServiceUnavailable: 'transient',
    InternalServerException: 'transient',
    InternalFailure: 'transient',
    InternalError: 'transient',
    RequestTimeoutException: 'transient',
    RequestTimeout: 'transient',
    /** The SDK's name for a time-out of its own, and ours. */
    TimeoutError: 'transient',
    /** "Multiple concurrent requests to update the same resource were in conflict": someone else creates the group. */
    OperationAbortedException: 'transient',
    ConflictException: 'transient',

    /** Our own: none to be had (credentials.ts). */
    CredentialsError: 'credentials',
    ExpiredTokenException: 'credentials',
    ExpiredToken: 'credentials',
    TokenRefreshRequired: 'credentials',
    UnrecognizedClientException: 'credentials',
    InvalidClientTokenId: 'credentials',
    InvalidAccessKeyId: 'credentials',
    AuthFailure: 'credentials',
    MissingAuthenticationTokenException: 'credentials',
    MissingAuthenticationToken: 'credentials',
    IncompleteSignatureException: 'credentials',
    IncompleteSignature: 'credentials',
    /** The signature's time is off: the SDK corrects its clock by the answer's Date, and the next try is good. */
    InvalidSignatureException: 'credentials',
    SignatureDoesNotMatch: 'credentials',
    RequestExpired: 'credentials',
    RequestTimeTooSkewed: 'credentials',
    RequestInTheFuture: 'credentials',

    ResourceNotFoundException: 'missing',
    ResourceAlreadyExistsException: 'exists',
    /** Not returned since 2023-01, when sequence tokens went. */
    DataAlreadyAcceptedException: 'accepted',

    AccessDeniedException: 'denied',
    AccessDenied: 'denied',
    UnauthorizedException: 'denied',
    UnauthorizedOperation: 'denied',
    NotAuthorized: 'denied',
    OptInRequired: 'denied',

    InvalidParameterException: 'invalid',
    InvalidParameterValue: 'invalid',
    ValidationException: 'invalid',
    ValidationError: 'invalid',
    SerializationException: 'invalid',

    RequestEntityTooLargeException: 'too-large',
  } as const),
);

/** Errors of the network below HTTP, by Node's error code. Certificate errors are not among them: they stay. */
const NETWORK_CODES: ReadonlySet<string> = new Set([
  'EADDRNOTAVAIL',
  'EAI_AGAIN',
  'EAI_NODATA',
  'ECONNABORTED',
  'ECONNREFUSED',
  'ECONNRESET',
  'EHOSTDOWN',
  'EHOSTUNREACH',
  'EMFILE',
  'ENETDOWN',
  'ENETRESET',
  'ENETUNREACH',
  'ENFILE',
  'ENOBUFS',
  'ENOTFOUND',
  'EPIPE',
  'EPROTO',
  'ERR_STREAM_PREMATURE_CLOSE',
  'ETIMEDOUT',
]);

/** Reads what a rejected SDK call means. Any value may be given. */
export function classifyFailure(error: unknown): CallFailure {
  const { name, code, status, message, clockSkewCorrected } = readError(error);
  const reason = [name ?? code, message].filter(Boolean).join(': ');
  return { kind: kindOf(name, code, status, clockSkewCorrected), reason };
}

function kindOf(
  name: string | undefined,
  code: string | undefined,
  status: number | undefined,
  clockSkewCorrected: boolean,
): FailureKind {
  if (clockSkewCorrected) return 'credentials';
  const named = name === undefined ? undefined : KIND_OF_NAME.get(name);
  if (named !== undefined) return named;
  if (code !== undefined && (NETWORK_CODES.has(code) || code.startsWith('HPE_'))) return 'transient';
  if (status === undefined) return 'unknown';
  if (status === 429) return 'throttled';
  if (status === 413) return 'too-large';
  if (status === 408 || status >= 500) return 'transient';
  if (status === 401 || status === 403) return 'denied';
  return 'unknown';
}

interface ErrorShape {
  readonly name: string | undefined;
  readonly code: string | undefined;
  readonly status: number | undefined;
  readonly message: string;
  readonly clockSkewCorrected: boolean;
}

function readError(error: unknown): ErrorShape {
  const shape = asRecord(error);
  const metadata = asRecord(shape.$metadata);
  const response = asRecord(shape.$response);
  const name = asString(shape.name);
  return {
    name: name === 'Error' ? undefined : name,
    code: asString(shape.code) ?? asString(asRecord(shape.cause).code),
    // An answer whose body the SDK could not read keeps its status only on the raw response.
    status: asNumber(metadata.httpStatusCode) ?? asNumber(response.statusCode),
    message: asString(shape.message) ?? String(error),
    clockSkewCorrected: metadata.clockSkewCorrected === true,
  };
}

function asRecord(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}

function asString(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

function asNumber(value: unknown): number | undefined {
  return typeof value === 'number' ? value : undefined;
}

/** Full jitter grows to `baseMs` × 2^(n−1) after the n-th failure in a row, up to `capMs`. */
export interface Backoff {
  readonly baseMs: number;
  readonly capMs: number;
}

/** While the run goes on there is time; what waits is sent in one request in the end. */
export const STEADY_BACKOFF: Backoff = { baseMs: 1_000, capMs: 60_000 };
/** Before a deadline of a few seconds. */
export const FLUSH_BACKOFF: Backoff = { baseMs: 100, capMs: 1_000 };
/** Ten thousand tasks that end in one second need two seconds of the account's quota: ask again after, not during. */
export const THROTTLED_FLUSH_BACKOFF: Backoff = { baseMs: 500, capMs: 2_000 };

export function backoffFor(kind: FailureKind, flushing: boolean): Backoff {
  if (!flushing) return STEADY_BACKOFF;
  return kind === 'throttled' ? THROTTLED_FLUSH_BACKOFF : FLUSH_BACKOFF;
}

/**
 * How long to wait after the `failureCount`-th failure in a row, ms: anything from 0 up to the bound, so that
 * callers that failed together do not come back together ("Exponential Backoff and Jitter", AWS Architecture
 * Blog, 2015: full jitter).
 *
 * @param random 0 (inclusive) to 1
 */
export function fullJitterMs(failureCount: number, { baseMs, capMs }: Backoff, random: () => number): number {
  return random() * Math.min(capMs, baseMs * 2 ** (failureCount - 1));
}
