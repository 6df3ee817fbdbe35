import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseContainer, parseSamples, parseTask, parseTime } from '../../src/endpoint/schema.ts';
import {
  containerDocument,
  type LocalContainer,
  type LocalTask,
  rfc3339,
  statsDocument,
  taskDocument,
} from '../../src/local/metadata-documents.ts';
import { figures, MIB } from './figures.ts';

const TASK_ID = '0123456789abcdef0123456789abcdef';
const startedAtMs = Date.UTC(2026, 0, 2, 3, 4, 5, 678);

const batch: LocalContainer = {
  id: `${TASK_ID}-1234567890`,
  name: 'nightly',
  image: './nightly.sh',
  startedAtMs,
};
const task: LocalTask = {
  id: TASK_ID,
  family: 'nightly',
  launchType: 'FARGATE',
  createdAtMs: startedAtMs - 100,
  stopRequested: false,
  containers: [batch],
};
const stopped: LocalTask = {
  ...task,
  size: { cpuUnits: 512, memoryMiB: 1024 },
  executionStoppedAtMs: startedAtMs + 2000.25,
  stopRequested: true,
  containers: [{ ...batch, end: { exitCode: 3, finishedAtMs: startedAtMs + 2000.25 } }],
};

describe("a task's metadata", () => {
  it('is the document of the v4 endpoint', () => {
    expect(taskDocument(stopped, 'v4')).toEqual({
      Cluster: 'local',
      TaskARN: `arn:aws:ecs:local:000000000000:task/local/${TASK_ID}`,
      Family: 'nightly',
      Revision: '1',
      DesiredStatus: 'STOPPED',
      KnownStatus: 'RUNNING',
      Limits: { CPU: 0.5, Memory: 1024 },
      PullStartedAt: '2026-01-02T03:04:05.578000000Z',
      PullStoppedAt: '2026-01-02T03:04:05.578000000Z',
      ExecutionStoppedAt: '2026-01-02T03:04:07.678250000Z',
      LaunchType: 'FARGATE',
      Containers: [
        {
          DockerId: `${TASK_ID}-1234567890`,
          Name: 'nightly',
          DockerName: 'nightly',
          Image: './nightly.sh',
          ImageID: '',
          Labels: {
            'com.amazonaws.ecs.cluster': 'local',
            'com.amazonaws.ecs.container-name': 'nightly',
            'com.amazonaws.ecs.task-arn': `arn:aws:ecs:local:000000000000:task/local/${TASK_ID}`,
            'com.amazonaws.ecs.task-definition-family': 'nightly',
            'com.amazonaws.ecs.task-definition-version': '1',
          },
          DesiredStatus: 'STOPPED',
          KnownStatus: 'STOPPED',
          ExitCode: 3,
          Limits: { CPU: 2 },
          CreatedAt: '2026-01-02T03:04:05.678000000Z',
          StartedAt: '2026-01-02T03:04:05.678000000Z',
          FinishedAt: '2026-01-02T03:04:07.678250000Z',
          Type: 'NORMAL',
          ContainerARN: `arn:aws:ecs:local:000000000000:container/local/${TASK_ID}/${TASK_ID}-1234567890`,
          Networks: [{ NetworkMode: 'host', IPv4Addresses: [''] }],
        },
      ],
      FaultInjectionEnabled: false,
    });
  });

  it('on v3 lacks what only v4 has', () => {
    const document = taskDocument(stopped, 'v3');
    expect(document).not.toHaveProperty('LaunchType');
    expect(document).not.toHaveProperty('FaultInjectionEnabled');
    expect(containerDocument(task, batch, 'v3')).not.toHaveProperty('ContainerARN');
  });

  it('while it runs has neither an end, nor a size that nobody gave, nor an empty list of containers', () => {
    const running = taskDocument(task, 'v4');
    expect(running).toMatchObject({ DesiredStatus: 'RUNNING', KnownStatus: 'RUNNING' });
    expect(running).not.toHaveProperty('Limits');
    expect(running).not.toHaveProperty('ExecutionStoppedAt');
    const container = containerDocument(task, batch, 'v4');
    expect(container).toMatchObject({ KnownStatus: 'RUNNING' });
    expect(container).not.toHaveProperty('ExitCode');
    expect(container).not.toHaveProperty('FinishedAt');
    expect(taskDocument({ ...task, containers: [] }, 'v4')).not.toHaveProperty('Containers');
  });

  it('reads as the sidecar reads the one of ECS', () => {
    expect(parseTask(taskDocument(stopped, 'v4'))).toEqual({
      cluster: 'local',
      taskArn: `arn:aws:ecs:local:000000000000:task/local/${TASK_ID}`,
      taskId: TASK_ID,
      region: 'local',
      accountId: '000000000000',
      family: 'nightly',
      revision: '1',
      launchType: 'FARGATE',
      cpuLimitUnits: 512,
      memoryLimitMiB: 1024,
      stopRequested: true,
      pullStartedAtMs: startedAtMs - 100,
      containers: [
        {
          name: 'nightly',
          id: batch.id,
          image: './nightly.sh',
          type: 'NORMAL',
          status: 'stopped',
          stopRequested: true,
          exitCode: 3,
          startedAtMs,
          finishedAtMs: startedAtMs + 2000.25,
          networkMode: 'host',
        },
      ],
    });
    expect(parseContainer(containerDocument(task, batch, 'v3'))).toMatchObject({
      name: 'nightly',
      status: 'running',
    });
  });
});

