import * as z from 'zod/mini';
import { ALL_CONTAINERS, parseSelection, type Selection } from './core/selection.ts';
import {
  type Environment,
  quoted,
  readVariable,
  unknownVariables,
  type Variable,
  variable,
} from './variables.ts';

/** Where lines can go; `auto` decides between them at the start. */
export type Output = 'auto' | readonly ('cloudwatch' | 'stdout')[];

/** The sidecar's configuration, checked and frozen. */
export interface Config {
  /** The metadata endpoint of this container. */
  readonly endpoint: URL;
  readonly pollIntervalMs: number;
  /** 0: no SUMMARY lines. */
  readonly summaryIntervalSeconds: number;
  readonly output: Output;
  readonly logGroupName: string | undefined;
  readonly logStreamName: string | undefined;
  readonly createLogGroup: boolean;
  readonly batch: string | undefined;
  readonly containers: Selection;
  readonly job: string | undefined;
  readonly stopTimeoutSeconds: number;
  readonly samples: boolean;
  /** Whether processes of other containers are sampled where they can be seen. */
  readonly proc: 'auto' | 'off';
  readonly procIntervalMs: number;
  readonly record: boolean;
  readonly logLevel: 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal' | 'silent';
}

function wholeNumber(min: number, max: number, zeroToo = false) {
  return z.pipe(
    z.string().check(z.regex(/^\d+$/)),
    z.pipe(
      z.transform(Number),
      z.int().check(z.refine((n) => (zeroToo && n === 0) || (n >= min && n <= max))),
    ),
  );
}

