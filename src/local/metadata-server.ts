import { once } from 'node:events';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { ApiVersion, JsonDocument } from './metadata-documents.ts';

/**
 * The task that an endpoint tells of. `endpointId` is the last part of a container's endpoint: its `DockerId` on
 * Fargate, a UUID on EC2.
 */
export interface MetadataSource {
  /** Whether it is the endpoint of a container: each has one of its own, and all show the same task. */
  has(endpointId: string): boolean;
  task(version: ApiVersion): JsonDocument;
  container(endpointId: string, version: ApiVersion): JsonDocument | undefined;
  /** Undefined before the container's first sample and after its stop. */
  containerStats(endpointId: string, version: ApiVersion): JsonDocument | undefined;
  /** The stats of all containers by `DockerId`. */
  stats(version: ApiVersion): ReadonlyMap<string, JsonDocument | undefined>;
}

export interface MetadataServer {
  /** `http://HOST:PORT`, without the port where it is 80. */
  readonly origin: string;
  close(): Promise<void>;
}

/** Where a server listens; port 0 is any free one. */
export interface ServerAddress {
  readonly host: string;
  readonly port: number;
}

const ANY_PORT_ON_LOOPBACK: ServerAddress = { host: '127.0.0.1', port: 0 };

interface Reply {
  readonly status: number;
  readonly document: unknown;
}

const ROUTE = /^\/(?<version>v3|v4)\/(?<id>[^/]+)(?<resource>|\/task|\/stats|\/task\/stats)$/;

/** How the agent says no (agent/handlers/v3; ecs-agent/tmds/handlers/v4/handlers.go). Its error bodies are JSON strings. */
const REFUSALS = {
  v3: { unknownStatus: 500, unknownStatsStatus: 400, noStatsStatus: 400, noStats: null },
  v4: { unknownStatus: 404, unknownStatsStatus: 404, noStatsStatus: 500, noStats: {} },
} as const;

/**
 * Serves a task's metadata as the ECS agent serves it at 169.254.170.2.
 * @param onRequest told of each request that reached a container's endpoint.
 * @throws NodeJS.ErrnoException when the address cannot be had.
 */
export async function serveMetadata(
  source: MetadataSource,
  onRequest: (endpointId: string) => void = () => {},
  address: ServerAddress = ANY_PORT_ON_LOOPBACK,
): Promise<MetadataServer> {
  const server = createServer((request, response) => {
    const [path = ''] = request.url?.split('?') ?? [];
    const { version, id, resource } = ROUTE.exec(path)?.groups ?? {};
    if (version === undefined || id === undefined || resource === undefined) return sendNotFound(response);
    if (source.has(id)) onRequest(id);
    send(response, reply(source, version as ApiVersion, id, resource));
  });
  await listen(server, address);
  const { port } = server.address() as AddressInfo;
  return {
    origin: port === 80 ? `http://${address.host}` : `http://${address.host}:${port}`,
    async close() {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

function reply(source: MetadataSource, version: ApiVersion, id: string, resource: string): Reply {
  const refusal = REFUSALS[version];
  const container = resource === '' ? source.container(id, version) : undefined;
  if (container) return { status: 200, document: container };
  if (!source.has(id) || resource === '') {
    const isStats = resource.endsWith('/stats');
    const handler = `${version.toUpperCase()} task ${isStats ? 'stats' : 'metadata'} handler`;
    return {
      status: isStats ? refusal.unknownStatsStatus : refusal.unknownStatus,
      document: `${handler}: unable to get task arn from request: unknown id ${id}`,
    };
  }
  if (resource === '/task') return { status: 200, document: source.task(version) };
  if (resource === '/task/stats') return { status: 200, document: allStats(source, version) };
  const stats = source.containerStats(id, version);
  return stats
    ? { status: 200, document: stats }
    : { status: refusal.noStatsStatus, document: `Unable to get container stats for: ${id}` };
}

function allStats(source: MetadataSource, version: ApiVersion): unknown {
  const { noStats } = REFUSALS[version];
  return Object.fromEntries([...source.stats(version)].map(([id, stats]) => [id, stats ?? noStats]));
}

function send(response: ServerResponse, { status, document }: Reply): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(document));
}

function sendNotFound(response: ServerResponse): void {
  response.writeHead(404, { 'content-type': 'text/plain; charset=utf-8' }).end('404 page not found\n');
}

function listen(server: Server, { host, port }: ServerAddress): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject).listen(port, host, resolve);
  });
}
