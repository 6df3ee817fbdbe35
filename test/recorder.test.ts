import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Line, type LineFields, MAX_LINE_BYTES, render } from '../src/core/line.ts';
import { finish, initialState, step } from '../src/core/state.ts';
import { parseTask } from '../src/endpoint/schema.ts';
import { Recorder } from '../src/recorder.ts';
import { type Fixture, linesOf, pollOf, readFixture, SHAPES } from './support/fixtures.ts';

const AT_MS = Date.UTC(2026, 4, 4, 2);
const COMMON: LineFields = { fargaugeVersion: '1.2.3', cpuArchitecture: 'ARM64', elapsedMs: 12_345 };

function recorderOfAll(): Recorder {
  return new Recorder(() => false);
}

function record(recorder: Recorder, path: string, body: unknown): Line[] {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  return recorder.record({ path, body: text }, AT_MS, COMMON);
}

/** The document that these RECORD lines hold, out of their text. */
function documentOf(lines: readonly Line[]): unknown {
  const bodies = lines.map((line) => (JSON.parse(render(line, 1)) as { body: string }).body);
  return JSON.parse(bodies.join(''));
}

describe('a RECORD line', () => {
  it('tells when what was asked, and what came', () => {
    const [line] = recorderOfAll().record(
      { path: '/task', body: '{"KnownStatus":"RUNNING"}' },
      AT_MS,
      COMMON,
    );
    expect(JSON.parse(render(line as Line, 3))).toEqual({
      type: 'RECORD',
      time: '2026-05-04T02:00:00.000Z',
      seq: 3,
      fargaugeVersion: '1.2.3',
      cpuArchitecture: 'ARM64',
      elapsedMs: 12_345,
      path: '/task',
      body: '{"KnownStatus":"RUNNING"}',
      part: 1,
      partCount: 1,
    });
  });

  it('tells a failure, with the text that it came with or without any', () => {
    const recorder = recorderOfAll();
    const [refused] = recorder.record({ path: '/task', failure: 'unreachable' }, AT_MS, COMMON);
    expect(refused?.fields).toMatchObject({ path: '/task', failure: 'unreachable' });
    expect(refused?.fields.body).toBeUndefined();
    const [html] = recorder.record(
      { path: '/task', failure: 'not-json', body: '<html>s3cret' },
      AT_MS,
      COMMON,
    );
    expect(html?.fields).toMatchObject({ failure: 'not-json', body: '"(12 characters that are not JSON)"' });
  });

  it('is left out when nothing has changed since the last of that path', () => {
    const recorder = recorderOfAll();
    const task = { Family: 'nightly', KnownStatus: 'RUNNING' };
    expect(record(recorder, '/task', task)).toHaveLength(1);
    expect(record(recorder, '/task', task)).toHaveLength(0);
    expect(record(recorder, '/task/stats', {})).toHaveLength(1);
    expect(record(recorder, '/task', task)).toHaveLength(0);
    expect(record(recorder, '/task', { ...task, KnownStatus: 'STOPPED' })).toHaveLength(1);
    expect(record(recorder, '/task', task)).toHaveLength(1);
  });

  it('comes again after a failure between', () => {
    const recorder = recorderOfAll();
    record(recorder, '/task', {});
    expect(recorder.record({ path: '/task', failure: 'timeout' }, AT_MS, COMMON)).toHaveLength(1);
    expect(recorder.record({ path: '/task', failure: 'timeout' }, AT_MS, COMMON)).toHaveLength(0);
    expect(record(recorder, '/task', {})).toHaveLength(1);
  });

  it.each([
    ['names of keys', (i: number) => ({ [`"\\夜${i}`]: i })],
    ['statuses', (i: number) => ({ KnownStatus: `夜"\\\n${i}` })],
    ['numbers', (i: number) => ({ rx_bytes: i })],
  ])('of a long answer, full of %s, comes in parts below 16 KiB each that make up the whole', (_, make) => {
    const document = { Containers: Array.from({ length: 4_000 }, (_each, index) => make(index)) };
    const lines = record(recorderOfAll(), '/task', document);
    expect(lines.length).toBeGreaterThan(1);
    for (const [index, line] of lines.entries()) {
      expect(line.fields).toMatchObject({ part: index + 1, partCount: lines.length });
      expect(Buffer.byteLength(render(line, 1_000_000))).toBeLessThan(MAX_LINE_BYTES);
    }
    expect(documentOf(lines)).toEqual(document);
  });
});

