/**
 * What the ECS agent makes of a container's stats on a Docker Engine: the engine's document in the agent's own, older
 * struct (agent/vendor/github.com/docker/docker/api/types/stats.go), with rates and over restarts as in its
 * agent/stats/queue.go.
 */
import { type ApiVersion, GO_ZERO_TIME, type JsonDocument, nonZero } from './metadata-documents.ts';

/** Of the engine's document, what is read here; all the rest is passed on or left out. */
export interface EngineStats {
  /** RFC 3339. */
  readonly read: string;
  readonly pids_stats?: { readonly current?: number; readonly limit?: number };
  readonly blkio_stats?: Readonly<Record<string, readonly BlockEntry[] | null>>;
  readonly cpu_stats: EngineCpu;
  readonly memory_stats?: {
    readonly usage?: number;
    readonly max_usage?: number;
    readonly failcnt?: number;
    readonly limit?: number;
    readonly stats?: Readonly<Record<string, number>>;
  };
  readonly networks?: Networks;
}

interface EngineCpu {
  readonly cpu_usage: {
    readonly total_usage: number;
    readonly percpu_usage?: readonly number[] | null;
    readonly usage_in_kernelmode: number;
    readonly usage_in_usermode: number;
  };
  readonly system_cpu_usage?: number;
  readonly online_cpus?: number;
  readonly throttling_data: {
    readonly periods: number;
    readonly throttled_periods: number;
    readonly throttled_time: number;
  };
}

interface BlockEntry {
  readonly major: number;
  readonly minor: number;
  readonly op: string;
  readonly value: number;
}

type NetworkCounters = Readonly<Record<string, number>>;
type Networks = Readonly<Record<string, NetworkCounters>>;

declare global {
  interface JSON {
    /** In V8 since 11.4 (Node 21), not yet in TypeScript's library: the reviver is told of a value's text. */
    parse(
      text: string,
      reviver: (key: string, value: unknown, context: { readonly source?: string }) => unknown,
    ): unknown;
  }
}

/** Whole numbers beyond 2^53, such as the limit that is none, keep all their digits. */
export function parseEngineStats(line: string): EngineStats {
  return JSON.parse(line, (_key, value, { source }) => {
    const isRounded = typeof value === 'number' && Number.isInteger(value) && !Number.isSafeInteger(value);
    return isRounded && source !== undefined ? JSON.rawJSON(source) : value;
  }) as EngineStats;
}

/** What the documents say of a container beside its figures. */
export interface StatsSubject {
  /** Its `DockerId`. */
  readonly id: string;
  readonly name: string;
  /** What its first interface is called: `eth0` on EC2, `eth1` on Fargate. */
  readonly networkInterface: string;
  /** The interface is the task's, and outlives a restart of the container. */
  readonly sharesNetwork: boolean;
}

/**
 * The engine samples about once a second, and its moments jitter: a sample is due that comes up to this much before
 * the refresh time is over.
 */
const EARLY_MS = 500;

/** One container's stats as the endpoint shows them: renewed every `refreshMs`, over restarts. */
export class ContainerStats {
  readonly #subject: StatsSubject;
  readonly #refreshMs: number;
  /** The last sample of this run, and of the runs before, which counted from zero each. */
  #last: EngineStats | undefined;
  #earlier: EngineStats | undefined;
  #shown: EngineStats | undefined;
  #previous: EngineStats | undefined;

  constructor(subject: StatsSubject, refreshMs: number) {
    this.#subject = subject;
    this.#refreshMs = refreshMs;
  }

