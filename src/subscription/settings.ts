import { INDEX_PREFIX } from './index-name.ts';

/** How the engine is told who asks: SigV4 for Amazon OpenSearch Service, a username and password, or not at all. */
export type AuthorizationSettings =
  | { readonly kind: 'sigv4'; readonly region: string }
  | { readonly kind: 'basic'; readonly secretArn: string }
  | { readonly kind: 'none' };

export interface Settings {
  readonly url: URL;
  readonly authorization: AuthorizationSettings;
  readonly failureQueueUrl: string;
  /** Where others' log events go; undefined: they are left. */
  readonly othersIndexPrefix: string | undefined;
}

export type Environment = Readonly<Record<string, string | undefined>>;

/** The settings are wrong; the message lists every problem. */
export class SettingsError extends Error {
  override readonly name = 'SettingsError';
}

/** What the forwarder reads of its environment. docs/opensearch.md has them in words. */
export const VARIABLES = {
  url: 'OPENSEARCH_URL',
  auth: 'OPENSEARCH_AUTH',
  secretArn: 'OPENSEARCH_SECRET_ARN',
  region: 'OPENSEARCH_REGION',
  failureQueueUrl: 'FAILURE_QUEUE_URL',
  othersIndexPrefix: 'OTHERS_INDEX_PREFIX',
} as const;

/**
 * Reads the forwarder's settings out of environment variables; an empty one counts as unset.
 * @throws SettingsError with one message that lists every problem: the variable, its value and what is allowed
 */
export function parseSettings(environment: Environment): Settings {
  const problems: string[] = [];
  const refuse = (name: string, value: string, allowed: string) => {
    problems.push(`${name}=${JSON.stringify(value.slice(0, 200))} is not allowed: it must be ${allowed}`);
  };
  const url = parseUrl(environment, refuse, problems);
  const authorization = url && parseAuthorization(url, environment, refuse, problems);
  const failureQueueUrl = environment[VARIABLES.failureQueueUrl] ?? '';
  if (failureQueueUrl === '')
    problems.push(`${VARIABLES.failureQueueUrl} is not set: it must be the URL of an SQS queue`);
  else if (!/^https?:\/\/\S+$/.test(failureQueueUrl) || !URL.canParse(failureQueueUrl)) {
    refuse(VARIABLES.failureQueueUrl, failureQueueUrl, 'the URL of an SQS queue');
  }
  const othersIndexPrefix = environment[VARIABLES.othersIndexPrefix] || undefined;
  if (othersIndexPrefix !== undefined && !isOthersPrefix(othersIndexPrefix)) {
    refuse(
      VARIABLES.othersIndexPrefix,
      othersIndexPrefix,
      `lower-case letters, digits, -, _ and ., 1 to 100 of them, beginning with a letter or digit, and not ${INDEX_PREFIX} at their start, which is for lines of fargauge`,
    );
  }
  if (problems.length > 0 || url === undefined || authorization === undefined) {
    throw new SettingsError(
      ['the forwarder cannot start:', ...problems.map((problem) => `  - ${problem}`)].join('\n'),
    );
  }
  return { url, authorization, failureQueueUrl, othersIndexPrefix };
}

type Refuse = (name: string, value: string, allowed: string) => void;

/** What an index may be called, and not what the template of our lines takes for its own. */
function isOthersPrefix(prefix: string): boolean {
  return /^[a-z0-9][a-z0-9._-]{0,99}$/.test(prefix) && !`${prefix}-`.startsWith(INDEX_PREFIX);
}

function parseUrl(environment: Environment, refuse: Refuse, problems: string[]): URL | undefined {
  const text = environment[VARIABLES.url] ?? '';
  if (text === '') {
    problems.push(
      `${VARIABLES.url} is not set: it must be where OpenSearch or Elasticsearch is, https://HOST`,
    );
    return undefined;
  }
  const problem = urlProblem(text);
  if (problem === undefined) return new URL(text);
  // Whatever stands before an @ may be a password.
  refuse(VARIABLES.url, text.replace(/\/\/[^/]*@/, '//…@'), problem);
  return undefined;
}

/** What is wrong with the address of an engine, as what it must be instead. */
export function urlProblem(text: string): string | undefined {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !['https:', 'http:'].includes(url.protocol) || url.search || url.hash) {
    return 'an address such as https://search-logs-abc.eu-west-1.es.amazonaws.com';
  }
  if (url.username || url.password) return 'without a username and password, which belong into a secret';
  if (/\.aoss\.amazonaws\.com$/.test(url.hostname)) {
    return 'a domain: OpenSearch Serverless takes no ids of ours in time series collections, and is not supported';
  }
  return undefined;
}

function parseAuthorization(
  url: URL,
  environment: Environment,
  refuse: Refuse,
  problems: string[],
): AuthorizationSettings | undefined {
  const secretArn = environment[VARIABLES.secretArn] || undefined;
  const domainRegion = regionOfDomain(url);
  const kind =
    environment[VARIABLES.auth] ||
    (secretArn !== undefined ? 'basic' : domainRegion === undefined ? 'none' : 'sigv4');
  switch (kind) {
    case 'none':
      return { kind };
    case 'sigv4': {
      const region = domainRegion || environment[VARIABLES.region] || environment.AWS_REGION;
      if (region !== undefined) return { kind, region };
      problems.push(`${VARIABLES.region} is not set, and ${url.hostname} does not tell it`);
      return undefined;
    }
    case 'basic':
      if (secretArn === undefined) {
        problems.push(
          `${VARIABLES.secretArn} is not set: it must be the ARN of a secret with username and password`,
        );
      } else if (!isPrivate(url)) {
        refuse(VARIABLES.url, url.href, 'https where a password is sent');
      } else return { kind, secretArn };
      return undefined;
    default:
      refuse(VARIABLES.auth, kind, 'sigv4, basic or none');
      return undefined;
  }
}

/** Whether nobody on the way can read what is sent. */
export function isPrivate({ protocol, hostname }: URL): boolean {
  return protocol === 'https:' || ['127.0.0.1', '[::1]', 'localhost'].includes(hostname);
}

/** Undefined where the host is no domain of Amazon OpenSearch Service under AWS's own name. */
export function regionOfDomain({ hostname }: URL): string | undefined {
  return /\.([a-z]{2}(?:-[a-z]+)+-\d)\.es\.amazonaws\.com(?:\.cn)?$/.exec(hostname)?.[1];
}
