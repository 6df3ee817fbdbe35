import { describe, expect, it } from 'vitest';
import { credentialSource } from '../../src/sinks/credential-source.ts';

const KEYS = { AWS_ACCESS_KEY_ID: 'AKID', AWS_SECRET_ACCESS_KEY: 'secret' };
const RELATIVE = { AWS_CONTAINER_CREDENTIALS_RELATIVE_URI: '/v2/credentials/0f9de17a' };

describe('where credentials come from', () => {
  it('nowhere, when nothing is named', () => {
    expect(credentialSource({})).toBeUndefined();
    expect(credentialSource({ AWS_ACCESS_KEY_ID: 'AKID', AWS_PROFILE: 'p', HOME: '/root' })).toBeUndefined();
  });

  it('the relative URI is on the address of ECS', () => {
    expect(credentialSource(RELATIVE)).toEqual({
      kind: 'container',
      url: new URL('http://169.254.170.2/v2/credentials/0f9de17a'),
    });
  });

  it('the full URI comes with its token', () => {
    const source = credentialSource({
      AWS_CONTAINER_CREDENTIALS_FULL_URI: 'http://127.0.0.1:51679/v2/credentials/0f9de17a',
      AWS_CONTAINER_AUTHORIZATION_TOKEN: 'Bearer t',
    });
    expect(source).toEqual({
      kind: 'container',
      url: new URL('http://127.0.0.1:51679/v2/credentials/0f9de17a'),
      authorizationToken: 'Bearer t',
    });
  });

  it('keys of the environment go before the endpoint, and the relative URI before the full one', () => {
    expect(credentialSource({ ...KEYS, ...RELATIVE, AWS_SESSION_TOKEN: 'token' })).toEqual({
      kind: 'environment',
      accessKeyId: 'AKID',
      secretAccessKey: 'secret',
      sessionToken: 'token',
    });
    const both = { ...RELATIVE, AWS_CONTAINER_CREDENTIALS_FULL_URI: 'http://localhost/other' };
    expect(credentialSource(both)).toMatchObject({ url: { hostname: '169.254.170.2' } });
  });

  it.each([
    'http://169.254.170.2/x',
    'http://169.254.170.23/x',
    'http://[fd00:ec2::23]/x',
    'http://localhost:1/x',
    'http://127.8.9.1/x',
    'http://[::1]/x',
    'https://credentials.example.com/x',
  ])('%s may be asked', (uri) => {
    expect(credentialSource({ AWS_CONTAINER_CREDENTIALS_FULL_URI: uri })).toMatchObject({
      url: new URL(uri),
    });
  });

  it.each([
    'http://169.254.169.254/latest',
    'http://example.com/x',
    'http://127.0.0.1.example.com/x',
    'ftp://localhost/x',
    '/v2/x',
  ])('%s may not', (uri) => {
    expect(() => credentialSource({ AWS_CONTAINER_CREDENTIALS_FULL_URI: uri })).toThrow(
      `AWS_CONTAINER_CREDENTIALS_FULL_URI=${uri}: allowed is`,
    );
  });
});
