import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  EVENT_OVERHEAD_BYTES,
  eventBytes,
  eventTimestampMs,
  MAX_REQUEST_BYTES,
  MAX_REQUEST_EVENTS,
  MAX_REQUEST_SPAN_MS,
  packRequests,
  problemOfTarget,
  readAcceptance,
} from '../../src/sinks/log-events.ts';
import type { OutputLine } from '../../src/sinks/sink.ts';

interface Entry {
  readonly line: OutputLine;
}

function entry(timeMs: number, text = 'x'): Entry {
  return { line: { type: 'SUMMARY', timeMs, text } };
}

const texts = (requests: readonly (readonly Entry[])[]): string[][] =>
  requests.map((request) => request.map(({ line }) => line.text));

describe('packing lines into requests', () => {
  it('no line is no request', () => {
    expect(packRequests([])).toEqual([]);
  });

  it('lines that fit together are one request, in order of time, equal times in the order given', () => {
    const lines = [entry(3, 'c'), entry(1, 'a1'), entry(2, 'b'), entry(1, 'a2')];
    expect(texts(packRequests(lines))).toEqual([['a1', 'a2', 'b', 'c']]);
  });

  it('times within one millisecond keep the order given, for CloudWatch sees whole milliseconds', () => {
    expect(texts(packRequests([entry(5.9, 'first'), entry(5.1, 'second')]))).toEqual([['first', 'second']]);
  });

  it('counts a message in UTF-8 bytes, and 26 more', () => {
    expect(eventBytes('é€😀')).toBe(2 + 3 + 4 + EVENT_OVERHEAD_BYTES);
  });

  it('fills a request to the last byte and not beyond', () => {
    const half = 'x'.repeat(MAX_REQUEST_BYTES / 2 - EVENT_OVERHEAD_BYTES);
    expect(packRequests([entry(1, half), entry(2, half)])).toHaveLength(1);
    expect(packRequests([entry(1, half), entry(2, `${half}x`)])).toHaveLength(2);
  });

  it('puts 10,000 events into a request and the next one into another', () => {
    const lines = Array.from({ length: MAX_REQUEST_EVENTS + 1 }, (_, index) => entry(index));
    expect(packRequests(lines).map((request) => request.length)).toEqual([MAX_REQUEST_EVENTS, 1]);
  });

  it('lets a request span 24 hours and not a millisecond more', () => {
    expect(packRequests([entry(0), entry(MAX_REQUEST_SPAN_MS)])).toHaveLength(1);
    expect(packRequests([entry(0), entry(MAX_REQUEST_SPAN_MS + 1)])).toHaveLength(2);
  });

  it('gives a line that fits nowhere a request of its own, so that its refusal costs no other', () => {
    const requests = packRequests([entry(1, 'a'), entry(2, 'x'.repeat(MAX_REQUEST_BYTES)), entry(3, 'c')]);
    expect(requests.map((request) => request.length)).toEqual([1, 1, 1]);
  });

  it('any lines: the requests laid end to end are the sorted lines, and each obeys every limit', () => {
    const anyLine = fc
      .record({
        timeMs: fc.oneof(
          fc.integer({ min: 0, max: 4 * MAX_REQUEST_SPAN_MS }),
          fc.integer({ min: 0, max: 5 }),
        ),
        text: fc.oneof(
          fc.string({ unit: 'binary', minLength: 1, maxLength: 30 }),
          fc
            .integer({ min: 1, max: MAX_REQUEST_BYTES - EVENT_OVERHEAD_BYTES })
            .map((size) => 'y'.repeat(size)),
        ),
      })
      .map(({ timeMs, text }) => entry(timeMs, text));
    fc.assert(
      fc.property(fc.array(anyLine, { maxLength: 20 }), (lines) => {
        const requests = packRequests(lines);
        const sorted = lines.toSorted((a, b) => a.line.timeMs - b.line.timeMs);
        expect(requests.flat().map((packed) => sorted.indexOf(packed))).toEqual([...sorted.keys()]);
        for (const request of requests) {
          const times = request.map(({ line }) => eventTimestampMs(line));
          const bytes = request.reduce((sum, { line }) => sum + eventBytes(line.text), 0);
          expect(request.length).toBeGreaterThan(0);
          expect(request.length).toBeLessThanOrEqual(MAX_REQUEST_EVENTS);
          expect(bytes).toBeLessThanOrEqual(MAX_REQUEST_BYTES);
          expect(Math.max(...times) - Math.min(...times)).toBeLessThanOrEqual(MAX_REQUEST_SPAN_MS);
        }
      }),
    );
  });
});

