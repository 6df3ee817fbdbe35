/** A container of a task definition as the body of the engine's ContainerCreate. */
import type { Labels } from './docker-engine.ts';
import type { ContainerDefinition, TaskDefinition } from './docker-task-definition.ts';

/** What a container is made with, beside its definition. */
export interface ContainerSurroundings {
  readonly task: Pick<TaskDefinition, 'size' | 'pidMode' | 'volumes'>;
  /** The image that stands in for the definition's. */
  readonly image: string;
  /** In the order of rising precedence. */
  readonly environment: readonly (readonly [name: string, value: string])[];
  readonly labels: Labels;
  readonly network: ContainerNetwork;
  /** The engine's CPUs: it refuses a limit above them. */
  readonly cpuCount: number;
  /** The volume on the engine that a task volume without a path of its own became. */
  readonly volumeName: (name: string) => string;
}

export interface ContainerNetwork {
  readonly mode: TaskDefinition['networkMode'];
  /** The one made for the task, which a container under `bridge` joins. */
  readonly id: string;
  /** The container whose network all have under `awsvpc`, and whose processes under pidMode `task`. */
  readonly pauseId?: string;
  /** Names with addresses, as in /etc/hosts. */
  readonly extraHosts: readonly string[];
}

const BYTES_PER_MIB = 1024 * 1024;
const UNITS_PER_CPU = 1024;
const NANO = 1e9;
/** The kernel's least weight, which the agent gives where none is set. */
const LEAST_CPU_SHARES = 2;

export function containerBody(definition: ContainerDefinition, surroundings: ContainerSurroundings): object {
  const { image, environment, labels, network } = surroundings;
  const { entryPoint, command, user, workingDirectory, hostname, healthCheck } = definition;
  const ports = publishedPorts(definition);
  return {
    Image: image,
    Env: [...new Map(environment)].map(([name, value]) => `${name}=${value}`),
    Labels: { ...definition.dockerLabels, ...labels },
    // To ECS an empty list says nothing; to the engine it takes the image's away.
    ...(entryPoint?.length && { Entrypoint: entryPoint }),
    ...(command?.length && { Cmd: command }),
    ...(user && { User: user }),
    ...(workingDirectory && { WorkingDir: workingDirectory }),
    ...(hostname && network.mode === 'bridge' && { Hostname: hostname }),
    ...(definition.interactive && { OpenStdin: true }),
    ...(definition.pseudoTerminal && { Tty: true }),
    ...(healthCheck && { Healthcheck: healthCheckBody(healthCheck) }),
    ...(network.mode === 'bridge' && {
      ...exposed(ports),
      NetworkingConfig: { EndpointsConfig: { [network.id]: { Aliases: [definition.name] } } },
    }),
    HostConfig: hostConfig(definition, surroundings),
  };
}

function hostConfig(definition: ContainerDefinition, surroundings: ContainerSurroundings): object {
  const { network, task } = surroundings;
  const { linuxParameters: linux, ulimits, readonlyRootFilesystem, privileged } = definition;
  return {
    ...limits(definition, surroundings),
    NetworkMode: networkMode(network),
    ...(network.mode !== 'awsvpc' && { ExtraHosts: network.extraHosts }),
    ...(network.mode === 'bridge' && { PortBindings: publishedPorts(definition) }),
    ...(task.pidMode === 'host' && { PidMode: 'host' }),
    ...(task.pidMode === 'task' && { PidMode: `container:${network.pauseId}` }),
    ...(readonlyRootFilesystem && { ReadonlyRootfs: true }),
    ...(privileged && { Privileged: true }),
    ...(linux?.capabilities?.add && { CapAdd: linux.capabilities.add }),
    ...(linux?.capabilities?.drop && { CapDrop: linux.capabilities.drop }),
    ...(linux?.initProcessEnabled && { Init: true }),
    ...(linux?.sharedMemorySize && { ShmSize: linux.sharedMemorySize * BYTES_PER_MIB }),
    ...(linux?.tmpfs.length && { Tmpfs: tmpfsBody(linux.tmpfs) }),
    ...(ulimits.length > 0 && {
      Ulimits: ulimits.map(({ name, softLimit, hardLimit }) => ({
        Name: name,
        Soft: softLimit,
        Hard: hardLimit,
      })),
    }),
    Mounts: mounts(definition, surroundings),
    // Output is read as it is written: nothing is to be kept on the engine's disk.
    LogConfig: { Type: 'none' },
  };
}

