import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { preload } from './preload.ts';
import { imageEnvironment } from './sidecar.ts';

const ENDPOINT_PROGRAM = join(import.meta.dirname, 'endpoint-program.ts');

/** What a sidecar needs around it, in a process of its own: a task of three containers, and CloudWatch Logs. */
export interface Surroundings {
  /** What the image and they set in the sidecar's environment. */
  readonly environment: Record<string, string>;
  close(): void;
}

/**
 * @param speed how many times as fast as ours its clock runs, and the sidecar's by the environment that it gives
 * @throws Error when the process ends before it has told where it listens
 */
export async function startSurroundings(speed = 1): Promise<Surroundings> {
  const fastClock = preload('fast-clock.mjs', { speed, since: Date.now() });
  const clock = speed === 1 ? {} : { NODE_OPTIONS: fastClock };
  const endpoint = fork(ENDPOINT_PROGRAM, {
    env: { ...process.env, ...clock },
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  return {
    environment: { ...(await told(endpoint)), ...imageEnvironment(), ...clock },
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
