import { spawn } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { render } from '../../src/core/line.ts';
import type { ReportDocument } from '../../src/report/report-document.ts';
import { recordedEvents } from '../insights/recorded-runs.ts';
import { documentOf } from '../report/example-document.ts';
import { lineText } from '../report/lines.ts';
import { type CloudWatchServer, FAULTS, startCloudWatchServer } from '../support/cloudwatch-server.ts';
import { type Around, runReport } from './report-command.ts';

const REGION = 'us-east-1';
const ENVIRONMENT = {
  AWS_REGION: REGION,
  AWS_ACCESS_KEY_ID: 'AKIAEXAMPLE',
  AWS_SECRET_ACCESS_KEY: 'secret',
};
const WINDOW = ['--since', '2026-05-29', '--until', '2026-06-15T06:00Z'];
const WINDOW_END_MS = Date.UTC(2026, 5, 15, 6);
const window = { fromMs: Date.UTC(2026, 4, 29), toMs: WINDOW_END_MS };

/** Some two weeks of runs of several jobs; some were delivered twice, some left no REPORT, one still runs. */
const LINES = recordedEvents().map(({ message }) => message);
const EXPECTED = JSON.parse(
  JSON.stringify(await documentOf(LINES, { nowMs: WINDOW_END_MS, window, endMs: WINDOW_END_MS })),
) as ReportDocument;

let server: CloudWatchServer;

beforeEach(async () => {
  server = await startCloudWatchServer({ region: REGION, now: () => WINDOW_END_MS });
  for (const [name, value] of Object.entries(ENVIRONMENT)) vi.stubEnv(name, value);
  vi.stubEnv('AWS_ENDPOINT_URL_CLOUDWATCH_LOGS', server.url);
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await server.close();
});

/** Puts lines into a log group, at their own times. */
function store(logGroupName: string, lines: readonly string[]): void {
  const target = { logGroupName, logStreamName: 'batch' };
  server.createLogStream(target);
  server.store(
    target,
    lines.map((message) => ({
      timestamp: message.startsWith('{') ? Date.parse(JSON.parse(message).time) : WINDOW_END_MS - 1,
      message,
    })),
  );
}

/** Short, because there are many. */
const shortLine = (timeMs: number, number: number) =>
  render(
    {
      type: 'REPORT',
      timeMs,
      fields: {
        fargaugeVersion: '0.1.0',
        job: 'nightly',
        taskId: `task-${number}`,
        durationMs: number,
        droppedLineCount: 0,
      },
    },
    1,
  );

const run = (argv: readonly string[], around: Around = {}) =>
  runReport(['--log-group', '/ecs/jobs', ...argv], { env: ENVIRONMENT, nowMs: WINDOW_END_MS, ...around });

const documentIn = (stdout: string) => JSON.parse(stdout) as ReportDocument;

