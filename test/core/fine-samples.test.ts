import { describe, expect, it } from 'vitest';
import { type LineFields, render } from '../../src/core/line.ts';
import { finish, initialState, type Settings, step } from '../../src/core/state.ts';
import type { Container, Poll, Sample, Task } from '../../src/core/types.ts';
import {
  container,
  MIB,
  NO_LOSS,
  ok,
  pending,
  poll,
  SECOND_NS,
  SETTINGS,
  START_MS,
  sample,
  samples,
  task,
} from './builders.ts';

const LIMIT_MIB = 512;
const ETL = container('etl', { memoryLimitMiB: LIMIT_MIB });
const FARGATE = { launchType: 'FARGATE', cpuLimitUnits: 1024, memoryLimitMiB: 1024 } as const;
const RUNNING = task([ETL], FARGATE);
const PENDING = task([{ name: 'etl', id: 'id-of-etl', status: 'pending', stopRequested: false }], FARGATE);

/** A sample that knows anonymous memory alone. */
function processes(atMs: number, cpuUsageNs: number, anonMiB: number): Sample {
  return sample(atMs, cpuUsageNs, { source: 'proc', memory: { anonBytes: anonMiB * MIB } });
}

function cgroup(atMs: number, cpuUsageNs: number, usedMiB: number, change: Partial<Sample> = {}): Sample {
  const memory = { usageBytes: (usedMiB + 20) * MIB, cacheBytes: 20 * MIB, anonBytes: usedMiB * MIB };
  return sample(atMs, cpuUsageNs, { source: 'cgroup', memory, ...change });
}

function endpoint(atMs: number, cpuUsageNs: number, usedMiB: number): Sample {
  const { source: _, ...exact } = cgroup(atMs, cpuUsageNs, usedMiB);
  return exact;
}

/** A look at /proc, without a request. */
function look(atMs: number, of: Sample | undefined): Poll {
  return {
    polledAtMs: START_MS + atMs,
    answeredAtMs: START_MS + atMs,
    elapsedMs: atMs,
    processes: samples(of ? { etl: of } : {}),
  };
}

function stopped(atMs: number, exitCode: number, change: Partial<Container> = {}): Task {
  return task([{ ...ETL, status: 'stopped', exitCode, finishedAtMs: START_MS + atMs, ...change }], FARGATE);
}

interface Lines {
  readonly report: LineFields;
  readonly container: LineFields;
  readonly summaries: readonly LineFields[];
  readonly samples: readonly LineFields[];
}

function linesOf(polls: readonly Poll[], endMs: number, settings: Partial<Settings> = {}): Lines {
  const state = initialState({ ...SETTINGS, ...settings });
  const lines = polls.flatMap((each) => step(state, each));
  lines.push(...finish(state, START_MS + endMs, endMs, NO_LOSS));
  const fields = (type: string) =>
    lines.filter((line) => line.type === type).map((line) => JSON.parse(render(line, 1)) as LineFields);
  const [report = {}] = fields('REPORT');
  const [first = {}] = fields('CONTAINER');
  return { report, container: first, summaries: fields('SUMMARY'), samples: fields('SAMPLE') };
}

/** A second of work each second. */
const busy = (atMs: number) => atMs * 1e6;