describe('reading rejectedLogEventsInfo of ten events', () => {
  const everything = { acceptedStart: 0, acceptedEnd: 10, tooOldCount: 0, expiredCount: 0, tooNewCount: 0 };

  it.each([
    ['absent: all were stored', undefined, {}],
    ['empty: all were stored', {}, {}],
    ['too old up to 3, exclusive', { tooOldLogEventEndIndex: 3 }, { acceptedStart: 3, tooOldCount: 3 }],
    ['expired up to 4, exclusive', { expiredLogEventEndIndex: 4 }, { acceptedStart: 4, expiredCount: 4 }],
    ['too new from 8, inclusive', { tooNewLogEventStartIndex: 8 }, { acceptedEnd: 8, tooNewCount: 2 }],
    [
      'too old is a part of expired',
      { tooOldLogEventEndIndex: 1, expiredLogEventEndIndex: 3 },
      { acceptedStart: 3, tooOldCount: 1, expiredCount: 2 },
    ],
    [
      'old and new at once',
      { tooOldLogEventEndIndex: 2, tooNewLogEventStartIndex: 9 },
      { acceptedStart: 2, acceptedEnd: 9, tooOldCount: 2, tooNewCount: 1 },
    ],
    ['every event too new', { tooNewLogEventStartIndex: 0 }, { acceptedEnd: 0, tooNewCount: 10 }],
    ['every event too old', { tooOldLogEventEndIndex: 10 }, { acceptedStart: 10, tooOldCount: 10 }],
    ['beyond the end', { tooOldLogEventEndIndex: 11 }, { acceptedStart: 10, tooOldCount: 10 }],
  ])('%s', (_, info, expected) => {
    expect(readAcceptance(info, 10)).toEqual({ ...everything, ...expected });
  });

  it('any answer: stored and refused add up', () => {
    const index = fc.option(fc.integer({ min: -2, max: 30 }), { nil: undefined });
    fc.assert(
      fc.property(
        fc.nat(20),
        fc.record({
          tooNewLogEventStartIndex: index,
          tooOldLogEventEndIndex: index,
          expiredLogEventEndIndex: index,
        }),
        (eventCount, info) => {
          const read = readAcceptance(info, eventCount);
          const refused = read.tooOldCount + read.expiredCount + read.tooNewCount;
          expect(read.acceptedEnd - read.acceptedStart + refused).toBe(eventCount);
          expect(read.acceptedEnd).toBeGreaterThanOrEqual(read.acceptedStart);
          expect(Math.min(...Object.values(read))).toBeGreaterThanOrEqual(0);
        },
      ),
    );
  });
});

describe('names of log groups and streams', () => {
  it.each([
    ['/ecs/nightly', 'ecs/app/0f9de17a6465404e8b1b2356dc13c2f8'],
    ['a.b_c-d/e#1', 'any thing [but] colon'],
    ['g'.repeat(512), 's'.repeat(512)],
  ])('good: %s, %s', (logGroupName, logStreamName) => {
    expect(problemOfTarget({ logGroupName, logStreamName })).toBeUndefined();
  });

  it.each([
    ['', 's', 'log group name ""'],
    ['a b', 's', 'log group name "a b"'],
    ['g'.repeat(513), 's', 'log group name'],
    ['g', '', 'log stream name ""'],
    ['g', 'a:b', 'log stream name "a:b"'],
    ['g', 'a*', 'log stream name "a*"'],
  ])('bad: %s, %s', (logGroupName, logStreamName, problem) => {
    expect(problemOfTarget({ logGroupName, logStreamName })).toContain(problem);
  });
});
