import { Sha256Node } from '@smithy/core/checksum';
import { SignatureV4 } from '@smithy/signature-v4';

/** A request as far as it is signed. */
export interface SignedPart {
  readonly method: string;
  /** Without the query. */
  readonly path: string;
  readonly query: Readonly<Record<string, string>>;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | undefined;
}

/** How the engine is told who asks. */
export interface Authorization {
  /** All headers of the request, those of the authorization with them. Rejects when there is nothing to authorize with. */
  headers(request: SignedPart): Promise<Readonly<Record<string, string>>>;
  /** What was given last was not accepted: new secrets may be there. */
  forget(): void;
}

/** Rejected secrets and keys, and those that cannot be had. The message holds no secret. */
export class AuthorizationError extends Error {
  override readonly name = 'AuthorizationError';
}

export const NO_AUTHORIZATION: Authorization = {
  headers: async ({ headers }) => headers,
  forget: () => {},
};

export interface UsernamePassword {
  readonly username: string;
  readonly password: string;
}

/** Basic authentication; the password is asked for once, and again when it was not accepted. */
export function basicAuthorization(read: () => Promise<UsernamePassword>): Authorization {
  let known: Promise<UsernamePassword> | undefined;
  const forget = () => {
    known = undefined;
  };
  return {
    async headers({ headers }) {
      known ??= read();
      // A secret that could not be had now may be had later.
      known.catch(forget);
      const { username, password } = await known;
      const credentials = Buffer.from(`${username}:${password}`).toString('base64');
      return { ...headers, authorization: `Basic ${credentials}` };
    },
    forget,
  };
}

/** The keys of who signs. */
export interface SigningKeys {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string | undefined;
}

/** The service's name in signatures for Amazon OpenSearch Service, Elasticsearch domains included. */
const SERVICE = 'es';

/** Signature Version 4, for domains of Amazon OpenSearch Service. */
export function sigV4Authorization(
  region: string,
  host: string,
  keys: () => Promise<SigningKeys>,
): Authorization {
  const signer = new SignatureV4({
    service: SERVICE,
    region,
    sha256: Sha256Node,
    credentials: async () => {
      const { accessKeyId, secretAccessKey, sessionToken } = await keys();
      return { accessKeyId, secretAccessKey, ...(sessionToken !== undefined && { sessionToken }) };
    },
  });
  const [hostname = '', port] = host.split(':');
  return {
    async headers({ method, path, query, headers, body }) {
      const signed = await signer.sign({
        method,
        protocol: 'https:',
        hostname,
        ...(port !== undefined && { port: Number(port) }),
        path,
        query: { ...query },
        headers: { ...headers, host },
        body,
      });
      return signed.headers;
    },
    forget: () => {},
  };
}
