import { isPrivate, regionOfDomain, urlProblem } from '../subscription/settings.ts';
import { parseCommandLine } from './command-line.ts';
import {
  checkRegion,
  type FileSource,
  filesOf,
  type LogGroupSource,
  logGroupsOf,
  type Span,
  windowOfLogGroups,
} from './log-source.ts';
import { Problems } from './problems.ts';

export type EngineAuthorization =
  | { readonly kind: 'sigv4'; readonly region: string }
  | { readonly kind: 'basic'; readonly username: string; readonly password: string }
  | { readonly kind: 'none' };

export interface IndexOptions {
  readonly url: URL;
  readonly authorization: EngineAuthorization;
  readonly source: FileSource | LogGroupSource;
  /** What is done about the index template: put where it is missing, put in any case, or left alone. */
  readonly template: 'ensure' | 'put' | 'leave';
  /** SAMPLE lines too. */
  readonly samples: boolean;
  readonly json: boolean;
}

export type ParsedIndexOptions =
  | { readonly ok: true; readonly options: IndexOptions }
  | { readonly ok: false; readonly problems: readonly string[] };

interface Surroundings {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly nowMs: number;
}

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
    samples: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
  });
  const problems = new Problems();
  const areLogGroups = values['log-group'].length > 0;
  const region = values.region ?? env.AWS_REGION ?? env.AWS_DEFAULT_REGION;
  if (values.region !== undefined && !areLogGroups) checkRegion(values.region, problems);
  const url = urlOf(values.opensearch, problems);
  const authorization = url && authorizationOf(url, values.auth, region, env, problems);
  const source = areLogGroups
    ? logGroupsOf(values['log-group'], files, region, windowOfLogGroups(values, nowMs, problems), problems)
    : indexFilesOf(files, values, problems);
  if (values['put-template'] && values['no-template']) {
    problems.add('--put-template and --no-template cannot both be meant');
  }
  if (url === undefined || authorization === undefined || source === undefined || problems.texts.length > 0) {
    return { ok: false, problems: problems.texts };
  }
  const template = values['put-template'] ? 'put' : values['no-template'] ? 'leave' : 'ensure';
  return {
    ok: true,
    options: { url, authorization, source, template, samples: values.samples, json: values.json },
  };
}

function urlOf(text: string | undefined, problems: Problems): URL | undefined {
  if (text === undefined) {
    problems.add(
      '--opensearch is missing: say where OpenSearch or Elasticsearch is, such as http://127.0.0.1:9200',
    );
    return undefined;
  }
  const problem = urlProblem(text);
  if (problem === undefined) return new URL(text);
  const shown = JSON.stringify(text.replace(/\/\/[^/]*@/, '//…@'));
  const isWithPassword = URL.canParse(text) && new URL(text).username !== '';
  problems.add(
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
  problems: Problems,
): EngineAuthorization | undefined {
  const { OPENSEARCH_USERNAME: username, OPENSEARCH_PASSWORD: password } = env;
  const kind = asked ?? (username ? 'basic' : regionOfDomain(url) === undefined ? 'none' : 'sigv4');
  switch (kind) {
    case 'none':
      return { kind };
    case 'sigv4': {
      const domainRegion = regionOfDomain(url) ?? region;
      if (domainRegion !== undefined) return { kind, region: domainRegion };
      problems.add('--auth sigv4 needs a region: give --region or set AWS_REGION');
      return undefined;
    }
    case 'basic':
      if (!username || !password) {
        problems.add('--auth basic needs OPENSEARCH_USERNAME and OPENSEARCH_PASSWORD in the environment');
      } else if (!isPrivate(url)) {
        problems.add(`--opensearch ${url.origin} is not allowed: it must be https where a password is sent`);
      } else return { kind, username, password };
      return undefined;
    default:
      problems.add(`--auth ${JSON.stringify(kind)} is not allowed: it must be sigv4, basic or none`);
      return undefined;
  }
}

function indexFilesOf(files: readonly string[], { since, until }: Span, problems: Problems): FileSource {
  for (const [option, value] of Object.entries({ since, until })) {
    if (value !== undefined) problems.add(`--${option} makes no sense without --log-group`);
  }
  return filesOf(files, problems);
}
