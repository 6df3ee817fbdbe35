import { access, constants, open } from 'node:fs/promises';
import { Readable } from 'node:stream';
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
 * The lines of a file, in bounded memory.
 * @throws ReadError
 */
export function fileLines(path: string): TextBatches {
  return streamLines(fileBytes(path), path);
}

/** @throws ReadError where there is no such file, or it may not be read */
export async function checkReadable(path: string): Promise<void> {
  try {
    await access(path, constants.R_OK);
  } catch (cause) {
    throw unreadable(path, cause);
  }
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

/**
 * The lines of a stream of bytes or strings, without their line breaks (LF or CRLF), in bounded memory. What gzip packed
 * is unpacked; text is UTF-8, or UTF-16 with the mark that says so, as Windows PowerShell writes it.
 * @param name for messages
 * @throws ReadError
 */
export async function* streamLines(stream: AsyncIterable<string | Buffer>, name = 'the stream'): TextBatches {
  try {
    yield* linesOf(unpacked(stream));
  } catch (cause) {
    throw unreadable(name, cause);
  }
}

function unreadable(name: string, cause: unknown): ReadError {
  return new ReadError(`cannot read ${name}: ${(cause as Error).message}`, { cause });
}

/** So many of the first bytes tell what a stream is: UTF-8's mark is the longest. */
const SIGNATURE_BYTES = 3;
/** RFC 1952, section 2.3.1. */
const GZIP_SIGNATURE = Buffer.of(0x1f, 0x8b);
const UTF_16_SIGNATURE = Buffer.of(0xff, 0xfe);
/** Unicode's byte order mark, as it is decoded. */
const BYTE_ORDER_MARK = '\ufeff';

/** By the first bytes: a name may say anything, and stdin has none. */
async function* unpacked(stream: AsyncIterable<string | Buffer>): AsyncGenerator<Buffer> {
  const parts = withSignature(stream);
  const { value: first, done } = await parts.next();
  if (done) return;
  const all = continued(first, parts);
  yield* isSigned(first, GZIP_SIGNATURE) ? gunzipped(all) : all;
}

/** The bytes of a stream; the signature is not cut in two. */
async function* withSignature(stream: AsyncIterable<string | Buffer>): AsyncGenerator<Buffer> {
  let first: Buffer | undefined = Buffer.alloc(0);
  for await (const part of stream) {
    const bytes = typeof part === 'string' ? Buffer.from(part) : part;
    if (first === undefined) {
      yield bytes;
      continue;
    }
    first = Buffer.concat([first, bytes]);
    if (first.length < SIGNATURE_BYTES) continue;
    yield first;
    first = undefined;
  }
  if (first !== undefined) yield first;
}

async function* continued(first: Buffer, others: AsyncGenerator<Buffer>): AsyncGenerator<Buffer> {
  try {
    yield first;
    yield* others;
  } finally {
    await others.return(undefined);
  }
}

async function* gunzipped(parts: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  const packed = Readable.from(copied(parts));
  try {
    const gunzip = createGunzip();
    // Not pipeline(): it would report the reader that stops early as an error.
    packed.on('error', (error) => gunzip.destroy(error));
    yield* withSignature(packed.pipe(gunzip));
  } finally {
    packed.destroy();
  }
}

/** A stream reads ahead, and a part is overwritten by the next. */
async function* copied(parts: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  for await (const part of parts) yield Buffer.from(part);
}

/** By a text's first bytes: UTF-16 where they say so, as Windows PowerShell writes what a command prints, else UTF-8. */
export function encodingOf(bytes: Buffer): 'utf-16le' | 'utf-8' {
  return isSigned(bytes, UTF_16_SIGNATURE) ? 'utf-16le' : 'utf-8';
}

function isSigned(bytes: Buffer, signature: Buffer): boolean {
  return bytes.subarray(0, signature.length).equals(signature);
}

/** @param parts the first of them has the signature */
async function* linesOf(parts: AsyncIterable<Buffer>): TextBatches {
  let decoder: StringDecoder | undefined;
  let rest = '';
  let isTooLong = false;
  for await (const part of parts) {
    const isFirst = decoder === undefined;
    decoder ??= new StringDecoder(encodingOf(part));
    const decoded = decoder.write(part);
    const text = isFirst && decoded.startsWith(BYTE_ORDER_MARK) ? decoded.slice(1) : decoded;
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
  rest += decoder?.end() ?? '';
  if (isTooLong) yield [TOO_LONG];
  else if (rest !== '') yield [withoutReturn(rest)];
}

function withoutReturn(line: string): string {
  return line.endsWith('\r') ? line.slice(0, -1) : line;
}
