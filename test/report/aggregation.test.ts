import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { LineFields } from '../../src/core/line.ts';
import { MAX_JOBS } from '../../src/report/aggregation.ts';
import { documentOf } from './example-document.ts';
import { HOUR_MS, lineText, NOW_MS, USUAL } from './lines.ts';
import { monthOfLines } from './month-of-runs.ts';

const MINUTE_MS = 60_000;

/** What is reported at noon of these lines. */
const reported = (lines: readonly string[], options: Parameters<typeof documentOf>[1] = {}) =>
  documentOf(lines, { nowMs: NOW_MS, ...options });

const start = (taskId: string, timeMs: number, fields: LineFields = {}) =>
  lineText('START', { taskId, ...fields }, timeMs);
const summary = (taskId: string, timeMs: number, maxMemoryUtilizationPercent?: number, seq = 2) =>
  lineText('SUMMARY', { taskId, container: 'batch', maxMemoryUtilizationPercent }, timeMs, seq);
const end = (taskId: string, timeMs: number, fields: LineFields = {}) =>
  lineText('REPORT', { taskId, ...fields }, timeMs, 9);

describe('runs that left no REPORT', () => {
  it('are those that fell silent, with when and how full they were', async () => {
    const { jobs } = await reported(
      [
        start('gone', NOW_MS - 3 * HOUR_MS),
        summary('gone', NOW_MS - 2.5 * HOUR_MS, 97.5),
        summary('gone', NOW_MS - 2 * HOUR_MS, 40, 3),
        start('also-gone', NOW_MS - 5 * HOUR_MS),
        start('ended', NOW_MS - HOUR_MS),
        end('ended', NOW_MS),
      ],
      { endMs: NOW_MS },
    );
    expect(jobs).toMatchObject([
      {
        runCount: 1,
        runsWithoutReportCount: 2,
        runningCount: 0,
        newestRunWithoutReport: {
          taskId: 'gone',
          lastLineAt: '2026-11-21T10:00:00.000Z',
          memoryUtilizationPercent: 97.5,
        },
      },
    ]);
  });

  it('and were heard of in the last ten minutes still run', async () => {
    const lines = [
      start('long', NOW_MS - 3 * HOUR_MS),
      summary('long', NOW_MS - 10 * MINUTE_MS),
      start('gone', NOW_MS - 10 * MINUTE_MS - 1),
    ];
    expect((await reported(lines, { endMs: NOW_MS })).total).toMatchObject({
      runsWithoutReportCount: 1,
      runningCount: 1,
    });
  });

  it('of an old file are judged by its last line', async () => {
    const lastMs = NOW_MS - 400 * HOUR_MS;
    const lines = [start('long', lastMs - MINUTE_MS), start('gone', lastMs - HOUR_MS), end('ended', lastMs)];
    expect((await reported(lines)).total).toMatchObject({ runsWithoutReportCount: 1, runningCount: 1 });
  });

  it('are judged by the last line of all jobs, also where one is asked for', async () => {
    const lines = [start('gone', NOW_MS - 3 * HOUR_MS), end('ended', NOW_MS - HOUR_MS, { job: 'other' })];
    const jobs = ['nightly'];
    const lost = { runsWithoutReportCount: 1, runningCount: 0 };
    expect((await reported(lines, { jobs })).total).toMatchObject(lost);
    const wrongClock = end('odd', NOW_MS + 400 * HOUR_MS, { job: 'other' });
    const running = start('long', NOW_MS - HOUR_MS - MINUTE_MS);
    expect((await reported([...lines, running, wrongClock], { jobs })).total).toMatchObject({
      ...lost,
      runningCount: 1,
    });
  });

  it('are judged by the end of the window where the lines go on after it', async () => {
    const window = { fromMs: NOW_MS - 9 * HOUR_MS, toMs: NOW_MS - 5 * HOUR_MS };
    const lines = [
      start('gone', window.toMs - HOUR_MS),
      start('long', window.toMs - MINUTE_MS),
      end('ended', NOW_MS - HOUR_MS),
    ];
    expect((await reported(lines, { window })).total).toMatchObject({
      runsWithoutReportCount: 1,
      runningCount: 1,
    });
  });

  it('are not made by a clock that runs ahead', async () => {
    const lines = [start('long', NOW_MS - MINUTE_MS), end('ended', NOW_MS + 20 * HOUR_MS)];
    expect((await reported(lines)).total).toMatchObject({ runningCount: 1, runCount: 1 });
  });

  it('are not those whose REPORT cannot be used', async () => {
    const lines = [start('a', NOW_MS - HOUR_MS), end('a', NOW_MS - HOUR_MS, { durationMs: -1 })];
    expect((await reported(lines, { endMs: NOW_MS })).total).toMatchObject({
      runCount: 0,
      runsWithoutReportCount: 0,
    });
  });

  it('have a job of their own where none of its runs left one', async () => {
    const { jobs } = await reported([start('gone', NOW_MS - HOUR_MS, { job: 'other' }), end('a', NOW_MS)]);
    expect(jobs.map(({ job, runCount }) => [job, runCount])).toEqual([
      ['nightly', 1],
      ['other', 0],
    ]);
    expect(jobs[1]?.durationMs).toBeUndefined();
  });
});

