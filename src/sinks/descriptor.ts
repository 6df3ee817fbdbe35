import { constants, fstatSync, openSync, write } from 'node:fs';
import { Socket } from 'node:net';

/** An open file descriptor that is written to without ever blocking the program. */
export interface Descriptor {
  /** Calls `done` once, when all of the text is out or when some of it cannot get out. One write at a time. */
  write(text: string, done: (error: Error | undefined) => void): void;
}

/**
 * Node's own process.stdout blocks the whole program on a pipe that nobody empties, as Docker's is while its log
 * driver waits in `mode: blocking`; and a program that blocks does not see its SIGTERM. So pipes are written to as
 * sockets, and everything else by the thread pool.
 */
export function openDescriptor(fd: number): Descriptor {
  const stats = fstatSync(fd);
  return stats.isFIFO() || stats.isSocket() ? openPipe(fd) : openFile(fd);
}

function openPipe(fd: number): Descriptor {
  const socket = new Socket({ fd: ownDescription(fd), readable: false, writable: true });
  // Each write's own callback tells of the error; without a listener it would end the program.
  socket.on('error', () => {});
  return {
    write: (text, done) => void socket.write(text, (error) => done(error ?? undefined)),
  };
}

/**
 * A pipe's "do not block" belongs to the open file description, which other processes may share: the batch of
 * `fargauge run` would meet EAGAIN on its own stderr. Opened anew, the pipe has a description of ours.
 */
function ownDescription(fd: number): number {
  try {
    return openSync(`/proc/self/fd/${fd}`, constants.O_WRONLY | constants.O_NONBLOCK);
  } catch {
    // A socket cannot be opened anew, nor a pipe whose reader has gone.
    return fd;
  }
}

function openFile(fd: number): Descriptor {
  const writeFrom = (bytes: Buffer, offset: number, done: (error: Error | undefined) => void): void => {
    write(fd, bytes, offset, bytes.length - offset, null, (error, written) => {
      if (error) return done(error);
      if (offset + written >= bytes.length) return done(undefined);
      writeFrom(bytes, offset + written, done);
    });
  };
  return { write: (text, done) => writeFrom(Buffer.from(text), 0, done) };
}