  /** A document of the engine's stream. One of a container that does not run says nothing, and is passed over. */
  take(stats: EngineStats): void {
    if (stats.read.startsWith('0001-')) return;
    const { sharesNetwork } = this.#subject;
    this.#last = this.#earlier ? continued(stats, this.#earlier, sharesNetwork) : stats;
    const shownAtMs = this.#shown && Date.parse(this.#shown.read);
    if (shownAtMs !== undefined && Date.parse(stats.read) - shownAtMs < this.#refreshMs - EARLY_MS) return;
    this.#previous = this.#shown;
    this.#shown = this.#last;
  }

  /** The container was restarted: its counters begin again, but not those shown. */
  startNewRun(): void {
    this.#earlier = this.#last;
  }

  /** Undefined before the first sample. */
  document(version: ApiVersion): JsonDocument | undefined {
    if (this.#shown === undefined) return undefined;
    const rates = version === 'v4' ? networkRates(this.#shown, this.#previous) : undefined;
    return {
      ...statsDocument(this.#shown, this.#previous, this.#subject),
      ...(rates && { network_rate_stats: rates }),
    };
  }
}

const BLOCK_ARRAYS = [
  'io_service_bytes_recursive',
  'io_serviced_recursive',
  'io_queue_recursive',
  'io_service_time_recursive',
  'io_wait_time_recursive',
  'io_merged_recursive',
  'io_time_recursive',
  'sectors_recursive',
] as const;

function statsDocument(
  stats: EngineStats,
  previous: EngineStats | undefined,
  { id, name, networkInterface }: StatsSubject,
): JsonDocument {
  const { usage, max_usage, failcnt, limit, stats: memory } = stats.memory_stats ?? {};
  const networks = Object.entries(stats.networks ?? {});
  return {
    read: stats.read,
    preread: previous?.read ?? GO_ZERO_TIME,
    pids_stats: nonZero({ current: stats.pids_stats?.current, limit: stats.pids_stats?.limit }),
    blkio_stats: Object.fromEntries(BLOCK_ARRAYS.map((name) => [name, stats.blkio_stats?.[name] ?? null])),
    num_procs: 0,
    storage_stats: {},
    cpu_stats: cpuDocument(stats.cpu_stats),
    precpu_stats: cpuDocument(previous?.cpu_stats ?? NO_CPU),
    memory_stats: {
      ...nonZero({ usage, max_usage }),
      ...(memory && { stats: memory }),
      ...nonZero({ failcnt, limit }),
    },
    name,
    id,
    ...(networks.length > 0 && {
      networks: Object.fromEntries(
        networks.map(([name, counters]) => [name === 'eth0' ? networkInterface : name, counters]),
      ),
    }),
  };
}

/** Go's zero value: what there is before the first sample. */
const NO_CPU: EngineCpu = {
  cpu_usage: { total_usage: 0, usage_in_kernelmode: 0, usage_in_usermode: 0 },
  throttling_data: { periods: 0, throttled_periods: 0, throttled_time: 0 },
};

function cpuDocument({ cpu_usage, system_cpu_usage, online_cpus, throttling_data }: EngineCpu): JsonDocument {
  const { total_usage, percpu_usage, usage_in_kernelmode, usage_in_usermode } = cpu_usage;
  const { periods, throttled_periods, throttled_time } = throttling_data;
  return {
    cpu_usage: {
      total_usage,
      ...(percpu_usage?.length && { percpu_usage }),
      usage_in_kernelmode,
      usage_in_usermode,
    },
    ...nonZero({ system_cpu_usage, online_cpus }),
    throttling_data: { periods, throttled_periods, throttled_time },
  };
}

/** Bytes a second between two samples; undefined while there are not two. */
function networkRates(stats: EngineStats, previous: EngineStats | undefined): JsonDocument | undefined {
  if (stats.networks === undefined || previous?.networks === undefined) return undefined;
  const seconds = (Date.parse(stats.read) - Date.parse(previous.read)) / 1000;
  const rate = (counter: string): number =>
    (total(stats.networks ?? {}, counter) - total(previous.networks ?? {}, counter)) / seconds;
  return { rx_bytes_per_sec: rate('rx_bytes'), tx_bytes_per_sec: rate('tx_bytes') };
}

function total(networks: Networks, counter: string): number {
  return Object.values(networks).reduce((sum, counters) => sum + (counters[counter] ?? 0), 0);
}

/** As the agent goes on after a restart (queue.go, `aggregateOSIndependentStats`): counters add up, peaks stay. */
function continued(stats: EngineStats, earlier: EngineStats, sharesNetwork: boolean): EngineStats {
  const { memory_stats: memory = {} } = stats;
  const maxUsage = Math.max(memory.max_usage ?? 0, earlier.memory_stats?.max_usage ?? 0);
  const blocks = Object.entries(stats.blkio_stats ?? {});
  return {
    ...stats,
    cpu_stats: {
      ...stats.cpu_stats,
      cpu_usage: summed(stats.cpu_stats.cpu_usage, earlier.cpu_stats.cpu_usage),
      throttling_data: summed(stats.cpu_stats.throttling_data, earlier.cpu_stats.throttling_data),
    },
    memory_stats: {
      ...memory,
      max_usage: maxUsage,
      failcnt: (memory.failcnt ?? 0) + (earlier.memory_stats?.failcnt ?? 0),
    },
    blkio_stats: Object.fromEntries(
      blocks.map(([name, entries]) => [name, summedBlocks(entries, earlier.blkio_stats?.[name])]),
    ),
    ...(stats.networks && {
      networks: sharesNetwork ? stats.networks : summedNetworks(stats.networks, earlier.networks),
    }),
  };
}

/** Numbers, and lists of numbers, name by name. */
function summed<T extends object>(counters: T, earlier: object): T {
  return Object.fromEntries(
    Object.entries(counters).map(([name, value]) => [name, sum(value, Reflect.get(earlier, name))]),
  ) as T;
}

function sum(value: unknown, earlier: unknown): unknown {
  if (Array.isArray(value)) {
    return value.map((item, index) => sum(item, Array.isArray(earlier) ? earlier[index] : 0));
  }
  return typeof value === 'number' && typeof earlier === 'number' ? value + earlier : value;
}

function summedBlocks(
  entries: readonly BlockEntry[] | null,
  earlier: readonly BlockEntry[] | null | undefined,
): readonly BlockEntry[] | null {
  const all = [...(earlier ?? []), ...(entries ?? [])];
  if (all.length === 0) return entries;
  const sums = new Map<string, BlockEntry>();
  for (const entry of all) {
    const key = `${entry.major}:${entry.minor} ${entry.op}`;
    sums.set(key, { ...entry, value: entry.value + (sums.get(key)?.value ?? 0) });
  }
  return [...sums.values()];
}

function summedNetworks(networks: Networks, earlier: Networks | undefined): Networks {
  return Object.fromEntries(
    Object.entries(networks).map(([name, counters]) => [name, summed(counters, earlier?.[name] ?? {})]),
  );
}
