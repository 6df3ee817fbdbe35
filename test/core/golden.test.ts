import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parseSamples } from '../../src/endpoint/schema.ts';
import { goldenPath, linesOf, parsedLinesOf, pollOf, readFixture, SHAPES } from '../support/fixtures.ts';

/** The REPORT of a shape, and the CONTAINER line of each container by name. */
function endOf(shape: string) {
  const fixture = readFixture(shape);
  const [report] = parsedLinesOf(fixture, 'REPORT');
  const containers = parsedLinesOf(fixture, 'CONTAINER').map((line) => [line.container, line]);
  return { report, container: Object.fromEntries(containers) };
}

describe('recorded answers in, whole lines out', () => {
  it.each(SHAPES)('%s gives the lines that were checked', (shape) => {
    const expected = readFileSync(goldenPath(shape), 'utf8').trimEnd().split('\n');
    const lines = linesOf(readFixture(shape));
    // Parsed first: a difference is then told field by field.
    expect(lines.map((text) => JSON.parse(text))).toEqual(expected.map((text) => JSON.parse(text)));
    expect(lines).toEqual(expected);
  });

  it.each(SHAPES)('%s has two different samples of a container at least', (shape) => {
    const readTimes = readFixture(shape)
      .polls.flatMap((poll) => [...(poll.stats ? (parseSamples(JSON.parse(poll.stats)) ?? []) : [])])
      .flatMap(([id, entry]) =>
        typeof entry === 'object' ? [`${id} ${entry.readAtMs} ${entry.cpuUsageNs}`] : [],
      );
    const idsOfDistinct = [...new Set(readTimes)].map((text) => text.split(' ')[0]);
    expect(new Set(idsOfDistinct).size).toBeLessThan(idsOfDistinct.length);
  });

  it.each(SHAPES)('%s ends with exactly one REPORT', (shape) => {
    const types = linesOf(readFixture(shape)).map((text) => (JSON.parse(text) as { type: string }).type);
    expect(types.at(-1)).toBe('REPORT');
    expect(types.filter((type) => type === 'REPORT')).toHaveLength(1);
    expect(types[0]).toBe('START');
  });

  it.each(SHAPES)('%s: no answer is refused', (shape) => {
    for (const poll of readFixture(shape).polls.map(pollOf)) {
      expect(poll.task?.ok).not.toBe(false);
      expect(poll.stats?.ok).not.toBe(false);
    }
  });
});

/*
 * The golden lines repeat what the program says. What it should say is worked out here by hand, from the figures in
 * the fixtures and the definitions of the contract.
 */
