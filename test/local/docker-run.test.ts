import { afterEach, describe, expect, it } from 'vitest';
import { EngineError } from '../../src/local/docker-engine.ts';
import { DockerRun } from '../../src/local/docker-run.ts';
import { parseTaskDefinition } from '../../src/local/docker-task-definition.ts';
import { eventually } from '../support/eventually.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { FakeEngine } from '../support/fake-engine.ts';

interface Stage {
  readonly engine: FakeEngine;
  readonly clock: FakeClock;
  readonly run: DockerRun;
  readonly said: string[];
  readonly written: string[];
  readonly ended: Promise<number | undefined>;
  /** What the endpoint answers to the container of this name. */
  get(name: string, path?: string): Promise<Record<string, unknown>>;
  /** A container as `/task` shows it. */
  shown(name: string): Promise<Record<string, unknown> | undefined>;
}

const open: DockerRun[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((run) => run.close()));
});

const FARGATE = { requiresCompatibilities: ['FARGATE'], networkMode: 'awsvpc', cpu: '512', memory: '1024' };

async function start(containers: readonly object[], task: object = FARGATE): Promise<Stage> {
  const engine = new FakeEngine();
  const clock = new FakeClock(engine.now);
  const [said, written] = [[] as string[], [] as string[]];
  const containerDefinitions = containers.map((container) => ({ image: 'image', ...container }));
  const json = JSON.stringify({ family: 'nightly', ...task, containerDefinitions });
  const run = new DockerRun({
    engine,
    definition: parseTaskDefinition(json, false).definition,
    imageOf: ({ image }) => image,
    environmentOf: (name) => [['ADDED', `to ${name}`]],
    refreshMs: 1000,
    clock,
    onOutput: (name, { text }) => void written.push(`${name}: ${text}`),
    tell: (message) => said.push(message),
  });
  open.push(run);
  const { origin } = await run.open();
  const ended = run.toEnd();
  ended.catch(() => {});
  const get: Stage['get'] = async (name, path = '') => {
    const variable = engine.body(name).Env?.find((each) => each.startsWith('ECS_CONTAINER_METADATA_URI_V4='));
    const { pathname } = new URL(variable?.slice(variable.indexOf('=') + 1) ?? '');
    return (await (await fetch(`${origin}${pathname}${path}`)).json()) as Record<string, unknown>;
  };
  const shown: Stage['shown'] = async (name) => {
    const { Containers } = (await (await fetch(`${origin}/v4/host/task`)).json()) as {
      Containers?: Record<string, unknown>[];
    };
    return Containers?.find(({ Name }) => Name === name);
  };
  return { engine, clock, run, said, written, ended, get, shown };
}

const runs = (engine: FakeEngine, ...names: readonly string[]) =>
  eventually(() => expect(engine.running.filter((name) => name !== 'pause')).toEqual(names));
const asked = ({ calls }: FakeEngine) =>
  calls.filter((call) => /^(start|stop|kill)/.test(call) && !/pause/.test(call));
const waitFor = (containerName: string, condition = 'START') => ({
  dependsOn: [{ containerName, condition }],
});

const BATCH_FIRST = [{ name: 'batch' }, { name: 'fargauge', essential: false, ...waitFor('batch') }];
const SIDECAR_FIRST = [
  { name: 'batch', stopTimeout: 80, ...waitFor('fargauge') },
  { name: 'fargauge', essential: false },
];

