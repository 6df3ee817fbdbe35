import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterAll, describe, expect, it } from 'vitest';
import { wholeText } from '../../src/cli/whole-text.ts';

const folder = mkdtempSync(join(tmpdir(), 'fargauge-text-'));
afterAll(() => rmSync(folder, { recursive: true }));

const TEXT = '{"family":"nächtlich"}\r\n';
const MARKED = `\uFEFF${TEXT}`;

describe('the text of a file', () => {
  it.each([
    ['UTF-8', Buffer.from(TEXT)],
    ['UTF-8 behind a byte order mark', Buffer.from(MARKED)],
    ['UTF-16, as Windows PowerShell redirects it', Buffer.from(MARKED, 'utf16le')],
  ])('may be %s, in a file and on stdin', async (_, bytes) => {
    const file = join(folder, 'task.json');
    writeFileSync(file, bytes);
    expect(await wholeText(file, Readable.from([]))).toBe(TEXT);
    // A character may be cut in two.
    const parts = Array.from(bytes, (byte) => Buffer.of(byte));
    expect(await wholeText('-', Readable.from(parts))).toBe(TEXT);
  });

  it('may be empty', async () => {
    expect(await wholeText('-', Readable.from([]))).toBe('');
  });

  it('that is not there is an error', async () => {
    await expect(wholeText(join(folder, 'none'), Readable.from([]))).rejects.toThrow('ENOENT');
  });
});
