import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  connectEngine,
  type Engine,
  EngineError,
  EngineUnreachableError,
} from '../../src/local/docker-engine.ts';

type Answer = (request: IncomingMessage, response: ServerResponse, body: string) => void;

let folder: string;
let server: Server;
let answers: Map<string, Answer>;
let requests: string[];
const env = () => ({ DOCKER_HOST: `unix://${join(folder, 'docker.sock')}` });
const json =
  (document: unknown, status = 200): Answer =>
  (_, response) => {
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(document));
  };

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'fargauge-engine-'));
  requests = [];
  answers = new Map([
    ['GET /version', json({ ApiVersion: '1.47', MinAPIVersion: '1.24' })],
    ['GET /v1.41/info', json({ Architecture: 'x86_64', NCPU: 2 })],
  ]);
  server = createServer(async (request, response) => {
    const body = await text(request);
    requests.push(`${request.method} ${request.url}`);
    const [path = ''] = request.url?.split('?') ?? [];
    const answer = answers.get(`${request.method} ${path}`) ?? json({ message: `no answer to ${path}` }, 500);
    answer(request, response, body);
  });
  server.listen(join(folder, 'docker.sock'));
  await once(server, 'listening');
});
afterEach(async () => {
  server.closeAllConnections();
  server.close();
  await once(server, 'close');
  rmSync(folder, { recursive: true });
});

describe('an engine is spoken to', () => {
  it('in the version that this program was written for, and told in its own words of the machine', async () => {
    const { facts } = await connectEngine(env());
    expect(facts).toEqual({ architecture: 'amd64', cpuCount: 2 });
    expect(requests).toEqual(['GET /version', 'GET /v1.41/info']);
  });

  it.each([
    ['its newest, when that is older', '1.40', '1.12', 'v1.40'],
    ['its oldest, when that is newer', '1.52', '1.44', 'v1.44'],
  ])('in %s', async (_, ApiVersion, MinAPIVersion, version) => {
    answers.set('GET /version', json({ ApiVersion, MinAPIVersion }));
    answers.set(`GET /${version}/info`, json({ Architecture: 'aarch64', NCPU: 1 }));
    const { facts } = await connectEngine(env());
    expect(facts.architecture).toBe('arm64');
  });

  it('over TCP as well', async () => {
    const tcp = createServer((request, response) => void server.emit('request', request, response));
    tcp.listen(0, '127.0.0.1');
    await once(tcp, 'listening');
    const { port } = tcp.address() as AddressInfo;
    const { name } = await connectEngine({ DOCKER_HOST: `tcp://127.0.0.1:${port}` });
    expect(name).toBe(`tcp://127.0.0.1:${port}`);
    tcp.closeAllConnections();
    tcp.close();
    await once(tcp, 'close');
  });
});

