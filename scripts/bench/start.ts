import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { Program } from '../../test/support/program.ts';
import { startSimulatedTask } from '../../test/support/simulated-task.ts';
import { type Figure, quantile, spread } from './figure.ts';
import { endTooEarly, imageEnvironment } from './sidecar.ts';

/** From spawn to the first request at the endpoint, in turns with bare Node from spawn to its first output. */
export async function measureStart(runCount: number): Promise<Figure[]> {
  const task = await startSimulatedTask({ containers: [{ name: 'batch' }, { name: 'fargauge' }] });
  const environment = { ...task.environment('v4'), ...imageEnvironment() };
  const startMs: number[] = [];
  const bareMs: number[] = [];
  try {
    for (let run = 0; run < runCount; run += 1) {
      bareMs.push(await bareStartMs());
      const firstRequest = new Promise<number>((resolve) => {
        task.fault = () => {
          resolve(performance.now());
          return false;
        };
      });
      const spawnedAtMs = performance.now();
      const program = new Program(environment);
      startMs.push((await Promise.race([firstRequest, endTooEarly(program)])) - spawnedAtMs);
      program.process.kill('SIGKILL');
      await program.ended;
    }
  } finally {
    await task.close();
  }
  const target = { of: 'difference', atMost: 150 } as const;
  const bareP50 = quantile(bareMs, 0.5);
  return [
    { subject: 'start', name: 'spawn to first request', unit: 'ms', ...spread(startMs), bareP50, target },
  ];
}

async function bareStartMs(): Promise<number> {
  const spawnedAtMs = performance.now();
  const node = spawn(process.execPath, ['-e', 'process.stdout.write("x")'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exited = once(node, 'exit');
  await once(node.stdout, 'data');
  const elapsedMs = performance.now() - spawnedAtMs;
  await exited;
  return elapsedMs;
}
