/**
 * What a task metadata endpoint answers, as the ECS agent writes it. AWS's spelling and Docker's, made here and in
 * nothing else of this program.
 *
 * Shapes: amazon-ecs-agent, ecs-agent/tmds/handlers/v2/response.go and v4/state/response.go for metadata; the
 * agent's vendored Docker api/types/stats.go for stats, filled as moby's daemon/stats_unix.go does on cgroup v2. Go
 * leaves out what is empty where the field says `omitempty`, and so do these.
 */
import type { GroupFigures } from '../proc/process-group.ts';

export type ApiVersion = 'v3' | 'v4';

/** A JSON document, ready for JSON.stringify. */
export type JsonDocument = Readonly<Record<string, unknown>>;

export interface LocalTask {
  /** 32 hexadecimal digits. */
  readonly id: string;
  readonly family: string;
  readonly launchType: 'FARGATE' | 'EC2';
  /** On EC2 a task may have one of them, or none. */
  readonly size?: { readonly cpuUnits?: number; readonly memoryMiB?: number };
  /** Wall clock, ms since the epoch: nothing is pulled, so the pull began and ended then. */
  readonly createdAtMs: number;
  /** When the first essential container stopped. */
  readonly executionStoppedAtMs?: number;
  readonly stopRequested: boolean;
  readonly containers: readonly LocalContainer[];
}

export interface LocalContainer {
  /** Its `DockerId`; empty until it is created. */
  readonly id: string;
  readonly name: string;
  /** The engine's name for it; default: `name`. */
  readonly dockerName?: string;
  readonly image: string;
  readonly imageId?: string;
  /** Its own, beside those of the agent. */
  readonly labels?: Readonly<Record<string, string>>;
  readonly limits?: { readonly cpuUnits?: number; readonly memoryMiB?: number };
  readonly log?: { readonly driver: string; readonly options?: Readonly<Record<string, string>> };
  /** Default: the one of the host. */
  readonly networks?: readonly JsonDocument[];
  readonly health?: JsonDocument;
  /** Where it has a restart policy. */
  readonly restartCount?: number;
  /** Default: when it was started. */
  readonly createdAtMs?: number;
  readonly startedAtMs?: number;
  /** Without a time it was never started. */
  readonly end?: { readonly exitCode?: number; readonly finishedAtMs?: number };
}

/** One container's figures at one moment. */
export interface LocalSample {
  /** Wall clock, ms since the epoch. */
  readonly readAtMs: number;
  readonly figures: GroupFigures;
  readonly system?: { readonly systemCpuUsageNs: number; readonly onlineCpuCount: number };
}

const CLUSTER = 'local';
const ARN_PREFIX = 'arn:aws:ecs:local:000000000000';
const REVISION = '1';
/** The kernel's least share: what the agent shows for a container that sets none. */
const UNSET_CPU_SHARES = 2;

/** The answer of `/task`. */
export function taskDocument(task: LocalTask, version: ApiVersion): JsonDocument {
  const { size, containers } = task;
  // The agent's v4 lists containers whose image is there, v3 those that are created.
  const listed = version === 'v4' ? containers : containers.filter(({ id }) => id !== '');
  return {
    Cluster: CLUSTER,
    TaskARN: taskArn(task),
    Family: task.family,
    Revision: REVISION,
    DesiredStatus: task.stopRequested ? 'STOPPED' : 'RUNNING',
    KnownStatus: 'RUNNING',
    ...(size && {
      Limits: {
        ...(size.cpuUnits !== undefined && { CPU: size.cpuUnits / 1024 }),
        ...(size.memoryMiB !== undefined && { Memory: size.memoryMiB }),
      },
    }),
    PullStartedAt: rfc3339(task.createdAtMs),
    PullStoppedAt: rfc3339(task.createdAtMs),
    ...(task.executionStoppedAtMs !== undefined && {
      ExecutionStoppedAt: rfc3339(task.executionStoppedAtMs),
    }),
    ...(version === 'v4' && { LaunchType: task.launchType }),
    ...(listed.length > 0 && {
      Containers: listed.map((container) => containerDocument(task, container, version)),
    }),
    ...(version === 'v4' && { FaultInjectionEnabled: false }),
  };
}

/** The answer of the endpoint's root, and one of `Containers`. */
export function containerDocument(
  task: LocalTask,
  container: LocalContainer,
  version: ApiVersion,
): JsonDocument {
  const { health, log, startedAtMs, createdAtMs = startedAtMs, end } = container;
  return {
    DockerId: container.id,
    Name: container.name,
    DockerName: container.dockerName ?? container.name,
    Image: container.image,
    ImageID: container.imageId ?? '',
    Labels: { ...container.labels, ...agentLabels(task, container.name) },
    DesiredStatus: task.stopRequested ? 'STOPPED' : 'RUNNING',
    KnownStatus: knownStatus(container),
    ...(end?.exitCode !== undefined && { ExitCode: end.exitCode }),
    Limits: limitsDocument(task, container),
    ...(createdAtMs !== undefined && { CreatedAt: rfc3339(createdAtMs) }),
    ...(startedAtMs !== undefined && { StartedAt: rfc3339(startedAtMs) }),
    ...(end?.finishedAtMs !== undefined && { FinishedAt: rfc3339(end.finishedAtMs) }),
    Type: 'NORMAL',
    ...(health && { Health: health }),
    ...(version === 'v4' && {
      ...(log && { LogDriver: log.driver, ...(log.options && { LogOptions: log.options }) }),
      ContainerARN: `${ARN_PREFIX}:container/${CLUSTER}/${task.id}/${container.id}`,
      ...(container.restartCount !== undefined && { RestartCount: container.restartCount }),
    }),
    Networks: container.networks ?? [{ NetworkMode: 'host', IPv4Addresses: [''] }],
  };
}