describe('a call', () => {
  let engine: Engine;
  beforeEach(async () => {
    engine = await connectEngine(env());
    requests = [];
  });

  it('carries its body as JSON and brings the answer', async () => {
    let seen: unknown;
    answers.set('POST /v1.41/containers/create', (_, response, body) => {
      seen = JSON.parse(body);
      response.end('{"Id":"abc"}');
    });
    expect(await engine.createContainer('name', { Image: 'image' })).toBe('abc');
    expect(seen).toEqual({ Image: 'image' });
    expect(requests).toEqual(['POST /v1.41/containers/create?name=name']);
  });

  it("fails with the engine's own words", async () => {
    answers.set('POST /v1.41/containers/abc/start', json({ message: 'port is already allocated' }, 500));
    const failure = engine.startContainer('abc');
    await expect(failure).rejects.toThrow(EngineError);
    await expect(failure).rejects.toMatchObject({ status: 500, message: 'port is already allocated' });
  });

  it.each([404, 409])('that stops, kills or removes takes %i for done', async (status) => {
    for (const path of ['POST /v1.41/containers/x/stop', 'POST /v1.41/containers/x/kill']) {
      answers.set(path, json({ message: 'gone' }, status));
    }
    answers.set('DELETE /v1.41/networks/x', json({ message: 'gone' }, status));
    await engine.stopContainer('x', 30);
    await engine.killContainer('x');
    await engine.remove('networks', 'x');
    expect(requests[0]).toBe('POST /v1.41/containers/x/stop?t=30');
  });

  it('for what is not there brings nothing', async () => {
    answers.set(
      'GET /v1.41/images/registry.example.com/team/app:1/json',
      json({ message: 'no such image' }, 404),
    );
    expect(await engine.image('registry.example.com/team/app:1')).toBeUndefined();
  });

  it('lists each kind of thing by its labels', async () => {
    answers.set('GET /v1.41/volumes', json({ Volumes: [{ Name: 'v', Labels: null }] }));
    answers.set(
      'GET /v1.41/containers/json',
      json([{ Id: 'c', Names: ['/n'], Labels: { a: 'b' }, State: 'running' }]),
    );
    answers.set(
      'GET /v1.41/images/json',
      json([
        { Id: 'i', RepoTags: ['r:1'] },
        { Id: 'j', RepoTags: null },
      ]),
    );
    expect(await engine.list('volumes', ['a'])).toEqual([
      { id: 'v', names: ['v'], labels: {}, isRunning: false },
    ]);
    expect((await engine.list('images', [])).map(({ names }) => names)).toEqual([['r:1'], ['']]);
    expect(await engine.list('containers', ['a=b'])).toEqual([
      { id: 'c', names: ['n'], labels: { a: 'b' }, isRunning: true },
    ]);
    expect(requests.at(-1)).toContain(`filters=${encodeURIComponent('{"label":["a=b"]}')}`);
  });

  it('that imports has the id, or the reason, from the last line of its progress', async () => {
    answers.set('POST /v1.41/images/create', (_, response) => void response.end('{"status":"sha256:1"}\r\n'));
    expect(await engine.importImage('name', Buffer.from('tar'), ['LABEL a="b"'])).toBe('sha256:1');
    expect(decodeURIComponent(requests[0] ?? '')).toBe(
      'POST /v1.41/images/create?fromSrc=-&repo=name&changes=LABEL+a="b"',
    );
    answers.set('POST /v1.41/images/create', (_, response) => {
      response.end('{"status":"…"}\r\n{"error":"no space left"}\r\n');
    });
    await expect(engine.importImage('name', Buffer.from('tar'), [])).rejects.toThrow('no space left');
  });

  it.each(['before', 'after'])(
    'that waits for an exit ends with its signal, %s an answer begins',
    async (when) => {
      const [asked, closed] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
      answers.set('POST /v1.41/containers/abc/wait', (_, response) => {
        if (when === 'after') response.flushHeaders();
        response.once('close', () => closed.resolve());
        asked.resolve();
      });
      const end = new AbortController();
      const failure = expect(engine.waitForExit('abc', end.signal)).rejects.toThrow();
      await asked.promise;
      end.abort();
      await failure;
      await closed.promise;
    },
  );

  it('that streams returns at the beginning, and ends with its signal', async () => {
    const closed = Promise.withResolvers<void>();
    answers.set('GET /v1.41/containers/abc/stats', (_, response) => {
      response.write('{"read":"1"}\n');
      response.once('close', () => closed.resolve());
    });
    const end = new AbortController();
    const stream = await engine.stats('abc', end.signal);
    const [first] = await once(stream, 'data');
    expect(String(first)).toBe('{"read":"1"}\n');
    end.abort();
    await closed.promise;
  });
});

describe('an engine that is not there', () => {
  it('is named, with what to do', async () => {
    const failure = connectEngine({ DOCKER_HOST: `unix://${folder}/none.sock` });
    await expect(failure).rejects.toThrow(EngineUnreachableError);
    await expect(failure).rejects.toThrow(
      `no Docker Engine answers at unix://${folder}/none.sock (DOCKER_HOST): there is no such socket; start it`,
    );
  });

  it('is told from one that nobody listens at', async () => {
    const failure = connectEngine({ DOCKER_HOST: 'tcp://127.0.0.1:1' });
    await expect(failure).rejects.toThrow('nobody listens there');
  });
});
