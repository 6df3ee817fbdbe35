import { describe, expect, it } from 'vitest';
import { type ContainerSurroundings, containerBody } from '../../src/local/docker-container.ts';
import { parseTaskDefinition } from '../../src/local/docker-task-definition.ts';

const MIB = 1024 * 1024;

function body(container: object, more: Partial<ContainerSurroundings> = {}, task: object = {}): object {
  const json = JSON.stringify({
    family: 'nightly',
    containerDefinitions: [{ name: 'batch', image: 'image', ...container }],
    ...task,
  });
  const { definition } = parseTaskDefinition(json, false);
  const [first] = definition.containers;
  if (first === undefined) throw new Error('no container');
  return containerBody(first, {
    task: definition,
    image: first.image,
    environment: [],
    labels: {},
    network: { mode: 'bridge', id: 'network', extraHosts: [] },
    cpuCount: 4,
    volumeName: (name) => `prefix-${name}`,
    ...more,
  });
}

const hostConfig = (...args: Parameters<typeof body>) => Reflect.get(body(...args), 'HostConfig') as object;

describe('a container of a task definition', () => {
  it('has everything that its definition says', () => {
    const container = {
      command: ['--fast'],
      entryPoint: ['/app'],
      user: '65532:65532',
      workingDirectory: '/work',
      hostname: 'batch-host',
      interactive: true,
      pseudoTerminal: true,
      dockerLabels: { team: 'night' },
      healthCheck: { command: ['CMD', 'ready'], interval: 5, timeout: 2, retries: 4, startPeriod: 1 },
      portMappings: [{ containerPort: 80 }, { containerPort: 53, hostPort: 5353, protocol: 'udp' }],
      readonlyRootFilesystem: true,
      privileged: true,
      ulimits: [{ name: 'nofile', softLimit: 1, hardLimit: 2 }],
      mountPoints: [
        { sourceVolume: 'scratch', containerPath: '/scratch' },
        { sourceVolume: 'host', containerPath: '/host', readOnly: true },
      ],
      linuxParameters: {
        capabilities: { add: ['SYS_PTRACE'], drop: ['ALL'] },
        initProcessEnabled: true,
        sharedMemorySize: 64,
        tmpfs: [{ containerPath: '/run', size: 8, mountOptions: ['noexec', 'mode=0700'] }],
      },
    };
    const volumes = [{ name: 'scratch' }, { name: 'host', host: { sourcePath: '/srv' } }];
    const environment = [
      ['A', '1'],
      ['B', 'x=y'],
      ['A', '2'],
    ] as const;
    expect(body(container, { environment, labels: { own: 'label' } }, { volumes })).toEqual({
      Image: 'image',
      Env: ['A=2', 'B=x=y'],
      Labels: { team: 'night', own: 'label' },
      Entrypoint: ['/app'],
      Cmd: ['--fast'],
      User: '65532:65532',
      WorkingDir: '/work',
      Hostname: 'batch-host',
      OpenStdin: true,
      Tty: true,
      Healthcheck: { Test: ['CMD', 'ready'], Interval: 5e9, Timeout: 2e9, Retries: 4, StartPeriod: 1e9 },
      ExposedPorts: { '80/tcp': {}, '53/udp': {} },
      NetworkingConfig: { EndpointsConfig: { network: { Aliases: ['batch'] } } },
      HostConfig: {
        CpuShares: 2,
        NetworkMode: 'network',
        ExtraHosts: [],
        PortBindings: {
          '80/tcp': [{ HostIp: '127.0.0.1', HostPort: '' }],
          '53/udp': [{ HostIp: '127.0.0.1', HostPort: '5353' }],
        },
        ReadonlyRootfs: true,
        Privileged: true,
        CapAdd: ['SYS_PTRACE'],
        CapDrop: ['ALL'],
        Init: true,
        ShmSize: 64 * MIB,
        Tmpfs: { '/run': `size=${8 * MIB},noexec,mode=0700` },
        Ulimits: [{ Name: 'nofile', Soft: 1, Hard: 2 }],
        Mounts: [
          { Type: 'volume', Source: 'prefix-scratch', Target: '/scratch', ReadOnly: false },
          { Type: 'bind', Source: '/srv', Target: '/host', ReadOnly: true },
        ],
        LogConfig: { Type: 'none' },
      },
    });
  });

  it('that says nothing has its own image’s program, the least weight, and no limits', () => {
    expect(body({})).toEqual({
      Image: 'image',
      Env: [],
      Labels: {},
      ExposedPorts: {},
      NetworkingConfig: { EndpointsConfig: { network: { Aliases: ['batch'] } } },
      HostConfig: {
        CpuShares: 2,
        NetworkMode: 'network',
        ExtraHosts: [],
        PortBindings: {},
        Mounts: [],
        LogConfig: { Type: 'none' },
      },
    });
  });

  it('that lists no entry point and no command has its own image’s', () => {
    expect(body({ entryPoint: [], command: [] })).toEqual(body({}));
  });

  it.each([
    ['the hard limit, within the task', { memory: 64 }, { memory: '512' }, 64],
    ["the task's where it has none", {}, { memory: '512' }, 512],
    ["the task's where its own is larger", { memory: 600 }, { memory: '512' }, 512],
    ['its own where the task has none', { memory: 64 }, {}, 64],
  ])('is limited in memory by %s, and does not swap', (_, container, task, memoryMiB) => {
    expect(hostConfig(container, {}, task)).toMatchObject({
      Memory: memoryMiB * MIB,
      MemorySwap: memoryMiB * MIB,
    });
  });

  it('is limited in CPU by the task alone, as far as the engine has so many', () => {
    const container = { cpu: 128, memoryReservation: 32 };
    expect(hostConfig(container, {}, { cpu: '512' })).toMatchObject({
      CpuShares: 128,
      NanoCpus: 0.5e9,
      MemoryReservation: 32 * MIB,
    });
    expect(hostConfig(container, { cpuCount: 1 }, { cpu: '2048' })).not.toHaveProperty('NanoCpus');
  });

  it('under awsvpc has the network of another, and nothing that only its owner may have', () => {
    const network = { mode: 'awsvpc', id: 'network', pauseId: 'pause', extraHosts: ['a:1'] } as const;
    const container = { hostname: 'ignored', portMappings: [{ containerPort: 80 }] };
    const made = body(container, { network });
    expect(made).not.toHaveProperty('Hostname');
    expect(made).not.toHaveProperty('ExposedPorts');
    expect(made).not.toHaveProperty('NetworkingConfig');
    expect(Reflect.get(made, 'HostConfig')).toEqual({
      CpuShares: 2,
      NetworkMode: 'container:pause',
      Mounts: [],
      LogConfig: { Type: 'none' },
    });
  });

  it('under host has that of the machine', () => {
    const network = { mode: 'host', id: 'network', extraHosts: [] } as const;
    expect(hostConfig({}, { network }, { pidMode: 'host' })).toMatchObject({
      NetworkMode: 'host',
      PidMode: 'host',
    });
  });
});
