import { Readable } from 'node:stream';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { lines, type OutputText, outputLines } from '../../src/local/docker-output.ts';

function frame({ source, text }: OutputText): Buffer {
  const bytes = Buffer.from(text);
  const header = Buffer.from([source === 'stderr' ? 2 : 1, 0, 0, 0, 0, 0, 0, 0]);
  header.writeUInt32BE(bytes.length, 4);
  return Buffer.concat([header, bytes]);
}

/** The bytes in pieces that end where they happen to. */
function cut(bytes: Buffer, sizes: readonly number[]): Buffer[] {
  const pieces: Buffer[] = [];
  let at = 0;
  for (let index = 0; at < bytes.length; index += 1) {
    const end = at + (sizes[index % sizes.length] ?? 1);
    pieces.push(bytes.subarray(at, end));
    at = end;
  }
  return pieces;
}

const from = (pieces: readonly Buffer[]) => Readable.from(pieces);

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const item of items) found.push(item);
  return found;
}

const text = (output: readonly OutputText[], source: string) =>
  output.filter((line) => line.source === source).map((line) => line.text);

describe('the output of a container', () => {
  it('is the lines that it wrote to each stream, whatever pieces they come in', async () => {
    const line = fc.string({ unit: 'grapheme', maxLength: 40 }).map((each) => each.replace(/[\r\n]/g, ' '));
    const written = fc.record({ source: fc.constantFrom('stdout' as const, 'stderr' as const), text: line });
    const sizes = fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1, maxLength: 8 });
    await fc.assert(
      fc.asyncProperty(fc.array(written), sizes, async (output, pieceSizes) => {
        const bytes = Buffer.concat(output.map(({ source, text }) => frame({ source, text: `${text}\n` })));
        const read = await all(outputLines(from(cut(bytes, pieceSizes)), false));
        for (const source of ['stdout', 'stderr']) expect(text(read, source)).toEqual(text(output, source));
      }),
    );
  });

  it('puts a line together that came in several frames, with those of the other stream between', async () => {
    const frames = [
      frame({ source: 'stdout', text: 'one ' }),
      frame({ source: 'stderr', text: 'error\n' }),
      frame({ source: 'stdout', text: 'line\n' }),
    ];
    expect(await all(outputLines(from(frames), false))).toEqual([
      { source: 'stderr', text: 'error' },
      { source: 'stdout', text: 'one line' },
    ]);
  });

  it('has a last line without a newline too', async () => {
    expect(await all(outputLines(from([frame({ source: 'stdout', text: 'a\nb' })]), false))).toEqual([
      { source: 'stdout', text: 'a' },
      { source: 'stdout', text: 'b' },
    ]);
  });

  it('of a terminal is text without frames, whose lines end in CR LF', async () => {
    expect(await all(outputLines(from([Buffer.from('a\r\nb\r\n')]), true))).toEqual([
      { source: 'stdout', text: 'a' },
      { source: 'stdout', text: 'b' },
    ]);
  });

  it('comes in pieces where a line does not end', async () => {
    const endless = 'x'.repeat(200_000);
    const pieces = await all(lines(from(cut(Buffer.from(endless), [1000]))));
    expect(pieces.length).toBeGreaterThan(2);
    expect(pieces.join('')).toBe(endless);
  });
});

it('lines fail when what they come from fails', async () => {
  async function* broken() {
    yield Buffer.from('one\n');
    throw new Error('reset');
  }
  await expect(all(lines(broken()))).rejects.toThrow('reset');
});
