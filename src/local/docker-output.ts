import { StringDecoder } from 'node:string_decoder';

export type OutputSource = 'stdout' | 'stderr';

/** A line that a container wrote. */
export interface OutputText {
  readonly source: OutputSource;
  /** Without its newline. */
  readonly text: string;
}

/** A line longer than this comes in pieces: what waits for its newline is bounded. */
const MAX_LINE_LENGTH = 64 * 1024;

/**
 * What an attached container writes, line by line. Without a terminal of its own its stdout and stderr come in frames:
 * `[1 or 2, 0, 0, 0, length as 4 bytes, big end first]` and the bytes (Engine API, ContainerAttach).
 */
export async function* outputLines(
  chunks: AsyncIterable<Uint8Array>,
  hasTerminal: boolean,
): AsyncGenerator<OutputText> {
  const splitters = { stdout: new LineSplitter(), stderr: new LineSplitter() };
  for await (const { source, bytes } of hasTerminal ? asStdout(chunks) : frames(chunks)) {
    for (const text of splitters[source].split(bytes)) yield { source, text };
  }
  for (const source of ['stdout', 'stderr'] as const) {
    const text = splitters[source].end();
    if (text !== '') yield { source, text };
  }
}

interface Frame {
  readonly source: OutputSource;
  readonly bytes: Uint8Array;
}

async function* asStdout(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Frame> {
  for await (const bytes of chunks) yield { source: 'stdout', bytes };
}

const HEADER_BYTES = 8;
const STDERR = 2;

async function* frames(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Frame> {
  let buffered = Buffer.alloc(0);
  for await (const chunk of chunks) {
    buffered = Buffer.concat([buffered, chunk]);
    while (buffered.length >= HEADER_BYTES) {
      const end = HEADER_BYTES + buffered.readUInt32BE(4);
      if (buffered.length < end) break;
      const source = buffered[0] === STDERR ? 'stderr' : 'stdout';
      yield { source, bytes: buffered.subarray(HEADER_BYTES, end) };
      buffered = buffered.subarray(end);
    }
  }
}

/** The lines of a text that comes in pieces. Fails as its source does. */
export async function* lines(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const splitter = new LineSplitter();
  for await (const bytes of chunks) yield* splitter.split(bytes);
  const rest = splitter.end();
  if (rest !== '') yield rest;
}

class LineSplitter {
  readonly #decoder = new StringDecoder('utf8');
  #rest = '';

  split(bytes: Uint8Array): string[] {
    const lines = (this.#rest + this.#decoder.write(bytes)).split('\n');
    this.#rest = lines.pop() ?? '';
    const whole = lines.map((line) => line.replace(/\r$/, ''));
    if (this.#rest.length < MAX_LINE_LENGTH) return whole;
    const piece = this.#rest;
    this.#rest = '';
    return [...whole, piece];
  }

  end(): string {
    return this.#rest + this.#decoder.end();
  }
}
