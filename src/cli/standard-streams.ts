import { Writable } from 'node:stream';
import { isatty } from 'node:tty';
import { openDescriptor } from '../sinks/descriptor.ts';
import type { Streams } from './command.ts';

/**
 * Our standard streams. Not process.stdout and process.stderr: Node makes a pipe there non-blocking for every process
 * that shares it, and the command of `fargauge run` would meet EAGAIN on its own output.
 */
export function standardStreams(): Streams {
  return {
    get stdin() {
      return process.stdin;
    },
    stdout: writable(1),
    stderr: writable(2),
  };
}

function writable(fd: number): Writable & { readonly isTTY: boolean } {
  const descriptor = openDescriptor(fd);
  const stream = new Writable({
    decodeStrings: false,
    write: (chunk: string | Buffer, _encoding, done) => descriptor.write(String(chunk), done),
  });
  stream.on('error', (error: NodeJS.ErrnoException) => {
    // A reader that has gone, as in `| head -1`, has what it wanted; other errors are for whoever listens as well.
    const isTold = stream.listenerCount('error') > 1;
    if (error.code !== 'EPIPE' && !isTold) throw error;
  });
  return Object.assign(stream, { isTTY: isatty(fd) });
}
