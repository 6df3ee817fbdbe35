import { execFileSync } from 'node:child_process';
import { chmodSync, closeSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/**
 * A folder that a test shares with containers, at /exchange. In it is a pipe by which it tells them to go on: who waits
 * reads a line of /exchange/go, and uses no CPU time until there is one.
 */
export class Exchange implements Disposable {
  readonly folder: string;
  readonly #go: number;

  constructor() {
    this.folder = mkdtempSync(join(tmpdir(), 'fargauge-exchange-'));
    chmodSync(this.folder, 0o755);
    const pipe = join(this.folder, 'go');
    execFileSync('mkfifo', ['--mode', '644', pipe]);
    // Opened for both, neither end has to wait for the other.
    this.#go = openSync(pipe, 'r+');
  }

  /** Of a task definition, beside the mounts of its containers. */
  get volume(): object {
    return { name: 'exchange', host: { sourcePath: this.folder } };
  }

  /** One that waits goes on, or the next one that will. */
  go(): void {
    writeSync(this.#go, '\n');
  }

  [Symbol.dispose](): void {
    closeSync(this.#go);
    rmSync(this.folder, { recursive: true });
  }
}

/** Of a container. */
export const EXCHANGE_MOUNT = { sourceVolume: 'exchange', containerPath: '/exchange' };

/** A command of a shell script that waits. */
export const AWAIT_GO = 'read -r _ < /exchange/go';

/** A statement of a program for Node that waits. */
export const AWAIT_GO_JS = `{
  const fs = require("node:fs");
  const go = fs.openSync("/exchange/go");
  fs.readSync(go, Buffer.alloc(1));
  fs.closeSync(go);
}`;
