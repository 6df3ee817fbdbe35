import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Container, Sample } from '../../src/core/types.ts';
import { parseContainer, parseSamples, parseTask, parseTime } from '../../src/endpoint/schema.ts';

const cpu = (total: number, kernel = 0) => ({
  cpu_usage: { total_usage: total, usage_in_kernelmode: kernel, usage_in_usermode: total - kernel },
  throttling_data: { periods: 0, throttled_periods: 0, throttled_time: 0 },
});

const stats = {
  read: '2026-05-04T02:00:10.500000000Z',
  preread: '0001-01-01T00:00:00Z',
  cpu_stats: cpu(4_000_000_000, 500_000_000),
  precpu_stats: cpu(0),
  memory_stats: { usage: 1_000 },
};

/** The sample that these stats, changed so, give. */
function sampleOf(change: object): Sample {
  const entry = parseSamples({ id: { ...stats, ...change } })?.get('id');
  if (typeof entry !== 'object') throw new Error(`no sample but ${entry}`);
  return entry;
}

/** The container that this document, with a name, gives. */
function containerOf(document: object): Container {
  const parsed = parseContainer({ Name: 'etl', ...document });
  if (parsed === undefined) throw new Error('no container');
  return parsed;
}

const TaskARN = 'arn:aws:ecs:eu-west-1:123456789012:task/nightly/01';

describe('a time', () => {
  it.each([
    ['2026-05-04T02:00:10Z', Date.UTC(2026, 4, 4, 2, 0, 10)],
    ['2026-05-04T02:00:10.5Z', Date.UTC(2026, 4, 4, 2, 0, 10, 500)],
    ['2026-05-04T02:00:10.123456789Z', Date.UTC(2026, 4, 4, 2, 0, 10) + 123.456789],
    ['2026-05-04T11:00:10.25+09:00', Date.UTC(2026, 4, 4, 2, 0, 10, 250)],
    ['2026-05-03T22:00:10-04:00', Date.UTC(2026, 4, 4, 2, 0, 10)],
  ])('%s is read, to the microsecond', (text, ms) => {
    expect(parseTime(text)).toBeCloseTo(ms, 3);
  });

  it.each([
    '0001-01-01T00:00:00Z',
    '0001-01-01T00:00:00.000000001+01:00',
    '',
    'yesterday',
    '2026-05-04',
    '2026-05-04 02:00:10Z',
    '2026-05-04T02:00:10',
    '2026-13-04T02:00:10Z',
    '2026-05-04T25:00:10Z',
    '1777860010',
    undefined,
  ])('%j is none', (text) => {
    expect(parseTime(text)).toBeUndefined();
  });

  it('keeps two samples apart that are microseconds from each other', () => {
    const one = parseTime('2026-05-04T02:00:10.123456Z');
    expect(parseTime('2026-05-04T02:00:10.123457Z')).not.toBe(one);
    expect(parseTime('2026-05-04T02:00:10.123456000Z')).toBe(one);
  });
});

