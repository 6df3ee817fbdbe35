/**
 * A task metadata endpoint over real HTTP whose containers follow load curves that the test knows: what is served
 * is also kept, so that a REPORT can be compared with the truth.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** Counters of a container at a moment of its life. */
export interface Load {
  readonly cpuUsageNs: number;
  /** Memory in use, page cache not included. */
  readonly memoryBytes: number;
  readonly cacheBytes?: number;
}

export interface SimulatedContainer {
  readonly name: string;
  /** @param ageMs since the container's start */
  readonly load?: (ageMs: number) => Load;
  readonly type?: string;
  /** Started when the task starts, unless said otherwise; Infinity for one that is started by the test or never. */
  readonly startsAfterMs?: number;
  readonly memoryLimitMiB?: number;
  readonly networkMode?: string;
  readonly logConfiguration?: { driver: string; options?: Record<string, string> };
}

export interface SimulatedTaskOptions {
  readonly containers: readonly SimulatedContainer[];
  readonly launchType?: 'EC2' | 'FARGATE' | 'EXTERNAL';
  readonly refreshMs?: number;
  readonly cgroup?: 'v1' | 'v2';
  readonly size?: { readonly vcpu: number; readonly memoryMiB: number };
  /** How much later than it happened `/task` shows a stop. */
  readonly stopShownAfterMs?: number;
  /** Added to every clock that the endpoint shows. */
  readonly clockOffsetMs?: () => number;
}

/** Answers a request in the endpoint's place; returns false to let the endpoint answer. */
export type Fault = (path: string, request: IncomingMessage, response: ServerResponse) => boolean;

interface Stop {
  readonly atMs: number;
  readonly exitCode: number | undefined;
}

interface Life {
  readonly container: SimulatedContainer;
  readonly id: string;
  startedAtMs: number | undefined;
  stop: Stop | undefined;
  restartedAtMs: number | undefined;
  restartCount: number;
}

/** One sample as it was served. */
export interface Served {
  readonly read: string;
  readonly cpuUsageNs: number;
  /** The counter one refresh earlier; 0 in the first. */
  readonly precpuUsageNs: number;
  readonly memoryBytes: number;
}

const TASK_ID = '0123456789abcdef0123456789abcdef';
const ZERO_TIME = '0001-01-01T00:00:00Z';

/** Processes of containers that happen to run on this machine are none of the simulated task's. */
export const WITHOUT_PROC = { FARGAUGE_PROC: 'off' };

export class SimulatedTask {
  readonly #options: SimulatedTaskOptions;
  readonly #server: Server;
  readonly #lives: Map<string, Life>;
  readonly #startedAtMs: number;
  /** Distinct samples served, by container. */
  readonly served = new Map<string, Served[]>();
  /** Paths asked, in order. */
  readonly requests: string[] = [];
  fault: Fault | undefined;
  #waiting: { path: string | undefined; count: number; resolve: () => void }[] = [];
  stopRequested = false;

  constructor(options: SimulatedTaskOptions, server: Server) {
    this.#options = options;
    this.#server = server;
    this.#startedAtMs = performance.now();
    this.#lives = new Map(
      options.containers.map((container, index) => [
        container.name,
        {
          container,
          id: `${TASK_ID}-${1000000000 + index}`,
          startedAtMs: this.#startedAtMs + (container.startsAfterMs ?? 0),
          stop: undefined,
          restartedAtMs: undefined,
          restartCount: 0,
        },
      ]),
    );
    server.on('request', (request, response) => this.#answer(request, response));
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** The variables that ECS would set in the sidecar. */
  environment(version: 'v3' | 'v4' | 'both' = 'both'): Record<string, string> {
    const id = this.#lives.get('fargauge')?.id ?? 'unknown';
    const base = `http://127.0.0.1:${this.port}`;
    return {
      ...(version !== 'v4' && { ECS_CONTAINER_METADATA_URI: `${base}/v3/${id}` }),
      ...(version !== 'v3' && { ECS_CONTAINER_METADATA_URI_V4: `${base}/v4/${id}` }),
    };
  }

  start(name: string): void {
    this.#life(name).startedAtMs = performance.now();
  }

  /** The container exits now; as with ECS, an essential one takes the task with it. */
  exit(name: string, exitCode: number | undefined, essential = true): void {
    this.#life(name).stop = { atMs: performance.now(), exitCode };
    if (essential) this.stopRequested = true;
  }

  /** The container runs anew: its counters begin at 0. */
  restart(name: string): void {
    const life = this.#life(name);
    life.restartedAtMs = performance.now();
    life.restartCount += 1;
  }

  /** Resolves once `count` requests (for `path`) have come in, counted from now. */
  requested(count = 1, path?: string): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waiting.push({ path, count, resolve });
    return promise;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #life(name: string): Life {
    const life = this.#lives.get(name);
    if (life === undefined) throw new Error(`no container ${name}`);
    return life;
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const [, version, , ...rest] = (request.url ?? '').split('/');
    const path = `/${rest.join('/')}`;
    this.requests.push(path);
    for (const waiting of this.#waiting) {
      if (waiting.path === undefined || waiting.path === path) waiting.count -= 1;
      if (waiting.count === 0) waiting.resolve();
    }
    if (this.fault?.(path, request, response)) return;
    const isV4 = version === 'v4';
    const document =
      path === '/task/stats' ? this.#stats(isV4) : path === '/task' ? this.#task(isV4) : this.#self(isV4);
    response.setHeader('content-type', 'application/json');
    // The kernel's "no limit" does not survive JSON.stringify.
    response.end(
      JSON.stringify(document)
        .replaceAll('"2^63"', '9223372036854771712')
        .replaceAll('"2^64"', '18446744073709551615'),
    );
  }

