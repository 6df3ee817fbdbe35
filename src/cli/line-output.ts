import { createWriteStream, openSync } from 'node:fs';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import type { Streams } from './command.ts';

/** Where the sidecar's lines go. */
export interface LineOutput {
  readonly stream: Writable;
  /** For messages: a file's name, or that of the standard stream. */
  readonly name: string;
  /** The stream is ours to close. */
  readonly isFile: boolean;
}

/** The file for lines cannot be written. */
export class OutputError extends Error {
  override readonly name = 'OutputError';
}

/**
 * @param output a file, which is emptied or made; `-` for stdout; undefined for stderr.
 * @throws OutputError
 */
export function openLineOutput(output: string | undefined, { stdout, stderr }: Streams): LineOutput {
  if (output === undefined) return { stream: stderr, name: 'stderr', isFile: false };
  if (output === '-') return { stream: stdout, name: 'stdout', isFile: false };
  try {
    return { stream: createWriteStream(output, { fd: openSync(output, 'w') }), name: output, isFile: true };
  } catch (cause) {
    throw new OutputError(`--output ${output}: the file cannot be written: ${(cause as Error).message}`, {
      cause,
    });
  }
}

/** Who is told of what passes. */
export interface CopyListener {
  onLine(line: string): void;
  /** Once: the output takes nothing any more. The lines are read on, so that whoever writes them is not held up. */
  onBroken(error: Error): void;
}

/**
 * Copies lines, each in one write so that no other writer's text gets into it, and waits where the reader is slow.
 * Resolves when the input has ended and everything is out or lost.
 */
export async function copyLines(input: Readable, output: LineOutput, listener: CopyListener): Promise<void> {
  const { stream, isFile } = output;
  let isBroken = false;
  stream.on('error', (error) => {
    if (!isBroken) listener.onBroken(error);
    isBroken = true;
  });
  for await (const line of createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY })) {
    listener.onLine(line);
    if (!isBroken) await written(stream, `${line}\n`);
  }
  if (isFile && !isBroken) await new Promise<void>((resolve) => stream.end(() => resolve()));
}

/** Resolves when the text is out or lost. */
function written(stream: Writable, text: string): Promise<void> {
  return new Promise((resolve) => {
    stream.write(text, () => resolve());
  });
}