describe('the order of a task', () => {
  it.each([
    { order: 'batch first', containers: BATCH_FIRST, first: 'batch', second: 'fargauge' },
    { order: 'sidecar first', containers: SIDECAR_FIRST, first: 'fargauge', second: 'batch' },
  ])('$order: is started by dependsOn and stopped in its reverse', async ({ containers, first, second }) => {
    const { engine, run, ended } = await start(containers);
    await runs(engine, first, second);
    engine.held.add(second);
    expect(run.requestStop()).toBe(true);
    await eventually(() => expect(asked(engine).at(-1)).toMatch(`stop ${second}`));
    expect(engine.running).toContain(first);
    engine.exit(second, 0);
    await ended;
    const seconds = (name: string) => (name === 'batch' && containers === SIDECAR_FIRST ? 80 : 30);
    expect(asked(engine)).toEqual([
      `start ${first}`,
      `start ${second}`,
      `stop ${second} ${seconds(second)}`,
      `stop ${first} ${seconds(first)}`,
    ]);
  });

  it('wants the task stopped before any container is asked to stop', async () => {
    const { engine, run, ended, get, shown } = await start(BATCH_FIRST);
    await runs(engine, 'batch', 'fargauge');
    expect(await get('fargauge', '/task')).toMatchObject({ DesiredStatus: 'RUNNING' });
    engine.held.add('fargauge');
    run.requestStop();
    expect(await get('fargauge', '/task')).toMatchObject({ DesiredStatus: 'STOPPED' });
    expect(await shown('batch')).toMatchObject({ DesiredStatus: 'STOPPED', KnownStatus: 'RUNNING' });
    engine.exit('fargauge', 0);
    expect(await ended).toBe(143);
  });

  it('ends with the first essential container, and has its exit code', async () => {
    const { engine, ended, get, shown } = await start(BATCH_FIRST);
    await runs(engine, 'batch', 'fargauge');
    engine.held.add('fargauge');
    engine.exit('batch', 3);
    await eventually(() => expect(asked(engine).at(-1)).toBe('stop fargauge 30'));
    expect(await shown('batch')).toMatchObject({
      KnownStatus: 'STOPPED',
      ExitCode: 3,
      FinishedAt: expect.any(String),
    });
    expect(await get('fargauge', '/task')).toMatchObject({
      DesiredStatus: 'STOPPED',
      ExecutionStoppedAt: expect.any(String),
    });
    engine.exit('fargauge', 0);
    expect(await ended).toBe(3);
  });

  it('goes on without a container that is not essential', async () => {
    const { engine, ended, shown } = await start(BATCH_FIRST);
    await runs(engine, 'batch', 'fargauge');
    engine.exit('fargauge', 137);
    await eventually(async () => expect(await shown('fargauge')).toMatchObject({ ExitCode: 137 }));
    expect(await shown('batch')).toMatchObject({ DesiredStatus: 'RUNNING', KnownStatus: 'RUNNING' });
    engine.exit('batch', 0);
    expect(await ended).toBe(0);
    expect(asked(engine).some((call) => call.startsWith('stop'))).toBe(false);
  });

  it('does not start what still waits when the task is to stop', async () => {
    const { engine, run, said, ended } = await start([
      { name: 'init', essential: false },
      { name: 'batch', ...waitFor('init', 'SUCCESS') },
      { name: 'fargauge', essential: false, ...waitFor('batch') },
    ]);
    await runs(engine, 'init');
    run.requestStop();
    expect(await ended).toBeUndefined();
    expect(asked(engine)).toEqual(['start init', 'stop init 30']);
    expect(said).toContain('batch: not started: the task is to stop');
    expect(said).toContain('fargauge: not started: the task is to stop');
  });

  it('does not start what is being created when the task is to stop', async () => {
    const { engine, run, said, ended } = await start([
      { name: 'init', essential: false },
      { name: 'batch', ...waitFor('init', 'SUCCESS') },
    ]);
    await runs(engine, 'init');
    const attach = engine.attach.bind(engine);
    engine.attach = (id) => {
      run.requestStop();
      return attach(id);
    };
    engine.exit('init', 0);
    expect(await ended).toBeUndefined();
    expect(asked(engine)).toEqual(['start init']);
    expect(said).toContain('batch: not started: the task is to stop');
  });

  it('starts the next container when the one before has succeeded', async () => {
    const { engine, ended } = await start([
      { name: 'init', essential: false },
      { name: 'batch', ...waitFor('init', 'SUCCESS') },
    ]);
    await runs(engine, 'init');
    engine.exit('init', 0);
    await runs(engine, 'batch');
    engine.exit('batch', 0);
    expect(await ended).toBe(0);
  });

  it('gives up on a container whose dependency failed, and on the task when that is essential', async () => {
    const { engine, said, ended } = await start([
      { name: 'init', essential: false },
      { name: 'batch', ...waitFor('init', 'SUCCESS') },
    ]);
    await runs(engine, 'init');
    engine.exit('init', 9);
    expect(await ended).toBe(143);
    expect(said).toContain('batch: not started: init stopped with exit code 9');
  });

  it('waits for the health check, and shows it', async () => {
    const healthCheck = { command: ['CMD', 'ready'] };
    const { engine, clock, ended, shown } = await start([
      { name: 'web', essential: false, healthCheck },
      { name: 'batch', ...waitFor('web', 'HEALTHY') },
    ]);
    await runs(engine, 'web');
    engine.health('web', { Status: 'starting', Log: [] });
    await eventually(async () => {
      clock.advance(500);
      expect(await shown('web')).toMatchObject({ Health: { status: 'UNKNOWN' } });
    });
    expect(engine.running).not.toContain('batch');
    engine.health('web', {
      Status: 'healthy',
      Log: [{ End: '2026-01-05T03:00:10.5Z', ExitCode: 0, Output: 'ok' }],
    });
    await eventually(() => {
      clock.advance(500);
      expect(engine.running).toContain('batch');
    });
    expect(await shown('web')).toMatchObject({
      Health: { status: 'HEALTHY', statusSince: '2026-01-05T03:00:10.500000000Z', exitCode: 0, output: 'ok' },
    });
    engine.exit('batch', 0);
    await ended;
  });

  it('waits no longer than a startTimeout', async () => {
    const { engine, clock, said, ended } = await start([
      { name: 'init', essential: false, startTimeout: 20 },
      { name: 'batch', ...waitFor('init', 'COMPLETE') },
    ]);
    await runs(engine, 'init');
    await eventually(() => expect(clock.sleeperCount).toBeGreaterThan(0));
    clock.advance(20_000);
    expect(await ended).toBe(143);
    expect(said).toContain('batch: not started: init did not reach COMPLETE within its startTimeout');
  });

  it('kills what runs when it is told not to wait', async () => {
    const { engine, run, ended } = await start(BATCH_FIRST);
    await runs(engine, 'batch', 'fargauge');
    engine.held.add('fargauge').add('batch');
    run.requestStop();
    await eventually(() => expect(asked(engine)).toContain('stop fargauge 30'));
    await run.kill();
    expect(await ended).toBe(137);
    expect(asked(engine)).toEqual(expect.arrayContaining(['kill batch', 'kill fargauge']));
  });
});