describe('a task', () => {
  it.each([
    ['arn:aws:ecs:eu-west-1:123456789012:cluster/nightly', 'nightly'],
    ['nightly', 'nightly'],
    [undefined, undefined],
    ['', undefined],
  ])('of cluster %j is of %j', (cluster, name) => {
    expect(parseTask({ TaskARN, Cluster: cluster, Containers: [] })?.cluster).toBe(name);
  });

  it.each([
    [
      'arn:aws:ecs:eu-west-1:123456789012:task/nightly/0123456789abcdef0123456789abcdef',
      ['0123456789abcdef0123456789abcdef', 'eu-west-1', '123456789012'],
    ],
    // The format before 2018, and another partition.
    [
      'arn:aws-cn:ecs:cn-north-1:123456789012:task/1dc5c17a-422b',
      ['1dc5c17a-422b', 'cn-north-1', '123456789012'],
    ],
    ['nonsense', [undefined, undefined, undefined]],
    [undefined, [undefined, undefined, undefined]],
  ])('%s is taken apart', (arn, parts) => {
    const task = parseTask({ TaskARN: arn, Containers: [] });
    expect([task?.taskId, task?.region, task?.accountId]).toEqual(parts);
  });

  it.each([
    [{ CPU: 0.25, Memory: 512 }, 256, 512],
    [{ CPU: 16, Memory: 122_880 }, 16_384, 122_880],
    [{ CPU: 0, Memory: 0 }, undefined, undefined],
    [{}, undefined, undefined],
    [undefined, undefined, undefined],
    [{ CPU: 'a lot', Memory: -1 }, undefined, undefined],
    // Neither is a size: shares of it would be without end.
    [{ CPU: 1e-300, Memory: 1e-300 }, undefined, undefined],
  ])('with limits %j has %s units and %s MiB', (limits, units, mib) => {
    const task = parseTask({ TaskARN, Limits: limits, Containers: [] });
    expect([task?.cpuLimitUnits, task?.memoryLimitMiB]).toEqual([units, mib]);
  });

  it('without containers may have none yet', () => {
    expect(parseTask({ TaskARN: 'arn:aws:ecs:eu-west-1:123456789012:task/nightly/01' })?.containers).toEqual(
      [],
    );
  });

  it('passes over containers that are none and keeps the others, whatever of them is wrong', () => {
    const good = { Name: 'etl', DockerId: 'abc', KnownStatus: 'RUNNING' };
    const odd = {
      Name: 'odd',
      ExitCode: 'one',
      Limits: 'none',
      Networks: 7,
      StartedAt: 'yesterday',
      RestartCount: -1,
      LogOptions: [],
      Labels: null,
    };
    const task = parseTask({
      TaskARN,
      Containers: [null, 5, 'x', [], {}, { Name: '' }, { Name: 5 }, good, odd],
    });
    expect(task?.containers).toEqual([
      { name: 'etl', id: 'abc', status: 'running', stopRequested: false },
      { name: 'odd', id: '', status: 'pending', stopRequested: false },
    ]);
  });

  it('carries what AWS may add without a word', () => {
    const document = {
      TaskARN,
      Containers: [{ Name: 'etl', NewKey: {} }],
      Errors: [{ ErrorField: 'TaskTags' }],
      Novel: [1],
    };
    expect(parseTask(document)?.containers).toHaveLength(1);
  });

  it.each([
    null,
    [],
    'task',
    7,
    true,
    {},
    { Containers: [] },
    { TaskARN, Containers: null },
    { TaskARN, Containers: {} },
    { TaskARN, Containers: 'none' },
  ])('is not %j', (document) => {
    expect(parseTask(document)).toBeUndefined();
  });

  it('is wanted stopped when its DesiredStatus says so', () => {
    expect(parseTask({ TaskARN, DesiredStatus: 'STOPPED', Containers: [] })?.stopRequested).toBe(true);
    expect(parseTask({ TaskARN, DesiredStatus: 'RUNNING', Containers: [] })?.stopRequested).toBe(false);
    expect(parseTask({ TaskARN, Containers: [] })?.stopRequested).toBe(false);
  });
});

describe('a container', () => {
  it.each([
    ['NONE', 'pending'],
    ['MANIFEST_PULLED', 'pending'],
    ['PULLED', 'pending'],
    ['CREATED', 'pending'],
    ['RUNNING', 'running'],
    ['RESOURCES_PROVISIONED', 'running'],
    ['STOPPED', 'stopped'],
    ['SOMETHING_NEW', 'pending'],
    [undefined, 'pending'],
  ])('of KnownStatus %s is %s', (KnownStatus, status) => {
    expect(containerOf({ KnownStatus }).status).toBe(status);
  });

  it.each([0, 1, 137, 255])('that exited with %i did so', (ExitCode) => {
    expect(containerOf({ ExitCode }).exitCode).toBe(ExitCode);
  });

  it.each([
    [{ CPU: 2 }, undefined, undefined],
    [{ CPU: 0, Memory: 0 }, undefined, undefined],
    [{ CPU: 10, Memory: 128 }, 10, 128],
    [{ CPU: 256 }, 256, undefined],
    [{}, undefined, undefined],
    [undefined, undefined, undefined],
  ])(
    'with limits %j has a share of %s units and %s MiB: 2 is what an unset share shows as',
    (Limits, units, mib) => {
      const { cpuReservationUnits, memoryLimitMiB } = containerOf({ Limits });
      expect([cpuReservationUnits, memoryLimitMiB]).toEqual([units, mib]);
    },
  );

  it('with awslogs says where it logs, and with any other driver only which that is', () => {
    const LogOptions = {
      'awslogs-group': '/ecs/etl',
      'awslogs-stream': 'ecs/etl/01',
      'awslogs-region': 'eu-west-1',
    };
    expect(containerOf({ LogDriver: 'awslogs', LogOptions })).toMatchObject({
      logDriver: 'awslogs',
      awslogs: { logGroupName: '/ecs/etl', logStreamName: 'ecs/etl/01', region: 'eu-west-1' },
    });
    expect(containerOf({ LogDriver: 'awsfirelens', LogOptions })).not.toHaveProperty('awslogs');
    expect(containerOf({ LogDriver: 'awslogs' })).not.toHaveProperty('awslogs');
  });

  it('has the first network mode that is told', () => {
    expect(containerOf({ Networks: [null, {}, { NetworkMode: 'bridge' }] }).networkMode).toBe('bridge');
    expect(containerOf({ Networks: [] })).not.toHaveProperty('networkMode');
  });

  it.each([null, [], {}, { Name: '' }, 'etl', 5])('is not %j', (document) => {
    expect(parseContainer(document)).toBeUndefined();
  });
});

