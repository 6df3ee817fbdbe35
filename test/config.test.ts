import { describe, expect, it } from 'vitest';
import { type Config, ConfigError, parseConfig, VARIABLES } from '../src/config.ts';

const V4 = 'http://169.254.170.2/v4/1b2c3d4e';
const V3 = 'http://169.254.170.2/v3/1b2c3d4e';
const ECS = { ECS_CONTAINER_METADATA_URI_V4: V4 };

function configOf(environment: Record<string, string | undefined>): Config {
  return parseConfig({ ...ECS, ...environment });
}

/** The message of the refusal; an environment that is taken gives ''. */
function refusalOf(environment: Record<string, string | undefined>): string {
  try {
    parseConfig(environment);
    return '';
  } catch (error) {
    if (error instanceof ConfigError) return error.message;
    throw error;
  }
}

describe('the endpoint', () => {
  it.each([
    [{ ECS_CONTAINER_METADATA_URI_V4: V4 }, V4],
    [{ ECS_CONTAINER_METADATA_URI: V3 }, V3],
    [{ ECS_CONTAINER_METADATA_URI: V3, ECS_CONTAINER_METADATA_URI_V4: V4 }, V4],
    [{ ECS_CONTAINER_METADATA_URI: V3, ECS_CONTAINER_METADATA_URI_V4: '' }, V3],
  ])('out of %j is %s: v4 is preferred', (environment, uri) => {
    expect(parseConfig(environment).endpoint.href).toBe(uri);
  });

  it('that is not set is a refusal which says what to do', () => {
    const message = refusalOf({});
    expect(message).toContain('ECS_CONTAINER_METADATA_URI_V4');
    expect(message).toContain('ECS_CONTAINER_METADATA_URI');
    expect(message).toContain('fargauge run');
  });

  it.each(['169.254.170.2/v4/x', 'https://169.254.170.2/v4/x', 'file:///etc/passwd', 'nonsense'])(
    'may not be %s',
    (uri) => {
      expect(refusalOf({ ECS_CONTAINER_METADATA_URI_V4: uri })).toContain(
        `ECS_CONTAINER_METADATA_URI_V4=${JSON.stringify(uri)} is not allowed: it must be an http URL`,
      );
    },
  );
});

describe('defaults', () => {
  it('are the ones of the contract', () => {
    expect(configOf({})).toEqual({
      endpoint: new URL(V4),
      pollIntervalMs: 1000,
      summaryIntervalSeconds: 60,
      output: 'auto',
      logGroupName: undefined,
      logStreamName: undefined,
      createLogGroup: false,
      batch: undefined,
      containers: { include: [], exclude: [] },
      job: undefined,
      stopTimeoutSeconds: 30,
      samples: false,
      proc: 'auto',
      procIntervalMs: 1_000,
      record: false,
      logLevel: 'info',
    });
  });

  it('are values that the variables themselves allow', () => {
    for (const { name, defaultText } of Object.values(VARIABLES)) {
      expect([name, configOf({ [name]: defaultText })]).toEqual([name, configOf({})]);
    }
  });

  it('hold for a variable that is empty: a task definition cannot leave one out', () => {
    const empty = Object.fromEntries(Object.values(VARIABLES).map(({ name }) => [name, '']));
    expect(configOf(empty)).toEqual(configOf({}));
  });

  it('cannot be changed afterwards', () => {
    expect(Object.isFrozen(configOf({}))).toBe(true);
  });
});