describe("a container's stats", () => {
  const first = { readAtMs: startedAtMs + 1000, figures: figures(2) };
  const second = {
    readAtMs: startedAtMs + 2000,
    figures: figures(2.8, { io: { readBytes: 4096, writeBytes: 8192 } }),
    system: { systemCpuUsageNs: 9e12, onlineCpuCount: 4 },
  };

  it('are the document of Docker on cgroup v2', () => {
    const noThrottling = { periods: 0, throttled_periods: 0, throttled_time: 0 };
    expect(JSON.parse(JSON.stringify(statsDocument(batch, second, first)))).toEqual({
      read: '2026-01-02T03:04:07.678000000Z',
      preread: '2026-01-02T03:04:06.678000000Z',
      pids_stats: { current: 11 },
      blkio_stats: {
        io_service_bytes_recursive: [
          { major: 0, minor: 0, op: 'read', value: 4096 },
          { major: 0, minor: 0, op: 'write', value: 8192 },
        ],
        io_serviced_recursive: null,
        io_queue_recursive: null,
        io_service_time_recursive: null,
        io_wait_time_recursive: null,
        io_merged_recursive: null,
        io_time_recursive: null,
        sectors_recursive: null,
      },
      num_procs: 0,
      storage_stats: {},
      cpu_stats: {
        cpu_usage: { total_usage: 2.8e9, usage_in_kernelmode: 0.7e9, usage_in_usermode: 2.1e9 },
        system_cpu_usage: 9e12,
        online_cpus: 4,
        throttling_data: noThrottling,
      },
      precpu_stats: {
        cpu_usage: { total_usage: 2e9, usage_in_kernelmode: 0.5e9, usage_in_usermode: 1.5e9 },
        throttling_data: noThrottling,
      },
      memory_stats: {
        usage: 135 * MIB,
        stats: { anon: 100 * MIB, file: 35 * MIB, inactive_file: 30 * MIB, pgmajfault: 3, shmem: 5 * MIB },
        limit: 2 ** 64,
      },
      name: 'nightly',
      id: batch.id,
    });
  });

  it('print the limit that is none with all its digits', () => {
    expect(JSON.stringify(statsDocument(batch, first, undefined))).toContain('"limit":18446744073709551615}');
  });

  it('have a zero time and zero counters before the first of them', () => {
    expect(statsDocument(batch, first, undefined)).toMatchObject({
      preread: '0001-01-01T00:00:00Z',
      precpu_stats: { cpu_usage: { total_usage: 0 } },
    });
  });

  it('leave out what Go leaves out, and bytes that could not be read', () => {
    const memory = { anonBytes: 0, fileBytes: 0, shmemBytes: 0 };
    const empty = { readAtMs: startedAtMs, figures: figures(0, { memory, threadCount: 0 }) };
    const document = statsDocument(batch, empty, undefined);
    expect(document).toMatchObject({ pids_stats: {}, blkio_stats: { io_service_bytes_recursive: null } });
    expect(document.memory_stats).not.toHaveProperty('usage');
    expect(document.cpu_stats).not.toHaveProperty('online_cpus');
  });

  it('read as the sidecar reads those of ECS', () => {
    const answer = JSON.parse(JSON.stringify({ [batch.id]: statsDocument(batch, second, first) }));
    expect(parseSamples(answer)?.get(batch.id)).toEqual({
      readAtMs: second.readAtMs,
      cpuUsageNs: 2.8e9,
      kernelCpuUsageNs: 0.7e9,
      previous: { readAtMs: first.readAtMs, cpuUsageNs: 2e9 },
      throttledTimeNs: 0,
      memory: {
        usageBytes: 135 * MIB,
        inactiveFileBytes: 30 * MIB,
        anonBytes: 100 * MIB,
        majorPageFaultCount: 3,
      },
      processCount: 11,
      blockReadBytes: 4096,
      blockWriteBytes: 8192,
    });
  });
});

it('a time is written so that the sidecar reads it back to the nanosecond', () => {
  const ms = fc.integer({ min: 0, max: 4e12 });
  fc.assert(
    fc.property(ms, fc.integer({ min: 0, max: 7 }), (wholeMs, eighths) => {
      const text = rfc3339(wholeMs + eighths / 8);
      expect(text).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z$/);
      expect(parseTime(text)).toBeCloseTo(wholeMs + eighths / 8, 3);
    }),
  );
});
