/**
 * The endpoint's JSON to the core's types. AWS's and Docker's spelling stops here.
 *
 * Every key is optional and every value may be wrong: what does not parse is absent, and costs nothing but itself.
 * Unknown keys pass (AWS promises to add and never to remove). Only a document that is no object at all, or a task
 * without ARN or with something else than an array of containers, is of the wrong shape.
 */
import * as z from 'zod/mini';
import type {
  Container,
  ContainerStatus,
  MemoryCounters,
  Sample,
  SampleEntry,
  Samples,
  Task,
} from '../core/types.ts';

/** Any value that `schema` does not take counts as absent. */
function lenient<T extends z.ZodMiniType>(schema: T) {
  return z.catch(z.optional(schema), undefined);
}

const text = lenient(z.string().check(z.minLength(1)));
/** The agent's and Docker's figures are of 64 bits at the most; JSON.parse rounds the largest up to 2^64. */
const uint64 = z.number().check(z.nonnegative(), z.maximum(2 ** 64));
const amount = lenient(uint64);
const whole = lenient(z.int().check(z.nonnegative()));
const list = <T extends z.ZodMiniType>(item: T) => lenient(z.array(item));

const containerDocument = z.object({
  DockerId: text,
  Name: z.string().check(z.minLength(1)),
  Image: text,
  Type: text,
  DesiredStatus: text,
  KnownStatus: text,
  ExitCode: lenient(z.int()),
  StartedAt: text,
  FinishedAt: text,
  Limits: lenient(z.object({ CPU: amount, Memory: whole })),
  RestartCount: whole,
  Networks: list(lenient(z.object({ NetworkMode: text }))),
  LogDriver: text,
  LogOptions: lenient(z.object({ 'awslogs-group': text, 'awslogs-stream': text, 'awslogs-region': text })),
});

const taskDocument = z.object({
  Cluster: text,
  // Never absent: what lacks it is some other document.
  TaskARN: z.string().check(z.minLength(1)),
  Family: text,
  Revision: text,
  ServiceName: text,
  LaunchType: text,
  AvailabilityZone: text,
  DesiredStatus: text,
  Limits: lenient(z.object({ CPU: amount, Memory: whole })),
  PullStartedAt: text,
  EphemeralStorageMetrics: lenient(z.object({ Utilized: whole, Reserved: whole })),
  // The agent leaves the key out while there is no container.
  Containers: z._default(z.array(z.unknown()), []),
});

const cpuStats = z.object({
  cpu_usage: lenient(z.object({ total_usage: amount, usage_in_kernelmode: amount })),
  throttling_data: lenient(z.object({ throttled_time: amount })),
});

const memoryStats = z.object({
  usage: amount,
  max_usage: amount,
  failcnt: whole,
  stats: lenient(
    z.object({
      cache: amount,
      rss: amount,
      total_rss: amount,
      anon: amount,
      inactive_file: amount,
      total_inactive_file: amount,
      hierarchical_memory_limit: amount,
      pgmajfault: whole,
      total_pgmajfault: whole,
    }),
  ),
});

const statsDocument = z.object({
  read: z.string(),
  preread: text,
  cpu_stats: lenient(cpuStats),
  precpu_stats: lenient(cpuStats),
  memory_stats: lenient(memoryStats),
  pids_stats: lenient(z.object({ current: whole })),
  networks: lenient(z.record(z.string(), lenient(z.object({ rx_bytes: whole, tx_bytes: whole })))),
  blkio_stats: lenient(
    z.object({ io_service_bytes_recursive: list(lenient(z.object({ op: text, value: whole }))) }),
  ),
});

/** The answer of `/task`; undefined when the document is not of that shape. */
export function parseTask(document: unknown): Task | undefined {
  const parsed = taskDocument.safeParse(document);
  if (!parsed.success) return undefined;
  const task = parsed.data;
  const arn = parseTaskArn(task.TaskARN);
  return defined({
    cluster: task.Cluster?.split('/').at(-1),
    taskArn: task.TaskARN,
    ...arn,
    family: task.Family,
    revision: task.Revision,
    serviceName: task.ServiceName,
    launchType: task.LaunchType,
    availabilityZone: task.AvailabilityZone,
    cpuLimitUnits: Math.round((task.Limits?.CPU ?? 0) * 1024) || undefined,
    memoryLimitMiB: task.Limits?.Memory || undefined,
    stopRequested: task.DesiredStatus === 'STOPPED',
    pullStartedAtMs: parseTime(task.PullStartedAt),
    ephemeralStorageUsedMiB: task.EphemeralStorageMetrics?.Utilized,
    ephemeralStorageSizeMiB: task.EphemeralStorageMetrics?.Reserved,
    containers: task.Containers.flatMap((container) => parseContainer(container) ?? []),
  });
}

/** The sidecar's own container, as the root of the endpoint answers; undefined when the document is not of that shape. */
export function parseContainer(document: unknown): Container | undefined {
  const parsed = containerDocument.safeParse(document);
  if (!parsed.success) return undefined;
  const container = parsed.data;
  const cpuShares = container.Limits?.CPU;
  const logOptions = container.LogDriver === 'awslogs' ? container.LogOptions : undefined;
  return defined({
    name: container.Name,
    id: container.DockerId ?? '',
    image: container.Image,
    type: container.Type,
    status: containerStatus(container.KnownStatus),
    stopRequested: container.DesiredStatus === 'STOPPED',
    exitCode: container.ExitCode,
    startedAtMs: parseTime(container.StartedAt),
    finishedAtMs: parseTime(container.FinishedAt),
    // The kernel's least share, 2, is what the agent shows where none was set; older ones show 0.
    cpuReservationUnits: cpuShares !== undefined && cpuShares > 2 ? Math.round(cpuShares) : undefined,
    memoryLimitMiB: container.Limits?.Memory || undefined,
    restartCount: container.RestartCount,
    networkMode: container.Networks?.find((network) => network?.NetworkMode)?.NetworkMode,
    logDriver: container.LogDriver,
    awslogs:
      logOptions &&
      defined({
        logGroupName: logOptions['awslogs-group'],
        logStreamName: logOptions['awslogs-stream'],
        region: logOptions['awslogs-region'],
      }),
  });
}

