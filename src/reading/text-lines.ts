import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { StringDecoder } from 'node:string_decoder';
import { createGunzip } from 'node:zlib';

/** Lines of text, some at a time: a batch is what one read brought. */
export type TextBatches = AsyncIterable<readonly string[]>;

/** More would outlive the young generation, and pile up in the old one. */
const READ_BYTES = 128 * 1024;
/**
 * A longer line is not kept: ours are below 16 KiB, but one of `aws logs` printed without line breaks holds many.
 * In UTF-16 units.
 */
export const MAX_LINE_LENGTH = 32 * 1024 * 1024;

/** What stands for a line that was too long. It is nobody's. */
export const TOO_LONG = '\0too long';

/** A file cannot be read. */
export class ReadError extends Error {
  override readonly name = 'ReadError';
}

/**
 * The lines of a file, in bounded memory; of one that ends in `.gz`, those of what it holds.
 * @throws ReadError
 */
export function fileLines(path: string): TextBatches {
  return streamLines(path.endsWith('.gz') ? unpackedBytes(path) : fileBytes(path), path);
}

/** The next part overwrites the one before: garbage that the collector has to be waited for would be most of the memory. */
async function* fileBytes(path: string): AsyncGenerator<Buffer> {
  await using file = await open(path);
  const buffer = Buffer.allocUnsafe(READ_BYTES);
  for (;;) {
    const { bytesRead } = await file.read(buffer);
    if (bytesRead === 0) return;
    yield buffer.subarray(0, bytesRead);
  }
}

async function* unpackedBytes(path: string): AsyncGenerator<Buffer> {
  const file = createReadStream(path);
  try {
    const unpacked = createGunzip();
    // Not pipeline(): it would report the reader that stops early as an error.
    file.on('error', (error) => unpacked.destroy(error));
    yield* file.pipe(unpacked) as AsyncIterable<Buffer>;
  } finally {
    file.destroy();
  }
}

/**
 * The lines of a stream of bytes or strings, without their line breaks (LF or CRLF), in bounded memory.
 * @param name for messages
 * @throws ReadError
 */
export async function* streamLines(stream: AsyncIterable<string | Buffer>, name = 'the stream'): TextBatches {
  try {
    yield* linesOf(stream);
  } catch (cause) {
    throw new ReadError(`cannot read ${name}: ${(cause as Error).message}`, { cause });
  }
}

async function* linesOf(stream: AsyncIterable<string | Buffer>): TextBatches {
  const decoder = new StringDecoder('utf8');
  let rest = '';
  let isTooLong = false;
  for await (const chunk of stream) {
    const text = typeof chunk === 'string' ? chunk : decoder.write(chunk);
    const end = text.lastIndexOf('\n');
    isTooLong ||= rest.length + (end < 0 ? text.length : text.indexOf('\n')) > MAX_LINE_LENGTH;
    if (isTooLong) rest = '';
    if (end < 0) {
      if (!isTooLong) rest += text;
      continue;
    }
    const lines = (rest + text.slice(0, end)).split('\n');
    if (isTooLong) lines[0] = TOO_LONG;
    isTooLong = false;
    rest = text.slice(end + 1);
    yield lines.map(withoutReturn);
  }
  rest += decoder.end();
  if (isTooLong) yield [TOO_LONG];
  else if (rest !== '') yield [withoutReturn(rest)];
}

function withoutReturn(line: string): string {
  return line.endsWith('\r') ? line.slice(0, -1) : line;
}
