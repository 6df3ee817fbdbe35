import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { gzipSync } from 'node:zlib';
import { afterAll, afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { indexLines } from '../../src/cli/index-lines.ts';
import { parseIndexOptions } from '../../src/cli/index-options.ts';
import { systemClock } from '../../src/clock.ts';
import { type BulkServer, startBulkServer } from '../support/bulk-server.ts';
import { delivered } from '../support/deliveries.ts';
import { openForwarding } from '../support/forwarding.ts';
import { linesOfDay, linesOfRun } from '../support/lines.ts';
import { startQueueServer } from '../support/queue-server.ts';
import { refusingPort } from '../support/refusing-port.ts';

const LINES = linesOfDay('2026-03-02', 20);
const RECORD = (LINES[0] ?? '').replace('"START"', '"RECORD"').replace('"seq":1', '"seq":99');
const NOW_MS = Date.parse('2026-03-03T00:00:00Z');
const folder = mkdtempSync(join(tmpdir(), 'fargauge-index-'));
afterAll(() => rmSync(folder, { recursive: true }));

let engine: BulkServer;
beforeEach(async () => {
  engine = await startBulkServer();
});
afterEach(() => engine.close());

function file(name: string, lines: readonly string[]): string {
  const path = join(folder, name);
  const content = `${lines.join('\n')}\n`;
  writeFileSync(path, name.endsWith('.gz') ? gzipSync(content) : content);
  return path;
}

interface Run {
  readonly env?: Record<string, string>;
  readonly input?: Iterable<string> | AsyncIterable<string>;
  readonly isTerminal?: boolean;
  readonly signal?: AbortSignal;
}

async function index(argv: readonly string[], { env = {}, input = [], isTerminal, signal }: Run = {}) {
  const stdout = new PassThrough();
  const stderr = Object.assign(new PassThrough(), { isTTY: isTerminal ?? false });
  const exitCode = await indexLines(
    argv,
    { stdin: Readable.from(input), stdout, stderr },
    { env, clock: { ...systemClock, now: () => NOW_MS }, ...(signal && { signal }) },
  );
  stdout.end();
  stderr.end();
  return { exitCode, stdout: await text(stdout), stderr: await text(stderr) };
}

describe('fargauge index', () => {
  it('indexes the lines of files and stdin, each once, and says what it left out', async () => {
    engine.hasTemplate = false;
    const first = file('first.jsonl', [...LINES.slice(0, 60), 'hello', '{"fargaugeVersion":1', RECORD]);
    const second = file('second.jsonl.gz', LINES.slice(50));
    const { exitCode, stdout, stderr } = await index(['--opensearch', engine.url, first, second, '-'], {
      input: [`${LINES[0]}\n`],
    });
    expect(engine.documents.size).toBe(LINES.length);
    expect(stdout).toBe(
      `${LINES.length} lines indexed, 11 were there already, 1 left out: somebody else’s, 1 left out: of types that are not indexed, 1 left out: broken\n`,
    );
    expect(stderr).toBe(
      'fargauge index: the index template was put\nfargauge index: broken, 1: is not JSON\n',
    );
    // The broken one is one of ours that is not in the index.
    expect(exitCode).toBe(1);

    const again = await index(['--opensearch', engine.url, second]);
    expect(again).toEqual({
      exitCode: 0,
      stdout: `0 lines indexed, ${LINES.length - 50} were there already\n`,
      stderr: '',
    });
  });

  it('says that it found none of ours among the lines of others', async () => {
    const path = file('others.log', ['hello', '{"level":"info"}']);
    expect(await index(['--opensearch', engine.url, path])).toEqual({
      exitCode: 0,
      stdout: '0 lines indexed, 0 were there already, 2 left out: somebody else’s\n',
      stderr: 'fargauge index: no line of fargauge was found; lines of others: 2\n',
    });
  });

  it('says it as JSON', async () => {
    engine.refuses = ({ type }) => type === 'REPORT';
    const path = file('lines.jsonl', linesOfRun('2026-03-02T02:00:00Z', 1));
    const { exitCode, stdout, stderr } = await index(['--json', '--opensearch', engine.url, path]);
    expect(JSON.parse(stdout)).toEqual({
      indexed: linesOfRun('2026-03-02T02:00:00Z', 1).length - 1,
      copies: 0,
      failed: 1,
      failedReasons: { 'status 400: mapper_parsing_exception: failed to parse field [a]': 1 },
      leftOut: { foreign: 0, otherTypes: 0, broken: 0, refused: 0 },
      brokenReasons: {},
      refusedReasons: {},
    });
    expect(stderr).toContain('not indexed, 1: status 400: mapper_parsing_exception');
    expect(exitCode).toBe(1);
  });

  it('refuses what no sidecar wrote: days that would make indices of their own, and nesting without end', async () => {
    const [line = ''] = LINES;
    const at = (time: string, seq: number) =>
      line.replace('"seq":1', `"seq":${seq}`).replace(/"time":"[^"]+"/, `"time":"${time}"`);
    const path = file('made-up.jsonl', [
      at('0001-01-01T00:00:00.000Z', 1),
      at('2019-12-31T23:59:59.999Z', 2),
      at('9999-12-31T23:59:59.999Z', 3),
      at('2026-03-04T00:00:00.001Z', 4),
      `${line.slice(0, -1)},"tree":${'['.repeat(20_000)}${']'.repeat(20_000)}}`.replace('"seq":1', '"seq":5'),
      at('2020-01-01T00:00:00.000Z', 6),
      at('2026-03-04T00:00:00.000Z', 7),
    ]);
    const { exitCode, stdout, stderr } = await index(['--opensearch', engine.url, path]);
    expect([...engine.documents.keys()]).toEqual([
      expect.stringMatching(/^fargauge-2020\.01\.01\/.*-6$/),
      expect.stringMatching(/^fargauge-2026\.03\.04\/.*-7$/),
    ]);
    expect(stdout).toBe('2 lines indexed, 0 were there already, 5 left out: refused\n');
    expect(stderr).toBe(
      'fargauge index: refused, 4: its time is before 2020 or more than a day ahead\n' +
        'fargauge index: refused, 1: is nested deeper than 20 levels\n',
    );
    expect(exitCode).toBe(1);

    const { stdout: json } = await index(['--json', '--opensearch', engine.url, path]);
    expect(JSON.parse(json)).toMatchObject({
      leftOut: { refused: 5 },
      refusedReasons: {
        'its time is before 2020 or more than a day ahead': 4,
        'is nested deeper than 20 levels': 1,
      },
    });
  });

  it('makes the documents that the forwarder makes, of a newer version’s lines too', async () => {
    const queue = await startQueueServer();
    const forwarding = openForwarding(engine.url, queue.queueUrl);
    const lines = [
      ...linesOfRun('2026-03-02T02:00:00Z', 1),
      ...['SAMPLE', 'RECORD', 'EPILOGUE'].map((type, at) =>
        (LINES[0] ?? '').replace('"START"', `"${type}"`).replace('"seq":1', `"seq":${100 + at}`),
      ),
    ];
    await forwarding.forwarder.forward(delivered(lines), 60_000);
    const forwarded = [...engine.documents];
    await Promise.all([forwarding.close(), queue.close()]);
    expect(forwarding.log.at(-1)).toMatchObject({ refused: { 'other-type': 2 } });

    engine.documents.clear();
    const { stdout } = await index(['--opensearch', engine.url, file('types.jsonl', lines)]);
    expect([...engine.documents]).toEqual(forwarded);
    expect(forwarded).toHaveLength(lines.length - 2);
    expect(stdout).toContain('2 left out: of types that are not indexed');
  });

  it('indexes SAMPLE lines where it is told to', async () => {
    const samples = [1, 2].map((seq) =>
      (LINES[0] ?? '').replace('"START"', '"SAMPLE"').replace('"seq":1', `"seq":${seq}`),
    );
    await index(['--samples', '--opensearch', engine.url, file('samples.jsonl', [...samples, RECORD])]);
    expect([...engine.documents.values()]).toEqual(samples.map((line) => JSON.parse(line)));
  });

  it('puts the template anew, or leaves it alone, when it is told to', async () => {
    const path = file('lines.jsonl', LINES);
    await index(['--put-template', '--opensearch', engine.url, path]);
    await index(['--no-template', '--opensearch', engine.url, path]);
    expect(engine.requests.map(({ method, path: asked }) => `${method} ${asked.split('?')[0]}`)).toEqual([
      'PUT /_index_template/fargauge',
      'POST /_bulk',
      'POST /_bulk',
    ]);
  });

  it('indexes nothing where the template is missing and may not be put', async () => {
    engine.hasTemplate = false;
    engine.accepts = ({ method }) => method !== 'PUT';
    const { exitCode, stderr } = await index(['--opensearch', engine.url, file('lines.jsonl', LINES)]);
    expect(stderr).toBe(
      `fargauge index: ${engine.url}: status 401: Unauthorized; it has no index template, and we may not put it; --no-template leaves that alone\n`,
    );
    expect(exitCode).toBe(2);
    expect(engine.documents.size).toBe(0);
  });

  it('authorizes with the username and password of its environment', async () => {
    const path = file('lines.jsonl', LINES);
    const env = { OPENSEARCH_USERNAME: 'me', OPENSEARCH_PASSWORD: 'hunter2' };
    engine.accepts = ({ headers }) => headers.authorization === `Basic ${btoa('me:hunter2')}`;
    expect(await index(['--opensearch', engine.url, path], { env })).toMatchObject({
      exitCode: 0,
      stderr: '',
    });
    const { exitCode, stderr } = await index(['--opensearch', engine.url, path]);
    expect(stderr).toBe(
      `fargauge index: ${engine.url}: status 401; --no-template leaves the index template alone, --auth says how to authorize\n`,
    );
    expect(exitCode).toBe(2);
  });

  it('says that there are no AWS credentials to sign with', async () => {
    for (const name of ['AWS_ACCESS_KEY_ID', 'AWS_PROFILE', 'AWS_CONTAINER_CREDENTIALS_RELATIVE_URI']) {
      vi.stubEnv(name, undefined);
    }
    vi.stubEnv('AWS_EC2_METADATA_DISABLED', 'true');
    for (const name of ['AWS_CONFIG_FILE', 'AWS_SHARED_CREDENTIALS_FILE']) vi.stubEnv(name, '/dev/null');
    const sigv4 = ['--auth', 'sigv4', '--region', 'eu-west-1'];
    const { exitCode, stderr } = await index(['--opensearch', engine.url, ...sigv4, file('a.jsonl', LINES)]);
    vi.unstubAllEnvs();
    expect(stderr).toMatch(
      /^fargauge index: no valid AWS credentials: .*; set AWS_PROFILE or log in, as for the aws command, or choose another --auth\n$/,
    );
    expect(exitCode).toBe(2);
    expect(engine.requests).toEqual([]);
  });

  it('says at once when nobody is there, or a file is not', async () => {
    const path = file('lines.jsonl', LINES);
    const missing = join(folder, 'missing.jsonl');
    expect(await index(['--opensearch', engine.url, path, missing])).toEqual({
      exitCode: 2,
      stdout: '',
      stderr: `fargauge index: cannot read ${missing}: ENOENT: no such file or directory, access '${missing}'\n`,
    });
    expect(engine.requests).toEqual([]);
    const unread = await index(['--opensearch', engine.url, path, folder]);
    expect(unread.exitCode).toBe(2);
    expect(unread.stdout).toContain(`${LINES.length} lines indexed`);
    expect(unread.stderr).toContain(`cannot read ${folder}: EISDIR`);
    const nobody = await refusingPort();
    const { exitCode, stderr } = await index(['--opensearch', `http://127.0.0.1:${nobody.port}`, path]);
    nobody.close();
    expect(stderr).toMatch(/ECONNREFUSED.*; is the address right, and the engine up\?\n$/);
    expect(exitCode).toBe(2);
  });

  it('stops reading when nobody lets it in any more', async () => {
    engine.injectAlways({ kind: 'answer', status: 403, body: '{"Message":"not\\u001b[2J authorized"}' });
    async function* endless() {
      for (let number = 0; ; number += 1) yield `${linesOfRun('2026-03-02T02:00:00Z', number).join('\n')}\n`;
    }
    const { exitCode, stderr } = await index(['--opensearch', engine.url, '-'], { input: endless() });
    expect(stderr).toContain('not\\u001b[2J authorized');
    expect(stderr).toContain('stopped early: call it again when that is mended');
    expect(exitCode).toBe(1);
  });

  it('tells a terminal how far it is', async () => {
    const path = file('lines.jsonl', LINES);
    const { stderr } = await index(['--opensearch', engine.url, path], { isTerminal: true });
    expect(stderr).toBe(`\r\u001b[K${LINES.length} lines indexed, 0 were there already\r\u001b[K`);
  });

  it('ends at Ctrl-C with what it has done', async () => {
    const controller = new AbortController();
    async function* interrupted() {
      yield `${LINES.join('\n')}\n`;
      controller.abort();
      yield `${LINES[0]}\n`;
    }
    const { exitCode, stderr } = await index(['--opensearch', engine.url, '-'], {
      input: interrupted(),
      signal: controller.signal,
    });
    expect(stderr).toContain('interrupted: call it again to go on');
    expect(exitCode).toBe(130);
  });
});

describe('the options of fargauge index', () => {
  const nowMs = Date.UTC(2026, 10, 27, 4);
  const parse = (argv: readonly string[], env = {}) => parseIndexOptions(argv, { env, nowMs });
  const URL_OPTION = ['--opensearch', 'http://127.0.0.1:9200'];

  it('read a log group of the last week', () => {
    expect(parse([...URL_OPTION, '--log-group', '/ecs/batch'], { AWS_REGION: 'eu-west-1' })).toMatchObject({
      ok: true,
      options: {
        authorization: { kind: 'none' },
        source: {
          kind: 'log groups',
          logGroupNames: ['/ecs/batch'],
          region: 'eu-west-1',
          window: { fromMs: nowMs - 7 * 86_400_000, toMs: nowMs },
        },
        template: 'ensure',
      },
    });
  });

  it('read the week before --until', () => {
    const argv = [
      ...URL_OPTION,
      '--log-group',
      '/ecs/batch',
      '--until',
      '2026-10-01',
      '--region',
      'eu-west-1',
    ];
    expect(parse(argv)).toMatchObject({
      options: { source: { window: { fromMs: Date.UTC(2026, 8, 24), toMs: Date.UTC(2026, 9, 1) } } },
    });
  });

  it('sign for a domain of Amazon OpenSearch Service', () => {
    const url = 'https://search-logs-abc.eu-west-1.es.amazonaws.com';
    expect(parse(['--opensearch', url, 'a'])).toMatchObject({
      options: { authorization: { kind: 'sigv4', region: 'eu-west-1' } },
    });
  });

  it.each([
    [[], '--opensearch is missing'],
    [URL_OPTION, 'name files, - for stdin, or a log group'],
    [['--opensearch', 'localhost:9200', 'a'], '--opensearch "localhost:9200" is not allowed'],
    [['--opensearch', 'http://me:hunter2@localhost', 'a'], 'OPENSEARCH_USERNAME and OPENSEARCH_PASSWORD'],
    [[...URL_OPTION, '-', '-'], '- can be named once'],
    [[...URL_OPTION, 'a', '--log-group', '/b'], 'name files or log groups, not both'],
    [[...URL_OPTION, '--log-group', '/b'], '--log-group needs a region'],
    [[...URL_OPTION, '--log-group', 'a b', '--region', 'eu-west-1'], '--log-group "a b" is not allowed'],
    [[...URL_OPTION, '--log-group', '/b', '--region', 'Paris'], '--region "Paris" is not allowed'],
    [[...URL_OPTION, 'a', '--since', '7d'], '--since makes no sense without --log-group'],
    [[...URL_OPTION, '--log-group', '/b', '--since', 'monday'], '--since "monday" is not allowed'],
    [
      [...URL_OPTION, '--log-group', '/b', '--since', '7d', '--until', '8d'],
      '--since 7d is not before --until 8d',
    ],
    [[...URL_OPTION, 'a', '--auth', 'key'], '--auth "key" is not allowed'],
    [[...URL_OPTION, 'a', '--auth', 'basic'], '--auth basic needs OPENSEARCH_USERNAME'],
    [[...URL_OPTION, 'a', '--auth', 'sigv4'], '--auth sigv4 needs a region'],
    [[...URL_OPTION, 'a', '--put-template', '--no-template'], 'cannot both be meant'],
  ])('are refused: %j', (argv, problem) => {
    const parsed = parse(argv);
    expect(parsed.ok ? [] : parsed.problems).toContainEqual(expect.stringContaining(problem));
    expect(JSON.stringify(parsed)).not.toContain('hunter2');
  });

  it('send no password where it could be read on the way', () => {
    const env = { OPENSEARCH_USERNAME: 'me', OPENSEARCH_PASSWORD: 'hunter2' };
    expect(parse(['--opensearch', 'http://10.0.0.1:9200', 'a'], env)).toEqual({
      ok: false,
      problems: [
        '--opensearch http://10.0.0.1:9200 is not allowed: it must be https where a password is sent',
      ],
    });
  });
});
