import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { installPythonTool } from './python-tool.ts';

const START_TIMEOUT_MS = 120_000;

/** moto takes a port that is free and says in its log which: one that is chosen for it may be taken before it has it. */
async function readUrl(log: string, moto: ChildProcess): Promise<string> {
  const giveUpAt = performance.now() + START_TIMEOUT_MS;
  while (performance.now() < giveUpAt && moto.exitCode === null) {
    const [, url] = readFileSync(log, 'utf8').match(/ \* Running on (http:\S+)\n/) ?? [];
    if (url !== undefined) return url;
    await delay(100);
  }
  throw new Error(
    `moto did not start within ${START_TIMEOUT_MS} ms (exit code ${moto.exitCode}):\n${readFileSync(log, 'utf8')}`,
  );
}

/**
 * Runs something beside moto server, an implementation of AWS that is not ours (PyPI; Python 3 with venv is needed). It
 * is installed once, under node_modules/.cache.
 * @param use gets the address that stands for every endpoint of AWS
 */
export async function withMoto(use: (url: string) => void): Promise<void> {
  const program = join(installPythonTool('moto[server]==5.2.5'), 'moto_server');
  const folder = mkdtempSync(join(tmpdir(), 'fargauge-moto-'));
  const log = join(folder, 'moto.log');
  // Not a pipe: who waits for what is used beside it reads none.
  const logFile = openSync(log, 'w');
  const moto = spawn(program, ['-H', '127.0.0.1', '-p', '0'], {
    // It would run Lambda images on any Docker that it finds.
    env: { ...process.env, DOCKER_HOST: 'unix:///nonexistent.sock', NO_COLOR: '1' },
    stdio: ['ignore', 'ignore', logFile],
  });
  closeSync(logFile);
  const ended = once(moto, 'exit');
  try {
    use(await readUrl(log, moto));
  } finally {
    moto.kill();
    await ended;
    rmSync(folder, { recursive: true });
  }
}
