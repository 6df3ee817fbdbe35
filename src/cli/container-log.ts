import type { Writable } from 'node:stream';
import type { OutputText } from '../local/docker-output.ts';
import type { Streams } from './command.ts';

/** Of the terminal's own palette, what is readable on dark and on light. */
const COLOURS: readonly number[] = [36, 33, 32, 35, 34];

interface ContainerLogOptions {
  readonly colour: boolean;
  /** Lines are lost from here on: why, in words. */
  readonly onLost: (reason: string) => void;
}

/** What containers write, on the terminal: each line with its container's name before it. */
export class ContainerLog {
  readonly #streams: Pick<Streams, 'stdout' | 'stderr'>;
  readonly #prefixes: ReadonlyMap<string, string>;

  constructor(
    names: readonly string[],
    streams: Pick<Streams, 'stdout' | 'stderr'>,
    { colour, onLost }: ContainerLogOptions,
  ) {
    this.#streams = streams;
    // A reader that has gone must not end the containers.
    streams.stdout.on('error', (error) => onLost(`stdout takes no more lines: ${error.message}`));
    // Where stderr is broken there is nobody to tell.
    streams.stderr.on('error', () => {});
    const width = Math.max(...names.map((name) => name.length));
    this.#prefixes = new Map(
      names.map((name, index) => {
        const text = `${name.padEnd(width)} |`;
        return [name, colour ? `\u001b[${COLOURS[index % COLOURS.length]}m${text}\u001b[39m` : text];
      }),
    );
  }

  /** Resolves when the line is out or lost: a container waits for a slow terminal as it would for its own. */
  async write(name: string, { source, text }: OutputText): Promise<void> {
    const stream: Writable = this.#streams[source];
    await new Promise<void>((resolve) => {
      stream.write(`${this.#prefixes.get(name) ?? `${name} |`} ${text}\n`, () => resolve());
    });
  }
}
