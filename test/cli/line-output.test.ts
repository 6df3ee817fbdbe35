import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough, Readable, Writable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { copyLines, type LineOutput, OutputError, openLineOutput } from '../../src/cli/line-output.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'fargauge-lines-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const streams = () => ({ stdin: Readable.from([]), stdout: new PassThrough(), stderr: new PassThrough() });

async function copy(input: string[], output: LineOutput) {
  const lines: string[] = [];
  const errors: string[] = [];
  await copyLines(Readable.from(input), output, {
    onLine: (line) => lines.push(line),
    onBroken: ({ message }) => errors.push(message),
  });
  return { lines, errors };
}

describe('the output for lines', () => {
  it('is stderr, stdout for -, or a file that is emptied first', async () => {
    const { stdin, stdout, stderr } = streams();
    expect(openLineOutput(undefined, { stdin, stdout, stderr }).stream).toBe(stderr);
    expect(openLineOutput('-', { stdin, stdout, stderr }).stream).toBe(stdout);
    const file = join(folder, 'lines.jsonl');
    writeFileSync(file, 'of an earlier run\n'.repeat(100));
    const copied = await copy(['one\ntw', 'o\n'], openLineOutput(file, streams()));
    expect(copied).toEqual({ lines: ['one', 'two'], errors: [] });
    expect(readFileSync(file, 'utf8')).toBe('one\ntwo\n');
  });

  it('that cannot be written is told with its name', () => {
    const file = join(folder, 'none', 'lines.jsonl');
    expect(() => openLineOutput(file, streams())).toThrow(OutputError);
    expect(() => openLineOutput(file, streams())).toThrow(
      `--output ${file}: the file cannot be written: ENOENT`,
    );
  });

  it('gets each line in one write, however it came, and stays open when it is not ours', async () => {
    const writes: string[] = [];
    const stream = new Writable({
      write(chunk, _encoding, done) {
        writes.push(String(chunk));
        done();
      },
    });
    await copy(['{"a"', ':1}\n{"b":2}\n{"c"', ':3}'], { stream, name: 'stdout', isFile: false });
    expect(writes).toEqual(['{"a":1}\n', '{"b":2}\n', '{"c":3}\n']);
    expect(stream.writable).toBe(true);
  });

  it('that breaks is told once, and the rest of the lines is read on', async () => {
    const stream = new Writable({
      write: (_chunk, _encoding, done) => done(new Error('EPIPE: broken pipe')),
    });
    const copied = await copy(['one\n', 'two\n', 'three\n'], { stream, name: 'stdout', isFile: false });
    expect(copied).toEqual({ lines: ['one', 'two', 'three'], errors: ['EPIPE: broken pipe'] });
  });

  it('holds the input back when its reader is slow', async () => {
    const stream = new PassThrough({ highWaterMark: 16 });
    let readCount = 0;
    const input = Readable.from(
      (function* () {
        for (; readCount < 5000; readCount++) yield `${`line ${readCount} `.padEnd(100, '.')}\n`;
      })(),
      { objectMode: false },
    );
    const copied = copyLines(
      input,
      { stream, name: 'stdout', isFile: false },
      { onLine() {}, onBroken() {} },
    );
    await new Promise((resolve) => stream.once('readable', resolve));
    expect(readCount).toBeLessThan(5000);
    const all = text(stream);
    await copied;
    stream.end();
    expect((await all).match(/^line \d+/gm)).toHaveLength(5000);
  });
});