describe('a run with looks at /proc', () => {
  it('of three seconds has its figures without any sample of the endpoint', () => {
    const looks = Array.from({ length: 29 }, (_, index) => (index + 1) * 100).map((atMs) =>
      look(atMs, processes(atMs, busy(atMs), atMs < 1_000 ? 50 : 200)),
    );
    const { container: line, report } = linesOf(
      [poll(50, RUNNING), ...looks, poll(3_050, stopped(3_000, 0))],
      3_050,
    );
    expect(line).toMatchObject({
      status: 'success',
      cpuTimeMs: 2_900,
      avgCpuPercent: 100,
      maxCpuPercent: 100,
      p95CpuPercent: 100,
      maxAnonMemoryMB: 200,
      sampleCount: 29,
      sampleSources: 'proc',
      sampleIntervalMs: 100,
      longestGapMs: 100,
      coveragePercent: 93.33,
      unseenTailMs: 100,
    });
    for (const name of ['maxMemoryUsedMB', 'avgMemoryUsedMB', 'maxWorkingSetMB', 'kernelPeakMemoryMB']) {
      expect(line).not.toHaveProperty(name);
    }
    expect(report).toMatchObject({
      cpuTimeMs: 2_900,
      maxAnonMemoryMB: 200,
      sampleSources: 'proc',
      pollCount: 2,
    });
    expect(report).not.toHaveProperty('recommendedMemoryMB');
  });

  it('has the looks that came before the endpoint showed its start, but those of its life alone', () => {
    const late = task([{ ...ETL, startedAtMs: START_MS + 500 }], FARGATE);
    // Before its start there was the container's runtime, which is none of its memory.
    const looks = Object.entries({ 400: 900, 1000: 60, 1500: 200, 2000: 80 }).map(([atMs, anonMiB]) =>
      look(Number(atMs), processes(Number(atMs), Math.max(0, busy(Number(atMs) - 500)), anonMiB)),
    );
    const { container: line, report } = linesOf(
      [poll(50, PENDING), ...looks, poll(2_050, late), poll(2_400, stopped(2_300, 0))],
      2_400,
    );
    expect(line).toMatchObject({
      cpuTimeMs: 1_500,
      maxAnonMemoryMB: 200,
      sampleCount: 3,
      sampleSources: 'proc',
    });
    expect(report).toMatchObject({ cpuTimeMs: 1_500, maxAnonMemoryMB: 200 });
  });

  it('has them too where the endpoint showed nothing of it before its end', () => {
    const end = stopped(1_100, 0, { startedAtMs: START_MS + 500 });
    const { container: line } = linesOf(
      [
        poll(50, PENDING),
        look(1_000, processes(1_000, busy(500), 70)),
        look(1_200, processes(1_200, busy(600), 5)),
        poll(1_250, end),
        look(2_000, undefined),
      ],
      2_000,
    );
    expect(line).toMatchObject({ status: 'success', cpuTimeMs: 500, maxAnonMemoryMB: 70, unseenTailMs: 100 });
  });

  it('without them claims nothing of the same run', () => {
    const { container: line } = linesOf([poll(50, RUNNING), poll(3_050, stopped(3_000, 0))], 3_050);
    expect(line).toMatchObject({ status: 'success', sampleCount: 0, coveragePercent: 0 });
    for (const name of ['cpuTimeMs', 'maxCpuPercent', 'maxAnonMemoryMB', 'sampleSources', 'unseenTailMs']) {
      expect(line).not.toHaveProperty(name);
    }
  });

  it('has all CPU but that of its last moments when it ends between two refreshes', () => {
    const polls = [1_000, 11_000].map((atMs) =>
      poll(atMs + 500, RUNNING, samples({ etl: endpoint(atMs, busy(atMs), 100) })),
    );
    // One child in ten that nobody waits for: /proc misses it.
    const looks = Array.from({ length: 18 }, (_, index) => (index + 1) * 1_000).map((atMs) =>
      look(atMs, processes(atMs, 0.9 * busy(atMs), 100)),
    );
    const inOrder = [...polls, ...looks].toSorted((a, b) => a.elapsedMs - b.elapsedMs);
    const { container: line } = linesOf([...inOrder, poll(18_900, stopped(18_900, 0))], 18_900);
    // 11 s, and nine tenths of the seven that followed.
    expect(line).toMatchObject({ cpuTimeMs: 17_300, sampleSources: 'endpoint,proc', unseenTailMs: 900 });
  });

  it('has a peak between two refreshes: of anonymous memory where only the processes can be read', () => {
    const looks = [2_000, 3_000, 4_000].map((atMs) =>
      look(atMs, processes(atMs, 0, atMs === 3_000 ? 390 : 90)),
    );
    const { container: line, report } = linesOf(
      [
        poll(1_000, RUNNING, samples({ etl: endpoint(1_000, 0, 100) })),
        ...looks,
        poll(11_000, RUNNING, samples({ etl: endpoint(11_000, 0, 110) })),
        poll(21_000, RUNNING, samples({ etl: endpoint(21_000, 0, 110) })),
        poll(22_000, stopped(22_000, 0)),
      ],
      22_000,
    );
    expect(line).toMatchObject({ maxAnonMemoryMB: 390, maxMemoryUsedMB: 110, maxWorkingSetMB: 130 });
    // 390 MiB and a fifth more do not fit into 512 - what fits is recommended, not what the working set alone says.
    expect(report).toMatchObject({ maxAnonMemoryMB: 390, recommendedMemoryMB: 512 });
  });

  it('has a peak between two refreshes of all figures where the cgroup can be read', () => {
    const looks = [2_000, 3_000, 4_000].map((atMs) =>
      look(
        atMs,
        cgroup(atMs, 0, atMs === 3_000 ? 390 : 90, {
          memoryPressureNs: atMs * 1e5,
          memoryFullPressureNs: 5e6,
        }),
      ),
    );
    const { container: line, report } = linesOf(
      [poll(1_000, RUNNING), ...looks, poll(5_000, stopped(5_000, 0))],
      5_000,
    );
    expect(line).toMatchObject({
      maxMemoryUsedMB: 390,
      avgMemoryUsedMB: 190,
      maxMemoryUtilizationPercent: 76.17,
      maxAnonMemoryMB: 390,
      sampleSources: 'cgroup',
      memoryPressureMs: 400,
      memoryFullPressureMs: 5,
    });
    expect(report).toMatchObject({ memoryPressureMs: 400, recommendedMemoryMB: 512 });
  });

  it('gives no stretch of time double weight', () => {
    const looks = Array.from({ length: 10 }, (_, index) => (index + 1) * 1_000).map((atMs) =>
      look(atMs, cgroup(atMs, busy(atMs) / 2, 100)),
    );
    // The endpoint's sample of the same time, at another moment of it.
    const late = poll(10_500, RUNNING, samples({ etl: endpoint(9_500, 4.75 * SECOND_NS, 110) }));
    const { container: line } = linesOf(
      [poll(10, RUNNING), ...looks, late, poll(11_000, stopped(11_000, 0))],
      11_000,
    );
    expect(line).toMatchObject({
      maxMemoryUsedMB: 110,
      avgMemoryUsedMB: 100,
      p95MemoryUsedMB: 100,
      maxCpuPercent: 50,
      p95CpuPercent: 50,
      cpuTimeMs: 5_000,
      sampleCount: 11,
      sampleIntervalMs: 1_000,
      longestGapMs: 1_000,
      unseenTailMs: 1_000,
    });
  });

  it('gives none double weight either where it takes several refreshes until CPU can be told', () => {
    // Ten processes: off by √10 ticks, so that it takes two seconds. A hundred busy ones, then a hundred idle ones.
    const used = (atMs: number) => busy(Math.min(atMs, 100_000));
    const polls = Array.from({ length: 200 }, (_, index) => (index + 1) * 1_000).flatMap((atMs) => [
      poll(atMs, RUNNING, samples({ etl: endpoint(atMs, used(atMs), 50) })),
      look(atMs, {
        ...processes(atMs, used(atMs), 50),
        cpuErrorNs: atMs <= 100_000 ? Math.sqrt(10) * 1e7 : 0,
      }),
    ]);
    const { container: line } = linesOf([...polls, poll(200_500, stopped(200_400, 0))], 200_500);
    expect(line.cpuSaturatedPercent).toBeGreaterThan(49);
    expect(line.cpuSaturatedPercent).toBeLessThan(51);
    expect(line).toMatchObject({ avgCpuPercent: 50, maxCpuPercent: 100, p95CpuPercent: 100 });
  });

  it('has a highest CPU that is not below what the endpoint shows over the same time', () => {
    // A look finds none of it: the processes are too short-lived, and nobody waits for them.
    const looks = Array.from({ length: 10 }, (_, index) => (index + 1) * 1_000).map((atMs) =>
      look(atMs, processes(atMs, 0, 10)),
    );
    const refresh = poll(10_010, RUNNING, samples({ etl: endpoint(10_000, 8 * SECOND_NS, 110) }));
    const { container: line } = linesOf(
      [poll(10, RUNNING), ...looks, refresh, poll(11_000, stopped(11_000, 0))],
      11_000,
    );
    expect(line).toMatchObject({ cpuTimeMs: 8_000, maxCpuPercent: 80 });
  });

  it('tells CPU over half a second at least: at ten looks a second one tick would be ten percent', () => {
    const looks = [100, 200, 300, 400, 500, 600].map((atMs) =>
      look(1_000 + atMs, processes(1_000 + atMs, (atMs < 300 ? 40 : 90) * 1e6, 10)),
    );
    const { samples: lines } = linesOf(
      [poll(1_000, RUNNING, samples({ etl: endpoint(1_000, 0, 10) })), ...looks],
      2_000,
      { samples: true },
    );
    expect(lines.map(({ cpuPercent, sampleSources }) => [sampleSources, cpuPercent])).toEqual([
      [undefined, 0],
      ['proc', undefined],
      ['proc', undefined],
      ['proc', undefined],
      ['proc', undefined],
      ['proc', undefined],
      // 50 ms in the 500 from the first look on.
      ['proc', 10],
    ]);
  });

  it('tells CPU over longer times where many processes are busy: each of them is rounded to a tick', () => {
    // A whole CPU, and from look to look a quarter of a second too much, or too little.
    const swing = (atMs: number) => (atMs % 2_000 === 0 ? 0.25 : -0.25) * SECOND_NS;
    const looks = Array.from({ length: 24 }, (_, index) => (index + 1) * 1_000).map((atMs) =>
      look(atMs, { ...processes(atMs, busy(atMs) + swing(atMs), 10), cpuErrorNs: 80e6 }),
    );
    const { container: line } = linesOf(
      [poll(50, RUNNING), ...looks, poll(24_500, stopped(24_500, 0))],
      24_500,
    );
    expect(line.maxCpuPercent).toBeLessThanOrEqual(106.25);
    expect(line.maxCpuPercent).toBeGreaterThanOrEqual(100);
  });

  it('has a highest CPU all the same where thousands are', () => {
    const looks = Array.from({ length: 24 }, (_, index) => (index + 1) * 1_000).map((atMs) =>
      look(atMs, { ...processes(atMs, busy(atMs), 10), cpuErrorNs: 640e6 }),
    );
    const { container: line } = linesOf(
      [poll(50, RUNNING), ...looks, poll(24_500, stopped(24_500, 0))],
      24_500,
    );
    expect(line.maxCpuPercent).toBe(100);
  });

  it('says in words that the last sample knew anonymous memory alone', () => {
    const looks = [1_000, 2_000].map((atMs) => look(atMs, processes(atMs, 0, atMs === 1_000 ? 400 : 500)));
    const { container: line } = linesOf([poll(10, RUNNING), ...looks, poll(2_500, stopped(2_500, 1))], 2_500);
    expect(line).toMatchObject({
      status: 'failure',
      errorType: 'OutOfMemory',
      oomEvidence: 'anonymous memory in the last sample at 97 % of the limit',
    });
  });

  it('takes the last sample of the cgroup for what it is', () => {
    const looks = [1_000, 2_000].map((atMs) => look(atMs, cgroup(atMs, 0, atMs === 1_000 ? 400 : 500)));
    const { container: line } = linesOf([poll(10, RUNNING), ...looks, poll(2_500, stopped(2_500, 1))], 2_500);
    expect(line.oomEvidence).toBe('last sample at 97 % of the limit');
  });

  it('takes for the last sample the one of the latest moment, not the one that came last', () => {
    const looks = [1_000, 2_000].map((atMs) => look(atMs, processes(atMs, 0, atMs === 1_000 ? 400 : 500)));
    const late = poll(2_100, RUNNING, samples({ etl: endpoint(1_500, 0, 450) }));
    const { container: line } = linesOf(
      [poll(10, RUNNING), ...looks, late, poll(2_500, stopped(2_500, 1))],
      2_500,
    );
    expect(line.oomEvidence).toBe('anonymous memory in the last sample at 97 % of the limit');
  });

  it('keeps what a sample of all memory says when a later one knows anonymous memory alone', () => {
    const memory = { usageBytes: 505 * MIB, cacheBytes: 5 * MIB, anonBytes: 100 * MIB };
    const full = poll(10_100, RUNNING, samples({ etl: sample(10_000, 1e9, { memory }) }));
    const polls = [poll(50, RUNNING), full, look(10_500, processes(10_500, 1e9, 100))];
    const { container: line } = linesOf([...polls, poll(11_000, stopped(10_900, 1))], 11_000);
    expect(line).toMatchObject({
      errorType: 'OutOfMemory',
      oomEvidence: 'last sample of all memory at 97 % of the limit',
    });
  });

  it.each([
    ['anonymous memory', processes],
    ['memory', cgroup],
  ])('remembers a peak of %s that a child took along which the kernel ended', (what, of) => {
    const used = [100, 300, 505, 511, 60, 60];
    const looks = used.map((mib, index) => look((index + 1) * 1_000, of((index + 1) * 1_000, 0, mib)));
    const end = (exitCode: number) =>
      linesOf([poll(50, RUNNING), ...looks, poll(6_500, stopped(6_400, exitCode))], 6_500).container;
    expect(end(1)).toMatchObject({
      errorType: 'OutOfMemory',
      oomEvidence: `${what} at 99 % of the limit 2.4 s before the end`,
    });
    expect(end(0)).not.toHaveProperty('errorType');
  });

  it('does not lay its end to a peak that is more than ten seconds past, nor to one of a run before', () => {
    const high = look(1_000, processes(1_000, 0, 511));
    const low = (atMs: number) => look(atMs, processes(atMs, 0, 60));
    const late = [poll(50, RUNNING), high, low(2_000), low(10_900), poll(11_500, stopped(11_100, 1))];
    expect(linesOf(late, 11_500).container).not.toHaveProperty('oomEvidence');
    const another = task([{ ...ETL, id: 'another' }], FARGATE);
    const ended = stopped(5_000, 1, { id: 'another' });
    const next = [poll(50, RUNNING), high, poll(3_000, another), poll(5_100, ended)];
    expect(linesOf(next, 5_100).container).not.toHaveProperty('oomEvidence');
  });

  describe('of which the source changes', () => {
    // A tenth of a CPU; 30 s were used before by processes that nobody waited for, which a sum does not know.
    const used = (atMs: number) => 30 * SECOND_NS + atMs * 1e5;
    const summed = (atMs: number) => look(atMs, processes(atMs, atMs * 1e5, 50));
    const counted = (atMs: number) => look(atMs, cgroup(atMs, used(atMs), 50));
    const refreshed = (atMs: number) =>
      poll(atMs + 10, RUNNING, samples({ etl: endpoint(atMs, used(atMs), 50) }));
    const each = (fromMs: number, toMs: number, of: (atMs: number) => Poll) =>
      Array.from({ length: (toMs - fromMs) / 1_000 + 1 }, (_, index) => of(fromMs + index * 1_000));

    it.each([
      ['from the processes to the cgroup', summed, counted],
      ['from the cgroup to the processes', counted, summed],
    ])('%s counts nothing twice and makes up no maximum', (_, first, second) => {
      const polls = [
        poll(50, RUNNING, samples({ etl: endpoint(0, used(0), 50) })),
        refreshed(20_000),
        ...each(20_500, 24_500, first),
        ...each(25_500, 28_500, second),
        refreshed(29_000),
        ...each(29_500, 38_500, second),
      ];
      const settings = { summaryIntervalMs: 26_000 };
      const { container: line, summaries } = linesOf(
        [...polls, poll(39_000, stopped(38_600, 0))],
        39_000,
        settings,
      );
      expect(line.cpuTimeMs).toBeGreaterThanOrEqual(33_800);
      expect(line.cpuTimeMs).toBeLessThanOrEqual(33_850);
      expect(line).toMatchObject({ maxCpuPercent: 10, p95CpuPercent: 10 });
      expect(summaries.reduce((total, { cpuTimeMs = 0 }) => total + cpuTimeMs, 0)).toBe(line.cpuTimeMs);
    });

    it('to one that shows less does not begin anew', () => {
      const looks = [
        ...each(1_000, 5_000, (atMs) => look(atMs, processes(atMs, busy(atMs) * 0.9, 50))),
        ...each(6_000, 8_000, (atMs) => look(atMs, cgroup(atMs, busy(atMs) * 0.7, 50))),
      ];
      const { container: line } = linesOf(
        [poll(50, RUNNING), ...looks, poll(8_500, stopped(8_500, 0))],
        8_500,
      );
      // The cgroup's 5.6 s and what the sum had more when it was last seen; not the two together.
      expect(line).toMatchObject({ cpuTimeMs: 5_900, maxCpuPercent: 90 });
    });
  });

  it.each([
    // A cgroup is made anew at a restart; what its processes used stays in their sum.
    ['cgroup', (atMs: number) => cgroup(atMs, busy(atMs < 18_500 ? atMs : atMs - 18_500), 50)],
    ['proc', (atMs: number) => processes(atMs, busy(atMs), 50)],
  ])('keeps, of %s, what was used between the last refresh and a restart', (_, of) => {
    const polls = Array.from({ length: 39 }, (__, index) => (index + 1) * 1_000).flatMap((atMs) => {
      const figure = endpoint(atMs, busy(atMs < 18_500 ? atMs : atMs - 18_500), 50);
      return [
        ...(atMs % 10_000 === 0 ? [poll(atMs, RUNNING, samples({ etl: figure }))] : []),
        look(atMs, of(atMs)),
      ];
    });
    const { container: line, summaries } = linesOf(
      [poll(10, RUNNING), ...polls, poll(39_500, stopped(39_200, 0))],
      39_500,
      { summaryIntervalMs: 10_000 },
    );
    // Half a second before the restart was in no look of the cgroup.
    expect(line.cpuTimeMs).toBe(39_000 - (line.sampleSources === 'endpoint,cgroup' ? 500 : 0));
    expect(summaries.reduce((total, { cpuTimeMs = 0 }) => total + cpuTimeMs, 0)).toBe(line.cpuTimeMs);
  });

  it('has windows that add up to the whole', () => {
    const looks = Array.from({ length: 12 }, (_, index) => (index + 1) * 700).map((atMs) => ({
      ...poll(atMs, RUNNING),
      processes: samples({ etl: processes(atMs, 0.333 * busy(atMs), 10) }),
    }));
    const { container: line, summaries } = linesOf(
      [poll(10, RUNNING), ...looks, poll(9_000, stopped(8_500, 0))],
      9_000,
      { summaryIntervalMs: 2_000 },
    );
    expect(summaries.length).toBeGreaterThan(3);
    const sum = (name: 'cpuTimeMs' | 'sampleCount') =>
      summaries.reduce((total, each) => total + (each[name] ?? 0), 0);
    expect([sum('cpuTimeMs'), sum('sampleCount')]).toEqual([line.cpuTimeMs, line.sampleCount]);
    expect(summaries[0]).toMatchObject({ sampleSources: 'proc', maxCpuPercent: 33.3 });
  });

  it('counts a container that has no process any more in no sum', () => {
    const other = container('other');
    const both = task([ETL, other], FARGATE);
    const first = { etl: cgroup(1_000, 0, 300), other: cgroup(1_000, 0, 100) };
    const second = { other: cgroup(2_000, 0, 250) };
    const polls = [first, second].map(
      (entries, index): Poll => ({
        ...look((index + 1) * 1_000, undefined),
        processes: samples(entries),
      }),
    );
    const { report } = linesOf([poll(10, both), ...polls], 2_500);
    expect(report.maxMemoryUsedMB).toBe(400);
  });

  it('has no sum of the memory in use while one container’s is not known', () => {
    const both = task([ETL, container('fargauge')], FARGATE);
    const at = (atMs: number): Poll => ({
      ...look(atMs, undefined),
      processes: samples({ etl: processes(atMs, 0, 200), fargauge: cgroup(atMs, 0, 15) }),
    });
    const { report } = linesOf([poll(10, both), at(1_000), at(2_000)], 2_500);
    expect(report).toMatchObject({ maxAnonMemoryMB: 215, sidecarMaxMemoryUsedMB: 15 });
    expect(report).not.toHaveProperty('maxMemoryUsedMB');
    const told = poll(3_000, both, samples({ etl: endpoint(3_000, 0, 210) }));
    expect(linesOf([poll(10, both), at(1_000), told, at(4_000)], 4_500).report.maxMemoryUsedMB).toBe(225);
  });

  it('leaves aside what it sees before a start, after an end and of a stranger', () => {
    const stranger: Poll = {
      ...look(3_000, undefined),
      processes: new Map([['stranger', processes(3_000, 9e9, 900)]]),
    };
    const startsLater = task([{ ...ETL, startedAtMs: START_MS + 2_000 }], FARGATE);
    const { report } = linesOf(
      [
        poll(10, PENDING),
        look(500, processes(500, 9e9, 900)),
        poll(2_100, startsLater),
        look(2_100, processes(1_900, 9e9, 900)),
        look(2_200, processes(2_200, 1e8, 30)),
        stranger,
        poll(4_000, stopped(4_000, 0)),
        look(4_100, processes(4_100, 9e9, 900)),
      ],
      4_200,
    );
    expect(report).toMatchObject({ cpuTimeMs: 100, maxAnonMemoryMB: 30, sampleCount: 1, pollCount: 3 });
  });

  it('does not take the tail for seen when the clock was set', () => {
    const set: Poll = { ...look(3_000, processes(3_600_000, 0, 10)) };
    const { container: line } = linesOf(
      [poll(10, RUNNING), look(1_000, processes(1_000, 0, 10)), set],
      4_000,
    );
    expect(line).not.toHaveProperty('unseenTailMs');
  });

  it('tells the CPU of a container that has taken the place of another since its own start', () => {
    const again = container('etl', { id: 'id-of-etl-2', startedAtMs: START_MS + 20_000 });
    const { container: line } = linesOf(
      [
        poll(50, RUNNING),
        look(1_000, processes(1_000, busy(1_000), 10)),
        poll(20_050, task([again], FARGATE)),
        { ...look(21_000, undefined), processes: samples({ 'etl-2': processes(21_000, busy(1_000), 10) }) },
      ],
      21_050,
    );
    expect(line).toMatchObject({ cpuTimeMs: 2_000, p95CpuPercent: 100, cpuSaturatedPercent: 100 });
  });
});