/**
 * CPU is a weight, and limited by the task's size alone; memory by the container's hard limit, else the task's size.
 * ECS limits the task as a whole; here each container may use all of it.
 */
function limits(
  { cpu, memory, memoryReservation }: ContainerDefinition,
  { task: { size }, cpuCount }: ContainerSurroundings,
): object {
  const memoryMiB = Math.min(memory ?? Number.POSITIVE_INFINITY, size?.memoryMiB ?? Number.POSITIVE_INFINITY);
  const cpus = size?.cpuUnits === undefined ? undefined : size.cpuUnits / UNITS_PER_CPU;
  return {
    CpuShares: Math.max(cpu ?? 0, LEAST_CPU_SHARES),
    ...(cpus !== undefined && cpus < cpuCount && { NanoCpus: cpus * NANO }),
    // Neither Fargate nor an ECS-optimized instance swaps.
    ...(Number.isFinite(memoryMiB) && {
      Memory: memoryMiB * BYTES_PER_MIB,
      MemorySwap: memoryMiB * BYTES_PER_MIB,
    }),
    ...(memoryReservation && { MemoryReservation: memoryReservation * BYTES_PER_MIB }),
  };
}

function networkMode({ mode, id, pauseId }: ContainerNetwork): string {
  return { host: 'host', bridge: id, awsvpc: `container:${pauseId}` }[mode];
}

type PortBindings = Readonly<
  Record<string, readonly { readonly HostIp: string; readonly HostPort: string }[]>
>;

/** Ports are published to this machine alone. */
export function publishedPorts({ portMappings }: Pick<ContainerDefinition, 'portMappings'>): PortBindings {
  return Object.fromEntries(
    portMappings.flatMap(({ containerPort, hostPort, protocol }) =>
      containerPort === undefined
        ? []
        : [
            [
              `${containerPort}/${protocol}`,
              [{ HostIp: '127.0.0.1', HostPort: hostPort ? `${hostPort}` : '' }],
            ],
          ],
    ),
  );
}

export function exposed(ports: PortBindings): object {
  return { ExposedPorts: Object.fromEntries(Object.keys(ports).map((port) => [port, {}])) };
}

function healthCheckBody(check: NonNullable<ContainerDefinition['healthCheck']>): object {
  return {
    Test: check.command,
    Interval: check.interval * NANO,
    Timeout: check.timeout * NANO,
    Retries: check.retries,
    StartPeriod: check.startPeriod * NANO,
  };
}

function tmpfsBody(tmpfs: NonNullable<ContainerDefinition['linuxParameters']>['tmpfs']): object {
  return Object.fromEntries(
    tmpfs.map(({ containerPath, size, mountOptions }) => [
      containerPath,
      [`size=${size * BYTES_PER_MIB}`, ...mountOptions].join(','),
    ]),
  );
}

function mounts({ mountPoints }: ContainerDefinition, { task, volumeName }: ContainerSurroundings): object[] {
  return mountPoints.map(({ sourceVolume, containerPath, readOnly }) => {
    const hostPath = task.volumes.find(({ name }) => name === sourceVolume)?.hostPath;
    return {
      Type: hostPath === undefined ? 'volume' : 'bind',
      Source: hostPath ?? volumeName(sourceVolume),
      Target: containerPath,
      ReadOnly: readOnly ?? false,
    };
  });
}
