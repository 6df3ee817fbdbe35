/**
 * The one table of all fields of all lines. It feeds the lines (their order and their check), the table of
 * docs/fields.md, the short one of the README, and whatever else must know the fields by name.
 */

export const LINE_TYPES = ['START', 'SUMMARY', 'CONTAINER', 'REPORT', 'SAMPLE', 'RECORD'] as const;
export type LineType = (typeof LINE_TYPES)[number];

/** `integer` is a whole number, `percent` a number with at most two decimals, `time` an ISO 8601 UTC string. */
export type FieldKind = 'string' | 'time' | 'integer' | 'percent';

export interface Field {
  readonly name: string;
  readonly kind: FieldKind;
  /** `ms`, `MB` (1,048,576 bytes, rounded up), `bytes`, `units` (1024 = 1 vCPU), `%`, `count`; empty for text. */
  readonly unit: '' | 'ms' | 'MB' | 'bytes' | 'units' | '%' | 'count';
  readonly lines: readonly LineType[];
  readonly help: string;
  /** What it is made from, in the endpoint's own names. */
  readonly from: string;
}

const ALL = LINE_TYPES;
/** All but RECORD lines, which do not say whose task it was. */
const NAMED = ['START', 'SUMMARY', 'CONTAINER', 'REPORT', 'SAMPLE'] as const;
const USE = ['SUMMARY', 'CONTAINER', 'REPORT'] as const;
const ENDS = ['CONTAINER', 'REPORT'] as const;

const count = integer('count');
const ms = integer('ms');
const mb = integer('MB');
const bytes = integer('bytes');
const units = integer('units');