describe('a wall clock that is set while there are looks at /proc', () => {
  const HOUR_MS = 3_600_000;
  const END_MS = 40_500;

  /** Forty seconds of work, of which the clocks are set in the middle; the endpoint shows some of them, three late. */
  function withClockSet(byMs: number, refreshMs: number): Lines {
    const wallMs = (atMs: number) => atMs + (atMs > 20_000 ? byMs : 0);
    const polls = Array.from({ length: 40 }, (_, index): Poll[] => {
      const atMs = (index + 1) * 1_000;
      const readMs = Math.floor((atMs - 3_000) / refreshMs) * refreshMs;
      const isShown = readMs > 0;
      const entries = samples(isShown ? { etl: endpoint(wallMs(readMs), busy(readMs), 100) } : {});
      const times = {
        polledAtMs: START_MS + wallMs(atMs),
        answeredAtMs: START_MS + wallMs(atMs),
        elapsedMs: atMs,
      };
      return [
        { ...poll(atMs, RUNNING, entries), ...times },
        { ...look(atMs, processes(wallMs(atMs), busy(atMs), 90)), ...times },
      ];
    });
    return linesOf(polls.flat(), END_MS);
  }

  it.each([
    ['back an hour', -HOUR_MS, Number.POSITIVE_INFINITY, 40],
    ['forward an hour', HOUR_MS, Number.POSITIVE_INFINITY, 40],
    ['back an hour, beside the endpoint', -HOUR_MS, 10_000, 43],
    ['forward an hour, beside the endpoint', HOUR_MS, 10_000, 43],
    ['back an hour, beside an endpoint with a sample each second', -HOUR_MS, 1_000, 77],
    ['forward an hour, beside an endpoint with a sample each second', HOUR_MS, 1_000, 77],
  ])('%s leaves the figures of the run as they are', (_, byMs, refreshMs, sampleCount) => {
    const { container: line, report } = withClockSet(byMs, refreshMs);
    for (const each of [line, report]) {
      expect(each).toMatchObject({ cpuTimeMs: 40_000, maxCpuPercent: 100, longestGapMs: 1_000 });
      expect(each).not.toHaveProperty('unseenTailMs');
      // Of the gaps beside the moment at which it was set nothing is known.
      expect(each.avgCpuPercent).toBeGreaterThanOrEqual(100);
      expect(each.avgCpuPercent).toBeLessThan(103);
      expect(each.coveragePercent).toBeGreaterThan(93);
      expect(each.coveragePercent).toBeLessThan(97);
    }
    expect(line.sampleCount).toBe(sampleCount);
  });

  it('while one container takes the place of another leaves the looks at that one', () => {
    const again = container('etl', { id: 'id-of-etl-2', startedAtMs: START_MS + 5_500 - HOUR_MS });
    const before = [1_000, 2_000, 3_000, 4_000, 5_000].map((atMs) =>
      look(atMs, processes(atMs, busy(atMs), 90)),
    );
    const after = [6_000, 7_000, 8_000, 9_000, 10_000].map((atMs) => {
      const found = processes(atMs - HOUR_MS, busy(atMs - 5_500), 90);
      return { ...look(atMs, undefined), processes: samples({ 'etl-2': found }) };
    });
    const { container: line } = linesOf(
      [poll(50, RUNNING), ...before, poll(5_900, task([again], FARGATE)), ...after],
      10_050,
    );
    expect(line).toMatchObject({
      cpuTimeMs: 9_500,
      sampleCount: 10,
      longestGapMs: 1_000,
      coveragePercent: 79.6,
    });
  });

  it('back by a moment, as it is put right, hides neither the tail nor a peak before the end', () => {
    const wallMs = (atMs: number) => atMs - (atMs > 2_000 ? 300 : 0);
    const looks = Array.from({ length: 30 }, (_, index) => (index + 1) * 100).map((atMs) => ({
      ...look(atMs, processes(wallMs(atMs), busy(atMs), atMs === 2_500 ? 511 : 60)),
      polledAtMs: START_MS + wallMs(atMs),
    }));
    const { container: line } = linesOf(
      [poll(50, RUNNING), ...looks, poll(3_150, stopped(wallMs(3_100), 1))],
      3_150,
    );
    expect(line).toMatchObject({
      errorType: 'OutOfMemory',
      oomEvidence: 'anonymous memory at 99 % of the limit 0.6 s before the end',
      cpuTimeMs: 3_000,
      longestGapMs: 100,
      unseenTailMs: 100,
    });
  });
});