/** Where a string says what a container does or when, and not whose it is. */
const SAYS_WHAT_OR_WHEN = new Set(
  [
    'DesiredStatus KnownStatus LaunchType Type LogDriver NetworkMode Snapshotter ClockSynchronizationStatus status op',
    'PullStartedAt PullStoppedAt CreatedAt StartedAt FinishedAt ReferenceTimestamp statusSince read preread',
  ]
    .join(' ')
    .split(' '),
);

const MARKER = 's3cr3t';

/** The same document with the marker in every string that tells whose it is. */
function marked(value: unknown, key = ''): unknown {
  if (typeof value === 'string')
    return SAYS_WHAT_OR_WHEN.has(key) || value === '' ? value : `${MARKER}-${value}`;
  if (Array.isArray(value)) return value.map((each) => marked(each, key));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([k, v]) => [k, marked(v, key === 'LogOptions' ? key : k)]),
  );
}

describe('names and ids', () => {
  it.each(SHAPES)('of %s are nowhere in a recording', (shape) => {
    const recorder = recorderOfAll();
    const texts: string[] = [];
    for (const { task, stats, self } of readFixture(shape).polls) {
      for (const [path, body] of [
        ['/', self],
        ['/task', task],
        ['/task/stats', stats],
      ] as const) {
        if (body === undefined) continue;
        const document = marked(JSON.parse(body)) as Record<string, unknown>;
        const isStats = path === '/task/stats';
        const withIds = isStats
          ? Object.fromEntries(
              Object.entries(document).map(([id, entry]) => [id && `${MARKER}-${id}`, entry]),
            )
          : document;
        texts.push(...record(recorder, path, withIds).map((line) => render(line, 1)));
      }
    }
    expect(texts.length).toBeGreaterThan(2);
    expect(texts.filter((text) => text.includes(MARKER))).toEqual([]);
  });

  it('of these shapes are nowhere in a recording as they are', () => {
    const recorder = recorderOfAll();
    const text = SHAPES.flatMap((shape) => readFixture(shape).polls)
      .flatMap(({ task, stats, self }) => [
        ...(self ? record(recorder, '/', self) : []),
        ...(task ? record(recorder, '/task', task) : []),
        ...(stats ? record(recorder, '/task/stats', stats) : []),
      ])
      .map((line) => render(line, 1))
      .join('\n')
      .replaceAll('arn:aws:ecs:us-east-1:123456789012:task/cluster/00000000000000000000000000000001', '');
    for (const name of [
      'nightly',
      'etl',
      'orders',
      'fargauge:',
      '123456789012',
      'vpc-',
      'us-west-2',
      '/ecs/',
      '10.0.',
      'sha256',
    ]) {
      expect([name, text.includes(name)]).toEqual([name, false]);
    }
    // Ids are of hexadecimal digits; numbers stay.
    expect(text.match(/(?=\d*[a-f])[0-9a-f]{16}/)).toBeNull();
  });

  it('are scrubbed wherever they stand, in a document of any shape', () => {
    const secret = fc.string({ unit: 'grapheme', maxLength: 10 }).map((text) => `${MARKER}${text}`);
    const key = fc.constantFrom(
      'Name',
      'Image',
      'Containers',
      'Labels',
      'LogOptions',
      'id',
      'TaskARN',
      'Health',
      'x',
    );
    const { document } = fc.letrec<{ document: unknown }>((tie) => ({
      document: fc.oneof(
        { maxDepth: 4 },
        secret,
        fc.integer(),
        fc.array(tie('document'), { maxLength: 4 }),
        fc.dictionary(key, tie('document'), { maxKeys: 4 }),
      ),
    }));
    fc.assert(
      fc.property(document, fc.constantFrom('/', '/task', '/task/stats'), (each, path) => {
        const text = record(recorderOfAll(), path, each)
          .map((line) => render(line, 1))
          .join('\n');
        expect(text).not.toContain(MARKER);
      }),
      { numRuns: 150 },
    );
  });

  it('are scrubbed where they are keys: every id of the stats, whatever its form', () => {
    const ids = [
      '0cf54b87-f0f0-4044-b9d6-20dc54d5c414-3822082590',
      'a'.repeat(64),
      'my-own-id',
      'ffff0000-1',
    ];
    const document = Object.fromEntries(ids.map((id) => [id, { id }]));
    const scrubbed = documentOf(record(recorderOfAll(), '/task/stats', document)) as Record<
      string,
      { id: string }
    >;
    expect(Object.keys(scrubbed)).toHaveLength(ids.length);
    for (const [key, entry] of Object.entries(scrubbed)) {
      expect(ids).not.toContain(key);
      expect(entry.id).toBe(key);
    }
  });

  it('in the options of any log driver are scrubbed, whatever these are called', () => {
    const LogOptions = {
      Name: 'opensearch',
      Type: MARKER,
      Host: MARKER,
      status: MARKER,
      'awslogs-group': MARKER,
    };
    const lines = record(recorderOfAll(), '/task', { Containers: [{ Name: 'etl', LogOptions }] });
    expect(JSON.stringify(documentOf(lines))).not.toContain(MARKER);
  });

  it('of labels are not kept at all', () => {
    const Labels = { [`team-${MARKER}`]: 'x' };
    const lines = record(recorderOfAll(), '/task', { Containers: [{ Name: 'etl', Labels }] });
    expect(documentOf(lines)).toEqual({ Containers: [{ Name: 'container-1' }] });
  });

  it('that are the same stay the same, and others stay different, over all paths', () => {
    const recorder = recorderOfAll();
    const task = documentOf(
      record(recorder, '/task', {
        Containers: [
          { Name: 'etl', DockerId: 'aaa' },
          { Name: 'load', DockerId: 'bbb' },
        ],
      }),
    ) as { Containers: { Name: string; DockerId: string }[] };
    const stats = documentOf(record(recorder, '/task/stats', { aaa: null, bbb: null, '': null }));
    const self = documentOf(record(recorder, '/', { Name: 'load', DockerId: 'bbb' }));
    const [etl, load] = task.Containers;
    expect(etl).not.toEqual(load);
    expect(Object.keys(stats as object)).toEqual([etl?.DockerId, load?.DockerId, '']);
    expect(self).toEqual(load);
  });

  it("say whether a container is observed, and keep those of AWS's helpers, which decide the same", () => {
    const recorder = new Recorder((name) => name === 'proxy');
    const Containers = ['etl', 'proxy', '~internal~ecs~pause', 'aws-guardduty-agent-x'].map((Name) => ({
      Name,
    }));
    const { Containers: scrubbed } = documentOf(record(recorder, '/task', { Containers })) as {
      Containers: { Name: string }[];
    };
    expect(scrubbed.map(({ Name }) => Name)).toEqual([
      'container-1',
      'unobserved-2',
      '~internal~ecs~pause',
      'aws-guardduty-agent-x',
    ]);
  });
});

