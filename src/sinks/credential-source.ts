/** Environment variables by name. */
export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Where AWS credentials come from: the environment's own keys (local use), or the container credentials endpoint
 * that ECS names when the task has a task role. Nothing else is asked: the instance metadata service would give
 * the host's role, and a container has no profile files.
 */
export type CredentialSource =
  | {
      readonly kind: 'environment';
      readonly accessKeyId: string;
      readonly secretAccessKey: string;
      readonly sessionToken?: string;
    }
  | {
      readonly kind: 'container';
      readonly url: URL;
      readonly authorizationToken?: string;
      readonly authorizationTokenFile?: string;
    };

/** https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-iam-roles.html */
const ECS_CREDENTIALS_HOST = 'http://169.254.170.2';

/**
 * Hosts to which credentials may be asked over plain HTTP: those of the SDKs' container provider
 * (https://docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html).
 */
const PLAIN_HTTP_HOSTS =
  /^(169\.254\.170\.2|169\.254\.170\.23|\[fd00:ec2::23\]|localhost|127\.\d+\.\d+\.\d+|\[::1\])$/;

/**
 * The source of credentials in `env`, in the SDKs' order; undefined when there is none.
 *
 * @throws Error when AWS_CONTAINER_CREDENTIALS_FULL_URI is no URL, or a plain HTTP one of a host that may not be asked
 */
export function credentialSource(env: Environment): CredentialSource | undefined {
  const { AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN } = env;
  if (AWS_ACCESS_KEY_ID && AWS_SECRET_ACCESS_KEY) {
    return {
      kind: 'environment',
      accessKeyId: AWS_ACCESS_KEY_ID,
      secretAccessKey: AWS_SECRET_ACCESS_KEY,
      ...(AWS_SESSION_TOKEN && { sessionToken: AWS_SESSION_TOKEN }),
    };
  }
  const url = containerCredentialsUrl(env);
  if (!url) return undefined;
  const { AWS_CONTAINER_AUTHORIZATION_TOKEN, AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE } = env;
  return {
    kind: 'container',
    url,
    ...(AWS_CONTAINER_AUTHORIZATION_TOKEN && { authorizationToken: AWS_CONTAINER_AUTHORIZATION_TOKEN }),
    ...(AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE && {
      authorizationTokenFile: AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE,
    }),
  };
}

function containerCredentialsUrl(env: Environment): URL | undefined {
  const { AWS_CONTAINER_CREDENTIALS_RELATIVE_URI, AWS_CONTAINER_CREDENTIALS_FULL_URI } = env;
  if (AWS_CONTAINER_CREDENTIALS_RELATIVE_URI) {
    return new URL(AWS_CONTAINER_CREDENTIALS_RELATIVE_URI, ECS_CREDENTIALS_HOST);
  }
  if (!AWS_CONTAINER_CREDENTIALS_FULL_URI) return undefined;
  const url = URL.parse(AWS_CONTAINER_CREDENTIALS_FULL_URI);
  if (url?.protocol === 'https:' || (url?.protocol === 'http:' && PLAIN_HTTP_HOSTS.test(url.hostname)))
    return url;
  throw new Error(
    `AWS_CONTAINER_CREDENTIALS_FULL_URI=${AWS_CONTAINER_CREDENTIALS_FULL_URI}: ` +
      'allowed is an https:// URL, or http:// to 169.254.170.2, 169.254.170.23, [fd00:ec2::23] or a loopback address',
  );
}
