import { createReadStream } from 'node:fs';
import type { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { encodingOf } from '../reading/text-lines.ts';

/**
 * The text of a file, or of stdin where the file is called `-`: UTF-8, or UTF-16 with the mark that says so. A byte
 * order mark is not part of it.
 * @throws what reading throws
 */
export async function wholeText(file: string, stdin: Readable): Promise<string> {
  const bytes = await buffer(file === '-' ? stdin : createReadStream(file));
  return new TextDecoder(encodingOf(bytes)).decode(bytes);
}