describe('a restart policy', () => {
  const restartPolicy = { enabled: true, restartAttemptPeriod: 60, ignoredExitCodes: [42] };

  async function startRestarting(): Promise<Stage> {
    const stage = await start([{ name: 'batch', restartPolicy }]);
    await runs(stage.engine, 'batch');
    await eventually(() => expect(stage.said).toContain('batch: started'));
    return stage;
  }

  it('restarts a container that ran for its period: it keeps running, without an exit code', async () => {
    const { engine, clock, ended, shown } = await startRestarting();
    clock.advance(60_000);
    engine.exit('batch', 1);
    await eventually(() => expect(asked(engine)).toEqual(['start batch', 'start batch']));
    const container = await shown('batch');
    expect(container).toMatchObject({ KnownStatus: 'RUNNING', RestartCount: 1 });
    expect(container).not.toHaveProperty('ExitCode');
    engine.exit('batch', 5);
    expect(await ended).toBe(5);
  });

  it.each([
    { when: 'it ran for less than its period', ranMs: 59_999, exitCode: 1 },
    { when: 'its exit code is ignored', ranMs: 60_000, exitCode: 42 },
  ])('does not restart a container when $when', async ({ ranMs, exitCode }) => {
    const { engine, clock, ended } = await startRestarting();
    clock.advance(ranMs);
    engine.exit('batch', exitCode);
    expect(await ended).toBe(exitCode);
    expect(asked(engine)).toEqual(['start batch']);
  });

  it.each(['attach', 'startContainer'] as const)(
    'restarts no container, or stops it, when the stop comes during %s',
    async (call) => {
      const { engine, clock, run, ended, shown } = await startRestarting();
      const original: (id: string) => Promise<unknown> = engine[call].bind(engine);
      engine[call] = async (id: string): Promise<never> => {
        run.requestStop();
        expect(await shown('batch')).toMatchObject({ KnownStatus: 'RUNNING', DesiredStatus: 'STOPPED' });
        return (await original(id)) as never;
      };
      clock.advance(60_000);
      engine.exit('batch', 1);
      expect(await ended).toBe({ attach: 1, startContainer: 143 }[call]);
      expect(engine.running).not.toContain('batch');
      expect(asked(engine)).toEqual([
        'start batch',
        ...(call === 'attach' ? [] : ['start batch', 'stop batch 30']),
      ]);
    },
  );

  it('does not restart a container of a task that is to stop', async () => {
    const { engine, clock, run, ended } = await startRestarting();
    clock.advance(60_000);
    run.requestStop();
    expect(await ended).toBe(143);
    expect(asked(engine)).toEqual(['start batch', 'stop batch 30']);
  });
});

