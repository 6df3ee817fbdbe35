import { once } from 'node:events';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { ApiVersion, JsonDocument } from './metadata-documents.ts';

/** The task that an endpoint tells of. */
export interface MetadataSource {
  /** Whether the task has this container: each has an endpoint of its own, and all show the same task. */
  has(id: string): boolean;
  task(version: ApiVersion): JsonDocument;
  container(id: string, version: ApiVersion): JsonDocument | undefined;
  /** Stats by container id; undefined before a container's first sample and after its stop. */
  stats(): ReadonlyMap<string, JsonDocument | undefined>;
}

export interface MetadataServer {
  /** `http://127.0.0.1:PORT`. */
  readonly origin: string;
  close(): Promise<void>;
}

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
 * Serves a task's metadata on loopback, as the ECS agent serves it at 169.254.170.2.
 * @param onRequest told of each request that reached a container's endpoint.
 */
export async function serveMetadata(
  source: MetadataSource,
  onRequest: (id: string) => void = () => {},
): Promise<MetadataServer> {
  const server = createServer((request, response) => {
    const [path = ''] = request.url?.split('?') ?? [];
    const { version, id, resource } = ROUTE.exec(path)?.groups ?? {};
    if (version === undefined || id === undefined || resource === undefined) return sendNotFound(response);
    if (source.has(id)) onRequest(id);
    send(response, reply(source, version as ApiVersion, id, resource));
  });
  await listen(server);
  const { port } = server.address() as AddressInfo;
  return {
    origin: `http://127.0.0.1:${port}`,
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
  if (!source.has(id)) {
    const isStats = resource.endsWith('/stats');
    const handler = `${version.toUpperCase()} task ${isStats ? 'stats' : 'metadata'} handler`;
    return {
      status: isStats ? refusal.unknownStatsStatus : refusal.unknownStatus,
      document: `${handler}: unable to get task arn from request: unknown id ${id}`,
    };
  }
  if (resource === '') return { status: 200, document: source.container(id, version) };
  if (resource === '/task') return { status: 200, document: source.task(version) };
  if (resource === '/task/stats') return { status: 200, document: allStats(source, refusal.noStats) };
  const stats = source.stats().get(id);
  return stats
    ? { status: 200, document: stats }
    : { status: refusal.noStatsStatus, document: `Unable to get container stats for: ${id}` };
}

function allStats(source: MetadataSource, none: unknown): unknown {
  return Object.fromEntries([...source.stats()].map(([id, stats]) => [id, stats ?? none]));
}

function send(response: ServerResponse, { status, document }: Reply): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(document));
}

function sendNotFound(response: ServerResponse): void {
  response.writeHead(404, { 'content-type': 'text/plain; charset=utf-8' }).end('404 page not found\n');
}

function listen(server: Server): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject).listen(0, '127.0.0.1', resolve);
  });
}