describe('the window', () => {
  const window = { fromMs: NOW_MS - HOUR_MS, toMs: NOW_MS };

  it('has the runs whose REPORT was written in it, its first moment included and its last not', async () => {
    const {
      jobs,
      skipped,
      window: told,
    } = await reported(
      [
        end('before', window.fromMs - 1),
        end('first', window.fromMs),
        end('last', window.toMs - 1),
        end('after', window.toMs),
      ],
      { window },
    );
    expect(jobs).toMatchObject([{ runCount: 2 }]);
    expect(skipped.outsideWindowLineCount).toBe(2);
    expect(told).toEqual({
      from: '2026-11-21T11:00:00.000Z',
      to: '2026-11-21T12:00:00.000Z',
      firstReportAt: '2026-11-21T11:00:00.000Z',
      lastReportAt: '2026-11-21T11:59:59.999Z',
    });
  });

  it('that was only given an end begins with the first REPORT', async () => {
    const { window: told } = await reported([end('a', NOW_MS - HOUR_MS)], {
      window: { fromMs: 0, toMs: NOW_MS },
    });
    expect(told).toMatchObject({ from: undefined, to: '2026-11-21T12:00:00.000Z' });
  });

  it('counts no run as lost that left its REPORT within a day after it', async () => {
    const lines = [
      start('a', window.toMs - 0.5 * HOUR_MS),
      end('a', window.toMs + 24 * HOUR_MS - 1),
      start('b', window.toMs - 0.5 * HOUR_MS),
      end('b', window.toMs + 24 * HOUR_MS),
    ];
    const { jobs } = await reported(lines, { window, nowMs: NOW_MS + 90 * HOUR_MS });
    expect(jobs).toMatchObject([
      { runCount: 0, runsWithoutReportCount: 1, newestRunWithoutReport: { taskId: 'b' } },
    ]);
  });

  it('has a run that began before it', async () => {
    const { total } = await reported([start('a', window.fromMs - HOUR_MS), end('a', window.fromMs + 1)], {
      window,
      endMs: window.toMs,
    });
    expect(total).toMatchObject({ runCount: 1, runsWithoutReportCount: 0, runningCount: 0 });
  });

  it('has no lost run that ended after it', async () => {
    const lines = [start('a', window.fromMs + 1), end('a', window.toMs + HOUR_MS)];
    for (const each of [lines, lines.toReversed()]) {
      const { total } = await reported(each, { window, endMs: window.toMs });
      expect(total).toMatchObject({ runCount: 0, runsWithoutReportCount: 0, runningCount: 0 });
    }
  });

  it('has no run that was lost before it', async () => {
    const lines = [start('a', window.fromMs - HOUR_MS), summary('a', window.fromMs - 1)];
    expect((await reported(lines, { window, endMs: window.toMs })).jobs).toEqual([]);
  });

  it('without a line has no job, and knows no first and last REPORT', async () => {
    const { jobs, total, series, window: told } = await reported([], { window });
    expect(jobs).toEqual([]);
    expect(total).toMatchObject({ jobCount: 0, runCount: 0, usd: undefined });
    expect(series.all).toEqual([]);
    expect(told.firstReportAt).toBeUndefined();
  });
});