/** Variable, text, and the property that it sets; undefined for a text that is refused. */
type Row = readonly [name: string, text: string, property: Partial<Config> | undefined];
const rows: readonly Row[] = [
  ['FARGAUGE_POLL_INTERVAL_MS', '1000', { pollIntervalMs: 1_000 }],
  ['FARGAUGE_POLL_INTERVAL_MS', '60000', { pollIntervalMs: 60_000 }],
  ...['999', '60001', '0', '-1000', '1e3', '1000.5', '1s', ' 1000', '0x400', '99999999999999999999'].map(
    (text): Row => ['FARGAUGE_POLL_INTERVAL_MS', text, undefined],
  ),
  ['FARGAUGE_SUMMARY_INTERVAL_SECONDS', '0', { summaryIntervalSeconds: 0 }],
  ['FARGAUGE_SUMMARY_INTERVAL_SECONDS', '1', { summaryIntervalSeconds: 1 }],
  ['FARGAUGE_SUMMARY_INTERVAL_SECONDS', '86400', { summaryIntervalSeconds: 86_400 }],
  ['FARGAUGE_SUMMARY_INTERVAL_SECONDS', '86401', undefined],
  ['FARGAUGE_SUMMARY_INTERVAL_SECONDS', 'never', undefined],
  ['FARGAUGE_OUTPUT', 'auto', { output: 'auto' }],
  ['FARGAUGE_OUTPUT', 'cloudwatch', { output: ['cloudwatch'] }],
  ['FARGAUGE_OUTPUT', 'stdout', { output: ['stdout'] }],
  ['FARGAUGE_OUTPUT', 'cloudwatch,stdout', { output: ['cloudwatch', 'stdout'] }],
  ...['both', 'auto,stdout', 'stdout,stdout', 'stdout,', 'STDOUT', 'cloudwatch, stdout'].map(
    (text): Row => ['FARGAUGE_OUTPUT', text, undefined],
  ),
  ['FARGAUGE_LOG_GROUP', '/ecs/nightly-etl_1.#', { logGroupName: '/ecs/nightly-etl_1.#' }],
  ['FARGAUGE_LOG_GROUP', 'g'.repeat(512), { logGroupName: 'g'.repeat(512) }],
  ['FARGAUGE_LOG_GROUP', 'g'.repeat(513), undefined],
  ['FARGAUGE_LOG_GROUP', 'my group', undefined],
  ['FARGAUGE_LOG_GROUP', 'arn:aws:logs:eu-west-1:123456789012:log-group:x', undefined],
  ['FARGAUGE_LOG_STREAM', 'etl/etl/0123', { logStreamName: 'etl/etl/0123' }],
  ['FARGAUGE_LOG_STREAM', 'a:b', undefined],
  ['FARGAUGE_LOG_STREAM', 'a*', undefined],
  ['FARGAUGE_LOG_STREAM', 's'.repeat(513), undefined],
  ['FARGAUGE_CREATE_LOG_GROUP', 'true', { createLogGroup: true }],
  ...['TRUE', '1', 'yes', 'on'].map((text): Row => ['FARGAUGE_CREATE_LOG_GROUP', text, undefined]),
  ['FARGAUGE_BATCH', 'etl-2_b', { batch: 'etl-2_b' }],
  ['FARGAUGE_BATCH', 'etl*', undefined],
  ['FARGAUGE_BATCH', 'b'.repeat(256), undefined],
  ['FARGAUGE_CONTAINERS', 'etl', { containers: { include: ['etl'], exclude: [] } }],
  ['FARGAUGE_CONTAINERS', '*', { containers: { include: ['*'], exclude: [] } }],
  ['FARGAUGE_CONTAINERS', 'a-*,!a-2,b', { containers: { include: ['a-*', 'b'], exclude: ['a-2'] } }],
  ['FARGAUGE_CONTAINERS', '!proxy', { containers: { include: [], exclude: ['proxy'] } }],
  ...['a,,b', ',', 'a b', '!', '!!a', 'a;b'].map((text): Row => ['FARGAUGE_CONTAINERS', text, undefined]),
  ['FARGAUGE_JOB', 'import of orders (夜間)', { job: 'import of orders (夜間)' }],
  ['FARGAUGE_JOB', 'j'.repeat(256), undefined],
  ['FARGAUGE_STOP_TIMEOUT_SECONDS', '2', { stopTimeoutSeconds: 2 }],
  ['FARGAUGE_STOP_TIMEOUT_SECONDS', '120', { stopTimeoutSeconds: 120 }],
  ['FARGAUGE_STOP_TIMEOUT_SECONDS', '1', undefined],
  ['FARGAUGE_STOP_TIMEOUT_SECONDS', '121', undefined],
  ['FARGAUGE_SAMPLES', 'true', { samples: true }],
  ['FARGAUGE_SAMPLES', 'x', undefined],
  ['FARGAUGE_PROC', 'auto', { proc: 'auto' }],
  ['FARGAUGE_PROC', 'off', { proc: 'off' }],
  ...['on', 'true', 'AUTO'].map((text): Row => ['FARGAUGE_PROC', text, undefined]),
  ['FARGAUGE_PROC_INTERVAL_MS', '100', { procIntervalMs: 100 }],
  ['FARGAUGE_PROC_INTERVAL_MS', '99', undefined],
  ['FARGAUGE_PROC_INTERVAL_MS', '10000', { procIntervalMs: 10_000 }],
  ['FARGAUGE_PROC_INTERVAL_MS', '10001', undefined],
  ['FARGAUGE_RECORD', 'true', { record: true }],
  ['FARGAUGE_RECORD', 'x', undefined],
  ...(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const).map(
    (logLevel): Row => ['FARGAUGE_LOG_LEVEL', logLevel, { logLevel }],
  ),
  ['FARGAUGE_LOG_LEVEL', 'verbose', undefined],
];

