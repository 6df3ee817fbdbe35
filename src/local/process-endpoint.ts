import type { Clock } from '../clock.ts';
import { serveMetadata } from './metadata-server.ts';
import type { ProcessTask } from './process-task.ts';

/** The environment by which ECS tells a container where its endpoint is. */
export interface EndpointEnvironment {
  readonly ECS_CONTAINER_METADATA_URI: string;
  readonly ECS_CONTAINER_METADATA_URI_V4: string;
}

export interface ProcessEndpoint {
  environment(containerId: string): EndpointEnvironment;
  /** Resolves when the container has first asked its endpoint for anything. */
  asked(containerId: string): Promise<void>;
  close(): Promise<void>;
}

export interface ProcessEndpointOptions {
  readonly task: ProcessTask;
  /** How often the stats are renewed: 1000 on EC2, 10000 on Fargate. */
  readonly refreshMs: number;
  readonly clock: Clock;
  /** Told when the containers could not be measured; the stats then stay as they were. */
  readonly onRefreshError: (error: unknown) => void;
}

/** A container has run for about a second before its stats are served (AWS, task-metadata-endpoint-v4-fargate). */
const FIRST_REFRESH_MS = 1000;

/** A metadata endpoint on loopback for containers that are processes of this machine, with stats that renew themselves. */
export async function openProcessEndpoint(options: ProcessEndpointOptions): Promise<ProcessEndpoint> {
  const firstRequests = new Map<string, PromiseWithResolvers<void>>();
  const firstRequest = (id: string): PromiseWithResolvers<void> => {
    const known = firstRequests.get(id) ?? Promise.withResolvers<void>();
    firstRequests.set(id, known);
    return known;
  };
  const server = await serveMetadata(options.task, (id) => firstRequest(id).resolve());
  const end = new AbortController();
  const refreshing = keepFresh(options, end.signal);

  return {
    environment: (id) => ({
      ECS_CONTAINER_METADATA_URI: `${server.origin}/v3/${id}`,
      ECS_CONTAINER_METADATA_URI_V4: `${server.origin}/v4/${id}`,
    }),
    asked: (id) => firstRequest(id).promise,
    async close() {
      end.abort();
      await Promise.all([refreshing, server.close()]);
    },
  };
}

/** Renews the stats at fixed distances from the start; a moment that has passed is left out, not made up for. */
async function keepFresh(
  { task, refreshMs, clock, onRefreshError }: ProcessEndpointOptions,
  end: AbortSignal,
): Promise<void> {
  const startedAtElapsedMs = clock.elapsed();
  let dueMs = Math.min(refreshMs, FIRST_REFRESH_MS);
  while (!end.aborted) {
    await clock.sleep(Math.max(0, startedAtElapsedMs + dueMs - clock.elapsed()), end);
    if (end.aborted) return;
    try {
      task.refresh();
    } catch (error) {
      onRefreshError(error);
    }
    do dueMs += refreshMs;
    while (dueMs <= clock.elapsed() - startedAtElapsedMs);
  }
}