export const REPORT_FIELDS = [
  text(
    'type',
    ALL,
    'What the line is about: START, SUMMARY, CONTAINER, REPORT; SAMPLE and RECORD on request.',
    'fargauge',
  ),
  time('time', ALL, 'When the line was made; the timestamp of its CloudWatch event.', 'wall clock'),
  count(
    'seq',
    ALL,
    'Counts the lines of one sidecar from 1: with `taskId` it tells a repeated delivery.',
    'fargauge',
  ),
  text('fargaugeVersion', ALL, "The sidecar's version; marks the line as fargauge's.", 'fargauge'),
  text('job', NAMED, 'Name of the job.', '`FARGAUGE_JOB`, else the family'),
  text('cluster', NAMED, 'Short name of the cluster.', '`Cluster`'),
  text('taskId', NAMED, 'Id of the task.', '`TaskARN`'),
  text('taskArn', NAMED, 'ARN of the task.', '`TaskARN`'),
  text('family', NAMED, 'Family of the task definition.', '`Family`'),
  text('revision', NAMED, 'Revision of the task definition, a string.', '`Revision`'),
  text('serviceName', NAMED, 'Service that started the task, if one did.', '`ServiceName`'),
  text('launchType', NAMED, 'EC2, FARGATE, EXTERNAL or MANAGED_INSTANCES.', '`LaunchType`'),
  text('cpuArchitecture', ALL, "X86_64 or ARM64: the sidecar's own, and so the task's.", 'process'),
  text('region', NAMED, 'Region of the task.', '`TaskARN`'),
  text('accountId', NAMED, 'Account of the task.', '`TaskARN`'),
  text('availabilityZone', NAMED, 'Availability Zone of the task.', '`AvailabilityZone`'),
  text(
    'container',
    ['SUMMARY', 'CONTAINER', 'SAMPLE'],
    'Name of the container in the task definition.',
    '`Name`',
  ),
  text('image', ['SUMMARY', 'CONTAINER'], 'Image of the container.', '`Image`'),
  text(
    'status',
    ENDS,
    '`success` (exit 0), `failure` (other exit), `stopped` (from outside, while running), `unknown`.',
    '`KnownStatus`, `DesiredStatus`, `ExitCode`',
  ),
  text(
    'errorType',
    ENDS,
    '`OutOfMemory`, `Killed` (137 after a stop was asked for) or `ExitError`; absent on success.',
    '`ExitCode` and evidence',
  ),
  text('oomEvidence', ENDS, 'What speaks for a lack of memory, in words.', '`ExitCode`, `failcnt`, memory'),
  count('exitCode', ENDS, 'Exit code of the container; of the batch in the REPORT.', '`ExitCode`'),
  time('startedAt', ENDS, 'Start of the container; of the batch in the REPORT.', '`StartedAt`'),
  time('finishedAt', ENDS, 'End of the container; of the batch in the REPORT.', '`FinishedAt`'),
  ms(
    'durationMs',
    USE,
    "From the container's start to its end, or to now. REPORT: the batch's.",
    '`StartedAt`, `FinishedAt`',
  ),
  ms(
    'windowMs',
    ['SUMMARY'],
    'Length of the window that the other figures of a SUMMARY are about.',
    'monotonic clock',
  ),
  ms(
    'initDurationMs',
    ['REPORT'],
    "From the beginning of the image pull to the batch's start.",
    '`PullStartedAt`, `StartedAt`',
  ),
  ms(
    'billedDurationMs',
    ['REPORT'],
    'Fargate: from the beginning of the image pull to now, in whole seconds, at least a minute.',
    '`PullStartedAt`',
  ),
  units('cpuSizeUnits', ['START', ...USE], "What limits the CPU: the task's size.", 'task `Limits.CPU`'),
  mb(
    'memorySizeMB',
    ['START', ...USE],
    "What limits the memory: the container's hard limit, else the task's size.",
    '`Limits.Memory`, `hierarchical_memory_limit`',
  ),
  units(
    'cpuReservationUnits',
    ['CONTAINER'],
    "The container's CPU share, where set: a weight, not a limit.",
    'container `Limits.CPU`',
  ),
  mb(
    'memoryReservationMB',
    ['CONTAINER'],
    "The container's soft memory limit, where known (the endpoint does not tell it today).",
    '',
  ),
  ms(
    'cpuTimeMs',
    [...USE, 'SAMPLE'],
    "CPU time used, by the kernel's counter: exact up to the last sample, whatever lies between samples. Where /proc is sampled: that counter at its last refresh, and what /proc has shown since.",
    '`cpu_usage.total_usage`; cgroup `cpuacct.usage`, `cpu.stat`; else the processes',
  ),
  ms(
    'kernelCpuTimeMs',
    USE,
    'Of it in kernel mode.',
    '`cpu_usage.usage_in_kernelmode`; cgroup `cpuacct.stat`, `cpu.stat`; else the processes',
  ),
  percent(
    'cpuPercent',
    ['SAMPLE'],
    'CPU since the sample before; 100 = one vCPU.',
    'Δ`total_usage` ÷ Δ`read`',
  ),
  percent('cpuUtilizationPercent', ['SAMPLE'], 'The same, of cpuSizeUnits.', ''),
  percent(
    'avgCpuPercent',
    USE,
    'cpuTimeMs over the time from the start to the last sample; 100 = one vCPU.',
    '`total_usage`, `StartedAt`, `read`',
  ),
  percent(
    'maxCpuPercent',
    USE,
    'Highest CPU between two samples (out of /proc: over half a second at least, over more where many processes are busy).',
    'Δ`total_usage` ÷ Δ`read`; Δ CPU time ÷ Δ monotonic clock',
  ),
  percent(
    'p95CpuPercent',
    USE,
    '95th percentile over the samples (within 0.5 %).',
    'Δ`total_usage` ÷ Δ`read`',
  ),
  percent('avgCpuUtilizationPercent', USE, 'avgCpuPercent of cpuSizeUnits: what CloudWatch shows.', ''),
  percent('maxCpuUtilizationPercent', USE, 'maxCpuPercent of cpuSizeUnits.', ''),
  percent(
    'cpuSaturatedPercent',
    ENDS,
    'Share of the observed time at 95 % of cpuSizeUnits or more.',
    'Δ`total_usage` ÷ Δ`read`',
  ),
  ms(
    'throttledTimeMs',
    ENDS,
    'Time throttled, where the counter moves (never on Fargate).',
    '`throttling_data.throttled_time`',
  ),
  mb('memoryUsedMB', ['SAMPLE'], 'Memory usage minus cache.', '`memory_stats`'),
  percent('memoryUtilizationPercent', ['SAMPLE'], 'The same, of memorySizeMB.', ''),
  mb(
    'anonMemoryMB',
    ['SAMPLE'],
    'Anonymous memory, in a sample out of /proc.',
    'cgroup `total_rss`, `anon`; else the processes, resident and not shared',
  ),
  mb(
    'maxMemoryUsedMB',
    USE,
    'Highest memory usage minus cache (cgroup v1 `cache`, v2 `inactive_file`) among the samples that know it: the figure CloudWatch shows.',
    '`memory_stats.usage`, `stats`; cgroup `memory.usage_in_bytes`, `memory.current`, `memory.stat`; never the processes',
  ),
  mb('avgMemoryUsedMB', USE, 'Mean of the same.', '`memory_stats`'),
  mb('p95MemoryUsedMB', USE, '95th percentile of the same (within 0.5 %).', '`memory_stats`'),
  percent('maxMemoryUtilizationPercent', USE, 'Highest memory usage, of memorySizeMB.', ''),
  mb(
    'maxWorkingSetMB',
    ENDS,
    'Highest usage minus inactive file pages: what Docker and Kubernetes show.',
    '`total_inactive_file`, `inactive_file`',
  ),
  mb(
    'maxAnonMemoryMB',
    ENDS,
    'Highest anonymous memory: what cannot be given back. Where only the processes can be sampled, memory between two refreshes of the endpoint shows here alone.',
    '`rss`, `anon`; cgroup `total_rss`, `anon`; else the processes, resident and not shared',
  ),
  mb(
    'kernelPeakMemoryMB',
    ['CONTAINER'],
    "cgroup v1, and v2 where the container's own files can be read: the kernel's own high-water mark, page cache included; sees between samples.",
    '`max_usage`; cgroup `memory.max_usage_in_bytes`, `memory.peak`',
  ),
  count('memoryFailCount', ENDS, 'Times the memory limit was hit.', '`failcnt`; cgroup `memory.failcnt`'),
  ms(
    'memoryPressureMs',
    ENDS,
    "Time in which some process waited for memory: where the container's own cgroup v2 files can be read. REPORT: the batch's.",
    'cgroup `memory.pressure`, some',
  ),
  ms('memoryFullPressureMs', ENDS, 'Time in which all of them did.', 'cgroup `memory.pressure`, full'),
  count(
    'majorPageFaultCount',
    ENDS,
    'Pages read back from disk.',
    '`pgmajfault`; cgroup `memory.stat`; else the processes',
  ),
  count(
    'maxProcessCount',
    ENDS,
    'Most processes and threads at once.',
    '`pids_stats.current`; else the processes',
  ),
  bytes(
    'networkRxBytes',
    ENDS,
    'Bytes received: in the REPORT under awsvpc, where all containers share one interface; in CONTAINER under bridge.',
    '`networks`',
  ),
  bytes('networkTxBytes', ENDS, 'Bytes sent; as above.', '`networks`'),
  bytes('blockReadBytes', ENDS, 'Bytes read from disks.', '`blkio_stats`'),
  bytes('blockWriteBytes', ENDS, 'Bytes written to disks.', '`blkio_stats`'),
  mb(
    'ephemeralStorageUsedMB',
    ['REPORT'],
    'Ephemeral storage in use, the most seen (Fargate).',
    '`EphemeralStorageMetrics`',
  ),
  mb(
    'ephemeralStorageSizeMB',
    ['REPORT'],
    'Ephemeral storage of the task (Fargate).',
    '`EphemeralStorageMetrics`',
  ),
  count('restartCount', ['CONTAINER'], 'Restarts under a restart policy.', '`RestartCount`'),
  count(
    'sampleCount',
    USE,
    "Fresh samples (distinct `read`), and those out of /proc. REPORT: the batch's, as the five below.",
    '`read`, wall clock',
  ),
  text(
    'sampleSources',
    [...USE, 'SAMPLE'],
    "Where they are from, when not from the endpoint alone: `endpoint`, `cgroup` (the container's own counters, exact), `proc` (its processes, summed), separated by commas.",
    'fargauge',
  ),
  ms('sampleIntervalMs', USE, 'Their usual distance (median).', '`read`'),
  ms('longestGapMs', USE, 'Their longest distance.', '`read`'),
  percent(
    'coveragePercent',
    USE,
    'Share of the run (SUMMARY: of the window) between the first and the last sample.',
    '`read`',
  ),
  ms(
    'unseenTailMs',
    USE,
    'From the last sample to the end: what happened then is in no figure but the exit code.',
    '`read`, `FinishedAt`',
  ),
  time('readAt', ['SAMPLE'], "The sample's own time.", '`read`'),
  count('pollCount', ['REPORT', 'RECORD'], 'Polls of the endpoint; in RECORD: before this one.', 'fargauge'),
  count('pollErrorCount', ['REPORT'], 'Polls that brought no answer or an unusable one.', 'fargauge'),
  count(
    'missedPollCount',
    ['REPORT'],
    'Polls left out because the one before, or the machine, took too long, or because the endpoint throttles.',
    'fargauge',
  ),
  count(
    'leftOutProcessCount',
    ['REPORT'],
    'The most processes at once that were too many to be sampled, their CPU time and memory in no sum of processes; absent when it is 0.',
    'fargauge',
  ),
  count('droppedLineCount', ['REPORT'], 'Lines lost so far.', 'fargauge'),
  ms('sidecarCpuTimeMs', ['REPORT'], 'CPU time of fargauge itself.', "the sidecar's `total_usage`"),
  mb('sidecarMaxMemoryUsedMB', ['REPORT'], 'Memory of fargauge itself.', "the sidecar's `memory_stats`"),
  units(
    'recommendedCpuUnits',
    ['REPORT'],
    "Fargate: the smallest size sold that covers this run's p95 CPU and working set plus 20 %.",
    'p95CpuPercent',
  ),
  mb(
    'recommendedMemoryMB',
    ['REPORT'],
    'Its memory, never below maxAnonMemoryMB and a fifth. Absent below 3 samples; above the present size after OutOfMemory.',
    'maxWorkingSetMB, maxAnonMemoryMB',
  ),
  ms('elapsedMs', ['RECORD'], 'Monotonic time of the poll.', 'monotonic clock'),
  text(
    'path',
    ['RECORD'],
    'What was asked: `/`, `/task`, `/task/stats`; `signal` and `config` are not requests.',
    'fargauge',
  ),
  text('failure', ['RECORD'], 'Why the request brought nothing.', 'fargauge'),
  text('body', ['RECORD'], 'The answer, names and ids scrubbed, as JSON text.', 'endpoint'),
  count('part', ['RECORD'], 'Long answers come in parts, counted from 1.', 'fargauge'),
  count('partCount', ['RECORD'], 'How many parts there are.', 'fargauge'),
] as const satisfies readonly Field[];

export type FieldName = (typeof REPORT_FIELDS)[number]['name'];

function text<const N extends string>(name: N, lines: readonly LineType[], help: string, from: string) {
  return { name, kind: 'string', unit: '', lines, help, from } as const;
}
function time<const N extends string>(name: N, lines: readonly LineType[], help: string, from: string) {
  return { name, kind: 'time', unit: '', lines, help, from } as const;
}
function percent<const N extends string>(name: N, lines: readonly LineType[], help: string, from: string) {
  return { name, kind: 'percent', unit: '%', lines, help, from } as const;
}
function integer<const U extends Field['unit']>(unit: U) {
  return <const N extends string>(name: N, lines: readonly LineType[], help: string, from: string) =>
    ({ name, kind: 'integer', unit, lines, help, from }) as const;
}