/** The answer of `/task/stats`; undefined when the document is no object. */
export function parseSamples(document: unknown): Samples | undefined {
  if (typeof document !== 'object' || document === null || Array.isArray(document)) return undefined;
  return new Map(Object.entries(document).map(([id, stats]) => [id, parseSampleEntry(stats)]));
}

function parseSampleEntry(document: unknown): SampleEntry {
  const parsed = statsDocument.safeParse(document);
  if (!parsed.success) return 'none';
  const { cpu_stats, precpu_stats, ...stats } = parsed.data;
  const readAtMs = parseTime(stats.read);
  const cpuUsageNs = cpu_stats?.cpu_usage?.total_usage;
  const isAllZero = !cpuUsageNs && stats.memory_stats?.usage === undefined;
  if (readAtMs === undefined || isAllZero) return 'zero';

  const interfaces = Object.values(stats.networks ?? {});
  const blocks = stats.blkio_stats?.io_service_bytes_recursive;
  return defined({
    readAtMs,
    cpuUsageNs,
    kernelCpuUsageNs: cpu_stats?.cpu_usage?.usage_in_kernelmode,
    previous: parsePrevious(stats.preread, precpu_stats?.cpu_usage?.total_usage),
    throttledTimeNs: cpu_stats?.throttling_data?.throttled_time,
    memory: parseMemory(stats.memory_stats),
    processCount: stats.pids_stats?.current,
    networkRxBytes: sum(interfaces.map((each) => each?.rx_bytes)),
    networkTxBytes: sum(interfaces.map((each) => each?.tx_bytes)),
    blockReadBytes: sum(blocks?.map((each) => (isOp(each, 'read') ? each?.value : undefined))),
    blockWriteBytes: sum(blocks?.map((each) => (isOp(each, 'write') ? each?.value : undefined))),
  });
}

/** `precpu_stats` is real only with a time and a count: a first sample has neither, or on Fargate only the time. */
function parsePrevious(preread: string | undefined, cpuUsageNs: number | undefined): Sample['previous'] {
  const readAtMs = parseTime(preread);
  return readAtMs !== undefined && cpuUsageNs ? { readAtMs, cpuUsageNs } : undefined;
}

function parseMemory(memory: z.infer<typeof memoryStats> | undefined): MemoryCounters {
  const stats = memory?.stats;
  return defined({
    usageBytes: memory?.usage,
    cacheBytes: stats?.cache,
    totalInactiveFileBytes: stats?.total_inactive_file,
    inactiveFileBytes: stats?.inactive_file,
    anonBytes: stats?.total_rss ?? stats?.rss ?? stats?.anon,
    maxUsageBytes: memory?.max_usage,
    hierarchicalLimitBytes: stats?.hierarchical_memory_limit,
    failCount: memory?.failcnt,
    majorPageFaultCount: stats?.total_pgmajfault ?? stats?.pgmajfault,
  });
}

/** cgroup v1 writes `Read`, v2 `read`. */
function isOp(block: { op?: string | undefined } | undefined, op: string): boolean {
  return block?.op?.toLowerCase() === op;
}

function sum(values: readonly (number | undefined)[] | undefined): number | undefined {
  const present = values?.filter((value) => value !== undefined) ?? [];
  return present.length > 0 ? present.reduce((a, b) => a + b, 0) : undefined;
}

/** RESOURCES_PROVISIONED is where a pause container stays while it does its work. */
function containerStatus(knownStatus: string | undefined): ContainerStatus {
  if (knownStatus === 'RUNNING' || knownStatus === 'RESOURCES_PROVISIONED') return 'running';
  return knownStatus === 'STOPPED' ? 'stopped' : 'pending';
}

/** `arn:PARTITION:ecs:REGION:ACCOUNT:task/CLUSTER/ID`, formerly without the cluster. */
function parseTaskArn(arn: string | undefined): Pick<Task, 'taskId' | 'region' | 'accountId'> {
  const [, , , region, accountId, resource] = arn?.split(':') ?? [];
  return defined({
    taskId: resource?.split('/').at(-1) || undefined,
    region: region || undefined,
    accountId: accountId || undefined,
  });
}

const RFC3339 = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(\.\d+)?(Z|[+-]\d\d:\d\d)$/;

/** RFC 3339 with up to nanoseconds to ms since the epoch, fractions kept; Go's zero time (year 1) is no time. */
export function parseTime(time: string | undefined): number | undefined {
  const [, seconds, fraction = '0', zone] = time?.match(RFC3339) ?? [];
  if (seconds === undefined || seconds.startsWith('0001-')) return undefined;
  const wholeMs = Date.parse(`${seconds}${zone}`);
  return Number.isNaN(wholeMs) ? undefined : wholeMs + Number(fraction) * 1000;
}

type Defined<T> = { [K in keyof T as undefined extends T[K] ? never : K]: T[K] } & {
  [K in keyof T as undefined extends T[K] ? K : never]?: Exclude<T[K], undefined>;
};

/** The same without the keys that are undefined: absent is absent. */
function defined<T extends object>(value: T): Defined<T> {
  return Object.fromEntries(Object.entries(value).filter(([, v]) => v !== undefined)) as Defined<T>;
}