const trueOrFalse = z.pipe(
  z.enum(['true', 'false']),
  z.transform((word) => word === 'true'),
);
const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;
/** CloudWatch Logs API reference, PutLogEvents: what names may be made of. */
const logGroupName = z.string().check(z.regex(/^[.\-_/#A-Za-z0-9]{1,512}$/));
const logStreamName = z.string().check(z.regex(/^[^:*]{1,512}$/));
/** Amazon ECS: a container's name has up to 255 letters, digits, hyphens and underscores. */
const containerName = z.string().check(z.regex(/^[A-Za-z0-9_-]{1,255}$/));

const output = z.pipe(
  z.string().check(z.regex(/^(auto|cloudwatch|stdout|cloudwatch,stdout|stdout,cloudwatch)$/)),
  z.transform(
    (text): Output => (text === 'auto' ? 'auto' : (text.split(',') as ('cloudwatch' | 'stdout')[])),
  ),
);

const selection = z.pipe(
  z.string().check(z.regex(/^!?[A-Za-z0-9_*~-]+(,!?[A-Za-z0-9_*~-]+)*$/)),
  z.transform(parseSelection),
);

/** Every variable that the sidecar reads but for those that ECS sets. The README's table is made from this one. */
export const VARIABLES = {
  pollIntervalMs: variable(
    'FARGAUGE_POLL_INTERVAL_MS',
    '1000',
    'a whole number from 1000 to 60000',
    wholeNumber(1000, 60_000),
    'How often the endpoint is asked. No platform refreshes faster than every second; Fargate does every ten.',
  ),
  summaryIntervalSeconds: variable(
    'FARGAUGE_SUMMARY_INTERVAL_SECONDS',
    '60',
    'a whole number from 1 to 86400, or 0 for none',
    wholeNumber(1, 86_400, true),
    'How often each container gets a SUMMARY line.',
  ),
  output: variable(
    'FARGAUGE_OUTPUT',
    'auto',
    '`auto`, `cloudwatch`, `stdout` or `cloudwatch,stdout`',
    output,
    'Where lines go. `auto`: to CloudWatch Logs when a log group is known and the task has credentials, else to stdout.',
  ),
  logGroupName: variable(
    'FARGAUGE_LOG_GROUP',
    '',
    'a log group name: 1 to 512 of the characters A-Z a-z 0-9 . - _ / #',
    logGroupName,
    "The log group for CloudWatch lines. Default: the batch's own.",
  ),
  logStreamName: variable(
    'FARGAUGE_LOG_STREAM',
    '',
    'a log stream name: 1 to 512 characters, no `:` and no `*`',
    logStreamName,
    "The log stream for CloudWatch lines. Default: the batch's own, so that the REPORT stands in its log.",
  ),
  createLogGroup: variable(
    'FARGAUGE_CREATE_LOG_GROUP',
    'false',
    '`true` or `false`',
    trueOrFalse,
    'Whether to create the log group when it is missing.',
  ),
  batch: variable(
    'FARGAUGE_BATCH',
    '',
    'the name of a container in the task definition',
    containerName,
    "The container whose status, exit code and log stream are the run's. Default: the only observed container, else the first that started. Set it when the task has several.",
  ),
  containers: variable(
    'FARGAUGE_CONTAINERS',
    '',
    'names separated by commas; `*` stands for any characters, `!name` leaves one out',
    selection,
    'Containers that get lines of their own. Default: all but the sidecar and the helpers that AWS adds.',
  ),
  job: variable(
    'FARGAUGE_JOB',
    '',
    '1 to 255 characters',
    z.string().check(z.minLength(1), z.maxLength(255)),
    'Name of the job. Default: the family. Scheduled tasks often run one family with many commands, which the endpoint does not show.',
  ),
  stopTimeoutSeconds: variable(
    'FARGAUGE_STOP_TIMEOUT_SECONDS',
    '30',
    'a whole number from 2 to 120',
    wholeNumber(2, 120),
    "The sidecar's own `stopTimeout` in the task definition, which cannot be read from inside.",
  ),
  samples: variable(
    'FARGAUGE_SAMPLES',
    'false',
    '`true` or `false`',
    trueOrFalse,
    'Whether each fresh sample gets a SAMPLE line.',
  ),
  proc: variable(
    'FARGAUGE_PROC',
    'auto',
    '`auto` or `off`',
    z.enum(['auto', 'off']),
    "`auto`: the containers' processes are sampled in /proc beside the endpoint, where they can be seen: under `pidMode: task`. `off`: the endpoint alone.",
  ),
  procIntervalMs: variable(
    'FARGAUGE_PROC_INTERVAL_MS',
    '1000',
    'a whole number from 100 to 10000',
    wholeNumber(100, 10_000),
    'How often the processes are sampled there.',
  ),
  record: variable(
    'FARGAUGE_RECORD',
    'false',
    '`true` or `false`',
    trueOrFalse,
    'Whether changed answers of the endpoint are written to stdout as RECORD lines, names and ids scrubbed, for `fargauge replay`. What was sampled in /proc is not recorded.',
  ),
  logLevel: variable(
    'FARGAUGE_LOG_LEVEL',
    'info',
    LOG_LEVELS.map((level) => `\`${level}\``).join(', '),
    z.enum(LOG_LEVELS),
    "The sidecar's own diagnostics, on stderr.",
  ),
} as const;

/** The configuration is wrong; the message lists every problem. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}

/**
 * Reads the configuration out of environment variables. An empty variable counts as unset.
 * @throws ConfigError with one message that lists every problem: the variable, its value and what is allowed
 */
export function parseConfig(env: Environment): Config {
  const problems = unknownVariables(env, VARIABLES, 'fargauge');
  const read = <T>(each: Variable<T>): T | undefined => readVariable(env, each, problems);

  const values = {
    endpoint: readEndpoint(env, problems),
    pollIntervalMs: read(VARIABLES.pollIntervalMs),
    summaryIntervalSeconds: read(VARIABLES.summaryIntervalSeconds),
    output: read(VARIABLES.output),
    logGroupName: read(VARIABLES.logGroupName),
    logStreamName: read(VARIABLES.logStreamName),
    createLogGroup: read(VARIABLES.createLogGroup),
    batch: read(VARIABLES.batch),
    containers: read(VARIABLES.containers) ?? ALL_CONTAINERS,
    job: read(VARIABLES.job),
    stopTimeoutSeconds: read(VARIABLES.stopTimeoutSeconds),
    samples: read(VARIABLES.samples),
    proc: read(VARIABLES.proc),
    procIntervalMs: read(VARIABLES.procIntervalMs),
    record: read(VARIABLES.record),
    logLevel: read(VARIABLES.logLevel),
  };
  if (problems.length > 0) {
    throw new ConfigError(
      ['fargauge cannot start:', ...problems.map((problem) => `  - ${problem}`)].join('\n'),
    );
  }
  // Every variable with a default has a value when there are no problems.
  return Object.freeze(values as Config);
}

const ENDPOINT_V4 = 'ECS_CONTAINER_METADATA_URI_V4';
const ENDPOINT_V3 = 'ECS_CONTAINER_METADATA_URI';

function readEndpoint(env: Environment, problems: string[]): URL | undefined {
  const name = env[ENDPOINT_V4] ? ENDPOINT_V4 : ENDPOINT_V3;
  const text = env[name];
  if (!text) {
    problems.push(
      `Neither ${ENDPOINT_V4} nor ${ENDPOINT_V3} is set. Amazon ECS sets them in every container: run fargauge as ` +
        'a container of a task (Fargate platform version 1.3.0 or later, ECS agent 1.21.0 or later), or try it ' +
        'here with `fargauge run -- COMMAND`.',
    );
    return undefined;
  }
  if (URL.canParse(text) && new URL(text).protocol === 'http:') return new URL(text);
  problems.push(`${name}=${quoted(text)} is not allowed: it must be an http URL, as Amazon ECS sets it.`);
  return undefined;
}
