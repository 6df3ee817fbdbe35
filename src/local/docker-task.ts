import { randomBytes, randomInt, randomUUID } from 'node:crypto';
import type { Progress } from './docker-dependencies.ts';
import type { ContainerDocument, HealthDocument } from './docker-engine.ts';
import { ContainerStats, type EngineStats } from './docker-stats.ts';
import {
  type ApiVersion,
  containerDocument,
  type JsonDocument,
  type LocalContainer,
  type LocalTask,
  rfc3339,
  taskDocument,
} from './metadata-documents.ts';
import type { MetadataSource } from './metadata-server.ts';

export interface DockerTaskOptions {
  readonly family: string;
  readonly launchType: LocalTask['launchType'];
  readonly size?: LocalTask['size'];
  /** How often stats are renewed: 1000 on EC2, 10000 on Fargate. */
  readonly refreshMs: number;
  /** Wall clock, ms since the epoch. */
  readonly nowMs: number;
  readonly networkMode: string;
  /** Its containers share one PID namespace: whoever sees the processes tells them apart by their cgroups' paths. */
  readonly sharesProcesses?: boolean;
}

/** What is known of a container before the engine has it. */
export type NewContainer = Pick<
  LocalContainer,
  'name' | 'image' | 'labels' | 'limits' | 'log' | 'restartCount'
>;

/** The endpoint of a program that is in none of the containers: it shows the task, and no container as one's own. */
export const GUEST_ENDPOINT_ID = 'host';
/** No container's name: Docker's have no parentheses. */
const GUEST_NAME = '(guest)';

interface Entry {
  readonly endpointId: string;
  container: LocalContainer;
  status: Progress['status'];
  isHealthy: boolean;
  isLate: boolean;
  stats: ContainerStats | undefined;
}

/** A task whose containers run on a Docker Engine: how far each has come, and what the endpoint shows of it. */
export class DockerTask implements MetadataSource {
  readonly #options: DockerTaskOptions;
  readonly #entries = new Map<string, Entry>();
  #task: Omit<LocalTask, 'containers'>;

