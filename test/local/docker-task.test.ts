import { describe, expect, it } from 'vitest';
import { parseContainer, parseTask } from '../../src/endpoint/schema.ts';
import type { ContainerDocument } from '../../src/local/docker-engine.ts';
import { DockerTask } from '../../src/local/docker-task.ts';
import { serveMetadata } from '../../src/local/metadata-server.ts';

const DOCKER_ID = 'ab'.repeat(32);
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

function inspected(state: Partial<ContainerDocument['State']> = {}): ContainerDocument {
  return {
    Id: DOCKER_ID,
    Name: '/fargauge-12345678-batch',
    Created: '2026-01-05T03:00:00.1Z',
    Image: 'sha256:1',
    State: {
      Running: true,
      StartedAt: '2026-01-05T03:00:01.123456789Z',
      FinishedAt: '0001-01-01T00:00:00Z',
      ExitCode: 0,
      OOMKilled: false,
      ...state,
    },
    Config: { Image: 'image' },
    HostConfig: { NetworkMode: 'bridge' },
    NetworkSettings: { Networks: { one: { IPAddress: '172.17.0.2' } } },
  };
}

function taskOf(launchType: 'FARGATE' | 'EC2', networkMode = 'awsvpc'): DockerTask {
  const task = new DockerTask({ family: 'nightly', launchType, networkMode, refreshMs: 1000, nowMs: 0 });
  task.add({ name: 'batch', image: 'image', limits: {} });
  return task;
}

const containers = (task: DockerTask, version: 'v3' | 'v4' = 'v4') =>
  (task.task(version).Containers ?? []) as Record<string, unknown>[];

describe('a container of a Docker task', () => {
  it('on Fargate is known by the task’s id and ten digits, and by its plain name', () => {
    const task = taskOf('FARGATE');
    task.created('batch', inspected());
    const id = task.endpointId('batch');
    expect(id).toMatch(new RegExp(`^${task.id}-\\d{10}$`));
    expect(containers(task)[0]).toMatchObject({ DockerId: id, DockerName: 'batch', Limits: { CPU: 2 } });
    expect(containers(task)[0]?.Limits).not.toHaveProperty('Memory');
    expect([...task.stats('v4').keys()]).toEqual([id]);
  });

  it('on EC2 is known by its Docker id, and its endpoint by a UUID', () => {
    const task = taskOf('EC2');
    task.created('batch', inspected());
    expect(task.endpointId('batch')).toMatch(UUID);
    expect(containers(task)[0]).toMatchObject({
      DockerId: DOCKER_ID,
      DockerName: 'fargauge-12345678-batch',
      Limits: { CPU: 2, Memory: 0 },
    });
    expect([...task.stats('v4').keys()]).toEqual([DOCKER_ID]);
  });

  it('is listed before it is created on v4 only, and has no stats then', () => {
    const task = taskOf('EC2');
    expect(containers(task, 'v4')).toMatchObject([{ DockerId: '', Name: 'batch', KnownStatus: 'PULLED' }]);
    expect(task.task('v3')).not.toHaveProperty('Containers');
    expect(task.stats('v4').size).toBe(0);
  });

  it('goes from PULLED to STOPPED, and the sidecar reads each', () => {
    const task = taskOf('EC2', 'bridge');
    const seen = () => parseTask(task.task('v4'))?.containers[0];
    expect(seen()).toMatchObject({ status: 'pending', id: '' });
    task.created('batch', inspected());
    expect(containers(task)[0]).toMatchObject({
      KnownStatus: 'CREATED',
      CreatedAt: '2026-01-05T03:00:00.100000000Z',
    });
    expect(seen()).toMatchObject({ status: 'pending', id: DOCKER_ID });
    task.started('batch', inspected());
    expect(seen()).toMatchObject({ status: 'running', networkMode: 'bridge' });
    expect(seen()?.startedAtMs).toBeCloseTo(Date.UTC(2026, 0, 5, 3, 0, 1, 123) + 0.456789, 3);
    expect(containers(task)[0]).toMatchObject({
      Networks: [{ NetworkMode: 'bridge', IPv4Addresses: ['172.17.0.2'] }],
    });
    task.stopped('batch', inspected({ ExitCode: 3, FinishedAt: '2026-01-05T03:00:09Z' }).State);
    expect(seen()).toMatchObject({
      status: 'stopped',
      exitCode: 3,
      finishedAtMs: Date.UTC(2026, 0, 5, 3, 0, 9),
    });
  });

  it('that will never run is STOPPED without a time', () => {
    const task = taskOf('EC2');
    task.gone('batch', 143);
    const [container] = containers(task);
    expect(container).toMatchObject({ KnownStatus: 'STOPPED', ExitCode: 143 });
    expect(container).not.toHaveProperty('FinishedAt');
    expect(container).not.toHaveProperty('StartedAt');
  });

  it('keeps the time since which it is healthy', () => {
    const task = taskOf('EC2');
    const log = (End: string) => [{ End, ExitCode: 0, Output: '' }];
    task.healthChecked('batch', { Status: 'healthy', Log: log('2026-01-05T03:00:10Z') });
    task.healthChecked('batch', { Status: 'healthy', Log: log('2026-01-05T03:00:40Z') });
    const health = () => containers(task)[0]?.Health;
    expect(health()).toMatchObject({ status: 'HEALTHY', statusSince: '2026-01-05T03:00:10.000000000Z' });
    task.healthChecked('batch', { Status: 'unhealthy', Log: log('2026-01-05T03:01:10Z') });
    expect(health()).toMatchObject({ status: 'UNHEALTHY', statusSince: '2026-01-05T03:01:10.000000000Z' });
  });
});

describe('the endpoint of a Docker task', () => {
  it.each(['v3', 'v4'])(
    'shows a guest the task and no container of it as its own, on %s',
    async (version) => {
      const task = taskOf('EC2');
      task.created('batch', inspected());
      const server = await serveMetadata(task);
      const get = (path: string) => fetch(`${server.origin}/${version}/${path}`);
      expect(await (await get('host/task')).json()).toMatchObject({ Containers: [{ Name: 'batch' }] });
      expect(await (await get('host/task/stats')).json()).toHaveProperty(DOCKER_ID);
      const guest = parseContainer(await (await get('host')).json());
      expect(guest).toMatchObject({ id: '' });
      expect(containers(task).map(({ Name }) => Name)).not.toContain(guest?.name);
      const own = parseContainer(await (await get(task.endpointId('batch'))).json());
      expect(own).toMatchObject({ name: 'batch' });
      expect((await get('nobody/task')).status).toBe(version === 'v3' ? 500 : 404);
      await server.close();
    },
  );
});