/** The labels that the agent puts on every container. */
export function agentLabels(
  task: Pick<LocalTask, 'id' | 'family'>,
  name: string,
): Readonly<Record<string, string>> {
  return {
    'com.amazonaws.ecs.cluster': CLUSTER,
    'com.amazonaws.ecs.container-name': name,
    'com.amazonaws.ecs.task-arn': taskArn(task),
    'com.amazonaws.ecs.task-definition-family': task.family,
    'com.amazonaws.ecs.task-definition-version': REVISION,
  };
}

function knownStatus({ id, startedAtMs, end }: LocalContainer): string {
  if (end) return 'STOPPED';
  if (startedAtMs !== undefined) return 'RUNNING';
  return id === '' ? 'PULLED' : 'CREATED';
}

/** Memory that nobody set is 0 on EC2 and absent on Fargate. */
function limitsDocument({ launchType }: LocalTask, { limits }: LocalContainer): JsonDocument {
  const memoryMiB = limits?.memoryMiB ?? (launchType === 'EC2' ? 0 : undefined);
  return {
    CPU: limits?.cpuUnits ?? UNSET_CPU_SHARES,
    ...(memoryMiB !== undefined && { Memory: memoryMiB }),
  };
}

/** The answer of `/stats`, and one of `/task/stats`. */
export function statsDocument(
  container: LocalContainer,
  sample: LocalSample,
  previous: LocalSample | undefined,
): JsonDocument {
  const { figures } = sample;
  const { anonBytes, fileBytes, shmemBytes } = figures.memory;
  return {
    read: rfc3339(sample.readAtMs),
    preread: previous ? rfc3339(previous.readAtMs) : GO_ZERO_TIME,
    pids_stats: nonZero({ current: figures.threadCount }),
    blkio_stats: blkioStats(figures),
    num_procs: 0,
    storage_stats: {},
    cpu_stats: cpuStats(sample),
    precpu_stats: cpuStats(previous),
    memory_stats: {
      ...nonZero({ usage: anonBytes + shmemBytes + fileBytes }),
      stats: {
        anon: anonBytes,
        // As in memory.stat, where shared memory is file memory too.
        file: fileBytes + shmemBytes,
        inactive_file: fileBytes,
        pgmajfault: figures.majorFaultCount,
        shmem: shmemBytes,
      },
      limit: NO_LIMIT,
    },
    name: container.name,
    id: container.id,
  };
}

/** `precpu_stats` of a first sample: Docker writes the zero value of its struct. */
function cpuStats(sample: LocalSample | undefined): JsonDocument {
  const { cpuUserNs = 0, cpuKernelNs = 0 } = sample?.figures ?? {};
  const { systemCpuUsageNs = 0, onlineCpuCount = 0 } = sample?.system ?? {};
  return {
    cpu_usage: {
      total_usage: cpuUserNs + cpuKernelNs,
      usage_in_kernelmode: cpuKernelNs,
      usage_in_usermode: cpuUserNs,
    },
    ...nonZero({ system_cpu_usage: systemCpuUsageNs, online_cpus: onlineCpuCount }),
    throttling_data: { periods: 0, throttled_periods: 0, throttled_time: 0 },
  };
}

function blkioStats({ io }: GroupFigures): JsonDocument {
  const entry = (op: 'read' | 'write', value: number) => ({ major: 0, minor: 0, op, value });
  return {
    io_service_bytes_recursive: io ? [entry('read', io.readBytes), entry('write', io.writeBytes)] : null,
    io_serviced_recursive: null,
    io_queue_recursive: null,
    io_service_time_recursive: null,
    io_wait_time_recursive: null,
    io_merged_recursive: null,
    io_time_recursive: null,
    sectors_recursive: null,
  };
}

function taskArn(task: Pick<LocalTask, 'id'>): string {
  return `${ARN_PREFIX}:task/${CLUSTER}/${task.id}`;
}

/** Without what Go's `omitempty` leaves out. */
export function nonZero(numbers: Readonly<Record<string, unknown>>): JsonDocument {
  return Object.fromEntries(
    Object.entries(numbers).filter(([, number]) => number !== 0 && number !== undefined),
  );
}

export const GO_ZERO_TIME = '0001-01-01T00:00:00Z';

/** Wall clock, ms since the epoch, fractions included, as RFC 3339 with nanoseconds. */
export function rfc3339(timeMs: number): string {
  const wholeMs = Math.floor(timeMs);
  const nanoseconds = Math.floor((timeMs - wholeMs) * 1e6);
  return `${new Date(wholeMs).toISOString().slice(0, -1)}${String(nanoseconds).padStart(6, '0')}Z`;
}

declare global {
  interface JSON {
    /** In V8 since 11.4 (Node 21), not yet in TypeScript's library: a piece of JSON that stringify copies. */
    rawJSON(text: string): unknown;
  }
}

/** 2^64 - 1, which no JavaScript number can hold: what cgroup v2 shows where a container has no limit of its own. */
const NO_LIMIT = JSON.rawJSON('18446744073709551615');