describe('what is left out is counted:', () => {
  it('lines of others, broken ones, newer ones and copies', async () => {
    const { skipped, total } = await reported([
      'Loading 12 rows',
      '{"level":"info"}',
      end('a', NOW_MS),
      end('a', NOW_MS),
      end('b', NOW_MS).slice(0, -10),
      end('c', NOW_MS).replace('"REPORT"', '"EPILOGUE"'),
    ]);
    expect(total.runCount).toBe(1);
    expect(skipped).toMatchObject({
      foreignLineCount: 2,
      brokenLineCount: 1,
      brokenReasons: [{ reason: 'is not JSON', count: 1 }],
      newerLineCount: 1,
      copyCount: 1,
    });
  });

  it('unknown fields are no reason', async () => {
    const line = end('a', NOW_MS).replace('{', '{"mood":{"good":[1]},');
    expect((await reported([line])).total.runCount).toBe(1);
  });

  it('lines that name no job or no task, and figures below zero', async () => {
    const { skipped, jobs } = await reported([
      end('a', NOW_MS, { job: undefined }),
      end('b', NOW_MS).replace('"taskId":"b",', ''),
      end('c', NOW_MS, { durationMs: -1 }),
      end('d', NOW_MS, { job: undefined, family: 'family' }),
    ]);
    expect(skipped.brokenLineCount).toBe(3);
    expect(skipped.brokenReasons.map(({ reason }) => reason)).toEqual([
      'durationMs is negative',
      'job is missing',
      'taskId is missing',
    ]);
    expect(jobs).toMatchObject([{ job: 'family', runCount: 1 }]);
  });

  it('figures that no task can have, of which each total would be spoilt', async () => {
    const { total, jobs, skipped } = await reported([
      end('good', NOW_MS, { maxCpuPercent: 44_800, cpuTimeMs: 1e15, memorySizeMB: 25_165_824 }),
      end('long', NOW_MS, { durationMs: 9e15 }),
      end('longer', NOW_MS, { durationMs: 8e15, billedDurationMs: 8e15 }),
      end('busy', NOW_MS, { avgCpuPercent: 1e308 }),
      end('large', NOW_MS, { maxMemoryUsedMB: 9e15 }),
      end('wide', NOW_MS, { cpuSizeUnits: 2e6 }),
      summary('full', NOW_MS, 1e308),
      summary('empty', NOW_MS, -1),
    ]);
    expect(total).toMatchObject({ runCount: 1, runningCount: 0 });
    expect(jobs).toMatchObject([{ durationMs: { max: 600_000 }, avgCpuPercent: { max: 50 } }]);
    expect(skipped).toMatchObject({
      brokenLineCount: 7,
      brokenReasons: [
        { reason: 'durationMs is more than 1,000,000,000,000', count: 2 },
        { reason: 'avgCpuPercent is more than 10,000,000', count: 1 },
        { reason: 'cpuSizeUnits is more than 1,000,000', count: 1 },
        { reason: 'maxMemoryUsedMB is more than 100,000,000', count: 1 },
        { reason: 'maxMemoryUtilizationPercent is more than 10,000,000', count: 1 },
        { reason: 'maxMemoryUtilizationPercent is negative', count: 1 },
      ],
    });
  });

  it('whatever figures a line has, none of the document is lost in JSON', async () => {
    const figures = fc.record(
      Object.fromEntries(
        Object.entries(USUAL)
          .filter(([, value]) => typeof value === 'number')
          .map(([name]) => [
            name,
            name.endsWith('Percent')
              ? fc.oneof(fc.constant(1e308), fc.double({ min: 0, noNaN: true, noDefaultInfinity: true }))
              : fc.oneof(fc.constant(Number.MAX_SAFE_INTEGER), fc.nat()),
          ]),
      ),
      { requiredKeys: [] },
    );
    await fc.assert(
      fc.asyncProperty(fc.array(figures, { maxLength: 4 }), async (runs) => {
        const lines = runs.map((fields, index) => end(`task-${index}`, NOW_MS, fields));
        expect(JSON.stringify(await reported(lines))).not.toContain('null');
      }),
    );
  });

  it('lines of a wrong clock', async () => {
    const { skipped, total } = await reported([
      end('a', Date.UTC(1970, 0, 1)),
      end('b', Date.UTC(2099, 0, 1)),
      end('c', NOW_MS + 23 * HOUR_MS),
    ]);
    expect(skipped.wrongTimeLineCount).toBe(2);
    expect(total.runCount).toBe(1);
  });

  it('lines of other jobs', async () => {
    const lines = ['etl-a', 'etl-b', 'mail'].map((job, index) => end(`task-${index}`, NOW_MS, { job }));
    const { jobs, skipped } = await reported(lines, { jobs: ['etl-*'] });
    expect(jobs.map(({ job }) => job)).toEqual(['etl-a', 'etl-b']);
    expect(skipped.otherJobLineCount).toBe(1);
  });

  it('lines of more jobs than can be told of', async () => {
    const lines = Array.from({ length: MAX_JOBS + 2 }, (_, index) =>
      start(`task-${index}`, NOW_MS, { job: `job-${index}` }),
    );
    const { total, skipped } = await reported(lines);
    expect(total.jobCount).toBe(MAX_JOBS);
    expect(skipped.tooManyJobsLineCount).toBe(2);
  });
});

