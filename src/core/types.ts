/**
 * The house's own picture of a task: plain numbers and strings, no AWS spelling, no Date.
 * Times are milliseconds since the epoch (fractions kept), memory is bytes, CPU time is nanoseconds.
 * A property that is not known is absent; zero is a figure like any other.
 */

export type ContainerStatus = 'pending' | 'running' | 'stopped';

/** One container as the task's metadata shows it at one poll. */
export interface Container {
  /** Name in the task definition; the key of a container everywhere in this program. */
  readonly name: string;
  /** Docker id; empty while the container is being created, and then not unique. */
  readonly id: string;
  readonly image?: string;
  /** ECS's container type: `NORMAL` for those of the task definition. */
  readonly type?: string;
  readonly status: ContainerStatus;
  /** True once ECS wants the container stopped. */
  readonly stopRequested: boolean;
  readonly exitCode?: number;
  readonly startedAtMs?: number;
  readonly finishedAtMs?: number;
  /** CPU shares, 1024 = 1 vCPU: a weight among containers, never a limit. Absent when unset. */
  readonly cpuReservationUnits?: number;
  /** Hard memory limit, MiB. Absent when unset. */
  readonly memoryLimitMiB?: number;
  /** Soft memory limit, MiB. The metadata endpoint does not show it today. */
  readonly memoryReservationMiB?: number;
  readonly restartCount?: number;
  /** `awsvpc`, `bridge`, `host`, `default`, `none`. */
  readonly networkMode?: string;
  readonly logDriver?: string;
  /** Where the awslogs driver of this container writes; absent for every other driver and on v3. */
  readonly awslogs?: AwslogsOptions;
}

export interface AwslogsOptions {
  readonly logGroupName?: string;
  readonly logStreamName?: string;
  readonly region?: string;
}

/** The task as its metadata shows it at one poll. */
export interface Task {
  /** Short name of the cluster. */
  readonly cluster?: string;
  readonly taskArn?: string;
  readonly taskId?: string;
  readonly family?: string;
  readonly revision?: string;
  readonly serviceName?: string;
  /** `EC2`, `FARGATE`, `EXTERNAL`, `MANAGED_INSTANCES`. Absent on v3. */
  readonly launchType?: string;
  readonly region?: string;
  readonly accountId?: string;
  readonly availabilityZone?: string;
  /** Task size, 1024 = 1 vCPU. Absent where the task has none (possible on EC2). */
  readonly cpuLimitUnits?: number;
  /** Task size, MiB. Absent where the task has none (possible on EC2). */
  readonly memoryLimitMiB?: number;
  /** True once ECS wants the task stopped: by StopTask, by Spot, or because an essential container exited. */
  readonly stopRequested: boolean;
  readonly pullStartedAtMs?: number;
  readonly ephemeralStorageUsedMiB?: number;
  readonly ephemeralStorageSizeMiB?: number;
  readonly containers: readonly Container[];
}

/** Raw memory counters of one container at one `read`, in bytes; which of them exist depends on the cgroup version. */
export interface MemoryCounters {
  readonly usageBytes?: number;
  /** cgroup v1 `cache`. */
  readonly cacheBytes?: number;
  /** cgroup v1 `total_inactive_file`. */
  readonly totalInactiveFileBytes?: number;
  /** cgroup v2 `inactive_file` (present on v1 too, without the children). */
  readonly inactiveFileBytes?: number;
  /** cgroup v1 `total_rss` or `rss`, v2 `anon`. */
  readonly anonBytes?: number;
  /** cgroup v1 `max_usage`: the kernel's high-water mark, page cache included. */
  readonly maxUsageBytes?: number;
  /** cgroup v1 `hierarchical_memory_limit`. */
  readonly hierarchicalLimitBytes?: number;
  /** Times the limit was hit; absent while zero. */
  readonly failCount?: number;
  readonly majorPageFaultCount?: number;
}

/**
 * Where a sample is from.
 * - `endpoint`: the task metadata endpoint; exact, refreshed every 1 to 10 s
 * - `cgroup`: the container's own cgroup files, read through /proc; exact, at any time
 * - `proc`: its processes in /proc, summed: CPU time and anonymous memory, and no other memory
 */
export const SAMPLE_SOURCES = ['endpoint', 'cgroup', 'proc'] as const;
export type SampleSource = (typeof SAMPLE_SOURCES)[number];

/** One container at one moment (the endpoint's: at one `read`). Counters count from the container's start. */
export interface Sample {
  /** The sample's own time, ms since the epoch. */
  readonly readAtMs: number;
  /** Absent: the endpoint. */
  readonly source?: Exclude<SampleSource, 'endpoint'>;
  readonly cpuUsageNs?: number;
  readonly kernelCpuUsageNs?: number;
  /** How far the CPU counter may be off for the coarseness of its units; absent where that does not matter. */
  readonly cpuErrorNs?: number;
  /** The platform's own previous sample; only there when it is real. */
  readonly previous?: { readonly readAtMs: number; readonly cpuUsageNs: number };
  readonly throttledTimeNs?: number;
  /** Time in which some process waited for memory, and in which all did: cgroup v2 `memory.pressure`. */
  readonly memoryPressureNs?: number;
  readonly memoryFullPressureNs?: number;
  readonly memory: MemoryCounters;
  readonly processCount?: number;
  readonly networkRxBytes?: number;
  readonly networkTxBytes?: number;
  readonly blockReadBytes?: number;
  readonly blockWriteBytes?: number;
}

/**
 * What `/task/stats` said of one container id: a sample, `none` (null, `{}`: nothing is measured, as after a
 * stop) or `zero` (the all-zero document some agents serve between exit and removal).
 */
export type SampleEntry = Sample | 'none' | 'zero';

/** Keyed by Docker id. */
export type Samples = ReadonlyMap<string, SampleEntry>;

/** Why a request brought nothing, with what was tried, in words for a person. */
export interface Failure {
  readonly kind: 'unreachable' | 'timeout' | 'status' | 'too-large' | 'not-json' | 'wrong-shape';
  readonly message: string;
  /** HTTP status, when there was one. */
  readonly status?: number;
}

export type Answer<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly failure: Failure };

/** One round trip, or one look at /proc, or both: what the endpoint answered, and when it was asked. */
export interface Poll {
  /** Wall clock, ms since the epoch. */
  readonly polledAtMs: number;
  /** Wall clock when the answers were in. */
  readonly answeredAtMs: number;
  /** Monotonic clock at polledAtMs, ms since an arbitrary start. */
  readonly elapsedMs: number;
  /** Absent when the metadata was not asked this time. */
  readonly task?: Answer<Task>;
  /** Absent when the stats were not asked this time. */
  readonly stats?: Answer<Samples>;
  /** What was read in /proc, keyed by Docker id like the stats. Absent when nobody looked. */
  readonly processes?: Samples;
  /** The sidecar's own container, as soon as the endpoint told. */
  readonly self?: { readonly name: string; readonly id: string };
}