describe('what a container is given and shown', () => {
  it('the address of its own endpoint, and variables in the order of their weight', async () => {
    const environment = [
      { name: 'ADDED', value: 'by the definition' },
      { name: 'OWN', value: '1' },
    ];
    const { engine, get } = await start([{ name: 'batch', environment }]);
    await runs(engine, 'batch');
    expect(engine.body('batch').Env).toEqual([
      'ADDED=to batch',
      'OWN=1',
      'AWS_EXECUTION_ENV=AWS_ECS_FARGATE',
      expect.stringMatching(
        /^ECS_CONTAINER_METADATA_URI=http:\/\/127\.0\.0\.1(:\d+)?\/v3\/[0-9a-f]{32}-\d{10}$/,
      ),
      expect.stringMatching(
        /^ECS_CONTAINER_METADATA_URI_V4=http:\/\/127\.0\.0\.1(:\d+)?\/v4\/[0-9a-f]{32}-\d{10}$/,
      ),
    ]);
    expect(await get('batch')).toMatchObject({ Name: 'batch' });
  });

  it('its log options with the name of the stream, and no prefix', async () => {
    const options = {
      'awslogs-group': '/ecs/n',
      'awslogs-region': 'eu-west-1',
      'awslogs-stream-prefix': 'ecs',
    };
    const { engine, run, get } = await start([
      { name: 'batch', logConfiguration: { logDriver: 'awslogs', options } },
    ]);
    await runs(engine, 'batch');
    expect(await get('batch')).toMatchObject({
      LogDriver: 'awslogs',
      LogOptions: {
        'awslogs-group': '/ecs/n',
        'awslogs-region': 'eu-west-1',
        'awslogs-stream': `ecs/batch/${run.taskId}`,
      },
    });
    expect(Object.keys((await get('batch')).LogOptions ?? {})).toHaveLength(3);
  });

  it('stats while it runs, and none any more when it has stopped', async () => {
    const { engine, get, ended } = await start(BATCH_FIRST);
    await runs(engine, 'batch', 'fargauge');
    const { DockerId } = await get('batch');
    expect(await get('fargauge', '/task/stats')).toMatchObject({ [`${DockerId}`]: {} });
    await eventually(() => expect(engine.isMeasured('batch')).toBe(true));
    engine.sample('batch', { read: '2026-01-05T03:00:01Z', cpu_stats: cpu(7) });
    await eventually(async () =>
      expect(await get('fargauge', '/task/stats')).toMatchObject({
        [`${DockerId}`]: { cpu_stats: { cpu_usage: { total_usage: 7 } } },
      }),
    );
    engine.held.add('fargauge');
    engine.exit('batch', 0);
    await eventually(async () => expect((await get('fargauge', '/task/stats'))[`${DockerId}`]).toEqual({}));
    engine.exit('fargauge', 0);
    await ended;
  });

  it('stats again after their stream broke', async () => {
    const { engine, clock, get } = await start([{ name: 'batch' }]);
    await eventually(() => expect(engine.isMeasured('batch')).toBe(true));
    engine.breakStats('batch');
    await eventually(() => {
      clock.advance(1000);
      expect(engine.isMeasured('batch')).toBe(true);
    });
    engine.sample('batch', { read: '2026-01-05T03:00:01Z', cpu_stats: cpu(8) });
    await eventually(async () =>
      expect(await get('batch', '/stats')).toMatchObject({ cpu_stats: { cpu_usage: { total_usage: 8 } } }),
    );
  });

  it('its output, line by line', async () => {
    const { engine, written, ended } = await start([{ name: 'batch' }]);
    await runs(engine, 'batch');
    engine.write('batch', 'one\ntw');
    engine.write('batch', 'o\nthree');
    engine.exit('batch', 0);
    await ended;
    expect(written).toEqual(['batch: one', 'batch: two', 'batch: three']);
  });

  it('under awsvpc the network of the pause container, and its processes where the task shares them', async () => {
    const { engine, get } = await start([{ name: 'batch', portMappings: [{ containerPort: 80 }] }], {
      ...FARGATE,
      pidMode: 'task',
    });
    await runs(engine, 'batch');
    expect(engine.body('batch').HostConfig).toMatchObject({
      NetworkMode: 'container:pause',
      PidMode: 'container:pause',
    });
    expect(engine.body('batch').HostConfig).not.toHaveProperty('PortBindings');
    expect(engine.body('pause').HostConfig).toMatchObject({
      NetworkMode: 'network',
      PortBindings: { '80/tcp': [{ HostIp: '127.0.0.1', HostPort: '80' }] },
    });
    expect(await get('batch')).toMatchObject({
      Networks: [{ NetworkMode: 'awsvpc', IPv4Addresses: ['169.254.170.3'] }],
    });
  });

  it.each([
    { pidMode: 'task', id: /^batch$/, what: 'the engine’s' },
    { pidMode: undefined, id: /^[0-9a-f]{32}-\d{10}$/, what: 'in the form of Fargate’s' },
  ])('an id on Fargate: $what where pidMode is $pidMode', async ({ pidMode, id }) => {
    const { engine, get } = await start([{ name: 'batch' }], { ...FARGATE, ...(pidMode && { pidMode }) });
    await runs(engine, 'batch');
    const { DockerId } = await get('batch');
    expect(DockerId).toMatch(id);
    expect(await get('batch', '/task/stats')).toHaveProperty([`${DockerId}`]);
  });

  it('under bridge a place of its own in the network, and shared processes all the same', async () => {
    const portMappings = [{ containerPort: 80, hostPort: 8080 }];
    const { engine } = await start([{ name: 'batch', memory: 64, portMappings }], { pidMode: 'task' });
    await runs(engine, 'batch');
    expect(engine.body('batch')).toMatchObject({
      ExposedPorts: { '80/tcp': {} },
      HostConfig: {
        NetworkMode: 'network',
        PidMode: 'container:pause',
        PortBindings: { '80/tcp': [{ HostIp: '127.0.0.1', HostPort: '8080' }] },
      },
    });
    expect(engine.body('pause').HostConfig).toMatchObject({ NetworkMode: 'none', PortBindings: {} });
  });
});

