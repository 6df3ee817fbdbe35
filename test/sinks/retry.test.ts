import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  backoffFor,
  classifyFailure,
  FLUSH_BACKOFF,
  fullJitterMs,
  STEADY_BACKOFF,
  THROTTLED_FLUSH_BACKOFF,
} from '../../src/sinks/retry.ts';

function awsError(name: string, httpStatusCode = 400): Error {
  return Object.assign(new Error('text'), { name, $metadata: { httpStatusCode } });
}

function systemError(code: string): Error {
  return Object.assign(new Error('text'), { code });
}

describe('what an error means', () => {
  it.each([
    ['throttled', awsError('ThrottlingException')],
    ['throttled', awsError('LimitExceededException')],
    ['throttled', awsError('Other', 429)],
    ['transient', awsError('ServiceUnavailableException', 503)],
    ['transient', awsError('ServiceUnavailable', 503)],
    ['transient', awsError('InternalFailure', 500)],
    ['transient', awsError('Other', 502)],
    ['transient', awsError('Other', 504)],
    ['transient', awsError('RequestTimeoutException', 408)],
    ['transient', awsError('Other', 408)],
    ['transient', awsError('OperationAbortedException')],
    ['transient', Object.assign(new Error('no answer'), { name: 'TimeoutError' })],
    ['transient', systemError('ECONNRESET')],
    ['transient', systemError('ECONNREFUSED')],
    ['transient', systemError('ETIMEDOUT')],
    ['transient', systemError('EPIPE')],
    ['transient', systemError('ENOTFOUND')],
    ['transient', systemError('EAI_AGAIN')],
    ['transient', systemError('ENETUNREACH')],
    ['transient', systemError('HPE_INVALID_CONSTANT')],
    ['transient', new Error('outer', { cause: systemError('ECONNRESET') })],
    ['transient', Object.assign(new SyntaxError('not JSON'), { $response: { statusCode: 502 } })],
    ['credentials', awsError('ExpiredTokenException')],
    ['credentials', awsError('ExpiredToken', 403)],
    ['credentials', awsError('UnrecognizedClientException')],
    ['credentials', awsError('InvalidSignatureException')],
    ['credentials', Object.assign(new Error('none'), { name: 'CredentialsError' })],
    ['missing', awsError('ResourceNotFoundException')],
    ['exists', awsError('ResourceAlreadyExistsException')],
    ['accepted', awsError('DataAlreadyAcceptedException')],
    ['denied', awsError('AccessDeniedException')],
    ['denied', awsError('AccessDenied', 403)],
    ['denied', awsError('Other', 403)],
    ['denied', awsError('Other', 401)],
    ['invalid', awsError('InvalidParameterException')],
    ['too-large', awsError('RequestEntityTooLargeException', 413)],
    ['too-large', awsError('Other', 413)],
    ['unknown', awsError('Other', 400)],
    ['unknown', awsError('constructor', 400)],
    ['unknown', systemError('CERT_HAS_EXPIRED')],
    ['unknown', new TypeError('a mistake of ours')],
    ['unknown', 'a string'],
    ['unknown', undefined],
  ])('%s: %s', (kind, error) => {
    expect(classifyFailure(error).kind).toBe(kind);
  });

  it('a refusal for the wrong clock is worth another try once the SDK has corrected it', () => {
    const error = Object.assign(new Error('text'), {
      name: 'AccessDeniedException',
      $metadata: { httpStatusCode: 403, clockSkewCorrected: true },
    });
    expect(classifyFailure(error).kind).toBe('credentials');
  });

  it('gives the name and the message as the reason', () => {
    expect(classifyFailure(awsError('ThrottlingException')).reason).toBe('ThrottlingException: text');
    expect(classifyFailure(systemError('ECONNRESET')).reason).toBe('ECONNRESET: text');
    expect(classifyFailure('a string').reason).toBe('a string');
  });
});

describe('back-off', () => {
  it('has more time in steady state than before a deadline, and waits out throttling longer', () => {
    expect(backoffFor('transient', false)).toBe(STEADY_BACKOFF);
    expect(backoffFor('throttled', false)).toBe(STEADY_BACKOFF);
    expect(backoffFor('transient', true)).toBe(FLUSH_BACKOFF);
    expect(backoffFor('throttled', true)).toBe(THROTTLED_FLUSH_BACKOFF);
  });

  it('doubles its bound with each failure up to the cap', () => {
    const bounds = [1, 2, 3, 4, 5, 6, 7, 8, 100].map((count) => fullJitterMs(count, STEADY_BACKOFF, () => 1));
    expect(bounds).toEqual([1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000, 60_000]);
  });

  it('is anything from nothing to the bound', () => {
    const unit = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 10_000 }), unit, (failureCount, random) => {
        const waitMs = fullJitterMs(failureCount, STEADY_BACKOFF, () => random);
        expect(waitMs).toBeGreaterThanOrEqual(0);
        expect(waitMs).toBeLessThanOrEqual(STEADY_BACKOFF.capMs);
        expect(waitMs).toBe(random * fullJitterMs(failureCount, STEADY_BACKOFF, () => 1));
      }),
    );
  });
});
