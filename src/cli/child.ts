import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import { once } from 'node:events';
import { constants as fileConstants, fstatSync, openSync } from 'node:fs';
import { constants } from 'node:os';
import type { Clock } from '../clock.ts';

/** A program running beside this one. */
export interface Child {
  readonly process: ChildProcess;
  readonly pid: number;
  /** Resolves when it has ended, with its exit code, or 128 and the number of the signal that ended it. */
  readonly exit: Promise<number>;
}

/** A program could not be started. */
export class StartError extends Error {
  override readonly name = 'StartError';
  /** What a shell's exit code says of it (POSIX, Exit Status for Commands): 127 not found, 126 not executable. */
  readonly exitCode: 126 | 127;

  constructor(command: string, cause: NodeJS.ErrnoException) {
    const reason =
      cause.code === 'ENOENT' ? 'not found' : cause.code === 'EACCES' ? 'not executable' : cause.message;
    super(`${command}: ${reason}`, { cause });
    this.exitCode = cause.code === 'ENOENT' ? 127 : 126;
  }
}

/**
 * Starts a program. When this resolves, it has not been waited for yet: its pid is still its own, even if it has ended.
 * @throws StartError
 */
export async function startChild(
  command: string,
  args: readonly string[],
  options: SpawnOptions,
): Promise<Child> {
  try {
    const child = spawn(command, args, options);
    const { promise: exit, resolve } = Promise.withResolvers<number>();
    child.once('exit', (code, signal) => resolve(code ?? 128 + (signal ? constants.signals[signal] : 0)));
    await once(child, 'spawn');
    if (child.pid === undefined) throw new Error('it has no process id');
    return { process: child, pid: child.pid, exit };
  } catch (error) {
    throw new StartError(command, error as NodeJS.ErrnoException);
  }
}

/** SIGTERM, and SIGKILL after `timeoutMs`. Resolves when the program has ended; with true when it had to be killed. */
export async function stopChild(child: Child, timeoutMs: number, clock: Clock): Promise<boolean> {
  const ended = new AbortController();
  void child.exit.then(() => ended.abort());
  child.process.kill('SIGTERM');
  await clock.sleep(timeoutMs, ended.signal);
  const isKilled = !ended.signal.aborted && child.process.kill('SIGKILL');
  await child.exit;
  return isKilled;
}

/**
 * Ends a program when this one dies, by SIGKILL too, which nothing here could see coming: a shell reads from a pipe
 * that closes with us, and passes SIGTERM on.
 * @returns the shell; it goes when the program has ended.
 */
export function endWithUs(child: Child): ChildProcess {
  const watch = spawn('sh', ['-c', 'read -r _ || kill -s TERM "$0"', `${child.pid}`], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  });
  void child.exit.then(() => watch.kill('SIGKILL'));
  return watch;
}

/**
 * Our stdout (1) or stderr (2) for a child. Node makes a pipe there non-blocking, for every process that shares the
 * open file description, as soon as anything of its own looks at process.stderr; the command would meet EAGAIN. So a
 * pipe is opened anew; files and terminals are passed on as they are, their position with them.
 */
export function inheritable(fd: 1 | 2): number | 'inherit' {
  if (!fstatSync(fd).isFIFO()) return 'inherit';
  try {
    // Non-blocking only for this call, which would wait for a reader that has gone; spawn sets it back.
    return openSync(`/proc/self/fd/${fd}`, fileConstants.O_WRONLY | fileConstants.O_NONBLOCK);
  } catch {
    return 'inherit';
  }
}
