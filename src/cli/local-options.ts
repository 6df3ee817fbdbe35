import { parseCommandLine } from './command-line.ts';

export interface LocalTaskOptions {
  readonly kind: 'task';
  /** `-` is stdin. */
  readonly file: string;
  readonly images: readonly ImageOverride[];
  readonly environment: readonly AddedVariable[];
  readonly refreshMs: number;
  readonly isLenient: boolean;
}

export interface LocalEndpointOptions {
  readonly kind: 'endpoint';
  readonly host: string;
  readonly port: number;
  /** `NAME` or `NAME=VALUE`. */
  readonly labels: readonly string[];
  readonly refreshMs: number;
}

export interface ImageOverride {
  readonly container: string;
  readonly image: string;
}

export interface AddedVariable {
  /** Absent: of every container. */
  readonly container?: string;
  readonly name: string;
  readonly value: string;
}

export type ParsedLocalOptions =
  | { readonly ok: true; readonly options: LocalTaskOptions | LocalEndpointOptions }
  | { readonly ok: false; readonly problems: readonly string[] };

type Environment = Readonly<Record<string, string | undefined>>;

/** The engine samples once a second. */
const REFRESH_MS = { default: 1000, min: 1000, max: 60_000 };
const MAX_PORT = 65_535;

/** @returns the options, or every problem with them, in words for a person. */
export function parseLocalOptions(argv: readonly string[], env: Environment): ParsedLocalOptions {
  let parsed: ReturnType<typeof parseArguments>;
  try {
    parsed = parseArguments(argv);
  } catch (error) {
    return { ok: false, problems: [(error as Error).message] };
  }
  const { values, positionals } = parsed;
  const problems = misplaced(parsed);
  const port = take(problems, () => wholeNumber('--port', values.port ?? '0', 0, MAX_PORT));
  const refreshMs = take(problems, () =>
    wholeNumber(
      '--refresh-ms',
      values['refresh-ms'] ?? `${REFRESH_MS.default}`,
      REFRESH_MS.min,
      REFRESH_MS.max,
    ),
  );
  const images = values.image.flatMap((text) => take(problems, () => imageOverride(text)) ?? []);
  const environment = values.env.flatMap((text) => take(problems, () => addedVariable(text, env)) ?? []);
  const labels = values.filter.flatMap((text) => take(problems, () => labelFilter(text)) ?? []);
  if (problems.length > 0 || port === undefined || refreshMs === undefined) return { ok: false, problems };

  const [file] = positionals;
  if (file === undefined) {
    return {
      ok: true,
      options: { kind: 'endpoint', host: values.host ?? '127.0.0.1', port, labels, refreshMs },
    };
  }
  const isLenient = values.lenient ?? false;
  return { ok: true, options: { kind: 'task', file, images, environment, refreshMs, isLenient } };
}

function parseArguments(argv: readonly string[]) {
  return parseCommandLine(argv, {
    image: { type: 'string', multiple: true, default: [] },
    env: { type: 'string', multiple: true, default: [] },
    'refresh-ms': { type: 'string' },
    lenient: { type: 'boolean' },
    port: { type: 'string' },
    host: { type: 'string' },
    filter: { type: 'string', multiple: true, default: [] },
  });
}

/** What does not go together. */
function misplaced({ values, positionals }: ReturnType<typeof parseArguments>): string[] {
  const [file, ...others] = positionals;
  if (file === undefined && values.port === undefined) {
    return [
      'give a task definition, as in: fargauge local taskdef.json, or --port for containers that run already',
    ];
  }
  const problems = others.map((word) => `${JSON.stringify(word)} is one file too many`);
  const without = (names: readonly (keyof typeof values)[], what: string) => {
    for (const name of names) {
      if (values[name]?.toString()) problems.push(`--${name} ${what}`);
    }
  };
  if (file === undefined) without(['image', 'env', 'lenient'], 'is for a task definition');
  else without(['port', 'host', 'filter'], `is for containers that run already, without ${file}`);
  return problems;
}

/** The value, or undefined with the problem noted. */
function take<T>(problems: string[], parse: () => T): T | undefined {
  try {
    return parse();
  } catch (error) {
    if (!(error instanceof OptionError)) throw error;
    problems.push(error.message);
    return undefined;
  }
}

class OptionError extends Error {}

function wholeNumber(option: string, text: string, min: number, max: number): number {
  const number = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
  if (number >= min && number <= max) return number;
  throw new OptionError(`${option} ${text} is not allowed: it must be a whole number from ${min} to ${max}`);
}

function imageOverride(text: string): ImageOverride {
  const [, container, image] = /^([^=]+)=(.+)$/.exec(text) ?? [];
  if (container !== undefined && image !== undefined) return { container, image };
  throw new OptionError(`--image ${text} is not allowed: it must be CONTAINER=IMAGE`);
}

/** `NAME=VALUE`, or `NAME` for its value in this environment; `CONTAINER:` before it for one container. */
function addedVariable(text: string, env: Environment): AddedVariable {
  const [, container, name, given] = /^(?:([A-Za-z0-9_-]+):)?([^=:]+)(?:=(.*))?$/s.exec(text) ?? [];
  if (name === undefined) {
    throw new OptionError(
      `--env ${text} is not allowed: it must be NAME=VALUE, CONTAINER:NAME=VALUE or NAME`,
    );
  }
  const value = given ?? env[name];
  if (value === undefined) throw new OptionError(`--env ${text}: ${name} is not set here; give its value`);
  return { ...(container !== undefined && { container }), name, value };
}

function labelFilter(text: string): string {
  const [, label] = /^label=(.+)$/.exec(text) ?? [];
  if (label !== undefined) return label;
  throw new OptionError(`--filter ${text} is not allowed: it must be label=NAME or label=NAME=VALUE`);
}
