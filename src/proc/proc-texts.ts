import { closeSync, constants, openSync, readdirSync, readSync } from 'node:fs';

/**
 * Files that the kernel makes as they are read, read often: into one buffer, and without opening them anew where
 * that can be spared. What stands below /proc/PID/root is another container's, which may put anything there, and
 * change it at any time: no read waits for anybody, a link in the place of a file is not followed, and what was
 * opened, not what its path says, is asked whether it is one of the kernel's (see `Acceptance`).
 */
const OPEN_FLAGS = constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW;

const BUFFER_BYTES = 16_384;
/** The kernel's files that are read here have some kB; a list of process ids may be longer. */
const MAX_BYTES = 1_048_576;

const buffer = Buffer.allocUnsafeSlow(BUFFER_BYTES);

/** Why nothing was read: `gone` for a process or a cgroup that is no more, `refused` for everything else. */
export type Unread = 'gone' | 'refused';

/** ENODEV: a file of a cgroup that was removed. */
const GONE: ReadonlySet<string> = new Set(['ENOENT', 'ESRCH', 'ENODEV', 'ENOTDIR']);

function reasonOf(error: unknown): Unread {
  return GONE.has((error as NodeJS.ErrnoException).code ?? '') ? 'gone' : 'refused';
}

/** @param isOneRecord the kernel makes it whole: a read that does not fill the buffer is the last one */
function textOf(descriptor: number, isOneRecord: boolean): string {
  let text = '';
  let position = 0;
  for (;;) {
    const count = readSync(descriptor, buffer, 0, BUFFER_BYTES, position);
    position += count;
    // Nothing here depends on what is beyond ASCII: a command's name may be anything.
    text += buffer.toString('latin1', 0, count);
    const isEnd = count === 0 || (isOneRecord && count < BUFFER_BYTES);
    if (isEnd || position >= MAX_BYTES) return text;
  }
}

/** Whether a file or directory that was opened is to be read; it stands at this path as long as it is open. */
export type Acceptance = (descriptorPath: string) => boolean;

function descriptorPath(descriptor: number): string {
  return `/proc/self/fd/${descriptor}`;
}

function openAccepted(path: string, flags: number, accepts: Acceptance): number {
  const descriptor = openSync(path, flags);
  if (accepts(descriptorPath(descriptor))) return descriptor;
  closeSync(descriptor);
  throw new Error(`${path} is not what it should be`);
}

const anything: Acceptance = () => true;

/** A directory that stays open: what is opened below its path is in it, wherever the path by which it was opened leads. */
export class KeptDirectory {
  readonly #descriptor: number;
  readonly path: string;

  private constructor(descriptor: number) {
    this.#descriptor = descriptor;
    this.path = descriptorPath(descriptor);
  }

  /** Undefined where there is none, or none for us. */
  static open(path: string, accepts: Acceptance = anything): KeptDirectory | undefined {
    try {
      return new KeptDirectory(openAccepted(path, constants.O_RDONLY | constants.O_DIRECTORY, accepts));
    } catch {
      return undefined;
    }
  }

  close(): void {
    closeSync(this.#descriptor);
  }
}

/** A file that is read once. */
export function readText(path: string, accepts: Acceptance = anything): string | undefined {
  let descriptor: number;
  try {
    descriptor = openAccepted(path, OPEN_FLAGS, accepts);
  } catch {
    return undefined;
  }
  try {
    return textOf(descriptor, false);
  } catch {
    return undefined;
  } finally {
    closeSync(descriptor);
  }
}

/** The ids of all processes that can be seen. */
export function readPids(root: string): readonly number[] {
  const pids: number[] = [];
  for (const name of readdirSync(root)) {
    const pid = Number(name);
    if (pid > 0) pids.push(pid);
  }
  return pids;
}

/** So many files stay open at the most: a container may have no more than 1024. */
const MAX_OPEN = 256;

/** Room for files that stay open. */
export class OpenFiles {
  #count = 0;

  /** Whether there was room for one more. */
  take(): boolean {
    if (this.#count >= MAX_OPEN) return false;
    this.#count += 1;
    return true;
  }

  giveBack(): void {
    this.#count -= 1;
  }
}

/**
 * A file of one record that is read again and again. It stays open, as long as there is room for it: that spares most of the time,
 * and a process's file is then that process's for ever, whoever gets its id.
 */
export class KeptFile {
  readonly #path: string;
  readonly #room: OpenFiles;
  readonly #accepts: Acceptance;
  #descriptor: number | undefined;

  constructor(path: string, room: OpenFiles, accepts: Acceptance = anything) {
    this.#path = path;
    this.#room = room;
    this.#accepts = accepts;
  }

  read(): string | Unread {
    try {
      const descriptor = this.#descriptor ?? openAccepted(this.#path, OPEN_FLAGS, this.#accepts);
      if (this.#descriptor === undefined) {
        if (!this.#room.take()) return readAndClose(descriptor);
        this.#descriptor = descriptor;
      }
      return textOf(descriptor, true);
    } catch (error) {
      return reasonOf(error);
    }
  }

  close(): void {
    if (this.#descriptor === undefined) return;
    closeSync(this.#descriptor);
    this.#descriptor = undefined;
    this.#room.giveBack();
  }
}

function readAndClose(descriptor: number): string {
  try {
    return textOf(descriptor, true);
  } finally {
    closeSync(descriptor);
  }
}

/** Whether it was read. */
export function isText(read: string | Unread): read is string {
  return read !== 'gone' && read !== 'refused';
}
