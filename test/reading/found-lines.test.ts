import { randomUUID } from 'node:crypto';
import { mkdtempSync, readdirSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { afterAll, describe, expect, it, vi } from 'vitest';
import { render } from '../../src/core/line.ts';
import { type Found, LineReading, type ReadingOptions } from '../../src/reading/found-lines.ts';
import { fileLines, MAX_LINE_LENGTH, streamLines } from '../../src/reading/text-lines.ts';

const folder = mkdtempSync(join(tmpdir(), 'fargauge-reading-'));
afterAll(() => rmSync(folder, { recursive: true }));

function line(seq: number, changes: Record<string, unknown> = {}): string {
  const fields = { fargaugeVersion: '0.1.0', job: 'nightly "λ"', taskId: 'd43f', ...changes };
  return render({ type: 'REPORT', timeMs: Date.parse('2026-11-21T02:15:07.543Z'), fields }, seq);
}

const OURS = [line(1), line(2), line(3)];

async function read(text: string | readonly (string | Buffer)[], options: ReadingOptions = {}) {
  const reading = new LineReading(options);
  const found: Found[] = [];
  const chunks = typeof text === 'string' ? [text] : text;
  for await (const each of reading.of(streamLines(Readable.from(chunks)))) found.push(each);
  return { found, counts: reading.counts, seqs: seqsOf(found) };
}

function seqsOf(found: readonly Found[]): number[] {
  return found.flatMap((each) => (each.kind === 'line' ? [each.line.seq] : []));
}

function piecesOf(bytes: Buffer, size: number): Buffer[] {
  return Array.from({ length: Math.ceil(bytes.length / size) }, (_, index) =>
    bytes.subarray(index * size, (index + 1) * size),
  );
}

/** What the AWS CLI prints. */
function pretty(value: unknown): string {
  return `${JSON.stringify(value, undefined, 4)}\n`;
}

const events = [...OURS, 'Processing 12 of 30'].map((message) => ({
  timestamp: 1_763_691_307_543,
  message,
  ingestionTime: 1_763_691_310_000,
}));
const results = OURS.map((message) => [
  { field: '@timestamp', value: '2026-11-21 02:15:07.543' },
  { field: '@message', value: message },
  { field: '@ptr', value: 'CmEKJgoiMTIzNDU2Nzg5MDEyOi9lY3M' },
]);
const dockerLines = OURS.map((each) =>
  JSON.stringify({ log: `${each}\n`, stream: 'stdout', time: '2026-11-21T02:15:07.6Z' }),
);
/** As the log driver awsfirelens hands them on, and Fluent Bit writes them where nothing takes the key out. */
const routedLines = OURS.map((each) =>
  JSON.stringify({ container_id: 'd43f-1', container_name: 'fargauge', source: 'stdout', log: each }),
);
/** So long that they cannot be kept whole. */
const manyEvents = Array.from({ length: 300 }, (_, index) => ({ timestamp: 1, message: line(index + 1) }));
const manyRouted = manyEvents.map(({ message }) => ({ source: 'stdout', log: `${message}\n` }));
const manyResults = Array.from({ length: 300 }, (_, index) => [
  { field: '@message', value: line(index + 1) },
  { field: 'taskId', value: 'd43f' },
]);

describe('lines are found in', () => {
  it.each([
    ['plain lines', OURS.join('\n')],
    ['lines that end with CRLF', `${OURS.join('\r\n')}\r\n`],
    ['aws logs filter-log-events', pretty({ events, searchedLogStreams: [] })],
    ['the same on one line', JSON.stringify({ events, searchedLogStreams: [] })],
    ['aws logs get-log-events', pretty({ events, nextForwardToken: 'f/1', nextBackwardToken: 'b/1' })],
    [
      'aws logs get-query-results',
      pretty({ results, statistics: { recordsMatched: 3 }, status: 'Complete' }),
    ],
    ['the same on one line', JSON.stringify({ results, status: 'Complete' })],
    ['aws logs … --query events[].message', pretty(OURS)],
    ['events, one to a line', events.map((event) => JSON.stringify(event)).join('\n')],
    [
      'aws logs tail',
      OURS.map((each) => `2026-11-21T02:15:07.543000+00:00 ecs/batch/d43f ${each}`).join('\n'),
    ],
    ['aws logs tail --format short', OURS.map((each) => `2026-11-21T02:15:07 ${each}`).join('\n')],
    [
      'aws logs tail --format json',
      OURS.map((each) => `2026-11-21T02:15:07 ${pretty(JSON.parse(each))}`).join(''),
    ],
    ['jq', OURS.map((each) => pretty(JSON.parse(each))).join('')],
    ['Docker’s json-file', dockerLines.join('\n')],
    ['what FireLens wraps', routedLines.join('\n')],
    [
      'what FireLens wraps, in what aws logs prints',
      pretty({ events: routedLines.map((message) => ({ message })) }),
    ],
    ['the same on one line', JSON.stringify({ events: routedLines.map((message) => ({ message })) })],
    [
      'aws logs filter-log-events --output text',
      events
        .map((event) =>
          ['EVENTS', '3701', event.ingestionTime, 'ecs/batch/d43f', event.message, event.timestamp].join(
            '\t',
          ),
        )
        .join('\n'),
    ],
    ['aws logs get-query-results --output text', OURS.map((each) => `RESULTS\t@message\t${each}`).join('\n')],
    ['aws logs … --query events[].message --output text', OURS.join('\t')],
  ])('%s', async (_, text) => {
    const { seqs, found } = await read(text);
    expect(seqs).toEqual([1, 2, 3]);
    expect(found[0]).toMatchObject({ line: { fields: { job: 'nightly "λ"' } } });
  });

  it.each([
    ['events', pretty({ events: manyEvents })],
    ['query results', pretty({ results: manyResults })],
    ['records of FireLens', pretty(manyRouted)],
  ])('a document of %s that is too long to be kept, and in what follows it', async (_, text) => {
    const { seqs, counts } = await read(`${text}${line(1000)}\n`);
    expect(seqs).toEqual([...Array.from({ length: 300 }, (_, index) => index + 1), 1000]);
    expect(counts.foreign).toBe(0);
  });

  it('text that comes in any pieces, characters cut in two among them', async () => {
    const bytes = Buffer.from(OURS.join('\n'));
    for (const size of [1, 2, 3, 7, 1000]) {
      expect((await read(piecesOf(bytes, size))).found).toEqual((await read(OURS.join('\n'))).found);
    }
  });

  const encoded: [string, Buffer][] = [
    ['UTF-8 with its mark', Buffer.from(`\ufeff${OURS.join('\n')}`)],
    ['the same, pretty-printed', Buffer.from(`\ufeff${pretty({ events })}`)],
    ['UTF-16, as Windows PowerShell writes it', Buffer.from(`\ufeff${OURS.join('\r\n')}\r\n`, 'utf16le')],
    ['gzip', gzipSync(OURS.join('\n'))],
    ['gzip with UTF-16 in it', gzipSync(Buffer.from(`\ufeff${pretty({ events })}`, 'utf16le'))],
  ];

  it.each(encoded)('%s, whatever the file is called, and in a stream of any pieces', async (_, bytes) => {
    for (const name of ['lines.jsonl', 'lines.jsonl.gz']) {
      const path = join(folder, name);
      writeFileSync(path, bytes);
      const reading = new LineReading();
      const found: Found[] = [];
      for await (const each of reading.of(fileLines(path))) found.push(each);
      expect(seqsOf(found)).toEqual([1, 2, 3]);
    }
    for (const size of [1, 2, 3, 7, 1000]) {
      const { seqs, found } = await read(piecesOf(bytes, size));
      expect(seqs).toEqual([1, 2, 3]);
      expect(found[0]).toMatchObject({ line: { fields: { job: 'nightly "λ"' } } });
    }
  });

  it('a file larger than one read, packed or not, and no further than somebody reads', async () => {
    const lines = Array.from({ length: 3_000 }, (_, index) => line(index, { taskId: randomUUID() }));
    const path = join(folder, 'large');
    for (const bytes of [Buffer.from(lines.join('\n')), gzipSync(lines.join('\n'))]) {
      writeFileSync(path, bytes);
      const texts: string[] = [];
      for await (const batch of fileLines(path)) texts.push(...batch);
      expect(texts).toEqual(lines);
      for await (const [text] of fileLines(path)) {
        expect(text).toBe(lines[0]);
        break;
      }
    }
    await vi.waitFor(() => expect(openFiles()).not.toContain(path));
  });
});

/** What this process has open. */
function openFiles(): string[] {
  return readdirSync('/proc/self/fd').flatMap((descriptor) => {
    try {
      return [readlinkSync(`/proc/self/fd/${descriptor}`)];
    } catch {
      // The one of the folder itself.
      return [];
    }
  });
}

describe('what others print takes nothing away:', () => {
  const many = Array.from({ length: 300 }, (_, index) => line(index + 1)).join('\n');
  const manySeqs = Array.from({ length: 300 }, (_, index) => index + 1);

  it.each([
    ['an object that never ends', '{\n  "a": 1,', 2],
    ['a list that never ends', '[', 1],
    ['a list as Node prints it', 'Array\n[\n  1,\n  2 ]', 4],
    ['a long object of others', `{\n${'  "retries": 3,\n'.repeat(9_000)}  "x": 1\n}`, 9_003],
    ['events that never end', `{\n    "events": [\n${'        "x": 1,\n'.repeat(9_000)}        "y": 1`, 0],
    [
      'a long object that never ends',
      `{\n${'  "retries": 3,\n'.repeat(9_000)}${'\tat work (job.js)\n'.repeat(3)}`,
      9_004,
    ],
  ])('%s', async (_, foreign, foreignCount) => {
    const { seqs, counts } = await read(`${foreign}\n${many}\n`);
    expect(seqs).toEqual(manySeqs);
    expect(counts).toMatchObject({ broken: 0, foreign: foreignCount });
  });

  it('an object in whose middle our lines stand, because two containers share a stream', async () => {
    const { seqs, counts } = await read(`{\n  "a": 1,\n${OURS[0]}\n  "b": 2\n}\n${OURS[1]}\n`);
    expect(seqs).toEqual([1, 2]);
    expect(counts.broken).toBe(0);
  });

  it('an object that never ends, before each of what the tools of AWS print', async () => {
    for (const text of [
      pretty({ events }),
      JSON.stringify({ events }),
      pretty(OURS),
      OURS.map((each) => `2026-11-21T02:15:07 ecs/batch/d43f ${each}`).join('\n'),
      OURS.map((each) => `2026-11-21T02:15:07 ${pretty(JSON.parse(each))}`).join(''),
    ]) {
      expect((await read(`{\n  "a": 1,\n${text}`)).seqs).toEqual([1, 2, 3]);
    }
  });

  it('a line that is too long, inside an object', async () => {
    const part = 'x'.repeat(MAX_LINE_LENGTH / 2);
    const { seqs, counts } = await read(['{\n', part, part, `${part}\n`, `${line(1)}\n`]);
    expect(seqs).toEqual([1]);
    expect(counts.broken).toBe(1);
  });

  it.each([
    ['lists', '['.repeat(20_000), '"a \\"b\\""', ']'.repeat(20_000)],
    ['events', '{"events":['.repeat(20_000), '{"message":"a \\"b\\""}', ']}'.repeat(20_000)],
  ])('%s in each other, 20,000 deep', async (_, opening, inner, closing) => {
    const { seqs, counts } = await read(`${opening}${inner}${closing}\n${line(1)}\n`);
    expect(seqs).toEqual([1]);
    expect(counts).toMatchObject({ foreign: 1, broken: 0 });
  });

  it('one of ours over several lines that was cut is broken, and the next is read', async () => {
    const cut = pretty(JSON.parse(line(1))).slice(0, -20);
    const { seqs, counts } = await read(`${cut}\n${pretty(JSON.parse(line(2)))}${cut}\n`);
    expect(seqs).toEqual([2]);
    expect(counts).toMatchObject({ broken: 2, foreign: 0 });
  });

  it('any text without our mark, between any of our lines', async () => {
    const foreignLine = fc.oneof(
      fc.constantFrom(
        '{',
        '[',
        '}',
        ']',
        '  {',
        '  }',
        '  ]',
        '  2 ]',
        '},',
        '',
        'Array',
        '2026-11-21T02:15:07 {',
      ),
      fc.constantFrom(
        '  "a": 1,',
        '    "events": [',
        '  "field": "@message",',
        '  "message": "done"',
        '  "x",',
      ),
      fc.constantFrom('{"level":"info"}', '{"message":"a \\"b\\""}', '{"a', '["', '    at work (job.js)'),
      fc.constant('  "retries": 3,\n'.repeat(5_000)),
      fc.string(),
    );
    const inserted = fc.array(fc.tuple(fc.nat({ max: OURS.length }), foreignLine), { maxLength: 12 });
    const forms = [
      OURS,
      OURS.map((each) => `2026-11-21T02:15:07 ecs/batch/d43f ${each}`),
      OURS.map((each) => pretty(JSON.parse(each)).trimEnd()),
    ];
    await fc.assert(
      fc.asyncProperty(inserted, fc.constantFrom(...forms), async (others, ours) => {
        const lines = ours.flatMap((own, index) => [...othersAt(index), own]);
        const { seqs, counts } = await read([...lines, ...othersAt(ours.length)].join('\n'));
        expect(seqs.toSorted()).toEqual([1, 2, 3]);
        expect(counts).toMatchObject({ lines: 3, broken: 0, newer: 0, copy: 0 });

        function othersAt(index: number): readonly string[] {
          return others.filter(([at]) => at === index).map(([, text]) => text);
        }
      }),
    );
  });
});

describe('what is left out is counted:', () => {
  it('lines of others', async () => {
    const { found, counts } = await read(`Started\n${line(1)}\n{"level":"info"}\n\n`);
    expect(found.map(({ kind }) => kind)).toEqual(['foreign', 'line', 'foreign']);
    expect(counts).toMatchObject({ lines: 1, foreign: 2 });
  });

  it('messages of others in a document, but not the document', async () => {
    expect((await read(pretty({ events }))).counts).toMatchObject({ lines: 3, foreign: 1 });
  });

  it('a line that was cut, and a field that is not what it should be, each with its reason', async () => {
    const cut = line(1).slice(0, -20);
    const wrong = line(2).replace('"seq":2', '"seq":"two"');
    const { found, counts } = await read([cut, wrong, wrong, line(3)].map((each) => `${each}\n`));
    expect(found.map(({ kind }) => kind)).toEqual(['broken', 'broken', 'broken', 'line']);
    expect(Object.fromEntries(counts.brokenReasons)).toEqual({
      'is not JSON': 1,
      'seq is "two", not a whole number': 2,
    });
  });

  it('a line out of what aws logs does not print as JSON, with what to ask of it', async () => {
    const { counts } = await read(`events:\n- message: '${line(1)}'\n  timestamp: 1763691307543\n`);
    expect(Object.fromEntries(counts.brokenReasons)).toEqual({
      'is not JSON: if aws logs printed it, then with --output json': 1,
    });
  });

  it('no more than ten reasons are kept, whatever stands in the lines', async () => {
    const lines = Array.from({ length: 50 }, (_, index) =>
      line(index).replace(`"seq":${index}`, `"seq":"${index}"`),
    );
    const { counts } = await read(lines.join('\n'));
    expect(counts.broken).toBe(50);
    expect(counts.brokenReasons.size).toBe(10);
  });

  it('lines of a type that a newer version may add', async () => {
    const text = line(1).replace('REPORT', 'EPILOGUE');
    const { found, counts } = await read(text);
    expect(found).toEqual([
      {
        kind: 'newer',
        reason: 'type "EPILOGUE" is not known to this version',
        line: expect.objectContaining({ type: 'EPILOGUE', seq: 1 }),
        text,
      },
    ]);
    expect(counts.newer).toBe(1);
  });

  it('copies of REPORT lines, across sources too, by taskId and seq', async () => {
    const reading = new LineReading();
    const kinds: string[] = [];
    for (const text of [`${line(1)}\n${line(2)}\n${line(1)}`, line(2), line(2, { taskId: 'e54a' })]) {
      for await (const { kind } of reading.of(streamLines(Readable.from([text])))) kinds.push(kind);
    }
    expect(kinds).toEqual(['line', 'line', 'copy', 'copy', 'line']);
    expect(reading.counts.copy).toBe(2);
  });

  it('no copies of other lines, which are given as they come', async () => {
    const summary = line(1).replace('REPORT', 'SUMMARY');
    const { seqs, counts } = await read(`${summary}\n${summary}\n`);
    expect(seqs).toEqual([1, 1]);
    expect(counts).toMatchObject({ lines: 2, copy: 0 });
  });

  it('lines of types that were not asked for', async () => {
    const types = new Set(['REPORT']);
    const { seqs, counts } = await read(`${line(1).replace('REPORT', 'SUMMARY')}\n${line(2)}\n`, { types });
    expect(seqs).toEqual([2]);
    expect(counts).toMatchObject({ lines: 1, otherTypes: 1 });
  });

  it('a line longer than any of ours, without keeping it', async () => {
    const part = 'x'.repeat(MAX_LINE_LENGTH / 4);
    const { seqs, counts } = await read([part, part, part, part, `${part}\n`, `${line(1)}\n`]);
    expect(seqs).toEqual([1]);
    expect(counts).toMatchObject({ broken: 1 });
  });

  it('a document that was cut, as far as it goes', async () => {
    expect((await read(pretty({ events }).slice(0, -60))).seqs).toEqual([1, 2, 3]);
    const { seqs, counts } = await read(pretty({ events: manyEvents }).slice(0, 100_000));
    expect(seqs.length).toBeGreaterThan(100);
    expect(counts.broken + counts.foreign).toBeLessThan(3);
  });
});

it('a packed file that was cut is an error that names it, after what could be read', async () => {
  const path = join(folder, 'cut.gz');
  const packed = gzipSync(Array.from({ length: 3_000 }, () => line(1, { taskId: randomUUID() })).join('\n'));
  writeFileSync(path, packed.subarray(0, -100));
  let count = 0;
  const reading = (async () => {
    for await (const batch of fileLines(path)) count += batch.length;
  })();
  await expect(reading).rejects.toThrow(`cannot read ${path}: unexpected end of file`);
  expect(count).toBeGreaterThan(1_000);
});

it('a file that is not there is an error that names it', async () => {
  const reading = fileLines(join(folder, 'none.jsonl'))[Symbol.asyncIterator]();
  await expect(reading.next()).rejects.toThrow(/cannot read .*none\.jsonl: ENOENT/);
});