describe('the report of a log group', () => {
  it.each([
    ['Logs Insights', []],
    ['FilterLogEvents', ['--no-insights']],
  ])('by %s is that of the same lines in a file', async (_, options) => {
    store('/ecs/jobs', LINES);
    server.queries.pageSize = 20;
    server.queries.resultPageSize = 15;
    const { stdout, stderr, exitCode } = await run([...WINDOW, ...options, '--format', 'json']);
    expect(stderr).toBe('');
    expect(exitCode).toBe(0);
    const { jobs, total, series, sources, window: told } = documentIn(stdout);
    expect({ jobs, total, series }).toEqual({
      jobs: EXPECTED.jobs,
      total: EXPECTED.total,
      series: EXPECTED.series,
    });
    expect(sources).toEqual(['/ecs/jobs']);
    expect(told).toEqual(EXPECTED.window);
  });

  it('is of several groups together, each line once', async () => {
    store('/ecs/jobs', LINES.slice(0, 100));
    store('/ecs/more', LINES.slice(90));
    for (const options of [[], ['--no-insights']]) {
      const argv = ['--log-group', '/ecs/more', ...WINDOW, ...options, '--format', 'json'];
      expect(documentIn((await run(argv)).stdout).jobs).toEqual(EXPECTED.jobs);
    }
  });

  it('asks of named jobs only', async () => {
    store('/ecs/jobs', LINES);
    const { stdout } = await run([...WINDOW, '--job', 'nightly-etl', '--format', 'json']);
    const { jobs, skipped } = documentIn(stdout);
    expect(jobs.map(({ job }) => job)).toEqual(['nightly-etl']);
    expect(skipped.otherJobLineCount).toBe(0);
    expect(server.queries.started.every(({ text: query }) => query.includes('job in ["nightly-etl"]'))).toBe(
      true,
    );
  });

  it('asks for jobs by pattern, or with a name that a query could misread, of all', async () => {
    store('/ecs/jobs', LINES);
    const { stdout } = await run([...WINDOW, '--job', 'nightly-*', '--job', 'a "b"', '--format', 'json']);
    expect(documentIn(stdout).jobs.map(({ job }) => job)).toEqual(['nightly-etl']);
    expect(server.queries.started.some(({ text: query }) => query.includes('job in'))).toBe(false);
  });

  it('keeps to the millisecond of its window, though queries take seconds', async () => {
    const from = '2026-05-10T00:00:00.500Z';
    const times = [from, '2026-05-10T00:00:00.499Z', '2026-05-10T00:00:01.999Z', '2026-05-10T00:00:02.000Z'];
    store(
      '/ecs/jobs',
      times.map((time, index) => lineText('REPORT', { taskId: `task-${index}` }, Date.parse(time))),
    );
    const { stdout } = await run(['--since', from, '--until', '2026-05-10T00:00:02Z', '--format', 'json']);
    expect(documentIn(stdout)).toMatchObject({
      total: { runCount: 2 },
      skipped: { outsideWindowLineCount: 0 },
    });
  });

  it.each([
    ['now', 0],
    ['some hours ago', 8],
    ['two days ago', 48],
    ['a week ago', 168],
  ])(
    'of a window that ended %s is that of the same lines in a file: what came after is looked up',
    async (_, hours) => {
      store('/ecs/jobs', LINES);
      const until = new Date(WINDOW_END_MS - hours * 3_600_000).toISOString();
      const argv = ['--since', '2026-05-29', '--until', until, '--format', 'json'];
      const around = { input: LINES.join('\n'), nowMs: WINDOW_END_MS };
      const { jobs, total } = documentIn((await runReport(['-', ...argv], around)).stdout);
      for (const options of [[], ['--no-insights']]) {
        expect(documentIn((await run([...argv, ...options])).stdout)).toMatchObject({ jobs, total });
      }
    },
  );

  it('asks for a run that ended after its window, however long it ran in silence, a day on', async () => {
    const until = Date.parse('2026-06-01T00:00:00Z');
    const line = (type: 'START' | 'REPORT', taskId: string, timeMs: number) =>
      lineText(type, { taskId }, timeMs, type === 'START' ? 1 : 2);
    store('/ecs/jobs', [
      line('START', 'late', until - 3_600_000),
      line('REPORT', 'late', until + 86_399_999),
      line('START', 'later', until - 7_200_000),
      line('REPORT', 'later', until + 86_400_000),
      line('START', 'next', until + 1),
    ]);
    for (const options of [[], ['--no-insights']]) {
      const { stdout } = await run(['--until', '2026-06-01', ...options, '--format', 'json']);
      expect(documentIn(stdout).jobs).toMatchObject([
        {
          runCount: 0,
          runningCount: 0,
          runsWithoutReportCount: 1,
          newestRunWithoutReport: { taskId: 'later' },
        },
      ]);
    }
    expect(server.requests.filter(({ action }) => action === 'FilterLogEvents')).toHaveLength(2);
  });

  it('of an empty window says so', async () => {
    store('/ecs/jobs', []);
    expect(await run(WINDOW)).toEqual({
      exitCode: 0,
      stdout: '2026-05-29 00:00 to 2026-06-15 06:00 UTC, from /ecs/jobs\nNo runs.\n',
      stderr: '',
    });
  });

  it('on a terminal says how far it is, and what was scanned', async () => {
    store('/ecs/jobs', LINES);
    const { stderr } = await run(WINDOW, { terminal: { columns: 100 } });
    expect(stderr).toMatch(/Logs Insights: 0 of \d\d REPORT lines/);
    expect(stderr).toMatch(/fargauge report: Logs Insights scanned \d+\.\d MB\n$/);
  });
});