describe('when the engine fails', () => {
  it('a program that is not there ends the task with what a shell says of it', async () => {
    const { engine, said, ended } = await start([
      { name: 'init', essential: false },
      { name: 'batch', ...waitFor('init', 'COMPLETE') },
    ]);
    engine.startErrors.set('batch', new EngineError(400, 'exec: "/none": no such file'));
    await runs(engine, 'init');
    engine.exit('init', 0);
    expect(await ended).toBe(127);
    expect(said).toContain('batch: not started: exec: "/none": no such file');
  });

  it('a container that somebody removed is told as lost, and ends the task without an exit code', async () => {
    const { engine, said, ended, shown } = await start([{ name: 'batch' }]);
    await eventually(() => expect(said).toContain('batch: started'));
    await engine.remove('containers', 'batch');
    expect(await ended).toBeUndefined();
    expect(said).toContain('batch: lost: it was removed by somebody else');
    expect(await shown('batch')).toMatchObject({ KnownStatus: 'STOPPED' });
  });

  it('an engine that does not stop a container ends the run', async () => {
    const { engine, run, ended } = await start([{ name: 'batch' }]);
    await runs(engine, 'batch');
    engine.stopContainer = () => Promise.reject(new EngineError(500, 'cannot stop'));
    run.requestStop();
    await expect(ended).rejects.toThrow('cannot stop');
  });

  it('lack of memory is told', async () => {
    const { engine, said, ended } = await start([{ name: 'batch' }]);
    await runs(engine, 'batch');
    engine.exit('batch', 137, { OOMKilled: true });
    expect(await ended).toBe(137);
    expect(said).toContain('batch: the kernel killed a process of it for lack of memory');
  });
});

it('nothing is left when a run is closed, even one that is under way', async () => {
  const volumes = [{ name: 'scratch' }];
  const mountPoints = [{ sourceVolume: 'scratch', containerPath: '/scratch' }];
  const { engine, run, ended } = await start([{ name: 'batch', mountPoints }], { ...FARGATE, volumes });
  await runs(engine, 'batch');
  expect(engine.remains).toHaveLength(5);
  await run.close();
  expect(engine.remains).toEqual([]);
  await ended;
});

function cpu(totalUsage: number): object {
  return {
    cpu_usage: { total_usage: totalUsage, usage_in_kernelmode: 0, usage_in_usermode: 0 },
    throttling_data: { periods: 0, throttled_periods: 0, throttled_time: 0 },
  };
}
