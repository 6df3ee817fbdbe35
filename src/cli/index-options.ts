import type { TimeWindow } from '../reading/log-groups.ts';
import { isPrivate, regionOfDomain, urlProblem } from '../subscription/settings.ts';
import { parseCommandLine } from './command-line.ts';
import { parseTimeWindow } from './time-window.ts';

export const DEFAULT_SINCE = '7d';

export type Source =
  /** `-` is stdin. */
  | { readonly kind: 'files'; readonly files: readonly string[] }
  | {
      readonly kind: 'log groups';
      readonly logGroupNames: readonly string[];
      readonly region: string;
      readonly window: TimeWindow;
    };

export type EngineAuthorization =
  | { readonly kind: 'sigv4'; readonly region: string }
  | { readonly kind: 'basic'; readonly username: string; readonly password: string }
  | { readonly kind: 'none' };

export interface IndexOptions {
  readonly url: URL;
  readonly authorization: EngineAuthorization;
  readonly source: Source;
  /** What is done about the index template: put where it is missing, put in any case, or left alone. */
  readonly template: 'ensure' | 'put' | 'leave';
  readonly json: boolean;
}

export type ParsedIndexOptions =
  | { readonly ok: true; readonly options: IndexOptions }
  | { readonly ok: false; readonly problems: readonly string[] };

interface Surroundings {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly nowMs: number;
}

const LOG_GROUP_NAME = /^[\w.\-/#]{1,512}$/;
const REGION = /^[a-z]{2}[a-z-]*-\d+$/;

/** @returns the options, or every problem with them, in words for a person */
export function parseIndexOptions(argv: readonly string[], { env, nowMs }: Surroundings): ParsedIndexOptions {
  const { values, positionals: files } = parseCommandLine(argv, {
    opensearch: { type: 'string' },
    auth: { type: 'string' },
    'log-group': { type: 'string', multiple: true, default: [] },
    region: { type: 'string' },
    since: { type: 'string' },
    until: { type: 'string' },
    'put-template': { type: 'boolean', default: false },
    'no-template': { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
  });
  const problems: string[] = [];
  const region = values.region ?? env.AWS_REGION ?? env.AWS_DEFAULT_REGION;
  if (values.region !== undefined && !REGION.test(values.region)) {
    problems.push(
      `--region ${JSON.stringify(values.region)} is not allowed: it must be a region such as eu-central-1`,
    );
  }
  const url = urlOf(values.opensearch, problems);
  const authorization = url && authorizationOf(url, values.auth, region, env, problems);
  const source =
    values['log-group'].length === 0
      ? filesOf(files, values, problems)
      : logGroupsOf(values['log-group'], files, values, region, nowMs, problems);
  if (values['put-template'] && values['no-template']) {
    problems.push('--put-template and --no-template cannot both be meant');
  }
  if (url === undefined || authorization === undefined || source === undefined || problems.length > 0) {
    return { ok: false, problems };
  }
  const template = values['put-template'] ? 'put' : values['no-template'] ? 'leave' : 'ensure';
  return { ok: true, options: { url, authorization, source, template, json: values.json } };
}

function urlOf(text: string | undefined, problems: string[]): URL | undefined {
  if (text === undefined) {
    problems.push(
      '--opensearch is missing: say where OpenSearch or Elasticsearch is, such as http://127.0.0.1:9200',
    );
    return undefined;
  }
  const problem = urlProblem(text);
  if (problem === undefined) return new URL(text);
  const shown = JSON.stringify(text.replace(/\/\/[^/]*@/, '//…@'));
  const isWithPassword = URL.canParse(text) && new URL(text).username !== '';
  problems.push(
    isWithPassword
      ? `--opensearch ${shown} is not allowed: give username and password in OPENSEARCH_USERNAME and OPENSEARCH_PASSWORD`
      : `--opensearch ${shown} is not allowed: it must be ${problem}`,
  );
  return undefined;
}

function authorizationOf(
  url: URL,
  asked: string | undefined,
  region: string | undefined,
  env: Surroundings['env'],
  problems: string[],
): EngineAuthorization | undefined {
  const { OPENSEARCH_USERNAME: username, OPENSEARCH_PASSWORD: password } = env;
  const kind = asked ?? (username ? 'basic' : regionOfDomain(url) === undefined ? 'none' : 'sigv4');
  switch (kind) {
    case 'none':
      return { kind };
    case 'sigv4': {
      const domainRegion = regionOfDomain(url) ?? region;
      if (domainRegion !== undefined) return { kind, region: domainRegion };
      problems.push('--auth sigv4 needs a region: give --region or set AWS_REGION');
      return undefined;
    }
    case 'basic':
      if (!username || !password) {
        problems.push('--auth basic needs OPENSEARCH_USERNAME and OPENSEARCH_PASSWORD in the environment');
      } else if (!isPrivate(url)) {
        problems.push(`--opensearch ${url.origin} is not allowed: it must be https where a password is sent`);
      } else return { kind, username, password };
      return undefined;
    default:
      problems.push(`--auth ${JSON.stringify(kind)} is not allowed: it must be sigv4, basic or none`);
      return undefined;
  }
}

interface SpanOptions {
  readonly since?: string | undefined;
  readonly until?: string | undefined;
}

function filesOf(files: readonly string[], { since, until }: SpanOptions, problems: string[]): Source {
  if (files.length === 0) problems.push('name files, - for stdin, or a log group with --log-group');
  if (files.filter((file) => file === '-').length > 1)
    problems.push('- can be named once: stdin has one end');
  for (const [option, value] of Object.entries({ since, until })) {
    if (value !== undefined) problems.push(`--${option} makes no sense without --log-group`);
  }
  return { kind: 'files', files };
}

function logGroupsOf(
  logGroupNames: readonly string[],
  files: readonly string[],
  { since = DEFAULT_SINCE, until }: SpanOptions,
  region: string | undefined,
  nowMs: number,
  problems: string[],
): Source | undefined {
  if (files.length > 0) problems.push('name files or log groups, not both');
  for (const name of logGroupNames.filter((each) => !LOG_GROUP_NAME.test(each))) {
    problems.push(
      `--log-group ${JSON.stringify(name)} is not allowed: it must be the name of a log group: 1 to 512 of the characters A-Z a-z 0-9 . - _ / #`,
    );
  }
  const window = parseTimeWindow(since, until, nowMs);
  if (Array.isArray(window)) problems.push(...window);
  if (!region) problems.push('--log-group needs a region: give --region or set AWS_REGION');
  if (Array.isArray(window) || !region) return undefined;
  return { kind: 'log groups', logGroupNames: [...new Set(logGroupNames)], region, window };
}
