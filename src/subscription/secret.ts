import { GetSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { classifyFailure } from '../sinks/retry.ts';
import { AuthorizationError, type UsernamePassword } from './authorization.ts';

const TIMEOUTS = { connectionTimeout: 3_000, requestTimeout: 5_000, throwOnRequestTimeout: true } as const;

/**
 * Reads a username and a password out of AWS Secrets Manager: a secret of JSON with the keys `username` and `password`,
 * as the console makes it for "Credentials for other database".
 * @throws AuthorizationError, which names the secret and never its value
 */
export async function readSecret(secretArn: string): Promise<UsernamePassword> {
  const region = /^arn:[\w-]+:secretsmanager:([\w-]+):/.exec(secretArn)?.[1];
  const client = new SecretsManagerClient({
    ...(region !== undefined && { region }),
    requestHandler: TIMEOUTS,
  });
  try {
    const { SecretString } = await client.send(new GetSecretValueCommand({ SecretId: secretArn }));
    return parseSecret(secretArn, SecretString);
  } catch (error) {
    if (error instanceof AuthorizationError) throw error;
    throw new AuthorizationError(`secret ${secretArn}: ${classifyFailure(error).reason}`, { cause: error });
  } finally {
    client.destroy();
  }
}

function parseSecret(secretArn: string, text: string | undefined): UsernamePassword {
  let secret: unknown;
  try {
    secret = JSON.parse(text ?? '');
  } catch {
    // JSON.parse quotes its input, and the password must never stand in a log.
  }
  const { username, password } = (secret ?? {}) as Readonly<Record<string, unknown>>;
  if (typeof username === 'string' && typeof password === 'string') return { username, password };
  throw new AuthorizationError(`secret ${secretArn} is not JSON with the strings username and password`);
}
