import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  parseCgroupPaths,
  parseIo,
  parseRollup,
  parseStat,
  parseStatus,
  parseSystemCpu,
  parseUptimeTicks,
} from '../../src/proc/proc-files.ts';

const MIB = 1024 * 1024;

const statLine = (comm: string, fields: Partial<Record<number, string>> = {}): string => {
  const values = Array.from({ length: 50 }, (_, index) => fields[index + 3] ?? '0');
  return `4233 (${comm}) ${values.join(' ')}\n`;
};

describe('/proc/PID/stat', () => {
  it('each field is read from its own place', () => {
    const fields = {
      3: 'S',
      4: '4226',
      5: '4230',
      8: '4231',
      9: '4194304',
      12: '3',
      13: '17',
      14: '250',
      15: '50',
      16: '1000',
      17: '200',
      20: '12',
      22: '77998',
      28: '140721051088768',
    };
    expect(parseStat(statLine('node', fields))).toEqual({
      pid: 4233,
      state: 'S',
      parentPid: 4226,
      processGroup: 4230,
      foregroundGroup: 4231,
      majorFaultCount: 3,
      childMajorFaultCount: 17,
      userTicks: 250,
      kernelTicks: 50,
      childUserTicks: 1000,
      childKernelTicks: 200,
      threadCount: 12,
      startTicks: 77998,
      isKernelThread: false,
      isForkWithoutExec: false,
      stackStart: '140721051088768',
    });
  });

  it('any name of a command leaves the fields where they are', () => {
    const name = fc.oneof(
      fc.string({ maxLength: 15 }),
      fc.constantFrom(') R 1 1', 'a (b) c', '((', ') ', '\n'),
    );
    fc.assert(
      fc.property(name, (comm) => {
        const stat = parseStat(statLine(comm, { 3: 'S', 4: '77', 14: '5', 22: '99' }));
        expect(stat).toMatchObject({ pid: 4233, state: 'S', parentPid: 77, userTicks: 5, startTicks: 99 });
      }),
    );
  });

  it('the flags tell a fork without exec and a kernel thread', () => {
    expect(parseStat(statLine('sh', { 9: '4194368' }))).toMatchObject({ isForkWithoutExec: true });
    expect(parseStat(statLine('kworker/0:1', { 9: '69238880' }))).toMatchObject({ isKernelThread: true });
  });

  it('a stack address that the kernel hides is absent', () => {
    expect(parseStat(statLine('su', { 28: '0' }))).not.toHaveProperty('stackStart');
  });

  it('text that is not a stat line is not a process', () => {
    for (const text of ['', 'node', '4233 (node', '4233 (node) S 1', 'x (node) S 1 2 3']) {
      expect(parseStat(text), JSON.stringify(text)).toBeUndefined();
    }
  });
});

describe('memory', () => {
  const status =
    'Name:\tnode\nVmRSS:\t  69632 kB\nRssAnon:\t   20480 kB\nRssFile:\t   47104 kB\nRssShmem:\t    2048 kB\n';

  it('status gives the three kinds of resident pages in bytes', () => {
    expect(parseStatus(status)).toEqual({ anonBytes: 20 * MIB, fileBytes: 46 * MIB, shmemBytes: 2 * MIB });
  });

  it('a zombie, which has no memory lines, uses none', () => {
    expect(parseStatus('Name:\tnode\nState:\tZ (zombie)\n')).toEqual({
      anonBytes: 0,
      fileBytes: 0,
      shmemBytes: 0,
    });
  });

  it('smaps_rollup gives the proportional shares', () => {
    const text =
      '5568ee2d6000-7ffe11278000 ---p 00000000 00:00 0    [rollup]\nRss:  9000 kB\nPss:  3072 kB\n' +
      'Pss_Anon:            1024 kB\nPss_File:             2048 kB\nPss_Shmem:             512 kB\n' +
      'Anonymous:           3072 kB\nAnonHugePages:         0 kB\n';
    expect(parseRollup(text)).toEqual({
      anonBytes: MIB,
      fileBytes: 2 * MIB,
      shmemBytes: MIB / 2,
      mappedAnonBytes: 3 * MIB,
    });
  });

  it('an old kernel without shares by kind has no proportional figure', () => {
    expect(parseRollup('Rss:  9000 kB\nPss:  3072 kB\n')).toBeUndefined();
  });
});

it('io counts what went to storage, not what was asked of the page cache', () => {
  const text =
    'rchar: 6976\nwchar: 11\nsyscr: 10\nsyscw: 1\nread_bytes: 4096\nwrite_bytes: 8192\ncancelled_write_bytes: 512\n';
  expect(parseIo(text)).toEqual({ readBytes: 4096, writeBytes: 8192 });
  expect(parseIo('rchar: 6976\n')).toBeUndefined();
});

it('cgroup paths are read from both versions, colons in them included', () => {
  expect(
    parseCgroupPaths('4:memory:/ecs/a\n1:cpu,cpuacct:/ecs/b\n0::/system.slice/docker-1:2.scope\n'),
  ).toEqual(['/ecs/a', '/ecs/b', '/system.slice/docker-1:2.scope']);
});

it("the machine's CPU is the sum of its first seven columns, over all CPUs", () => {
  const text =
    'cpu  100 20 30 4000 5 6 7 800 9 9\ncpu0 50 10 15 2000 2 3 3 400 4 4\ncpu1 50 10 15 2000 3 3 4 400 5 5\nintr 1\n';
  expect(parseSystemCpu(text)).toEqual({ systemCpuUsageNs: 41_680_000_000, onlineCpuCount: 2 });
  expect(parseSystemCpu('intr 1\n')).toBeUndefined();
});

it('uptime is in ticks since boot', () => {
  expect(parseUptimeTicks('12345.67 20000.00\n')).toBe(1_234_567);
  expect(parseUptimeTicks('')).toBeUndefined();
});
