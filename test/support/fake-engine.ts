import { PassThrough, type Readable } from 'node:stream';
import {
  type ContainerDocument,
  type Engine,
  EngineError,
  type HealthDocument,
  type ImageDocument,
  type Labels,
  type NetworkDocument,
  type Resource,
  type ResourceKind,
} from '../../src/local/docker-engine.ts';

interface FakeContainer {
  readonly name: string;
  readonly body: CreateBody;
  state: { -readonly [K in keyof ContainerDocument['State']]: ContainerDocument['State'][K] };
  output: PassThrough | undefined;
  stats: PassThrough | undefined;
  exited: PromiseWithResolvers<void>;
}

export interface CreateBody {
  readonly Image: string;
  readonly Env?: readonly string[];
  readonly Labels?: Labels;
  readonly HostConfig: Readonly<Record<string, unknown>>;
}

const NEVER = '0001-01-01T00:00:00Z';

/**
 * A Docker Engine without containers: it does as it is told and remembers it. Containers go by their names in the
 * task definition, and run until the test ends them; asked to stop, one exits with 143 unless the test holds it.
 */
export class FakeEngine implements Engine {
  readonly name = 'fake://engine';
  readonly facts = { architecture: 'amd64', cpuCount: 4 };
  /** What was asked of it that changes something: `create batch`, `start batch`, `stop batch 30`, … */
  readonly calls: string[] = [];
  readonly images = new Map<string, ImageDocument>();
  /** Why a container cannot be started, by name. */
  readonly startErrors = new Map<string, EngineError>();
  /** Containers that go on when they are asked to stop. */
  readonly held = new Set<string>();
  gateway = '127.0.0.1';
  /** Subnets that another network has already. */
  isSubnetTaken = false;
  now = Date.UTC(2026, 0, 5, 3);
  readonly #containers = new Map<string, FakeContainer>();
  readonly #others: { kind: ResourceKind; resource: Resource }[] = [];