describe('stats', () => {
  it.each([null, [], 'stats', 7])('are not %j', (document) => {
    expect(parseSamples(document)).toBeUndefined();
  });

  it.each([null, {}, [], 'x', 7, { ...stats, read: 5 }])('of %j are no sample', (entry) => {
    expect(parseSamples({ id: entry })?.get('id')).toBe('none');
  });

  it.each([
    { ...stats, read: '0001-01-01T00:00:00Z' },
    { ...stats, read: '0001-01-01T00:00:00Z', cpu_stats: cpu(0), memory_stats: {}, precpu_stats: cpu(5) },
    { ...stats, cpu_stats: cpu(0), memory_stats: {} },
    { ...stats, cpu_stats: cpu(0), memory_stats: undefined },
    { read: stats.read },
  ])('of zero time, or of nothing but zeros, are the zero sample', (entry) => {
    expect(parseSamples({ id: entry })?.get('id')).toBe('zero');
  });

  it('without a CPU counter keep their memory, and without memory their CPU counter', () => {
    const samples = parseSamples({ a: { ...stats, cpu_stats: null }, b: { ...stats, memory_stats: null } });
    expect(samples?.get('a')).not.toHaveProperty('cpuUsageNs');
    expect(samples?.get('a')).toMatchObject({ memory: { usageBytes: stats.memory_stats.usage } });
    expect(samples?.get('b')).toMatchObject({
      cpuUsageNs: stats.cpu_stats.cpu_usage.total_usage,
      memory: {},
    });
  });

  it('of one id do not depend on those of another', () => {
    const samples = parseSamples({ good: stats, bad: 'x', none: null, '': {} });
    expect([...(samples ?? [])].map(([id, entry]) => [id, typeof entry === 'object' || entry])).toEqual([
      ['good', true],
      ['bad', 'none'],
      ['none', 'none'],
      ['', 'none'],
    ]);
  });

  it('with a counter of zero and memory in use are a sample: zero is a figure', () => {
    expect(sampleOf({ cpu_stats: cpu(0) })).toMatchObject({ cpuUsageNs: 0, memory: { usageBytes: 1_000 } });
  });

  it.each([
    [{}, undefined],
    [{ preread: '2026-05-04T02:00:00.5Z' }, undefined],
    [{ preread: '0001-01-01T00:00:00Z', precpu_stats: cpu(3) }, undefined],
    [{ preread: '2026-05-04T02:00:00.5Z', precpu_stats: null }, undefined],
    [
      { preread: '2026-05-04T02:00:00.5Z', precpu_stats: cpu(3_000_000_000) },
      { readAtMs: Date.UTC(2026, 4, 4, 2, 0, 0, 500), cpuUsageNs: 3_000_000_000 },
    ],
  ])('with %j have a previous sample only when it has both a time and a count', (change, previous) => {
    expect(sampleOf(change).previous).toEqual(previous);
  });

  it('of cgroup v1 know cache, resident and inactive memory with all children', () => {
    const memory_stats = JSON.parse(
      '{"usage":1000,"max_usage":1500,"failcnt":2,"limit":9223372036854771712,"stats":{"cache":600,"rss":300,' +
        '"total_rss":310,"inactive_file":200,"total_inactive_file":250,"pgmajfault":4,"total_pgmajfault":5,' +
        '"hierarchical_memory_limit":9223372036854771712}}',
    );
    expect(sampleOf({ memory_stats }).memory).toEqual({
      usageBytes: 1_000,
      maxUsageBytes: 1_500,
      failCount: 2,
      cacheBytes: 600,
      anonBytes: 310,
      inactiveFileBytes: 200,
      totalInactiveFileBytes: 250,
      majorPageFaultCount: 5,
      hierarchicalLimitBytes: 2 ** 63 - 4096,
    });
  });

  it('of cgroup v2 know anonymous and inactive memory, and no cache', () => {
    const memory_stats = JSON.parse(
      '{"usage":1000,"limit":18446744073709551615,"stats":{"anon":300,"file":500,"inactive_file":200,"pgmajfault":4}}',
    );
    expect(sampleOf({ memory_stats }).memory).toEqual({
      usageBytes: 1_000,
      anonBytes: 300,
      inactiveFileBytes: 200,
      majorPageFaultCount: 4,
    });
  });

  it('sum the interfaces and the devices, in either spelling of an operation', () => {
    const networks = { eth0: { rx_bytes: 10, tx_bytes: 1 }, eth1: { rx_bytes: 20, tx_bytes: 2 }, bad: null };
    const io_service_bytes_recursive = [
      { major: 259, minor: 0, op: 'Read', value: 100 },
      { major: 259, minor: 0, op: 'Write', value: 7 },
      { major: 259, minor: 0, op: 'Total', value: 107 },
      { major: 259, minor: 1, op: 'read', value: 11 },
      { major: 259, minor: 1, op: 'write' },
      null,
    ];
    expect(sampleOf({ networks, blkio_stats: { io_service_bytes_recursive } })).toMatchObject({
      networkRxBytes: 30,
      networkTxBytes: 3,
      blockReadBytes: 111,
      blockWriteBytes: 7,
    });
  });

  it.each([
    [{}],
    [{ networks: null, blkio_stats: { io_service_bytes_recursive: null }, pids_stats: {} }],
    [{ networks: 'none', blkio_stats: [], pids_stats: { current: 'many' }, memory_stats: 'little' }],
  ])('with %j leave out what is not told', (change) => {
    const sample = sampleOf({ memory_stats: {}, ...change });
    for (const name of [
      'networkRxBytes',
      'networkTxBytes',
      'blockReadBytes',
      'blockWriteBytes',
      'processCount',
    ]) {
      expect(sample).not.toHaveProperty(name);
    }
    expect(sample.memory).toEqual({});
    expect(sample.cpuUsageNs).toBe(4_000_000_000);
  });

  it('take no fraction for a count', () => {
    const sample = sampleOf({
      memory_stats: { failcnt: 1.5, stats: { pgmajfault: 1.5 } },
      pids_stats: { current: 1.5 },
      networks: { eth0: { rx_bytes: 1.5, tx_bytes: 1.5 } },
      blkio_stats: { io_service_bytes_recursive: [{ op: 'read', value: 1.5 }] },
    });
    expect(JSON.stringify(sample)).not.toContain('1.5');
  });
});

