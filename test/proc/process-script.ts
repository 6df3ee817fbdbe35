import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

/** A program started by a test: it prints a line when it has got somewhere, and goes on when it is given one. */
export class ProcessScript {
  readonly pid: number;
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #lines: AsyncIterator<string>;
  readonly #exit: Promise<unknown>;

  constructor(command: string, args: readonly string[], env: NodeJS.ProcessEnv = process.env) {
    // A process group of its own, so that whatever it leaves behind can be ended with it.
    this.#child = spawn(command, args, { env, detached: true });
    if (this.#child.pid === undefined) throw new Error(`cannot start ${command}`);
    this.pid = this.#child.pid;
    this.#child.stderr.pipe(process.stderr);
    this.#lines = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]();
    this.#exit = once(this.#child, 'exit');
  }

  /** The next line it prints. */
  async line(): Promise<string> {
    const { value, done } = await this.#lines.next();
    if (done) throw new Error('the script ended without the line that was waited for');
    return value;
  }

  goOn(): void {
    this.#child.stdin.write('\n');
  }

  async end(): Promise<void> {
    process.kill(-this.pid, 'SIGKILL');
    await this.#exit;
  }
}

/** JavaScript that uses `ms` of CPU time. */
export const burn = (ms: number): string => `{
  const from = process.cpuUsage();
  for (let used = 0; used < ${ms * 1000}; ) { const { user, system } = process.cpuUsage(from); used = user + system; }
}`;