  #now(): number {
    return performance.timeOrigin + performance.now() + (this.#options.clockOffsetMs?.() ?? 0);
  }

  #time(elapsedMs: number): string {
    const offsetMs = this.#options.clockOffsetMs?.() ?? 0;
    return nanoTime(performance.timeOrigin + elapsedMs + offsetMs);
  }

  #self(isV4: boolean): unknown {
    const life = this.#lives.get('fargauge');
    return life ? this.#container(life, isV4) : {};
  }

  #task(isV4: boolean): unknown {
    const { size, launchType = 'FARGATE' } = this.#options;
    const isStopShown = this.#hasBeenShown(
      Math.min(...[...this.#lives.values()].map(({ stop }) => stop?.atMs ?? Infinity)),
    );
    return {
      Cluster: `arn:aws:ecs:us-east-1:123456789012:cluster/nightly`,
      TaskARN: `arn:aws:ecs:us-east-1:123456789012:task/nightly/${TASK_ID}`,
      Family: 'nightly-batch',
      Revision: '7',
      DesiredStatus: this.stopRequested && isStopShown ? 'STOPPED' : 'RUNNING',
      KnownStatus: 'RUNNING',
      ...(size && { Limits: { CPU: size.vcpu, Memory: size.memoryMiB } }),
      PullStartedAt: this.#time(this.#startedAtMs - 5_000),
      PullStoppedAt: this.#time(this.#startedAtMs - 1_000),
      AvailabilityZone: 'us-east-1a',
      ...(isV4 && { LaunchType: launchType }),
      Containers: [...this.#lives.values()].map((life) => this.#container(life, isV4)),
    };
  }

  /** A wish to stop a task whose containers all run is shown at once; one that a stop brought, with that stop. */
  #hasBeenShown(atMs: number): boolean {
    if (atMs === Number.POSITIVE_INFINITY) return true;
    return performance.now() - atMs >= (this.#options.stopShownAfterMs ?? 0);
  }

  #isRunning(life: Life): boolean {
    return life.startedAtMs !== undefined && performance.now() >= life.startedAtMs && life.stop === undefined;
  }

  #container(life: Life, isV4: boolean): unknown {
    const { container, stop, startedAtMs } = life;
    const hasStarted = startedAtMs !== undefined && performance.now() >= startedAtMs;
    const isStopped = stop !== undefined && this.#hasBeenShown(stop.atMs);
    return {
      DockerId: hasStarted ? life.id : '',
      Name: container.name,
      DockerName: container.name,
      Image: `123456789012.dkr.ecr.us-east-1.amazonaws.com/${container.name}:1`,
      ImageID: `sha256:${'0'.repeat(64)}`,
      Labels: { 'com.amazonaws.ecs.container-name': container.name },
      DesiredStatus: this.stopRequested ? 'STOPPED' : 'RUNNING',
      KnownStatus: isStopped ? 'STOPPED' : hasStarted ? 'RUNNING' : 'PULLED',
      ...(isStopped && stop.exitCode !== undefined && { ExitCode: stop.exitCode }),
      Limits: { CPU: 2, ...(container.memoryLimitMiB && { Memory: container.memoryLimitMiB }) },
      ...(hasStarted && { CreatedAt: this.#time(startedAtMs), StartedAt: this.#time(startedAtMs) }),
      ...(isStopped && { FinishedAt: this.#time(stop.atMs) }),
      Type: container.type ?? 'NORMAL',
      Networks: [{ NetworkMode: container.networkMode ?? 'awsvpc', IPv4Addresses: ['10.0.0.7'] }],
      ...(isV4 &&
        container.logConfiguration && {
          LogDriver: container.logConfiguration.driver,
          LogOptions: container.logConfiguration.options,
        }),
      ...(isV4 && life.restartCount > 0 && { RestartCount: life.restartCount }),
    };
  }

  #stats(isV4: boolean): unknown {
    const entries = [...this.#lives.values()].map((life) => [life.id, this.#sample(life, isV4)]);
    return Object.fromEntries(entries);
  }

  #sample(life: Life, isV4: boolean): unknown {
    const { refreshMs = 1000 } = this.#options;
    const none = isV4 ? {} : null;
    if (!this.#isRunning(life) || life.startedAtMs === undefined) return none;
    const runStartedAtMs = life.restartedAtMs ?? life.startedAtMs;
    const refreshes = Math.floor((performance.now() - runStartedAtMs) / refreshMs);
    if (refreshes < 1) return none;
    return this.#document(life, runStartedAtMs, refreshes * refreshMs, refreshMs);
  }

  #document(life: Life, runStartedAtMs: number, ageMs: number, refreshMs: number) {
    const loadAt = life.container.load ?? idle;
    const load = loadAt(ageMs);
    const before = ageMs > refreshMs ? loadAt(ageMs - refreshMs) : undefined;
    const read = this.#time(runStartedAtMs + ageMs);
    const precpuUsageNs = before?.cpuUsageNs ?? 0;
    const { cpuUsageNs, memoryBytes } = load;
    this.#keep(life.container.name, { read, cpuUsageNs, precpuUsageNs, memoryBytes });
    return {
      read,
      preread: before ? this.#time(runStartedAtMs + ageMs - refreshMs) : ZERO_TIME,
      pids_stats: { current: 3 },
      blkio_stats: { io_service_bytes_recursive: [{ major: 259, minor: 0, op: 'Read', value: 4096 }] },
      num_procs: 0,
      storage_stats: {},
      cpu_stats: this.#cpu(cpuUsageNs),
      precpu_stats: this.#cpu(precpuUsageNs),
      memory_stats: this.#memory(load),
      name: life.container.name,
      id: life.id,
      networks: { eth1: { rx_bytes: 1000 + Math.floor(ageMs), tx_bytes: 500 + Math.floor(ageMs) } },
    };
  }

  #cpu(totalNs: number) {
    return {
      cpu_usage: {
        total_usage: totalNs,
        usage_in_kernelmode: Math.floor(totalNs / 10),
        usage_in_usermode: 0,
      },
      system_cpu_usage: Math.floor(this.#now() * 1e6),
      online_cpus: 2,
      throttling_data: { periods: 0, throttled_periods: 0, throttled_time: 0 },
    };
  }

  #memory({ memoryBytes, cacheBytes = 8 * 1024 * 1024 }: Load) {
    const usage = memoryBytes + cacheBytes;
    if (this.#options.cgroup === 'v2') {
      return {
        usage,
        stats: { anon: memoryBytes, file: cacheBytes, inactive_file: cacheBytes, pgmajfault: 3 },
        limit: '2^64',
      };
    }
    return {
      usage,
      max_usage: usage,
      stats: {
        cache: cacheBytes,
        rss: memoryBytes,
        total_rss: memoryBytes,
        total_inactive_file: cacheBytes,
        inactive_file: cacheBytes,
        hierarchical_memory_limit: '2^63',
        total_pgmajfault: 3,
      },
      limit: '2^63',
    };
  }

  #keep(name: string, served: Served): void {
    const kept = this.served.get(name) ?? [];
    this.served.set(name, kept);
    if (kept.at(-1)?.read !== served.read) kept.push(served);
  }
}

function idle(ageMs: number): Load {
  return { cpuUsageNs: 1 + Math.floor(ageMs * 1e3), memoryBytes: 20 * 1024 * 1024 };
}

/** RFC 3339 with nanoseconds out of ms since the epoch. */
export function nanoTime(ms: number): string {
  const whole = Math.floor(ms);
  const nanos = Math.round((ms - whole) * 1e6)
    .toString()
    .padStart(6, '0')
    .slice(0, 6);
  return new Date(whole).toISOString().replace('Z', `${nanos}Z`);
}

export async function startSimulatedTask(options: SimulatedTaskOptions): Promise<SimulatedTask> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return new SimulatedTask(options, server);
}
