/**
 * The calls to a Docker Engine that a task needs, by its HTTP API: Node's own client speaks it over a socket, TCP and
 * TLS, and streams what comes.
 * https://docs.docker.com/reference/api/engine/version/v1.41/
 */
import { type ClientRequest, request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { type EngineAddress, engineAddress } from './docker-host.ts';

/** Docker 20.10 (2020), the oldest that is still found. */
const PREFERRED_API_VERSION = '1.41';

export type Labels = Readonly<Record<string, string>>;

export interface EngineFacts {
  /** As images name theirs: `amd64`, `arm64`. */
  readonly architecture: string;
  readonly cpuCount: number;
}

/** Of `GET /containers/{id}/json`, what is read here. */
export interface ContainerDocument {
  readonly Id: string;
  readonly Name: string;
  /** RFC 3339, as all times. */
  readonly Created: string;
  readonly Image: string;
  readonly State: {
    readonly Running: boolean;
    readonly StartedAt: string;
    readonly FinishedAt: string;
    readonly ExitCode: number;
    readonly OOMKilled: boolean;
    readonly Error?: string;
    readonly Health?: HealthDocument;
  };
  readonly Config: { readonly Image: string; readonly Labels?: Labels | null; readonly Tty?: boolean };
  readonly HostConfig: {
    readonly NetworkMode: string;
    readonly Memory?: number;
    readonly CpuShares?: number;
    readonly LogConfig?: { readonly Type: string; readonly Config?: Labels | null };
  };
  readonly NetworkSettings: {
    readonly Networks?: Readonly<Record<string, { readonly IPAddress?: string }>> | null;
  };
}

export interface HealthDocument {
  readonly Status: 'none' | 'starting' | 'healthy' | 'unhealthy';
  readonly Log?:
    | readonly { readonly End: string; readonly ExitCode: number; readonly Output: string }[]
    | null;
}

export interface ImageDocument {
  readonly Id: string;
  /** `amd64`, `arm64`. */
  readonly Architecture: string;
}

export interface NetworkDocument {
  readonly Id: string;
  readonly IPAM: { readonly Config?: readonly { readonly Gateway?: string }[] | null };
}

/** What carries labels, and can be listed by them and removed. */
export type ResourceKind = 'containers' | 'networks' | 'volumes' | 'images';

export interface Resource {
  /** What the engine knows it by: an id, or a volume's name. */
  readonly id: string;
  /** What people call it; an image may have several names, or none. */
  readonly names: readonly string[];
  readonly labels: Labels;
  /** A container that runs. */
  readonly isRunning: boolean;
}

export interface Engine {
  /** Where it listens, for messages. */
  readonly name: string;
  readonly facts: EngineFacts;
  image(reference: string): Promise<ImageDocument | undefined>;
  /** Makes an image of a tar archive; returns its id. */
  importImage(name: string, archive: Uint8Array, changes: readonly string[]): Promise<string>;
  createNetwork(body: object): Promise<string>;
  network(id: string): Promise<NetworkDocument>;
  createVolume(name: string, labels: Labels): Promise<void>;
  createContainer(name: string, body: object): Promise<string>;
  container(id: string): Promise<ContainerDocument | undefined>;
  startContainer(id: string): Promise<void>;
  /** The container's stop signal, and SIGKILL after the time-out. Resolves when it has ended. */
  stopContainer(id: string, timeoutSeconds: number): Promise<void>;
  killContainer(id: string): Promise<void>;
  /** Resolves when the container does not run (any more); fails when the signal comes before. */
  waitForExit(id: string, signal?: AbortSignal): Promise<void>;
  /** What the container writes from now on: frames of stdout and stderr, or what its terminal shows. */
  attach(id: string): Promise<Readable>;
  /** One JSON document a line, about once a second. */
  stats(id: string, signal: AbortSignal): Promise<Readable>;
  list(kind: ResourceKind, labels: readonly string[]): Promise<readonly Resource[]>;
  /** Removes it, running or not; one that is gone is removed. */
  remove(kind: ResourceKind, id: string): Promise<void>;
}

/** The engine refused a call. */
export class EngineError extends Error {
  override readonly name = 'EngineError';
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** There is nobody to call. */
export class EngineUnreachableError extends Error {
  override readonly name = 'EngineUnreachableError';

  constructor({ name, source }: EngineAddress, cause: NodeJS.ErrnoException) {
    super(`no Docker Engine answers at ${name} (${source}): ${REASONS[cause.code ?? ''] ?? cause.message}`, {
      cause,
    });
  }
}

const START = 'start it (systemctl start docker, or Docker Desktop), or set DOCKER_HOST';
const REASONS: Readonly<Record<string, string>> = {
  ENOENT: `there is no such socket; ${START}`,
  ECONNREFUSED: `nobody listens there; ${START}`,
  EACCES: 'it does not let you in; run this as root, or as a member of the group docker',
};

/**
 * @throws EngineAddressError
 * @throws EngineUnreachableError
 */
export async function connectEngine(
  env: Readonly<Record<string, string | undefined>> = process.env,
): Promise<Engine> {
  const address = engineAddress(env);
  const call = caller(address);
  const versions = await call<{ ApiVersion: string; MinAPIVersion?: string }>('GET', '/version');
  const version = newest(versions.MinAPIVersion, oldest(versions.ApiVersion, PREFERRED_API_VERSION));
  return engine(address.name, (method, path, options) => call(method, `/v${version}${path}`, options));
}

interface CallOptions {
  readonly body?: object;
  readonly query?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
  /** Default: JSON, or nothing. A stream is returned when it begins. */
  readonly answer?: 'text' | 'stream';
}

type Call = <T>(method: 'GET' | 'POST' | 'DELETE', path: string, options?: CallOptions) => Promise<T>;

async function engine(name: string, call: Call): Promise<Engine> {
  const { Architecture, NCPU } = await call<{ Architecture: string; NCPU: number }>('GET', '/info');
  return {
    name,
    facts: { architecture: ARCHITECTURES[Architecture] ?? Architecture, cpuCount: NCPU },
    image: (reference) => orUndefined(call('GET', `/images/${encodeURI(reference)}/json`)),
    async importImage(repo, body, changes) {
      const query = new URLSearchParams({ fromSrc: '-', repo });
      for (const change of changes) query.append('changes', change);
      const progress = await call<string>('POST', `/images/create?${query}`, { body, answer: 'text' });
      const last = progress.trim().split('\n').at(-1) ?? '';
      const { status, error } = JSON.parse(last) as { status?: string; error?: string };
      if (status === undefined) throw new EngineError(500, error ?? `no image was made: ${last}`);
      return status;
    },
    async createNetwork(body) {
      return (await call<{ Id: string }>('POST', '/networks/create', { body })).Id;
    },
    network: (id) => call('GET', `/networks/${id}`),
    createVolume: (name, labels) => call('POST', '/volumes/create', { body: { Name: name, Labels: labels } }),
    async createContainer(name, body) {
      const { Id } = await call<{ Id: string }>('POST', '/containers/create', { query: { name }, body });
      return Id;
    },
    container: (id) => orUndefined(call('GET', `/containers/${id}/json`)),
    startContainer: (id) => call('POST', `/containers/${id}/start`),
    stopContainer: (id, seconds) =>
      unlessGone(call('POST', `/containers/${id}/stop`, { query: { t: `${seconds}` } })),
    killContainer: (id) => unlessGone(call('POST', `/containers/${id}/kill`)),
    waitForExit: (id, signal) =>
      unlessGone(call('POST', `/containers/${id}/wait`, { ...(signal && { signal }) })),
    attach: (id) =>
      call('POST', `/containers/${id}/attach`, {
        query: { stream: '1', stdout: '1', stderr: '1' },
        answer: 'stream',
      }),
    stats: (id, signal) =>
      call('GET', `/containers/${id}/stats`, { query: { stream: '1' }, answer: 'stream', signal }),
    async list(kind, labels) {
      const filters = JSON.stringify({ label: labels });
      return resources(await call('GET', LISTS[kind], { query: { filters, all: 'true' } }));
    },
    remove: (kind, id) =>
      unlessGone(call('DELETE', `/${kind}/${id}`, { query: { force: 'true', v: 'true' } })),
  };
}

/** `uname -m` and Docker's own names. */
const ARCHITECTURES: Readonly<Record<string, string>> = { x86_64: 'amd64', aarch64: 'arm64' };

const LISTS: Readonly<Record<ResourceKind, string>> = {
  containers: '/containers/json',
  networks: '/networks',
  volumes: '/volumes',
  images: '/images/json',
};

interface ListedResource {
  readonly Id?: string;
  readonly Name?: string;
  /** Of a container, each with a slash before it. */
  readonly Names?: readonly string[];
  /** Of an image. */
  readonly RepoTags?: readonly string[] | null;
  readonly Labels?: Labels | null;
  readonly State?: string;
}

function resources(
  answer: readonly ListedResource[] | { readonly Volumes: readonly ListedResource[] | null },
): readonly Resource[] {
  const listed = 'Volumes' in answer ? (answer.Volumes ?? []) : answer;
  return listed.map(({ Id, Name = '', Names, RepoTags, Labels, State }) => ({
    id: Id ?? Name,
    names: (Names ?? RepoTags ?? [Name]).map((name) => name.replace(/^\//, '')),
    labels: Labels ?? {},
    isRunning: State === 'running',
  }));
}

/** What the thing that was asked for answers, or undefined when there is none. */
async function orUndefined<T>(answer: Promise<T>): Promise<T | undefined> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof EngineError && error.status === 404) return undefined;
    throw error;
  }
}

/** For what is to be stopped or removed: it is gone (404), or on its way by another call (409). */
async function unlessGone(answer: Promise<unknown>): Promise<void> {
  try {
    await answer;
  } catch (error) {
    if (!(error instanceof EngineError && (error.status === 404 || error.status === 409))) throw error;
  }
}

function caller(address: EngineAddress): Call {
  const send = async (method: string, path: string, { body, query, signal }: CallOptions) => {
    const isBinary = body instanceof Uint8Array;
    const url = query ? `${path}?${new URLSearchParams(query)}` : path;
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
    const call: ClientRequest = (address.tls ? httpsRequest : httpRequest)({
      ...address.tls,
      ...(address.socketPath !== undefined
        ? { socketPath: address.socketPath }
        : { host: address.host, port: address.port }),
      method,
      path: url,
      // A stream has its connection for itself, and to a local engine a connection costs nothing.
      agent: false,
      headers: {
        host: 'docker',
        ...(body && { 'content-type': isBinary ? 'application/x-tar' : 'application/json' }),
      },
      ...(signal && { signal }),
    });
    call.once('response', resolve).once('error', reject);
    call.end(body && !isBinary ? JSON.stringify(body) : body);
    return promise;
  };

  return async <T>(method: string, path: string, options: CallOptions = {}): Promise<T> => {
    let response: IncomingMessage;
    try {
      response = await send(method, path, options);
    } catch (error) {
      const cause = error as NodeJS.ErrnoException;
      if (cause.name === 'AbortError') throw cause;
      throw new EngineUnreachableError(address, cause);
    }
    const { statusCode: status = 0 } = response;
    if (status >= 400) throw new EngineError(status, messageOf(await text(response)));
    if (options.answer === 'stream') return response as T;
    const body = await text(response);
    if (options.answer === 'text') return body as T;
    return (body === '' ? undefined : JSON.parse(body)) as T;
  };
}

function messageOf(body: string): string {
  try {
    return (JSON.parse(body) as { message: string }).message;
  } catch {
    return body.trim();
  }
}

function oldest(a: string, b: string): string {
  return minorOf(a) < minorOf(b) ? a : b;
}

function newest(a: string | undefined, b: string): string {
  return a !== undefined && minorOf(a) > minorOf(b) ? a : b;
}

/** Every version is `1.N`. */
function minorOf(version: string): number {
  return Number(version.split('.')[1]);
}
