import { Writable } from 'node:stream';
import { isatty } from 'node:tty';
import { openDescriptor } from '../sinks/descriptor.ts';
import type { Streams } from './command.ts';

/**
 * Our standard streams. Not process.stdout and process.stderr: Node makes a pipe there non-blocking for every process
 * that shares it, and the command of `fargauge run` would meet EAGAIN on its own output.
 * @param onUnwritable told once that stdout takes nothing more, unless somebody listens to its errors
 */
export function standardStreams(onUnwritable: (error: Error) => void): Streams {
  const stdout = writable(1);
  stdout.once('error', (error: NodeJS.ErrnoException) => {
    // Beside the one that every stream of ours has.
    const hasListener = stdout.listenerCount('error') > 1;
    // A reader that has gone, as in `| head -1`, has what it wanted.
    if (error.code !== 'EPIPE' && !hasListener) onUnwritable(error);
  });
  return {
    get stdin() {
      return process.stdin;
    },
    stdout,
    stderr: writable(2),
  };
}

function writable(fd: number): Writable & { readonly isTTY: boolean } {
  const descriptor = openDescriptor(fd);
  const stream = new Writable({
    decodeStrings: false,
    write: (chunk: string | Buffer, _encoding, done) => descriptor.write(String(chunk), done),
  });
  // Of stderr there is nobody to tell.
  stream.on('error', () => {});
  return Object.assign(stream, { isTTY: isatty(fd) });
}
