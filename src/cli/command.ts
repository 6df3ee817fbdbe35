import type { Readable, Writable } from 'node:stream';

/** Exit code of a command that was called wrongly. */
export const EXIT_USE = 2;
/** Of one that Ctrl-C or its like ended: 128 and the number of SIGINT, as a shell has it. */
export const EXIT_INTERRUPTED = 130;

/** The standard streams, as a parameter. */
export interface Streams {
  readonly stdin: Readable;
  readonly stdout: Writable & { readonly isTTY?: boolean };
  readonly stderr: Writable & { readonly isTTY?: boolean };
}

/** One of fargauge's commands. */
export interface Command {
  readonly name: string;
  /** For the list of commands. */
  readonly summary: string;
  /** What `--help` prints. */
  readonly help: string;
  /** @returns the exit code */
  run(argv: readonly string[], streams: Streams): Promise<number>;
}