describe('the sums over the containers', () => {
  it('have a point for each look, and none for what the endpoint says between them', () => {
    const looks = [1_000, 2_000, 3_000].map((atMs) => look(atMs, cgroup(atMs, 0, 100)));
    const between = poll(2_500, RUNNING, samples({ etl: endpoint(2_400, 0, 400) }));
    const { report } = linesOf([poll(10, RUNNING), ...looks.slice(0, 2), between, ...looks.slice(2)], 3_500);
    expect(report.avgMemoryUsedMB).toBe(100);
  });

  describe('where the endpoint is late to show a start', () => {
    const self = container('fargauge');
    const SHOWN = task([ETL, container('side'), self], FARGATE);
    const NOT_SHOWN = task(
      [...['etl', 'side'].map((name) => ({ ...pending(name), id: `id-of-${name}` })), self],
      FARGATE,
    );
    /** Two containers that are busy all the time, beside an idle sidecar. */
    const pollsOf = (shownAtMs: number, lookCount = 29) =>
      Array.from({ length: lookCount }, (_, index): Poll[] => {
        const atMs = (index + 1) * 100;
        const looked = samples({
          etl: cgroup(atMs, busy(atMs) / 2, 100),
          side: cgroup(atMs, busy(atMs) / 2, 50),
          fargauge: cgroup(atMs, 0, 20),
        });
        const asked = poll(atMs - 50, atMs < shownAtMs ? NOT_SHOWN : SHOWN);
        return [...(index % 5 === 0 ? [asked] : []), { ...look(atMs, undefined), processes: looked }];
      }).flat();

    it.each([500, 1_000, 2_500])('by %i ms, are the same as where it is not', (lateMs) => {
      const { report } = linesOf(pollsOf(lateMs), 3_000);
      expect(report).toMatchObject({ avgMemoryUsedMB: 170, cpuSaturatedPercent: 100, cpuTimeMs: 2_900 });
      expect(report).toEqual(linesOf(pollsOf(0), 3_000).report);
    });

    /** Containers beside an idle sidecar, looked at ten times a second, and the task as it is shown at each moment. */
    const runOf = (
      endMs: number,
      shown: (atMs: number) => Task,
      used: (atMs: number) => Readonly<Record<string, number>>,
    ) =>
      Array.from({ length: endMs / 100 }, (_, index): Poll[] => {
        const atMs = (index + 1) * 100;
        const found = Object.entries({ ...used(atMs), fargauge: 20 }).map(
          ([name, usedMiB]) => [name, cgroup(atMs, 0, usedMiB)] as const,
        );
        const asked = poll(atMs - 50, shown(atMs));
        return [asked, { ...look(atMs, undefined), processes: samples(Object.fromEntries(found)) }];
      }).flat();
    const SIDE_PENDING = task([ETL, { ...pending('side'), id: 'id-of-side' }, self], FARGATE);

    it('have the peak that another had while it was not shown yet, with what it had itself', () => {
      const polls = runOf(
        2_000,
        (atMs) => (atMs < 1_500 ? SIDE_PENDING : SHOWN),
        (atMs) => ({
          etl: atMs === 1_000 ? 500 : 100,
          ...(atMs >= 700 && { side: atMs <= 1_000 ? 40 : 300 }),
        }),
      );
      const { report } = linesOf(polls, 2_050);
      // Twenty looks: etl and the sidecar at all of them, side at 14.
      const mean = (120 * 20 + 400 + 40 * 4 + 300 * 10) / 20;
      expect(report).toMatchObject({ maxMemoryUsedMB: 560, avgMemoryUsedMB: Math.round(mean) });
    });

    it('never have two peaks of different moments', () => {
      const polls = runOf(
        2_000,
        (atMs) => (atMs < 1_500 ? SIDE_PENDING : SHOWN),
        (atMs) => ({ etl: atMs >= 1_400 ? 500 : 100, side: atMs <= 1_000 ? 300 : 40 }),
      );
      expect(linesOf(polls, 2_050).report.maxMemoryUsedMB).toBe(560);
    });

    it.each([
      ['where it is never shown', () => SIDE_PENDING],
      [
        'where it is shown when there were more looks than are kept',
        (atMs: number) => (atMs < 4_500 ? SIDE_PENDING : SHOWN),
      ],
    ])('have the peak of the others %s', (_, shown) => {
      const polls = runOf(5_000, shown, (atMs) => ({ etl: atMs === 1_000 ? 500 : 100, side: 40 }));
      expect(linesOf(polls, 5_050).report.maxMemoryUsedMB).toBe(520);
    });

    it('have it where the run ends before it is shown', () => {
      const polls = runOf(
        1_500,
        () => SIDE_PENDING,
        (atMs) => ({ etl: atMs === 1_000 ? 500 : 100, side: 40 }),
      );
      const { report, container: line } = linesOf(polls, 1_550);
      expect(line.maxMemoryUsedMB).toBe(500);
      expect(report.maxMemoryUsedMB).toBe(520);
    });

    it('wait for no more than some looks where a container could not be started', () => {
      const polls = runOf(
        20_000,
        () => SIDE_PENDING,
        (atMs) => ({ etl: 100, ...(atMs <= 500 && { side: 5 }) }),
      );
      const state = initialState(SETTINGS);
      for (const each of polls) {
        step(state, each);
        expect(state.taskUsage.waitingCount).toBeLessThanOrEqual(64);
      }
      expect(state.taskUsage.pointCount + state.taskUsage.waitingCount).toBe(200);
      finish(state, START_MS + 20_050, 20_050, NO_LOSS);
      expect(state.taskUsage).toMatchObject({ pointCount: 200, seenMs: 19_900 });
    });

    it('have what was kept where nothing else was shown for longer', () => {
      const none = task(
        [
          { ...pending('etl'), id: 'id-of-etl' },
          { ...pending('fargauge'), id: 'id-of-fargauge' },
        ],
        FARGATE,
      );
      const polls = runOf(
        5_000,
        (atMs) => (atMs < 4_500 ? none : task([ETL, self], FARGATE)),
        (atMs) => ({ etl: atMs === 3_000 ? 500 : 100 }),
      );
      expect(linesOf(polls, 5_050).report.maxMemoryUsedMB).toBe(520);
    });

    it('do not wait for ever', () => {
      const { report } = linesOf(pollsOf(Number.POSITIVE_INFINITY, 50), 5_050, { batch: 'etl' });
      expect(report).toMatchObject({ avgMemoryUsedMB: 20, maxMemoryUsedMB: 20 });
    });
  });

  it('go by the endpoint again when the looks end', () => {
    const ended: Poll = { ...look(2_000, undefined) };
    const polls = [
      poll(10, RUNNING),
      look(1_000, cgroup(1_000, 0, 100)),
      ended,
      poll(10_000, RUNNING, samples({ etl: endpoint(10_000, 0, 300) })),
    ];
    expect(linesOf(polls, 11_000).report).toMatchObject({ maxMemoryUsedMB: 300, avgMemoryUsedMB: 200 });
  });
});

describe('polls and looks at once', () => {
  it('make one point of the sums', () => {
    const both: Poll = {
      ...poll(1_000, RUNNING),
      stats: ok(samples({ etl: endpoint(900, 0, 100) })),
      processes: samples({ etl: cgroup(1_000, 1e8, 120) }),
    };
    const { report } = linesOf([poll(10, RUNNING), both], 2_000);
    expect(report).toMatchObject({ maxMemoryUsedMB: 120, avgMemoryUsedMB: 120, sampleCount: 2 });
  });
});