describe('figures and times', () => {
  /** Fields that a scrubbed recording cannot give. */
  const WHOSE = new Set(
    'job cluster taskId taskArn family revision serviceName region accountId availabilityZone container image'.split(
      ' ',
    ),
  );

  it.each(SHAPES)('of %s survive: the recording gives the same lines but for the names', (shape) => {
    const fixture = readFixture(shape);
    const anonymous = (text: string) => Object.entries(JSON.parse(text)).filter(([name]) => !WHOSE.has(name));
    expect(linesOfRecording(fixture).map(anonymous)).toEqual(linesOf(fixture).map(anonymous));
  });
});

/** The fixture's lines, out of what the recorder kept of it: an answer that was left out is the last one again. */
function linesOfRecording({ polls, settings, finishedAtMs, finishedAtElapsedMs }: Fixture): string[] {
  const recorder = recorderOfAll();
  const last = new Map<string, string>();
  const kept = (path: string, body: string | undefined): string | undefined => {
    if (body === undefined) return undefined;
    const lines = record(recorder, path, body);
    if (lines.length > 0) last.set(path, JSON.stringify(documentOf(lines)));
    return last.get(path);
  };
  const { job: _, endpointId: __, ...others } = settings;
  const state = initialState(others);
  const lines: Line[] = [];
  for (const poll of polls) {
    const scrubbed = {
      ...poll,
      self: undefined,
      task: kept('/task', poll.task),
      stats: kept('/task/stats', poll.stats),
    };
    const own = parseTask(JSON.parse(poll.task ?? '{}'))?.containers.findIndex(
      ({ name }) => name === 'fargauge',
    );
    const self = parseTask(JSON.parse(scrubbed.task ?? '{}'))?.containers[own ?? -1];
    lines.push(...step(state, { ...pollOf(scrubbed), ...(self && { self }) }));
  }
  const tally = { missedPollCount: 0, droppedLineCount: 0 };
  lines.push(...finish(state, finishedAtMs, finishedAtElapsedMs, tally));
  return lines.map((line, index) => render(line, index + 1));
}