describe('arithmetic done by hand', () => {
  it('Fargate, cgroup v1, a refresh every 10 s', () => {
    const { report, container } = endOf('fargate-cgroup-v1');

    // etl: started 01:00:17.000, finished 01:01:03.250. Samples at :37 (9.0 s of CPU; 4.0 s in precpu at :27),
    // :47 (11.5 s), :57 (16.4 s); the answer of :47 was seen twice.
    expect(container.etl).toMatchObject({
      status: 'success',
      exitCode: 0,
      durationMs: 46_250,
      cpuTimeMs: 16_400,
      kernelCpuTimeMs: 1_640,
      // (9.0 - 4.0) / 10 s = 50 %, (11.5 - 9.0) / 10 s = 25 %, (16.4 - 11.5) / 10 s = 49 %.
      maxCpuPercent: 50,
      // Nearest rank: the third of three.
      p95CpuPercent: 50,
      // 16.4 s / (57 - 17 = 40 s) = 41 %; of half a vCPU 82 %.
      avgCpuPercent: 41,
      avgCpuUtilizationPercent: 82,
      maxCpuUtilizationPercent: 100,
      // 100 %, 50 %, 98 % of the size for 10 s each: 20 of 30 s at 95 % or more.
      cpuSaturatedPercent: 66.67,
      // usage - cache: 300 - 100, 500 - 120, 450.5 - 130 MiB.
      maxMemoryUsedMB: 380,
      // (200 + 380 + 320.5) / 3 = 300.17, rounded up.
      avgMemoryUsedMB: 301,
      // 380 of the task's 1024: the limit of 2^63 is none.
      memorySizeMB: 1024,
      maxMemoryUtilizationPercent: 37.11,
      // usage - total_inactive_file: 500 - 70.
      maxWorkingSetMB: 430,
      maxAnonMemoryMB: 360,
      kernelPeakMemoryMB: 540,
      // Two devices: 8,388,608 + 1,048,576.
      blockReadBytes: 9_437_184,
      blockWriteBytes: 131_072,
      sampleCount: 3,
      sampleIntervalMs: 10_000,
      longestGapMs: 10_000,
      // First to last sample 20 s, of 46.25 s.
      coveragePercent: 43.24,
      // :57 to 01:01:03.250.
      unseenTailMs: 6_250,
    });
    expect(container.etl).not.toHaveProperty('networkRxBytes');
    expect(container.etl).not.toHaveProperty('throttledTimeMs');

    // migrate ended before it was seen: no sample, and no figure in its place.
    expect(container.migrate).toMatchObject({ status: 'success', durationMs: 1_800, sampleCount: 0 });
    expect(container.migrate).not.toHaveProperty('cpuTimeMs');
    expect(container.migrate).not.toHaveProperty('maxMemoryUsedMB');

    expect(report).toMatchObject({
      status: 'success',
      durationMs: 46_250,
      // 01:00:00.250 to 01:00:17.000.
      initDurationMs: 16_750,
      // 01:00:00.250 to 01:01:04.000: 63.75 s.
      billedDurationMs: 64_000,
      // etl 16.4 s and the sidecar's 0.23 s.
      cpuTimeMs: 16_630,
      sidecarCpuTimeMs: 230,
      // Both containers' latest samples: 380 + (60 - 20) MiB.
      maxMemoryUsedMB: 420,
      maxMemoryUtilizationPercent: 41.02,
      // The shared interface once: the newest counter, whichever container shows it.
      networkRxBytes: 4_500_000,
      networkTxBytes: 150_000,
      ephemeralStorageUsedMB: 431,
      ephemeralStorageSizeMB: 20_496,
      sidecarMaxMemoryUsedMB: 42,
      pollCount: 5,
      pollErrorCount: 0,
      // 50 % of a vCPU, 512 units, and a fifth on top: 614. With 1024 units Fargate sells 2048 MiB at the least.
      recommendedCpuUnits: 1024,
      recommendedMemoryMB: 2048,
    });
  });

  it("Fargate's first sample counts from the container's start, not over precpu and not over the host's life", () => {
    const { container } = endOf('fargate-first-sample');
    // Started 06:30:02.0; 0.863 s of CPU at :07.5, 1.113 s at :12.5. preread of the first, :02.5, is no reading.
    expect(container.mailer).toMatchObject({
      cpuTimeMs: 1_113,
      // 0.863 / 5.5 s; 17.26 % over read - preread, 0.09 % by Docker's formula.
      maxCpuPercent: 15.69,
      // 1.113 / 10.5 s.
      avgCpuPercent: 10.6,
      status: 'failure',
      errorType: 'ExitError',
      exitCode: 3,
      sampleCount: 2,
    });
  });

  it('EC2, bridge, cgroup v2, an OOM kill', () => {
    const { report, container } = endOf('ec2-bridge-cgroup-v2');
    // Samples at 05.000 (1.0 s; precpu 0.499 s at 03.998), 06.003 (2.003 s), 07.008 (3.5105 s). Start 02.000.
    expect(container.resize).toMatchObject({
      cpuTimeMs: 3_511,
      // 501 / 1002, 1003 / 1003, 1507.5 / 1005 ms.
      maxCpuPercent: 150,
      // 3.5105 s / 5.008 s.
      avgCpuPercent: 70.1,
      // usage - inactive_file: 120 - 20, 250 - 30, 254 - 8 MiB; there is no `cache` on cgroup v2.
      maxMemoryUsedMB: 246,
      avgMemoryUsedMB: 189,
      memorySizeMB: 256,
      maxMemoryUtilizationPercent: 96.09,
      maxWorkingSetMB: 246,
      maxAnonMemoryMB: 240,
      memoryFailCount: 3,
      maxProcessCount: 19,
      networkRxBytes: 55_000,
      networkTxBytes: 9_500,
      blockReadBytes: 5_500_000,
      blockWriteBytes: 16_384,
      status: 'failure',
      exitCode: 137,
      errorType: 'OutOfMemory',
      // 240 of 256 MiB anonymous; 246 of 256 in the last sample.
      oomEvidence:
        'exit code 137 without a stop request; failcnt rose by 3 with anonymous memory at 93 % of the limit; ' +
        'last sample at 96 % of the limit',
      longestGapMs: 1_005,
      coveragePercent: 34.03,
      unseenTailMs: 892,
    });
    expect(container.resize).not.toHaveProperty('cpuSizeUnits');
    expect(container.resize).not.toHaveProperty('maxCpuUtilizationPercent');
    expect(container.resize).not.toHaveProperty('kernelPeakMemoryMB');
    expect(report).not.toHaveProperty('memorySizeMB');
    expect(report).not.toHaveProperty('networkRxBytes');
    expect(report).not.toHaveProperty('recommendedMemoryMB');
    expect(report).not.toHaveProperty('billedDurationMs');
    // Their sums poll by poll: 246 + 32 MiB, 19 + 11 processes, 150 % + 2 ms in 1.005 s.
    expect(report).toMatchObject({ maxMemoryUsedMB: 278, maxProcessCount: 30, maxCpuPercent: 150.2 });
  });

  it('Managed Instances: a limit of 2^64 - 1 is none, and a run that is stopped from outside', () => {
    const { report, container } = endOf('managed-instances-cgroup-v2');
    expect(container.worker).toMatchObject({
      status: 'stopped',
      // 1.2 s at 30.0005, 6.2005 s at 40.0015: 5.0005 / 10.001 s.
      maxCpuPercent: 50,
      cpuTimeMs: 6_201,
      // 6.2005 s since 06.000: 34.0015 s.
      avgCpuPercent: 18.24,
      memorySizeMB: 2048,
      // 96 - 46 MiB of 2048.
      maxMemoryUsedMB: 50,
      maxMemoryUtilizationPercent: 2.44,
    });
    expect(container.worker).not.toHaveProperty('exitCode');
    expect(container.worker).not.toHaveProperty('errorType');
    // Of the task's 3072 MiB.
    expect(report).toMatchObject({ memorySizeMB: 3072, maxMemoryUtilizationPercent: 1.63 });
  });

  it('a restart begins its counters anew, and the earlier total is kept', () => {
    const { report, container } = endOf('fargate-restart');
    expect(container.sync).toMatchObject({
      // 6 s, then from 0 to 5 s. The delta over the restart is missing; 6 / 10 s and 3 / 10 s are left.
      cpuTimeMs: 11_000,
      kernelCpuTimeMs: 1_100,
      maxCpuPercent: 60,
      // 11 s from 02:00:10 to :40.
      avgCpuPercent: 36.67,
      restartCount: 1,
      // 2, then 1.
      memoryFailCount: 3,
      // 40, then 15.
      majorPageFaultCount: 55,
      // 7,000,000, then 9,000,000, though the first sample of the new run was above the old one.
      blockReadBytes: 16_000_000,
      // 100, then 80.
      blockWriteBytes: 180,
      sampleCount: 3,
    });
    // The interface is the task's: it has not restarted.
    expect(report).toMatchObject({ networkRxBytes: 4_000_000, networkTxBytes: 40_000 });
  });

  it("AWS's helpers count in the sums and get no lines of their own", () => {
    const { report, container } = endOf('fargate-aws-helpers');
    expect(Object.keys(container)).toEqual(['checkout']);
    // 159 s since each start at 1, 2, 40 and 0.4 % of a vCPU.
    expect(report).toMatchObject({
      job: 'checkout (blue)',
      cpuTimeMs: 69_006,
      maxCpuPercent: 43.4,
      sidecarCpuTimeMs: 636,
      // 80 + 52 + 660 + 36 MiB.
      maxMemoryUsedMB: 828,
      networkRxBytes: 3_000_300,
      startedAt: '2026-03-11T08:00:23.000Z',
    });
  });

  it('the shared interface of an EC2 task is counted once', () => {
    const { report, container } = endOf('ec2-awsvpc-pause');
    expect(Object.keys(container)).toEqual(['crawl']);
    expect(container.crawl).not.toHaveProperty('networkRxBytes');
    // 751.8 + 31 + 87 ms; 60 + 0.75 + 30 MiB.
    expect(report).toMatchObject({
      networkRxBytes: 150_000,
      networkTxBytes: 12_000,
      cpuTimeMs: 870,
      maxMemoryUsedMB: 91,
    });
  });

  it('stats without metadata, and metadata without stats, cost only their own figures', () => {
    const { report, container } = endOf('ec2-unmatched-ids');
    // load is missing from the answer of :06: 0.25 s at :05, 1.25 s at :07, 1.5 s at :08.
    expect(container.load).toMatchObject({
      cpuTimeMs: 1_500,
      maxCpuPercent: 50,
      sampleCount: 3,
      longestGapMs: 2_000,
    });
    // The stranger's 99 s of CPU and 989 MiB are nobody's.
    expect(report).toMatchObject({ cpuTimeMs: 1_800, maxMemoryUsedMB: 115, pollErrorCount: 0 });
  });

  it('the zero sample between exit and removal leaves the last figures as they are', () => {
    const { container } = endOf('ec2-zero-sample-at-exit');
    // 0.6 s at :06.000, 1.407999 s at :07.010, StartedAt :05.000.
    expect(container.reindex).toMatchObject({
      cpuTimeMs: 1_408,
      maxCpuPercent: 80,
      sampleCount: 2,
      maxMemoryUsedMB: 200,
      unseenTailMs: 1_390,
      status: 'success',
    });
  });

  it("a full page cache is the kernel's peak and not the memory in use", () => {
    const { container } = endOf('v3-bridge-cgroup-v1');
    expect(container.billing).toMatchObject({
      // 127.5 of 128 MiB, while 100 - 84 MiB were in use.
      kernelPeakMemoryMB: 128,
      maxMemoryUsedMB: 16,
      maxWorkingSetMB: 60,
      throttledTimeMs: 25,
    });
    expect(container.billing).not.toHaveProperty('oomEvidence');
  });
});
