import { describe, expect, it } from 'vitest';
import { parseReportOptions } from '../../src/cli/report-options.ts';

const NOW_MS = Date.UTC(2026, 10, 21, 12);
const parse = (argv: string, env: NodeJS.ProcessEnv = {}) =>
  parseReportOptions(argv.split(' ').filter(Boolean), { env, nowMs: NOW_MS });

function optionsOf(argv: string, env: NodeJS.ProcessEnv = {}) {
  const parsed = parse(argv, env);
  if (!parsed.ok) throw new Error(parsed.problems.join('; '));
  return parsed.options;
}

describe('the options of fargauge report', () => {
  it('are a table of all that a file holds, when only the file is named', () => {
    expect(optionsOf('lines.jsonl')).toEqual({
      source: { kind: 'files', files: ['lines.jsonl'] },
      jobs: [],
      format: 'table',
    });
  });

  it('are the last seven days of a log group, by Logs Insights', () => {
    expect(
      optionsOf('--log-group /ecs/a --log-group /ecs/b --log-group /ecs/a', { AWS_REGION: 'eu-west-1' }),
    ).toEqual({
      source: {
        kind: 'log groups',
        logGroupNames: ['/ecs/a', '/ecs/b'],
        region: 'eu-west-1',
        window: { fromMs: NOW_MS - 7 * 86_400_000, toMs: NOW_MS },
        isByInsights: true,
        reportsToMs: NOW_MS,
      },
      window: { fromMs: NOW_MS - 7 * 86_400_000, toMs: NOW_MS },
      jobs: [],
      format: 'table',
    });
  });

  it('are the seven days before --until, where a log group is to be read up to then', () => {
    const { window } = optionsOf('--log-group a --until 2026-10-01', { AWS_REGION: 'eu-west-1' });
    expect(window).toEqual({ fromMs: Date.UTC(2026, 8, 24), toMs: Date.UTC(2026, 9, 1) });
  });

  it.each([
    ['1d', NOW_MS],
    ['12h', NOW_MS],
    ['2d', NOW_MS - 86_400_000],
    ['2026-12-01', Date.UTC(2026, 11, 1)],
  ])(
    'with --until %s, are the REPORT lines of a day more, but for what is still to come',
    (until, reportsToMs) => {
      const argv = `--log-group a --until ${until}`;
      expect(optionsOf(argv, { AWS_REGION: 'eu-west-1' }).source).toMatchObject({ reportsToMs });
    },
  );

  it('--region goes before AWS_REGION, and that before AWS_DEFAULT_REGION', () => {
    const env = { AWS_REGION: 'eu-west-1', AWS_DEFAULT_REGION: 'eu-west-2' };
    expect(optionsOf('--log-group a --region us-gov-west-1', env).source).toMatchObject({
      region: 'us-gov-west-1',
    });
    expect(optionsOf('--log-group a', { AWS_DEFAULT_REGION: 'eu-west-2' }).source).toMatchObject({
      region: 'eu-west-2',
    });
  });

  it.each<[string, string, string]>([
    ['--since 90m', '2026-11-21T10:30:00.000Z', '2026-11-21T12:00:00.000Z'],
    ['--since 4w', '2026-10-24T12:00:00.000Z', '2026-11-21T12:00:00.000Z'],
    ['--since 2026-11-01 --until 2026-11-02', '2026-11-01T00:00:00.000Z', '2026-11-02T00:00:00.000Z'],
    ['--since 2d --until 1d', '2026-11-19T12:00:00.000Z', '2026-11-20T12:00:00.000Z'],
    ['--since 2026-11-01T06:30Z', '2026-11-01T06:30:00.000Z', '2026-11-21T12:00:00.000Z'],
    ['--until 2026-11-01T06:30:15.5Z', '1970-01-01T00:00:00.000Z', '2026-11-01T06:30:15.500Z'],
  ])('%s is from %s to %s', (argv, from, to) => {
    const { window } = optionsOf(`lines.jsonl ${argv}`);
    expect(window).toEqual({ fromMs: Date.parse(from), toMs: Date.parse(to) });
  });

  it('take prices, jobs and a limit', () => {
    expect(
      optionsOf(
        '- --price-vcpu-hour 0.05 --price-gb-hour 0 --job a --job etl-* --fail-over 12.5 --format json',
      ),
    ).toMatchObject({
      price: { usdPerVcpuHour: 0.05, usdPerGBHour: 0 },
      jobs: ['a', 'etl-*'],
      failOverPercent: 12.5,
      format: 'json',
    });
  });

  it.each<[string, string]>([
    ['', 'name files, - for stdin, or a log group with --log-group'],
    ['a.jsonl --log-group a --region eu-west-1', 'name files or log groups, not both'],
    ['- -', '- can be named once: stdin has one end'],
    ['- --fail-over -3', '--fail-over "-3" is not allowed: it must be a number from 0 to 100'],
    [
      '- --price-vcpu-hour -1 --price-gb-hour 0',
      '--price-vcpu-hour "-1" is not allowed: it must be USD, such as 0.04048',
    ],
    ['- --since 2026-02-31', '--since "2026-02-31" is not allowed'],
    ['- --until 2026-11-31T06:00Z', '--until "2026-11-31T06:00Z" is not allowed'],
    ['a.jsonl --region eu-west-1', '--region makes no sense without --log-group'],
    ['a.jsonl --no-insights', '--no-insights makes no sense without --log-group'],
    ['--log-group a', '--log-group needs a region: give --region or set AWS_REGION'],
    [
      '--log-group a --region Ireland',
      '--region "Ireland" is not allowed: it must be a region such as eu-central-1',
    ],
    [
      '--log-group a:b --region eu-west-1',
      '--log-group "a:b" is not allowed: it must be the name of a log group: 1 to 512 of the characters A-Z a-z 0-9 . - _ / #',
    ],
    [
      'a.jsonl --since yesterday',
      '--since "yesterday" is not allowed: it must be a time back such as 90m, 24h, 7d or 4w, or a time in UTC such as 2026-11-01 or 2026-11-01T06:00Z',
    ],
    ['a.jsonl --since 2026-13-01', '--since "2026-13-01" is not allowed: it must be a time back'],
    ['a.jsonl --since 1d --until 2d', '--since 1d is not before --until 2d'],
    ['a.jsonl --until 99999d', 'the year 1970 is not before --until 99999d'],
    ['a.jsonl --since 2027-01-01', '--since 2027-01-01 is not before now'],
    ['a.jsonl --format xml', '--format "xml" is not allowed: it must be table'],
    ['a.jsonl --fail-over 101', '--fail-over "101" is not allowed: it must be a number from 0 to 100'],
    ['a.jsonl --fail-over -1', '--fail-over'],
    ['a.jsonl --price-vcpu-hour 1', '--price-vcpu-hour and --price-gb-hour belong together: give both'],
    [
      'a.jsonl --price-vcpu-hour 1 --price-gb-hour 4ct',
      '--price-gb-hour "4ct" is not allowed: it must be USD, such as 0.004445',
    ],
  ])('%s: refused with %s', (argv, problem) => {
    let problems: readonly string[];
    try {
      const parsed = parse(argv);
      problems = parsed.ok ? [] : parsed.problems;
    } catch (error) {
      problems = [(error as Error).message];
    }
    expect(problems).toEqual([expect.stringContaining(problem)]);
  });

  it('tell every problem at once', () => {
    const parsed = parse('a.jsonl --format xml --since x --until z --fail-over y');
    expect(parsed).toMatchObject({ ok: false, problems: { length: 4 } });
  });

  it('take no more log groups than a query does', () => {
    const groups = Array.from({ length: 51 }, (_, index) => `--log-group g${index}`).join(' ');
    expect(parse(`${groups} --region eu-west-1`)).toMatchObject({
      problems: ['--log-group can be given 50 times, not 51'],
    });
  });
});
