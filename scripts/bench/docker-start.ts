import { containerId } from '../../test/docker/kernel-counters.ts';
import {
  definitionOf,
  docker,
  LocalCommand,
  linesOf,
  SIDECAR_IMAGE,
  script,
} from '../../test/docker/local-command.ts';
import { quantile } from './figure.ts';

/** From the engine's `StartedAt` of the container; medians. */
export interface DockerStart {
  readonly runCount: number;
  /** To the sidecar's first poll, by its START line. */
  readonly firstPollMs: number;
  /** To the first statement of a program on bare Node, out of the same image. */
  readonly bareNodeMs: number;
}

export async function measureDockerStart(runCount: number): Promise<DockerStart> {
  const firstPollMs: number[] = [];
  const bareNodeMs: number[] = [];
  for (let run = 0; run < runCount; run += 1) {
    bareNodeMs.push(bareStartMs());
    firstPollMs.push(await sidecarStartMs());
  }
  return { runCount, firstPollMs: quantile(firstPollMs, 0.5), bareNodeMs: quantile(bareNodeMs, 0.5) };
}

async function sidecarStartMs(): Promise<number> {
  const batch = { ...script('exec sleep 60'), stopTimeout: 2 };
  await using command = new LocalCommand(['-'], definitionOf({ batch }));
  await command.wrote(/"type":"START"/);
  const startedMs = startedAtMs(containerId(command.taskId, 'fargauge'));
  // Two signals, which do not wait for containers.
  command.signal('SIGTERM');
  command.signal('SIGINT');
  const [start] = linesOf(await command.ended(), 'START');
  return Date.parse(`${start?.time}`) - startedMs;
}

function bareStartMs(): number {
  const options = ['--detach', '--network', 'none', '--read-only', '--entrypoint', '/usr/local/bin/node'];
  const [id = ''] = docker('run', ...options, SIDECAR_IMAGE, '-e', 'console.log(Date.now())');
  docker('wait', id);
  const [printedMs] = docker('logs', id);
  const elapsedMs = Number(printedMs) - startedAtMs(id);
  docker('rm', id);
  return elapsedMs;
}

function startedAtMs(id: string): number {
  const [startedAt = ''] = docker('inspect', '--format', '{{.State.StartedAt}}', id);
  return Date.parse(startedAt);
}
