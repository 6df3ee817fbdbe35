import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { afterEach, describe, expect, it } from 'vitest';
import type { Failure } from '../../src/core/types.ts';
import { type Asked, connectEndpoint, type Endpoint, MAX_ANSWER_BYTES } from '../../src/endpoint/client.ts';
import { DEADLINE_TESTS } from '../support/program-test.ts';
import { refusingPort } from '../support/refusing-port.ts';

const TIMEOUT_MS = 5_000;
/** For what never comes: long enough for a server on loopback, short enough for a test. */
const SHORT_TIMEOUT_MS = 150;

const TASK_ARN = 'arn:aws:ecs:eu-west-1:123456789012:task/nightly/01';
const TASK = JSON.stringify({
  TaskARN: TASK_ARN,
  Family: 'nightly',
  Containers: [{ Name: 'etl', KnownStatus: 'RUNNING' }],
});
const OK: RequestListener = (_, response) => response.end(TASK);

const opened: { close(): void }[] = [];
afterEach(() => {
  for (const each of opened.splice(0)) each.close();
});

/** What a server saw. */
interface Seen {
  readonly server: Server;
  readonly origin: string;
  readonly requests: IncomingMessage[];
  readonly sockets: Socket[];
}

async function serve(listener: RequestListener): Promise<Seen> {
  const server = createServer();
  const requests: IncomingMessage[] = [];
  const sockets: Socket[] = [];
  server.on('connection', (socket) => sockets.push(socket));
  server.on('request', (request, response) => {
    requests.push(request);
    listener(request, response);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  opened.push({
    close() {
      server.closeAllConnections();
      server.close();
    },
  });
  return { server, origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, requests, sockets };
}

function connectTo(uri: string): Endpoint {
  const endpoint = connectEndpoint(new URL(uri));
  opened.push(endpoint);
  return endpoint;
}

/** An endpoint that answers so, and what its server saw. */
async function endpointThat(listener: RequestListener): Promise<Seen & { endpoint: Endpoint }> {
  const seen = await serve(listener);
  return { ...seen, endpoint: connectTo(`${seen.origin}/v4/id`) };
}

function failureOf(asked: Asked<unknown>): Failure {
  if (asked.ok) throw new Error('it did not fail');
  return asked.failure;
}

describe('an endpoint that answers', () => {
  it('gives the value and the text that it came as', async () => {
    const { endpoint } = await endpointThat(OK);
    expect(await endpoint.task(TIMEOUT_MS)).toEqual({
      ok: true,
      body: TASK,
      value: {
        taskArn: TASK_ARN,
        taskId: '01',
        region: 'eu-west-1',
        accountId: '123456789012',
        family: 'nightly',
        stopRequested: false,
        containers: [{ name: 'etl', id: '', status: 'running', stopRequested: false }],
      },
    });
  });

  it.each([
    ['/v4/id', ['/v4/id', '/v4/id/task', '/v4/id/task/stats']],
    ['/v3/id/', ['/v3/id', '/v3/id/task', '/v3/id/task/stats']],
    ['', ['/', '/task', '/task/stats']],
  ])('is asked by the paths below %j', async (base, paths) => {
    const { origin, requests } = await serve(OK);
    const endpoint = connectTo(`${origin}${base}`);
    await endpoint.container(TIMEOUT_MS);
    await endpoint.task(TIMEOUT_MS);
    await endpoint.stats(TIMEOUT_MS);
    expect(requests.map(({ method, url }) => [method, url])).toEqual(paths.map((path) => ['GET', path]));
  });

  it('is asked over one connection, however often, failures of the answers included', async () => {
    let count = 0;
    const { endpoint, sockets } = await endpointThat((_, response) => {
      count += 1;
      if (count % 3 === 0) response.statusCode = 500;
      response.end(count % 4 === 0 ? 'not JSON' : TASK);
    });
    for (let poll = 0; poll < 20; poll += 1) {
      await endpoint.stats(TIMEOUT_MS);
      await endpoint.task(TIMEOUT_MS);
    }
    expect(count).toBe(40);
    expect(sockets).toHaveLength(1);
  });

  it('may send a letter in two pieces', async () => {
    const text = Buffer.from(`{"TaskARN":"${TASK_ARN}","Family":"夜間","Containers":[]}`);
    const half = text.indexOf(Buffer.from('夜')) + 1;
    const { endpoint } = await endpointThat((_, response) => {
      response.write(text.subarray(0, half));
      setImmediate(() => response.end(text.subarray(half)));
    });
    expect(await endpoint.task(TIMEOUT_MS)).toMatchObject({ ok: true, value: { family: '夜間' } });
  });

  it('may close the connection after each answer', async () => {
    const { endpoint, sockets } = await endpointThat((_, response) => {
      response.setHeader('connection', 'close');
      response.end(TASK);
    });
    for (let poll = 0; poll < 5; poll += 1) expect((await endpoint.task(TIMEOUT_MS)).ok).toBe(true);
    expect(sockets).toHaveLength(5);
  });

  it('may close idle connections: at most the poll that meets the closing one fails', async () => {
    const { endpoint, server } = await endpointThat(OK);
    for (let round = 0; round < 10; round += 1) {
      const met = await endpoint.task(TIMEOUT_MS);
      if (!met.ok) expect(met.failure.kind).toBe('unreachable');
      expect((await endpoint.task(TIMEOUT_MS)).ok).toBe(true);
      server.closeAllConnections();
    }
  });

  it('is asked directly, whatever proxy the environment names', async () => {
    const proxy = await serve((_, response) => response.end('{}'));
    const names = ['http_proxy', 'HTTP_PROXY', 'all_proxy', 'ALL_PROXY', 'NODE_USE_ENV_PROXY'];
    const before = names.map((name) => [name, process.env[name]] as const);
    for (const name of names) process.env[name] = name === 'NODE_USE_ENV_PROXY' ? '1' : proxy.origin;
    try {
      const { endpoint, requests } = await endpointThat(OK);
      expect((await endpoint.task(TIMEOUT_MS)).ok).toBe(true);
      expect(requests).toHaveLength(1);
      expect(proxy.sockets).toHaveLength(0);
    } finally {
      for (const [name, value] of before) {
        if (value === undefined) delete process.env[name];
        else process.env[name] = value;
      }
    }
  });
});

describe('an answer that is none', () => {
  const html = `<html>\n<body>${'Bad gateway '.repeat(50)}</body></html>`;
  it.each<[string, number, string, Partial<Failure>, string]>([
    [
      'too many requests',
      429,
      'You have reached maximum request limit.',
      { kind: 'status', status: 429 },
      'status 429: "You have reached maximum request limit."',
    ],
    [
      'an error with a reason',
      500,
      '"Unable to get task stats for: arn"',
      { kind: 'status', status: 500 },
      'status 500: ""Unable to get',
    ],
    ['an error with an empty object', 500, '{}', { kind: 'status', status: 500 }, 'status 500: "{}"'],
    ['not found', 404, '', { kind: 'status', status: 404 }, 'status 404: (empty)'],
    ['no content', 204, '', { kind: 'status', status: 204 }, 'status 204'],
    ['a page of HTML', 200, html, { kind: 'not-json' }, 'not JSON: "<html> <body>Bad gateway'],
    ['nothing', 200, '', { kind: 'not-json' }, 'not JSON: (empty)'],
    [
      'a truncated document',
      200,
      TASK.slice(0, 40),
      { kind: 'not-json' },
      `not JSON: "${TASK.slice(0, 40)}"`,
    ],
    ['null', 200, 'null', { kind: 'wrong-shape' }, 'not the expected document: "null"'],
    ['a string', 200, '"busy"', { kind: 'wrong-shape' }, 'not the expected document: ""busy""'],
    ['an array', 200, '[]', { kind: 'wrong-shape' }, 'not the expected document: "[]"'],
  ])('%s is told with what was asked', async (_, status, body, expected, words) => {
    const { endpoint, origin } = await endpointThat((_request, response) => {
      response.statusCode = status;
      response.end(body);
    });
    for (const [path, asked] of [
      ['/task', await endpoint.task(TIMEOUT_MS)],
      ['/task/stats', await endpoint.stats(TIMEOUT_MS)],
    ] as const) {
      const failure = failureOf(asked);
      expect(failure).toMatchObject(expected);
      expect(failure.message).toContain(`GET ${origin}/v4/id${path}: ${words}`);
    }
  });

  it('is told in a short line, without its control characters', async () => {
    const { endpoint } = await endpointThat((_, response) =>
      response.end(`\u001b[2J\n${'x'.repeat(100_000)}`),
    );
    const { message } = failureOf(await endpoint.task(TIMEOUT_MS));
    expect(message.length).toBeLessThan(200);
    expect(message).not.toMatch(/\p{Cc}/u);
  });

  it('is kept as text for the recorder where there was one', async () => {
    const { endpoint } = await endpointThat((_, response) => response.end('oops'));
    expect(await endpoint.task(TIMEOUT_MS)).toMatchObject({ body: 'oops' });
  });

  it('is a redirect, which is not followed', async () => {
    const { endpoint, requests } = await endpointThat((request, response) => {
      if (request.url === '/elsewhere') return OK(request, response);
      response.writeHead(302, { location: '/elsewhere' }).end();
    });
    expect(failureOf(await endpoint.task(TIMEOUT_MS))).toMatchObject({ kind: 'status', status: 302 });
    expect(requests.map(({ url }) => url)).toEqual(['/v4/id/task']);
  });

  it.each([
    ['with its length told', { 'content-length': 100_000_000 }],
    ['in pieces', {}],
  ])('is 100 MB %s, cut at the cap, and the next answer is taken again', async (_, headers) => {
    const piece = Buffer.alloc(1_000_000, ' ');
    let sentBytes = 0;
    const { endpoint, sockets } = await endpointThat((request, response) => {
      if (request.url?.endsWith('/stats')) return OK(request, response);
      response.writeHead(200, headers);
      const send = () => {
        while (sentBytes < 100_000_000 && !response.destroyed) {
          sentBytes += piece.length;
          if (!response.write(piece)) {
            response.once('drain', send);
            return;
          }
        }
        response.end();
      };
      send();
    });
    expect(failureOf(await endpoint.task(TIMEOUT_MS))).toMatchObject({
      kind: 'too-large',
      message: expect.stringContaining(`more than ${MAX_ANSWER_BYTES} bytes`),
    });
    const [first] = sockets;
    if (first && !first.closed) await new Promise((resolve) => first.once('close', resolve));
    expect(sentBytes).toBeLessThan(100_000_000);
    expect((await endpoint.stats(TIMEOUT_MS)).ok).toBe(true);
  });

  it('may be as large as the cap', async () => {
    const padded = TASK.padEnd(MAX_ANSWER_BYTES, ' ');
    const { endpoint } = await endpointThat((_, response) => response.end(padded));
    expect((await endpoint.task(TIMEOUT_MS)).ok).toBe(true);
  });
});

describe('a connection that fails', () => {
  it('because nobody listens is told', async () => {
    const nobody = await refusingPort();
    opened.push(nobody);
    const origin = `http://127.0.0.1:${nobody.port}`;
    const failure = failureOf(await connectTo(`${origin}/v4/id`).task(TIMEOUT_MS));
    expect(failure).toEqual({ kind: 'unreachable', message: `GET ${origin}/v4/id/task: ECONNREFUSED` });
  });

  it.each<[string, RequestListener]>([
    ['before the answer', (request) => request.socket.resetAndDestroy()],
    [
      'within the answer',
      (request, response) => {
        response.writeHead(200, { 'content-length': 1_000 });
        response.write('{"Family":', () => request.socket.resetAndDestroy());
      },
    ],
    [
      'at the end of an answer that is shorter than it said',
      (request, response) => {
        response.writeHead(200, { 'content-length': 1_000 });
        response.write(TASK, () => request.socket.end());
      },
    ],
  ])('%s costs that answer and not the next', async (_, breakOff) => {
    let count = 0;
    const { endpoint } = await endpointThat((request, response) => {
      count += 1;
      if (count === 1) breakOff(request, response);
      else OK(request, response);
    });
    expect(failureOf(await endpoint.task(TIMEOUT_MS)).kind).toBe('unreachable');
    expect((await endpoint.task(TIMEOUT_MS)).ok).toBe(true);
  });
});

/** A request that is given up before its server heard of it leaves the trouble to the next one. */
describe('an endpoint that is slow', DEADLINE_TESTS, () => {
  /** Answers from the second request on; the first is left to `trouble`. */
  async function slowAtFirst(trouble: RequestListener) {
    let count = 0;
    return endpointThat((request, response) => {
      count += 1;
      if (count === 1) trouble(request, response);
      else OK(request, response);
    });
  }

  const oneByteAtATime: RequestListener = (_, response) => {
    response.writeHead(200, { 'content-length': 100_000 });
    const timer = setInterval(() => response.write(' '), 20);
    response.on('close', () => clearInterval(timer));
  };

  it.each<[string, RequestListener]>([
    ['hangs', () => {}],
    ['hangs after its headers', (_, response) => response.writeHead(200).flushHeaders()],
    ['sends a byte now and then', oneByteAtATime],
  ])('and %s is given up in time, and asked again on a new connection', async (_, trouble) => {
    const { endpoint, origin, sockets } = await slowAtFirst(trouble);
    expect(failureOf(await endpoint.task(SHORT_TIMEOUT_MS))).toMatchObject({
      kind: 'timeout',
      message: `GET ${origin}/v4/id/task: no whole answer within ${SHORT_TIMEOUT_MS} ms`,
    });
    expect((await endpoint.task(TIMEOUT_MS)).ok).toBe(true);
    expect(sockets).toHaveLength(2);
  });

  it('is asked no more after abort: the request in flight ends at once, later ones without a request', async () => {
    const { endpoint, server, requests } = await endpointThat(() => {});
    const hanging = endpoint.task(60_000);
    await once(server, 'request');
    endpoint.abort();
    expect(failureOf(await hanging).kind).toBe('timeout');
    expect(failureOf(await endpoint.stats(60_000)).kind).toBe('timeout');
    expect(requests).toHaveLength(1);
  });

  it('is left by close with an answer, not with an exception', async () => {
    const { endpoint, server } = await endpointThat(() => {});
    const hanging = endpoint.task(60_000);
    await once(server, 'request');
    endpoint.close();
    expect(failureOf(await hanging).kind).toBe('unreachable');
    expect(failureOf(await endpoint.task(60_000)).kind).toBe('unreachable');
  });

  it('to take the connection is given up in time, again and again, and by abort', async () => {
    const { port, stop } = await listenWithoutAccepting();
    try {
      const endpoint = connectTo(`http://127.0.0.1:${port}/v4/id`);
      expect(failureOf(await endpoint.task(SHORT_TIMEOUT_MS)).kind).toBe('timeout');
      expect(failureOf(await endpoint.stats(SHORT_TIMEOUT_MS)).kind).toBe('timeout');
      const waiting = endpoint.task(60_000);
      endpoint.abort();
      expect(failureOf(await waiting).kind).toBe('timeout');
    } finally {
      stop();
    }
  });
});

/**
 * A port that takes no more connections: its process sleeps, and its queue of two is full, so that the kernel drops
 * what else would connect.
 */
async function listenWithoutAccepting(): Promise<{ port: number; stop(): void }> {
  const script = `
    const server = require('node:net').createServer().listen({ port: 0, host: '127.0.0.1', backlog: 1 }, () => {
      require('node:fs').writeSync(1, server.address().port + '\\n');
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
    });`;
  const child: ChildProcess = spawn(process.execPath, ['-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  if (child.stdout === null) throw new Error('the child has no stdout');
  const [text] = (await once(createInterface({ input: child.stdout }), 'line')) as [string];
  const port = Number(text);
  const fillers = [connect(port, '127.0.0.1'), connect(port, '127.0.0.1')];
  for (const filler of fillers) filler.on('error', () => {});
  await Promise.all(fillers.map((filler) => once(filler, 'connect')));
  return {
    port,
    stop() {
      child.kill('SIGKILL');
      for (const filler of fillers) filler.destroy();
    },
  };
}