describe('a variable', () => {
  it.each(rows.filter(([, , property]) => property !== undefined))('%s may be %s', (name, text, property) => {
    expect(configOf({ [name]: text })).toEqual({ ...configOf({}), ...property });
  });

  it.each(rows.filter(([, , property]) => property === undefined))('%s may not be %s', (name, text) => {
    const row = Object.values(VARIABLES).find((variable) => variable.name === name);
    const message = refusalOf({ ...ECS, [name]: text });
    expect(message).toContain(`${name}="${text.slice(0, 100)}`);
    expect(message).toContain(`it must be ${row?.allowed}.`);
  });

  it('of each name is tried above, allowed and refused', () => {
    const names = Object.values(VARIABLES).map(({ name }) => name);
    const tried = (isAllowed: boolean) =>
      new Set(rows.filter(([, , property]) => (property !== undefined) === isAllowed).map(([name]) => name));
    expect([...tried(true)].toSorted()).toEqual(names.toSorted());
    expect([...tried(false)].toSorted()).toEqual(names.toSorted());
  });

  it('is told without control characters, and cut, when it is refused', () => {
    const message = refusalOf({ ...ECS, FARGAUGE_JOB: `\u001b[2J\n${'j'.repeat(5_000)}` });
    expect(message.split('\n')).toHaveLength(2);
    expect(message).not.toContain('\u001b');
    expect(message.length).toBeLessThan(400);
  });
});

describe('an unknown variable', () => {
  it.each([
    ['FARGAUGE_POLL_INTERVAL', 'FARGAUGE_POLL_INTERVAL_MS'],
    ['FARGAUGE_LOGLEVEL', 'FARGAUGE_LOG_LEVEL'],
    ['FARGAUGE_CONTAINER', 'FARGAUGE_CONTAINERS'],
    ['FARGAUGE_STOP_TIMEOUT', 'FARGAUGE_STOP_TIMEOUT_SECONDS'],
    ['FARGAUGE_SAMPLE', 'FARGAUGE_SAMPLES'],
    ['FARGAUGE_JOBS', 'FARGAUGE_JOB'],
  ])('%s is refused, and %s suggested', (name, suggested) => {
    expect(refusalOf({ ...ECS, [name]: 'x' })).toContain(
      `${name} is not a variable of fargauge. Did you mean ${suggested}?`,
    );
  });

  it('that resembles none is refused without a proposal', () => {
    expect(refusalOf({ ...ECS, FARGAUGE_XYZZY: '1' })).toContain(
      'FARGAUGE_XYZZY is not a variable of fargauge.',
    );
    expect(refusalOf({ ...ECS, FARGAUGE_XYZZY: '1' })).not.toContain('Did you mean');
  });

  it('is refused even when it is empty: it is a slip all the same', () => {
    expect(refusalOf({ ...ECS, FARGAUGE_OUTPUTS: '' })).toContain('Did you mean FARGAUGE_OUTPUT?');
  });

  it('of another program is left alone', () => {
    expect(refusalOf({ ...ECS, FARGATE_OUTPUT: 'x', MY_FARGAUGE_JOB: 'x', fargauge_job: 'x' })).toBe('');
  });
});

it('all problems are told in one message, a line each', () => {
  const message = refusalOf({
    FARGAUGE_POLL_INTERVAL_MS: '10',
    FARGAUGE_OUTPUT: 'printer',
    FARGAUGE_BACTH: 'etl',
    FARGAUGE_SAMPLES: 'maybe',
  });
  const lines = message.split('\n');
  expect(lines[0]).toBe('fargauge cannot start:');
  expect(lines).toHaveLength(6);
  for (const name of [
    'FARGAUGE_POLL_INTERVAL_MS',
    'FARGAUGE_OUTPUT',
    'FARGAUGE_BACTH',
    'FARGAUGE_SAMPLES',
    'ECS_CONTAINER_METADATA_URI_V4',
  ]) {
    expect(lines.filter((line) => line.startsWith('  - ') && line.includes(name))).toHaveLength(1);
  }
});
