import { setImmediate } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { openProcessEndpoint, type ProcessEndpoint } from '../../src/local/process-endpoint.ts';
import { ProcessTask } from '../../src/local/process-task.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { figures, MIB } from './figures.ts';

const open: ProcessEndpoint[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((endpoint) => endpoint.close()));
});

interface Stage {
  /** Time passes, and who was waiting for it has done what it was waiting to do. */
  pass(ms: number): Promise<void>;
  readonly task: ProcessTask;
  readonly endpoint: ProcessEndpoint;
  readonly batchId: string;
  readonly sidecarId: string;
  readonly errors: unknown[];
  /** Seconds of CPU time that the batch has used. */
  batchSeconds: number;
  /** What measuring the batch throws. */
  failure: Error | undefined;
  get(path: string): Promise<{ status: number; type: string | null; text: string; json: () => unknown }>;
}

async function stage(refreshMs = 1000): Promise<Stage> {
  const clock = new FakeClock(Date.UTC(2026, 0, 1));
  const size = { cpuUnits: 256, memoryMiB: 512 };
  const systemCpu = () => ({ systemCpuUsageNs: 1e12, onlineCpuCount: 2 });
  const task = new ProcessTask({ family: 'nightly', size, clock, systemCpu });
  const errors: unknown[] = [];
  const onRefreshError = (error: unknown) => errors.push(error);
  const endpoint = await openProcessEndpoint({ task, refreshMs, clock, onRefreshError });
  open.push(endpoint);
  const [batchId, sidecarId] = [task.newContainerId(), task.newContainerId()];
  const stage: Stage = {
    async pass(ms) {
      clock.advance(ms);
      await setImmediate();
    },
    task,
    endpoint,
    batchId,
    sidecarId,
    errors,
    batchSeconds: 1,
    failure: undefined,
    async get(path) {
      const { origin } = new URL(endpoint.environment(batchId).ECS_CONTAINER_METADATA_URI_V4);
      const response = await fetch(`${origin}${path}`);
      const text = await response.text();
      return {
        status: response.status,
        type: response.headers.get('content-type'),
        text,
        json: () => JSON.parse(text),
      };
    },
  };
  task.startContainer({
    id: batchId,
    name: 'nightly',
    image: 'nightly.sh',
    isEssential: true,
    read() {
      if (stage.failure) throw stage.failure;
      return figures(stage.batchSeconds);
    },
  });
  task.startContainer({
    id: sidecarId,
    name: 'fargauge',
    image: 'fargauge',
    isEssential: false,
    read: () => figures(0.1),
  });
  return stage;
}

const NO_CPU = expect.objectContaining({ cpu_usage: expect.objectContaining({ total_usage: 0 }) });
const usedCpu = (seconds: number) =>
  expect.objectContaining({ cpu_usage: expect.objectContaining({ total_usage: seconds * 1e9 }) });