  constructor(options: DockerTaskOptions) {
    const { family, launchType, size, nowMs } = options;
    this.#options = options;
    this.#task = {
      id: randomBytes(16).toString('hex'),
      family,
      launchType,
      ...(size && { size }),
      createdAtMs: nowMs,
      stopRequested: false,
    };
  }

  get id(): string {
    return this.#task.id;
  }

  get stopRequested(): boolean {
    return this.#task.stopRequested;
  }

  /**
   * A container of the task, of which the endpoint tells from now on.
   * @param endpointId default: as the platform makes it, the `DockerId` on Fargate and a UUID on EC2.
   */
  add(container: NewContainer, endpointId = this.#newEndpointId()): void {
    this.#entries.set(container.name, {
      endpointId,
      container: { ...container, id: '' },
      status: 'waiting',
      isHealthy: false,
      isLate: false,
      stats: undefined,
    });
  }

  /** The last part of the container's endpoint. */
  endpointId(name: string): string {
    return this.#entry(name).endpointId;
  }

  starting(name: string): void {
    this.#entry(name).status = 'starting';
  }

  created(name: string, document: ContainerDocument): void {
    const entry = this.#entry(name);
    const isFargate = this.#task.launchType === 'FARGATE';
    const dockerName = document.Name.replace(/^\//, '');
    // On ECS the id is in the cgroup's path. The engine's is here, and one in Fargate's form would be nowhere.
    const id = isFargate && !this.#options.sharesProcesses ? entry.endpointId : document.Id;
    entry.container = {
      ...entry.container,
      id,
      dockerName: isFargate ? name : dockerName,
      imageId: document.Image,
      networks: [{ NetworkMode: this.#options.networkMode }],
      createdAtMs: timeMs(document.Created),
    };
    const subject = {
      id,
      name: isFargate ? name : `/${dockerName}`,
      networkInterface: isFargate ? 'eth1' : 'eth0',
      sharesNetwork: this.#options.networkMode === 'awsvpc',
    };
    entry.stats = new ContainerStats(subject, this.#options.refreshMs);
  }

  /** @param taskAddress the one that all containers of the task have; by default each has its own. */
  started(name: string, document: ContainerDocument, taskAddress?: string): void {
    const entry = this.#entry(name);
    const addresses = taskAddress === undefined ? addressesOf(document) : [taskAddress];
    entry.status = 'running';
    entry.container = {
      ...entry.container,
      startedAtMs: timeMs(document.State.StartedAt),
      networks: [{ NetworkMode: this.#options.networkMode, IPv4Addresses: addresses }],
    };
  }

  /** By its restart policy: the endpoint shows it as running all the time. */
  restarting(name: string): void {
    const entry = this.#entry(name);
    entry.status = 'starting';
    entry.stats?.startNewRun();
  }

  restarted(name: string): void {
    const entry = this.#entry(name);
    entry.status = 'running';
    entry.container = { ...entry.container, restartCount: (entry.container.restartCount ?? 0) + 1 };
  }

  /** Its `startTimeout` is over. */
  late(name: string): void {
    this.#entry(name).isLate = true;
  }

  healthChecked(name: string, health: HealthDocument): void {
    const entry = this.#entry(name);
    entry.isHealthy = health.Status === 'healthy';
    entry.container = { ...entry.container, health: healthOf(health, entry.container.health) };
  }

  /** Its stats are gone with it. */
  stopped(name: string, state: ContainerDocument['State']): void {
    this.#end(name, { exitCode: state.ExitCode, finishedAtMs: timeMs(state.FinishedAt) });
  }

  /** It will not run, or not any more, and the engine has no end to tell; where there is one, with an exit code. */
  gone(name: string, exitCode?: number): void {
    this.#end(name, exitCode === undefined ? {} : { exitCode });
  }

  /** ECS wants the task stopped: what becomes of the containers is for whoever runs them. */
  requestStop(): void {
    this.#task = { ...this.#task, stopRequested: true };
  }

  /** The first essential container has stopped. */
  executionStopped(nowMs: number): void {
    this.#task = { ...this.#task, executionStoppedAtMs: nowMs, stopRequested: true };
  }

  takeStats(name: string, stats: EngineStats): void {
    this.#entry(name).stats?.take(stats);
  }

  progress(name: string): Progress {
    const { status, container, isHealthy, isLate } = this.#entry(name);
    const exitCode = container.end?.exitCode;
    return { status, isHealthy, isLate, ...(exitCode !== undefined && { exitCode }) };
  }

  has(endpointId: string): boolean {
    return endpointId === GUEST_ENDPOINT_ID || this.#entryAt(endpointId) !== undefined;
  }

  task(version: ApiVersion): JsonDocument {
    const containers = [...this.#entries.values()].map(({ container }) => container);
    return taskDocument({ ...this.#task, containers }, version);
  }

  container(endpointId: string, version: ApiVersion): JsonDocument | undefined {
    // A guest asks beside the task's containers and is none of them: it must not take one of them for itself.
    if (endpointId === GUEST_ENDPOINT_ID) return { DockerId: '', Name: GUEST_NAME, Type: 'NORMAL' };
    const entry = this.#entryAt(endpointId);
    return entry && containerDocument({ ...this.#task, containers: [] }, entry.container, version);
  }

  containerStats(endpointId: string, version: ApiVersion): JsonDocument | undefined {
    return this.#entryAt(endpointId)?.stats?.document(version);
  }

  /** The agent tells of containers that are created, with nothing for those that do not run. */
  stats(version: ApiVersion): ReadonlyMap<string, JsonDocument | undefined> {
    const created = [...this.#entries.values()].filter(({ container }) => container.id !== '');
    return new Map(created.map(({ container, stats }) => [container.id, stats?.document(version)]));
  }

  #end(name: string, end: NonNullable<LocalContainer['end']>): void {
    const entry = this.#entry(name);
    entry.status = 'stopped';
    entry.container = { ...entry.container, end };
    entry.stats = undefined;
  }

  #newEndpointId(): string {
    return this.#task.launchType === 'FARGATE' ? `${this.#task.id}-${randomInt(1e9, 1e10)}` : randomUUID();
  }

  #entry(name: string): Entry {
    const entry = this.#entries.get(name);
    if (entry === undefined) throw new Error(`the task has no container ${JSON.stringify(name)}`);
    return entry;
  }

  #entryAt(endpointId: string): Entry | undefined {
    return [...this.#entries.values()].find((entry) => entry.endpointId === endpointId);
  }
}

/** In each of its networks. */
export function addressesOf({ NetworkSettings }: ContainerDocument): readonly string[] {
  return Object.values(NetworkSettings.Networks ?? {}).map(({ IPAddress }) => IPAddress ?? '');
}

/** The engine's time, RFC 3339 with up to nanoseconds, as ms since the epoch, fractions kept. */
function timeMs(time: string): number {
  const [, fraction = ''] = /\.\d{3}(\d*)/.exec(time) ?? [];
  return Date.parse(time) + Number(`0.${fraction || '0'}`);
}

const HEALTH_STATUS: Readonly<Record<string, string>> = { healthy: 'HEALTHY', unhealthy: 'UNHEALTHY' };

/** As the agent words it: `UNKNOWN` until there is a verdict. */
function healthOf({ Status, Log }: HealthDocument, previous: JsonDocument | undefined): JsonDocument {
  const last = Log?.at(-1);
  const status = HEALTH_STATUS[Status] ?? 'UNKNOWN';
  const since = last?.End && rfc3339(timeMs(last.End));
  return {
    status,
    ...(since && { statusSince: previous?.status === status ? previous.statusSince : since }),
    ...(last && { exitCode: last.ExitCode, output: last.Output }),
  };
}