describe('more lines than a query gives', () => {
  const START_MS = Date.UTC(2026, 4, 3);
  it('are read in slices of time, each below the limit, and none is lost or read twice', async () => {
    // 11,000 within two thirds of a second, and a few a day before.
    const timesMs = [
      ...Array.from({ length: 11_000 }, (_, index) => START_MS + Math.floor(index / 18)),
      ...Array.from({ length: 100 }, (_, index) => START_MS - 86_400_000 + index),
    ];
    store(
      '/ecs/jobs',
      timesMs.map((timeMs, index) => shortLine(timeMs, index)),
    );
    const { stdout } = await run(['--since', '2026-05-01', '--until', '2026-05-06', '--format', 'json']);
    const { jobs, skipped } = documentIn(stdout);
    expect(jobs).toMatchObject([{ runCount: 11_100, durationMs: { max: 11_099 } }]);
    expect(skipped.copyCount).toBe(0);
    const queries = server.queries.started.map(({ text: query, rowCount }) => ({
      kind: query.match(/bin\(\w+\)|fields @message|reports = 0/)?.[0],
      rowCount,
    }));
    expect(queries).toEqual([
      { kind: 'reports = 0', rowCount: 0 },
      // By the hour, and the hour that has too many by the second.
      { kind: 'bin(1h)', rowCount: 2 },
      { kind: 'bin(1s)', rowCount: 1 },
      { kind: 'fields @message', rowCount: 100 },
      // The second that has too many is halved.
      { kind: 'fields @message', rowCount: 10_000 },
      { kind: 'fields @message', rowCount: 9_000 },
      { kind: 'fields @message', rowCount: 2_000 },
    ]);
  });

  it('of runs without a REPORT are told to be more', async () => {
    store(
      '/ecs/jobs',
      Array.from({ length: 10_001 }, (_, index) =>
        shortLine(START_MS + index, index)
          .replace('REPORT', 'START')
          .replace(',"droppedLineCount":0', ''),
      ),
    );
    const { stdout, stderr } = await run([...WINDOW, '--since', '2026-05-01', '--format', 'json']);
    expect(documentIn(stdout)).toMatchObject({
      total: { runsWithoutReportCount: 10_000 },
      skipped: { hasMoreRunsWithoutReport: true },
    });
    expect((await run([...WINDOW, '--since', '2026-05-01'])).stdout).toContain(
      'There are more runs without a REPORT than the newest 10,000, which are counted.\n',
    );
    expect(stderr).toBe(
      'fargauge report: there are more runs without a REPORT than the newest 10,000, which are counted\n',
    );
  });

  it('in one millisecond are refused, with what to do', async () => {
    store(
      '/ecs/jobs',
      Array.from({ length: 10_000 }, (_, index) => shortLine(START_MS, index)),
    );
    const window = ['--since', '2026-05-03T00:00:00Z', '--until', '2026-05-03T00:00:00.002Z'];
    expect(await run(window)).toMatchObject({
      exitCode: 2,
      stderr:
        'fargauge report: 10000 REPORT lines or more are of one millisecond, 2026-05-03T00:00:00.000Z: use --no-insights\n',
    });
  });
});

describe('what CloudWatch Logs refuses', () => {
  it.each([[[]], [['--no-insights']]])('a group that does not exist: %s', async (options) => {
    const reason = 'ResourceNotFoundException: The specified log group does not exist.';
    const advice = `not there in us-east-1; check the name, --region and the account: ${reason}\n`;
    expect(await run([...WINDOW, ...options])).toEqual({
      exitCode: 2,
      stdout: '',
      stderr: `fargauge report: log group /ecs/jobs: ${advice}`,
    });
    store('/ecs/jobs', []);
    const which = options.length === 0 ? 'one of /ecs/jobs, /ecs/more' : '/ecs/more';
    expect(await run(['--log-group', '/ecs/more', ...WINDOW, ...options])).toMatchObject({
      exitCode: 2,
      stderr: `fargauge report: log group ${which}: ${advice}`,
    });
  });

  it('a policy that does not allow it, with the one that would', async () => {
    store('/ecs/jobs', []);
    server.injectAlways(FAULTS.denied, 'StartQuery');
    const { exitCode, stderr } = await run(WINDOW);
    expect(exitCode).toBe(2);
    expect(stderr).toBe(
      'fargauge report: log group /ecs/jobs: AccessDeniedException: User is not authorized\n' +
        'The policy of who runs this needs ' +
        '{"Effect":"Allow","Action":["logs:StartQuery"],"Resource":["arn:aws:logs:us-east-1:*:log-group:/ecs/jobs:*"]},' +
        '{"Effect":"Allow","Action":["logs:GetQueryResults","logs:StopQuery"],"Resource":"*"}\n',
    );
  });

  it('too many requests, which is waited out', async () => {
    store('/ecs/jobs', LINES);
    for (const action of ['StartQuery', 'FilterLogEvents']) server.inject([FAULTS.throttled], action);
    for (const options of [[], ['--no-insights']]) {
      const { stdout } = await run([...WINDOW, ...options, '--format', 'json']);
      expect(documentIn(stdout).jobs).toEqual(EXPECTED.jobs);
    }
  });

  it.each([
    ['Cancelled', 'somebody stopped it'],
    ['Timeout', 'it took longer than 60 minutes: choose a shorter --since'],
    ['Failed', 'try again later, or with --no-insights'],
  ])('a query that ends as %s', async (status, advice) => {
    store('/ecs/jobs', []);
    server.queries.course = { statuses: ['Running', status] };
    expect(await run(WINDOW)).toMatchObject({
      exitCode: 2,
      stderr: `fargauge report: log group /ecs/jobs: the query ended as ${status}: ${advice}\n`,
    });
  });
});

