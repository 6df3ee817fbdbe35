import { createReadStream } from 'node:fs';
import type { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';

const UTF_16_MARK = Buffer.of(0xff, 0xfe);

/**
 * The text of a file, or of stdin where the file is called `-`: UTF-8, or UTF-16 with the mark that says so, as Windows
 * PowerShell writes what a command prints. A byte order mark is not part of it.
 * @throws what reading throws
 */
export async function wholeText(file: string, stdin: Readable): Promise<string> {
  const bytes = await buffer(file === '-' ? stdin : createReadStream(file));
  const isUtf16 = bytes.subarray(0, UTF_16_MARK.length).equals(UTF_16_MARK);
  return new TextDecoder(isUtf16 ? 'utf-16le' : 'utf-8').decode(bytes);
}