describe('whatever JSON there is', () => {
  it('is parsed without an exception', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 5 }), (document) => {
        parseTask(document);
        parseSamples(document);
        parseContainer(document);
      }),
      { numRuns: 150 },
    );
  });

  it('under the keys of a real document is parsed without an exception', () => {
    const anything = fc.jsonValue({ maxDepth: 2 });
    const some = (keys: readonly string[], value: fc.Arbitrary<unknown>) =>
      fc.record(Object.fromEntries(keys.map((key) => [key, fc.oneof(value, anything)])), {
        requiredKeys: [],
      });
    const container = some(
      ['DockerId', 'Name', 'KnownStatus', 'ExitCode', 'Limits', 'Networks', 'LogOptions'],
      fc.string(),
    );
    const task = some(['Cluster', 'TaskARN', 'Limits', 'PullStartedAt', 'Containers'], fc.array(container));
    const cpuStats = some(['cpu_usage', 'throttling_data'], some(['total_usage'], fc.double()));
    const entry = some(
      ['read', 'preread', 'cpu_stats', 'precpu_stats', 'memory_stats', 'networks', 'blkio_stats'],
      fc.oneof(cpuStats, fc.constant(stats.read)),
    );
    fc.assert(
      fc.property(task, entry, (taskDocument, statsDocument) => {
        parseTask(taskDocument);
        parseSamples({ id: statsDocument });
      }),
      { numRuns: 150 },
    );
  });
});
