import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { installPythonTool } from './python-tool.ts';

const START_TIMEOUT_MS = 30_000;

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

/** moto says nothing when it is ready, so it is asked. */
async function waitUntilReady(url: string, moto: ChildProcess): Promise<void> {
  const giveUpAt = performance.now() + START_TIMEOUT_MS;
  while (performance.now() < giveUpAt && moto.exitCode === null) {
    const answer = await fetch(`${url}/moto-api/reset`, { method: 'POST' }).catch(() => undefined);
    if (answer?.ok) return;
    await delay(100);
  }
  throw new Error(`moto did not answer at ${url} within ${START_TIMEOUT_MS} ms (exit code ${moto.exitCode})`);
}

/**
 * Runs something beside moto server, an implementation of AWS that is not ours (PyPI; Python 3 with venv is needed). It
 * is installed once, under node_modules/.cache.
 * @param use gets the address that stands for every endpoint of AWS
 */
export async function withMoto(use: (url: string) => void): Promise<void> {
  const program = join(installPythonTool('moto[server]==5.2.5'), 'moto_server');
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const moto = spawn(program, ['-H', '127.0.0.1', '-p', String(port)], {
    // It would run Lambda images on any Docker that it finds.
    env: { ...process.env, DOCKER_HOST: 'unix:///nonexistent.sock' },
    stdio: ['ignore', 'ignore', 'ignore'],
  });
  try {
    await waitUntilReady(url, moto);
    use(url);
  } finally {
    const ended = once(moto, 'exit');
    if (moto.kill()) await ended;
  }
}