describe('a failure after a query was started', () => {
  it('stops the query at AWS', async () => {
    store('/ecs/jobs', LINES);
    server.injectAlways(FAULTS.denied, 'GetQueryResults');
    expect((await run(WINDOW)).exitCode).toBe(2);
    expect(server.queries.started.map(({ isStopped }) => isStopped)).toEqual([true]);
  });

  it('stops those beside it too, and is told once', async () => {
    store(
      '/ecs/jobs',
      Array.from({ length: 20_000 }, (_, index) => shortLine(WINDOW_END_MS - 1 - index * 10_000, index)),
    );
    server.queries.course = { statuses: ['Complete'] };
    const ended = run(WINDOW);
    await server.until(() => server.queries.started.length === 2);
    server.queries.course = { statuses: ['Running'] };
    await server.until(() => server.queries.started.length === 5);
    server.inject([FAULTS.denied], 'GetQueryResults');
    const { exitCode, stderr } = await ended;
    expect(exitCode).toBe(2);
    expect(stderr.match(/AccessDenied/g)).toHaveLength(1);
    expect(server.queries.started.slice(2).map(({ isStopped }) => isStopped)).toEqual([true, true, true]);
  });
});

describe('Ctrl-C', () => {
  it('stops the query at AWS', async () => {
    store('/ecs/jobs', LINES);
    server.queries.course = { statuses: ['Running'] };
    const signals = new EventEmitter();
    const ended = run(WINDOW, { signals: signals as unknown as NodeJS.Process });
    await server.until(() => server.requests.some(({ action }) => action === 'GetQueryResults'));
    signals.emit('SIGINT');
    expect(await ended).toEqual({ exitCode: 130, stdout: '', stderr: '' });
    expect(server.queries.started.map(({ isStopped }) => isStopped)).toEqual([true]);
    expect(signals.listenerCount('SIGINT')).toBe(0);
  });

  it('stops all of several queries, while some have not answered yet', async () => {
    store('/ecs/jobs', LINES);
    server.queries.course = { statuses: ['Complete'] };
    const signals = new EventEmitter();
    const ended = run(WINDOW, { signals: signals as unknown as NodeJS.Process });
    await server.until(() => server.queries.started.length === 2);
    server.queries.course = { statuses: ['Running'] };
    await server.until(() => server.queries.started.length === 3);
    signals.emit('SIGINT');
    expect((await ended).exitCode).toBe(130);
    expect(server.queries.started.at(-1)?.isStopped).toBe(true);
  });

  it('is heeded by the program, which says nothing more', async () => {
    store('/ecs/jobs', []);
    server.queries.course = { statuses: ['Running'] };
    const cli = join(import.meta.dirname, '../../src/cli/cli.ts');
    const child = spawn(process.execPath, [cli, 'report', '--log-group', '/ecs/jobs', ...WINDOW], {
      env: { ...process.env, ...ENVIRONMENT, AWS_ENDPOINT_URL_CLOUDWATCH_LOGS: server.url },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const said = Promise.all([text(child.stdout), text(child.stderr)]);
    await server.until(() => server.requests.some(({ action }) => action === 'GetQueryResults'));
    child.kill('SIGINT');
    expect(await once(child, 'close')).toEqual([130, null]);
    expect(await said).toEqual(['', '']);
    expect(server.queries.started.map(({ isStopped }) => isStopped)).toEqual([true]);
  });
});
