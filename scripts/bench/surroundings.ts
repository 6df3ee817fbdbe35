import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { imageEnvironment } from './sidecar.ts';

const ENDPOINT_PROGRAM = join(import.meta.dirname, 'endpoint-program.ts');

/** What a sidecar needs around it, in a process of its own: a task of three containers, and CloudWatch Logs. */
export interface Surroundings {
  /** What the image and they set in the sidecar's environment. */
  readonly environment: Record<string, string>;
  close(): void;
}

/** @throws Error when the process ends before it has told where it listens. */
export async function startSurroundings(): Promise<Surroundings> {
  const endpoint = fork(ENDPOINT_PROGRAM, { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
  return {
    environment: { ...(await told(endpoint)), ...imageEnvironment() },
    close: () => endpoint.disconnect(),
  };
}

async function told(endpoint: ChildProcess): Promise<Record<string, string>> {
  const ended = once(endpoint, 'exit').then(([exitCode]) => {
    throw new Error(`endpoint-program.ts ended with ${exitCode}`);
  });
  const [environment] = await Promise.race([once(endpoint, 'message'), ended]);
  return environment as Record<string, string>;
}
