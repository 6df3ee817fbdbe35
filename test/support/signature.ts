import { createHash, createHmac } from 'node:crypto';
import type { SeenRequest } from './bulk-server.ts';

/**
 * Whether a request carries the signature that AWS would compute for it: Signature Version 4 step by step as the page
 * "Create a signed AWS API request" has it (AWS IAM user guide), over the request as it arrived.
 */
export function isSigned(
  { method, path, headers, body }: SeenRequest,
  secretAccessKey: string,
  scope: { readonly region: string; readonly service: string },
): boolean {
  const [, credential = '', signedHeaders = '', signature] =
    /^AWS4-HMAC-SHA256 Credential=(\S+), SignedHeaders=(\S+), Signature=([0-9a-f]{64})$/.exec(
      headers.authorization ?? '',
    ) ?? [];
  const [, date = '', region, service] = credential.split('/');
  if (region !== scope.region || service !== scope.service) return false;
  const [rawPath = '', query = ''] = path.split('?');
  const canonicalQuery = [...new URLSearchParams(query)]
    .map(([name, value]) => `${encoded(name)}=${encoded(value)}`)
    .toSorted()
    .join('&');
  const canonical = [
    method,
    rawPath.split('/').map(encoded).join('/'),
    canonicalQuery,
    ...signedHeaders.split(';').map((name) => `${name}:${String(headers[name]).trim()}`),
    '',
    signedHeaders,
    sha256(body),
  ].join('\n');
  const text = [
    'AWS4-HMAC-SHA256',
    headers['x-amz-date'],
    `${date}/${region}/${service}/aws4_request`,
    sha256(canonical),
  ];
  const key = [date, region, service, 'aws4_request'].reduce<string | Buffer>(
    (each, part) => hmac(each, part),
    `AWS4${secretAccessKey}`,
  );
  return signature === hmac(key, text.join('\n')).toString('hex');
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

function hmac(key: string | Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest();
}

function encoded(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (each) => `%${each.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}
