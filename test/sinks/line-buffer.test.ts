import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DROP_ORDER, LineBuffer } from '../../src/sinks/line-buffer.ts';
import { EVENT_OVERHEAD_BYTES } from '../../src/sinks/log-events.ts';
import type { OutputLine } from '../../src/sinks/sink.ts';

const LINE_BYTES = 100;
const TARGET = { logGroupName: 'g', logStreamName: 's' };
const here = () => TARGET;

function line(type: OutputLine['type'], name: string, bytes = LINE_BYTES): OutputLine {
  return { type, timeMs: 0, text: name.padEnd(bytes - EVENT_OVERHEAD_BYTES, '.') };
}

const namesOf = (lines: readonly OutputLine[]): string[] => lines.map(({ text }) => text.replaceAll('.', ''));

function bufferOf(lineCount: number): LineBuffer {
  return new LineBuffer(lineCount * LINE_BYTES);
}

describe('the bounded buffer', () => {
  it('gives lines back in the order they were written, once', () => {
    const buffer = bufferOf(3);
    buffer.add([line('START', 'a'), line('SUMMARY', 'b')], here);
    buffer.add([line('REPORT', 'c')], here);
    expect(namesOf(buffer.drain())).toEqual(['a', 'b', 'c']);
    expect(buffer.drain()).toEqual([]);
    expect(buffer.bytes).toBe(0);
  });

  it('drops the oldest SAMPLE first, then the oldest SUMMARY, then START', () => {
    const buffer = bufferOf(5);
    buffer.add(
      [
        line('START', 'start'),
        line('SUMMARY', 'summary1'),
        line('SAMPLE', 'sample1'),
        line('SUMMARY', 'summary2'),
        line('SAMPLE', 'sample2'),
      ],
      here,
    );
    const gone: string[][] = [];
    let before = namesOf(buffer.lines.map((entry) => entry.line));
    for (let count = 1; count <= 5; count++) {
      buffer.add([line('CONTAINER', `container${count}`)], here);
      const after = namesOf(buffer.lines.map((entry) => entry.line));
      gone.push(before.filter((name) => !after.includes(name)));
      before = after;
    }
    expect(gone).toEqual([['sample1'], ['sample2'], ['summary1'], ['summary2'], ['start']]);
    expect(buffer.droppedCount).toBe(5);
  });

  it('drops a new SAMPLE itself when all else matters more', () => {
    const buffer = bufferOf(1);
    buffer.add([line('SUMMARY', 'kept')], here);
    buffer.add([line('SAMPLE', 'dropped')], here);
    expect(namesOf(buffer.drain())).toEqual(['kept']);
    expect(buffer.droppedCount).toBe(1);
  });

  it('never drops CONTAINER and REPORT, even when they alone are too many', () => {
    const buffer = bufferOf(1);
    buffer.add([line('CONTAINER', 'a'), line('CONTAINER', 'b'), line('REPORT', 'c')], here);
    expect(namesOf(buffer.drain())).toEqual(['a', 'b', 'c']);
    expect(buffer.droppedCount).toBe(0);
  });

  it('lines put back stand where they stood', () => {
    const buffer = bufferOf(9);
    buffer.add([line('SUMMARY', 'a'), line('SUMMARY', 'b'), line('SUMMARY', 'c')], here);
    const taken = buffer.lines.slice(0, 2);
    buffer.take(taken);
    expect(buffer.bytes).toBe(LINE_BYTES);
    buffer.add([line('REPORT', 'd')], here);
    buffer.putBack(taken);
    expect(namesOf(buffer.drain())).toEqual(['a', 'b', 'c', 'd']);
  });

  it('lines put back are the oldest, and so the first to go', () => {
    const buffer = bufferOf(2);
    buffer.add([line('SUMMARY', 'old')], here);
    const taken = buffer.lines;
    buffer.take(taken);
    buffer.add([line('SUMMARY', 'new1'), line('SUMMARY', 'new2')], here);
    buffer.putBack(taken);
    expect(namesOf(buffer.drain())).toEqual(['new1', 'new2']);
  });

  it('redirects what waits for one stream and nothing else', () => {
    const other = { logGroupName: 'g', logStreamName: 'other' };
    const third = { logGroupName: 'g', logStreamName: 'third' };
    const buffer = bufferOf(9);
    buffer.add([line('SUMMARY', 'a')], here);
    buffer.add([line('SUMMARY', 'b')], () => third);
    buffer.redirect(TARGET, other);
    expect(buffer.lines.map((entry) => entry.target)).toEqual([other, third]);
  });

  it('whatever is written, taken and put back: within its bound, in order, and every line accounted for', () => {
    const types: OutputLine['type'][] = [...DROP_ORDER, 'CONTAINER', 'REPORT'];
    const step = fc.oneof(
      fc.record({ type: fc.constantFrom(...types), bytes: fc.integer({ min: 30, max: 300 }) }),
      fc.constant('take' as const),
      fc.constant('put back' as const),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
        const maxBytes = 1000;
        const buffer = new LineBuffer(maxBytes);
        let taken: typeof buffer.lines = [];
        let writtenCount = 0;
        for (const action of steps) {
          if (action === 'take') {
            const some = buffer.lines.slice(0, 2);
            buffer.take(some);
            taken = [...taken, ...some];
          } else if (action === 'put back') {
            buffer.putBack(taken);
            taken = [];
          } else {
            writtenCount += 1;
            buffer.add([line(action.type, `${writtenCount}`, action.bytes)], here);
          }
          const { lines } = buffer;
          const isDroppableLeft = lines.some((entry) => DROP_ORDER.includes(entry.line.type));
          expect(buffer.bytes).toBe(lines.reduce((sum, entry) => sum + entry.bytes, 0));
          if (isDroppableLeft) expect(buffer.bytes).toBeLessThanOrEqual(maxBytes);
          expect(lines.length + taken.length + buffer.droppedCount).toBe(writtenCount);
          const ordinals = lines.map((entry) => entry.ordinal);
          expect(ordinals).toEqual(ordinals.toSorted((a, b) => a - b));
        }
      }),
    );
  });
});