describe('a job', () => {
  it('has the size, region and architecture of its newest run', async () => {
    const { jobs } = await reported([
      end('new', NOW_MS, { cpuSizeUnits: 512, memorySizeMB: 1024, cpuArchitecture: 'ARM64' }),
      end('old', NOW_MS - 1, {}),
    ]);
    expect(jobs).toMatchObject([{ size: { cpuUnits: 512, memoryMB: 1024 }, cpuArchitecture: 'ARM64' }]);
  });

  it.each<[string, Record<string, LineFields>, string]>([
    [
      'one out of memory',
      { a: { status: 'failure', errorType: 'OutOfMemory' }, b: { status: 'failure' }, c: {} },
      'a',
    ],
    ['else one that failed', { a: {}, b: { status: 'failure' } }, 'b'],
    ['else the fullest', { a: { maxMemoryUtilizationPercent: 80 }, b: { durationMs: 9_999_999 } }, 'a'],
    ['else the longest', { a: { durationMs: 2 }, b: { durationMs: 3 } }, 'b'],
  ])('has as its worst run %s', async (_, runs, worst) => {
    const lines = Object.entries(runs).map(([taskId, fields]) => end(taskId, NOW_MS, fields));
    expect((await reported(lines)).jobs[0]?.worstRun).toMatchObject({ taskId: worst });
    expect((await reported(lines.toReversed())).jobs[0]?.worstRun).toMatchObject({ taskId: worst });
  });

  it('of a newer version may end in a way that is not known', async () => {
    const { jobs } = await reported([end('a', NOW_MS, { status: 'hibernated' })]);
    expect(jobs).toMatchObject([{ unknownCount: 1, worstRun: { status: 'hibernated' } }]);
  });

  it.each([
    ['EC2', 'it runs on EC2, where Fargate’s sizes do not apply'],
    [undefined, 'nothing says that it runs on Fargate'],
  ])('on %s has no size recommended', async (launchType, reason) => {
    const lines = Array.from({ length: 9 }, (_, index) =>
      end(`task-${index}`, NOW_MS, { launchType, billedDurationMs: undefined }),
    );
    expect((await reported(lines)).jobs[0]).toMatchObject({
      recommendation: { kind: 'none', reason },
      cost: undefined,
    });
  });
});

it('jobs come by what they waste, and the total is their sum', async () => {
  const { jobs, total } = await documentOf(monthOfLines());
  const waste = jobs.map(({ use }) => (use?.wastedVcpuHours ?? 0) + (use?.wastedGBHours ?? 0) / 9.1);
  expect(waste).toEqual(waste.toSorted((a, b) => b - a));
  const sum = (value: (job: (typeof jobs)[number]) => number | undefined) =>
    jobs.reduce((all, job) => all + (value(job) ?? 0), 0);
  expect(total.runCount).toBe(sum(({ runCount }) => runCount));
  expect(total.usd).toBeCloseTo(
    sum(({ cost }) => cost?.usd),
    6,
  );
  expect(total.use?.wastedGBHours).toBeCloseTo(
    sum(({ use }) => use?.wastedGBHours),
    6,
  );
});

it('a line that was delivered twice changes no figure', async () => {
  const lines = monthOfLines();
  const { jobs, total, series } = await documentOf(lines);
  expect(await documentOf(lines.flatMap((line) => [line, line]))).toMatchObject({ jobs, total, series });
});

it('the order of the lines does not matter', async () => {
  const lines = monthOfLines().filter((line) => !line.startsWith('{"type":"CONTAINER"'));
  const expected = await documentOf(lines);
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: 1e9 }), async (seed) => {
      const place = (index: number) => Math.sin(index * seed);
      const shuffled = lines
        .map((line, index) => ({ line, place: place(index) }))
        .toSorted((a, b) => a.place - b.place)
        .map(({ line }) => line);
      expect(await documentOf(shuffled)).toEqual(expected);
    }),
    { numRuns: 3 },
  );
});