  /** What is there, as `KIND ID`. */
  get remains(): readonly string[] {
    const containers = [...this.#containers.keys()].map((id) => `containers ${id}`);
    return [...containers, ...this.#others.map(({ kind, resource }) => `${kind} ${resource.id}`)];
  }

  get running(): readonly string[] {
    return [...this.#containers].flatMap(([id, { state }]) => (state.Running ? [id] : []));
  }

  body(name: string): CreateBody {
    return this.#container(name).body;
  }

  /** A container ends by itself. */
  exit(name: string, exitCode: number, more: Partial<ContainerDocument['State']> = {}): void {
    const container = this.#container(name);
    Object.assign(container.state, {
      Running: false,
      ExitCode: exitCode,
      FinishedAt: new Date(this.now).toISOString(),
      ...more,
    });
    container.output?.end();
    container.exited.resolve();
  }

  /** A container writes to its stdout. */
  write(name: string, text: string): void {
    const bytes = Buffer.from(text);
    const header = Buffer.from([1, 0, 0, 0, 0, 0, 0, 0]);
    header.writeUInt32BE(bytes.length, 4);
    this.#container(name).output?.write(Buffer.concat([header, bytes]));
  }

  /** The engine has measured a container. */
  sample(name: string, stats: object): void {
    this.#container(name).stats?.write(`${JSON.stringify(stats)}\n`);
  }

  /** Whether somebody reads a container's stats. */
  isMeasured(name: string): boolean {
    return this.#container(name).stats !== undefined;
  }

  breakStats(name: string): void {
    const container = this.#container(name);
    container.stats?.destroy(Object.assign(new Error('reset'), { code: 'ECONNRESET' }));
    container.stats = undefined;
  }

  health(name: string, health: HealthDocument): void {
    this.#container(name).state = { ...this.#container(name).state, Health: health };
  }

  /** Something that somebody else made. */
  addResource(kind: ResourceKind, id: string, labels: Labels, names: readonly string[] = [id]): void {
    this.#others.push({ kind, resource: { id, names, labels, isRunning: false } });
  }

  async image(reference: string): Promise<ImageDocument | undefined> {
    return this.images.get(reference);
  }

  async importImage(name: string, _archive: Uint8Array, changes: readonly string[]): Promise<string> {
    const labels = changes.flatMap((change) => [...change.matchAll(/^LABEL (\S+)="(.*)"$/g)]);
    this.addResource(
      'images',
      'pause-image',
      Object.fromEntries(labels.map(([, name, value]) => [name, value])),
      [`${name}:latest`],
    );
    return 'pause-image';
  }

  async createNetwork(body: object): Promise<string> {
    const { Name: name, Labels: labels, IPAM } = body as { Name: string; Labels: Labels; IPAM?: object };
    if (IPAM && this.isSubnetTaken) {
      throw new EngineError(403, 'Pool overlaps with other one on this address space');
    }
    this.addResource('networks', 'network', labels, [name]);
    return 'network';
  }

  async network(id: string): Promise<NetworkDocument> {
    return { Id: id, IPAM: { Config: [{ Gateway: this.gateway }] } };
  }

  async createVolume(name: string, labels: Labels): Promise<void> {
    this.addResource('volumes', name, labels);
  }

  async createContainer(fullName: string, body: object): Promise<string> {
    const name = fullName.replace(/^fargauge-[0-9a-f]{8}-/, '');
    this.#containers.set(name, {
      name: fullName,
      body: body as CreateBody,
      state: { Running: false, StartedAt: NEVER, FinishedAt: NEVER, ExitCode: 0, OOMKilled: false },
      output: undefined,
      stats: undefined,
      exited: Promise.withResolvers(),
    });
    this.calls.push(`create ${name}`);
    return name;
  }

  async container(id: string): Promise<ContainerDocument | undefined> {
    const container = this.#containers.get(id);
    if (container === undefined) return undefined;
    const { name, body, state } = container;
    return {
      Id: id,
      Name: `/${name}`,
      Created: new Date(this.now).toISOString(),
      Image: 'sha256:1',
      State: { ...state },
      Config: { Image: body.Image, ...(body.Labels && { Labels: body.Labels }) },
      HostConfig: { NetworkMode: 'bridge', ...body.HostConfig },
      NetworkSettings: { Networks: { one: { IPAddress: '169.254.170.3' } } },
    };
  }

  async startContainer(id: string): Promise<void> {
    this.calls.push(`start ${id}`);
    const error = this.startErrors.get(id);
    if (error) {
      this.#container(id).state.ExitCode = 127;
      throw error;
    }
    const container = this.#container(id);
    container.exited = Promise.withResolvers();
    const StartedAt = new Date(this.now).toISOString();
    container.state = { ...container.state, Running: true, StartedAt, ExitCode: 0 };
  }

  async stopContainer(id: string, timeoutSeconds: number): Promise<void> {
    this.calls.push(`stop ${id} ${timeoutSeconds}`);
    if (!this.#container(id).state.Running) return;
    if (!this.held.has(id)) this.exit(id, 143);
    await this.#container(id).exited.promise;
  }

  async killContainer(id: string): Promise<void> {
    this.calls.push(`kill ${id}`);
    this.exit(id, 137);
  }

  async waitForExit(id: string, signal?: AbortSignal): Promise<void> {
    const container = this.#container(id);
    if (!container.state.Running) return;
    const aborted = Promise.withResolvers<never>();
    signal?.addEventListener('abort', () => aborted.reject(signal.reason), { once: true });
    await Promise.race([container.exited.promise, aborted.promise]);
  }

  async attach(id: string): Promise<Readable> {
    const output = new PassThrough();
    this.#container(id).output = output;
    return output;
  }

  async stats(id: string, signal: AbortSignal): Promise<Readable> {
    const stats = new PassThrough({ signal });
    // As on a connection: who aborts it and no longer reads it is told nothing.
    stats.on('error', () => {});
    this.#container(id).stats = stats;
    return stats;
  }

  async list(kind: ResourceKind, labels: readonly string[]): Promise<readonly Resource[]> {
    const containers = [...this.#containers].map(([id, { name, body, state }]) => ({
      id,
      names: [name],
      labels: body.Labels ?? {},
      isRunning: state.Running,
    }));
    const others = this.#others.filter((other) => other.kind === kind).map(({ resource }) => resource);
    const all: readonly Resource[] = kind === 'containers' ? [...containers, ...others] : others;
    return all.filter((resource) => labels.every((label) => hasLabel(resource, label)));
  }

  async remove(kind: ResourceKind, id: string): Promise<void> {
    this.calls.push(`remove ${kind} ${id}`);
    if (kind === 'containers' && this.#containers.get(id)?.state.Running) this.exit(id, 137);
    this.#containers.delete(kind === 'containers' ? id : '');
    const index = this.#others.findIndex((other) => other.kind === kind && other.resource.id === id);
    if (index >= 0) this.#others.splice(index, 1);
  }

  #container(id: string): FakeContainer {
    const container = this.#containers.get(id);
    if (container === undefined) throw new EngineError(404, `No such container: ${id}`);
    return container;
  }
}

function hasLabel({ labels }: Resource, label: string): boolean {
  const [name = '', ...value] = label.split('=');
  return name in labels && (value.length === 0 || labels[name] === value.join('='));
}