describe('the metadata endpoint of a process task', () => {
  it('tells each container its own address, in the form ECS uses', async () => {
    const { endpoint, batchId, sidecarId } = await stage();
    const environment = endpoint.environment(batchId);
    expect(environment.ECS_CONTAINER_METADATA_URI).toMatch(
      /^http:\/\/127\.0\.0\.1:\d+\/v3\/[0-9a-f]{32}-\d{10}$/,
    );
    expect(environment.ECS_CONTAINER_METADATA_URI_V4).toBe(
      environment.ECS_CONTAINER_METADATA_URI.replace('v3', 'v4'),
    );
    expect(endpoint.environment(sidecarId)).not.toEqual(environment);
  });

  it.each(['v3', 'v4'])('serves the task, the container and the stats of all under /%s', async (version) => {
    const { get, pass, batchId, sidecarId } = await stage();
    await pass(1000);
    const task = await get(`/${version}/${sidecarId}/task`);
    expect(task.type).toBe('application/json');
    expect(task.json()).toMatchObject({
      Family: 'nightly',
      Limits: { CPU: 0.25, Memory: 512 },
      Containers: [{ DockerId: batchId }, { DockerId: sidecarId, Name: 'fargauge' }],
    });
    expect((await get(`/${version}/${sidecarId}`)).json()).toMatchObject({
      DockerId: sidecarId,
      Name: 'fargauge',
    });
    const all = (await get(`/${version}/${sidecarId}/task/stats`)).json();
    expect(all).toMatchObject({
      [batchId]: { cpu_stats: usedCpu(1) },
      [sidecarId]: { cpu_stats: usedCpu(0.1) },
    });
    expect((await get(`/${version}/${batchId}/stats`)).json()).toMatchObject({
      memory_stats: { usage: 135 * MIB },
    });
  });

  it('serves no stats before the first refresh', async () => {
    const { get, batchId, sidecarId } = await stage();
    expect((await get(`/v4/${batchId}/task/stats`)).json()).toEqual({ [batchId]: {}, [sidecarId]: {} });
    expect((await get(`/v3/${batchId}/task/stats`)).json()).toEqual({ [batchId]: null, [sidecarId]: null });
    expect((await get(`/v4/${batchId}/stats`)).status).toBe(500);
    expect((await get(`/v3/${batchId}/stats`)).status).toBe(400);
  });

  it('serves the same sample until the next refresh, which has the last one beside it', async () => {
    const { get, pass, batchId, ...rest } = await stage(10_000);
    const stats = async () =>
      ((await get(`/v4/${batchId}/task/stats`)).json() as Record<string, unknown>)[batchId];
    await pass(1000);
    const first = await stats();
    expect(first).toMatchObject({
      read: '2026-01-01T00:00:01.000000000Z',
      cpu_stats: usedCpu(1),
      precpu_stats: NO_CPU,
    });
    rest.batchSeconds = 9;
    await pass(9_999);
    expect(await stats()).toEqual(first);
  });

  it('renews the stats at fixed distances, and does not make up for a moment that was missed', async () => {
    const stage1 = await stage(2000);
    const { get, pass, batchId } = stage1;
    const read = async () =>
      ((await get(`/v4/${batchId}/task/stats`)).json() as Record<string, Record<string, unknown>>)[batchId];
    await pass(1000);
    stage1.batchSeconds = 2;
    await pass(2700);
    expect(await read()).toMatchObject({
      read: '2026-01-01T00:00:03.700000000Z',
      preread: '2026-01-01T00:00:01.000000000Z',
      cpu_stats: usedCpu(2),
      precpu_stats: usedCpu(1),
    });
    await pass(1300);
    expect(await read()).toMatchObject({ read: '2026-01-01T00:00:05.000000000Z' });
    await pass(5000);
    expect(await read()).toMatchObject({ read: '2026-01-01T00:00:10.000000000Z' });
    await pass(1000);
    expect(await read()).toMatchObject({ read: '2026-01-01T00:00:11.000000000Z' });
  });

  it('takes the stats of a container away when it stops, and shows its exit code', async () => {
    const { get, pass, task, batchId, sidecarId } = await stage();
    await pass(1000);
    task.stopContainer(sidecarId, 137);
    expect((await get(`/v4/${batchId}/task/stats`)).json()).toMatchObject({
      [batchId]: { name: 'nightly' },
      [sidecarId]: {},
    });
    await pass(1000);
    expect((await get(`/v3/${batchId}/task/stats`)).json()).toMatchObject({ [sidecarId]: null });
    expect((await get(`/v4/${batchId}/task`)).json()).toMatchObject({
      DesiredStatus: 'RUNNING',
      Containers: [
        { KnownStatus: 'RUNNING' },
        {
          DesiredStatus: 'RUNNING',
          KnownStatus: 'STOPPED',
          ExitCode: 137,
          FinishedAt: '2026-01-01T00:00:01.000000000Z',
        },
      ],
    });
  });

  it('wants the whole task stopped when its essential container has', async () => {
    const { get, pass, task, batchId, sidecarId } = await stage();
    await pass(300);
    task.stopContainer(batchId, 0);
    await pass(1);
    task.stopContainer(batchId, 9);
    expect((await get(`/v4/${sidecarId}/task`)).json()).toMatchObject({
      DesiredStatus: 'STOPPED',
      KnownStatus: 'RUNNING',
      ExecutionStoppedAt: '2026-01-01T00:00:00.300000000Z',
      Containers: [
        { KnownStatus: 'STOPPED', ExitCode: 0, FinishedAt: '2026-01-01T00:00:00.300000000Z' },
        { DesiredStatus: 'STOPPED', KnownStatus: 'RUNNING' },
      ],
    });
  });

  it('shows a stop that was asked for while the containers still run', async () => {
    const { get, task, batchId } = await stage();
    task.requestStop();
    expect((await get(`/v4/${batchId}/task`)).json()).toMatchObject({
      DesiredStatus: 'STOPPED',
      Containers: [{ DesiredStatus: 'STOPPED', KnownStatus: 'RUNNING' }, { KnownStatus: 'RUNNING' }],
    });
  });

  it('keeps the stats as they were when measuring fails, tells it, and goes on', async () => {
    const stage1 = await stage();
    const { get, pass, batchId, errors } = stage1;
    await pass(1000);
    const failure = new Error('EMFILE: too many open files');
    stage1.failure = failure;
    stage1.batchSeconds = 5;
    await pass(1000);
    expect(errors).toEqual([failure]);
    expect((await get(`/v4/${batchId}/stats`)).json()).toMatchObject({ cpu_stats: usedCpu(1) });
    stage1.failure = undefined;
    await pass(1000);
    expect((await get(`/v4/${batchId}/stats`)).json()).toMatchObject({ cpu_stats: usedCpu(5) });
  });

  it('tells who has asked it', async () => {
    const { get, endpoint, batchId, sidecarId } = await stage();
    const asked: string[] = [];
    void endpoint.asked(batchId).then(() => asked.push('batch'));
    const sidecarAsked = endpoint.asked(sidecarId).then(() => asked.push('sidecar'));
    await get(`/v4/${sidecarId}/task`);
    await sidecarAsked;
    await get(`/v4/${sidecarId}/task`);
    expect(asked).toEqual(['sidecar']);
    await endpoint.asked(sidecarId);
  });

  it.each([
    ['/v3/no-such-id/task', 500],
    ['/v3/no-such-id', 500],
    ['/v3/no-such-id/task/stats', 400],
    ['/v4/no-such-id/task', 404],
    ['/v4/no-such-id/stats', 404],
  ])('answers %s, which it does not know, with %i and a JSON string', async (path, status) => {
    const { get } = await stage();
    const answer = await get(path);
    expect(answer.status).toBe(status);
    expect(answer.json()).toEqual(expect.any(String));
  });

  it.each(['/', '/v2/metadata', '/v4', '/v4/x/tasks', '//', '/v4/x/task/stats/'])(
    'has no %s',
    async (path) => {
      const { get } = await stage();
      expect(await get(path)).toMatchObject({ status: 404, text: '404 page not found\n' });
    },
  );

  it('closes while a connection is open', async () => {
    const { get, endpoint, batchId } = await stage();
    await get(`/v4/${batchId}/task`);
    await endpoint.close();
    await expect(get(`/v4/${batchId}/task`)).rejects.toThrow();
    open.splice(open.indexOf(endpoint), 1);
  });
});
