import http from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { wholeBody } from './whole-body.ts';

/**
 * What OpenSearch and Elasticsearch have in common, as far as the forwarder asks it, on loopback: `_bulk` with create,
 * and the index template. It fails on command.
 */

/** What goes wrong with one `_bulk` request. */
export type BulkFault =
  /** An answer of the engine, or of something before it, in place of its own; it acts or does not. */
  | { readonly kind: 'answer'; readonly status: number; readonly body?: string; readonly acts?: boolean }
  /** The connection is cut before or after it acted. */
  | { readonly kind: 'reset'; readonly acts?: boolean }
  /** Acts or not, and never answers. */
  | { readonly kind: 'hang'; readonly acts?: boolean }
  /** Acts on the first half of the documents, and the connection is cut. */
  | { readonly kind: 'half' }
  /** Refuses each second document with this status, and acts on the others. */
  | { readonly kind: 'items'; readonly status: number };

export interface SeenRequest {
  readonly method: string;
  /** With its query. */
  readonly path: string;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: string;
}

export interface BulkServer {
  readonly url: string;
  readonly requests: readonly SeenRequest[];
  /** By index and id: `INDEX/ID`. */
  readonly documents: Map<string, unknown>;
  /** Each meets one `_bulk` request. */
  inject(faults: readonly BulkFault[]): void;
  /** Every `_bulk` request meets it, until `calm`. */
  injectAlways(fault: BulkFault): void;
  /** No more faults. */
  calm(): void;
  /** Documents that spoil the request they are in: 400 for the whole of it. */
  spoils: (document: Readonly<Record<string, unknown>>) => boolean;
  /** Documents that are refused: 400 for each. */
  refuses: (document: Readonly<Record<string, unknown>>) => boolean;
  /** Of a request's body; more is 413. */
  maxBytes: number;
  /** Basic or SigV4 headers that are accepted; undefined: all. */
  accepts: ((request: SeenRequest) => boolean) | undefined;
  hasTemplate: boolean;
  close(): Promise<void>;
}

interface Item {
  readonly index: string;
  readonly id: string;
  readonly document: Readonly<Record<string, unknown>>;
}

export async function startBulkServer(): Promise<BulkServer> {
  const requests: SeenRequest[] = [];
  const documents = new Map<string, unknown>();
  const queued: BulkFault[] = [];
  const hanging = new Set<Socket>();
  let standing: BulkFault | undefined;

  function create({ index, id, document }: Item): object {
    const key = `${index}/${id}`;
    if (documents.has(key)) {
      const error = { type: 'version_conflict_engine_exception', reason: `[${id}]: document already exists` };
      return { create: { status: 409, error } };
    }
    if (state.refuses(document)) return refusal(400, 'mapper_parsing_exception', 'failed to parse field [a]');
    documents.set(key, document);
    return { create: { status: 201 } };
  }

  function bulk(request: SeenRequest): [status: number, body: string] {
    if (Buffer.byteLength(request.body) > state.maxBytes) return [413, ''];
    if (request.headers['content-type'] !== 'application/x-ndjson' || !request.body.endsWith('\n')) {
      return [
        400,
        errorBody('illegal_argument_exception', 'The bulk request must be terminated by a newline'),
      ];
    }
    const items = itemsOf(request.body);
    if (items.some(({ document }) => state.spoils(document))) {
      return [400, errorBody('illegal_argument_exception', 'Malformed action/metadata line')];
    }
    return [200, JSON.stringify({ items: items.map(create) })];
  }

  function answerBulk(request: SeenRequest, response: http.ServerResponse, socket: Socket): void {
    const fault = queued.shift() ?? standing;
    switch (fault?.kind) {
      case undefined:
        answer(response, ...bulk(request));
        return;
      case 'answer':
        if (fault.acts) bulk(request);
        answer(response, fault.status, fault.body ?? errorBody('rejected_execution_exception', 'queue full'));
        return;
      case 'reset':
        if (fault.acts) bulk(request);
        socket.resetAndDestroy();
        return;
      case 'hang':
        if (fault.acts) bulk(request);
        hanging.add(socket);
        return;
      case 'half': {
        const items = itemsOf(request.body);
        items.slice(0, Math.floor(items.length / 2)).map(create);
        socket.resetAndDestroy();
        return;
      }
      case 'items': {
        const answers = itemsOf(request.body).map((item, at) =>
          at % 2 === 1
            ? refusal(fault.status, 'es_rejected_execution_exception', 'queue full')
            : create(item),
        );
        answer(response, 200, JSON.stringify({ items: answers }));
      }
    }
  }

  const server = http.createServer(async (message, response) => {
    const body = await wholeBody(message);
    if (body === undefined) return;
    const { method = '', url: path = '', headers } = message;
    const request = { method, path, headers, body };
    requests.push(request);
    if (state.accepts && !state.accepts(request)) return answer(response, 401, '{"message":"Unauthorized"}');
    if (path.startsWith('/_bulk?')) return answerBulk(request, response, message.socket);
    if (path.startsWith('/_index_template/fargauge')) {
      if (method === 'HEAD') return answer(response, state.hasTemplate ? 200 : 404, '');
      state.hasTemplate = true;
      return answer(response, 200, '{"acknowledged":true}');
    }
    return answer(response, 404, errorBody('invalid_index_name_exception', path));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const state: BulkServer = {
    url: `http://127.0.0.1:${port}`,
    requests,
    documents,
    inject: (faults) => {
      queued.push(...faults);
    },
    injectAlways: (fault) => {
      standing = fault;
    },
    calm: () => {
      queued.length = 0;
      standing = undefined;
    },
    spoils: () => false,
    refuses: () => false,
    maxBytes: 100 * 1024 * 1024,
    accepts: undefined,
    hasTemplate: true,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
        for (const socket of hanging) socket.destroy();
      }),
  };
  return state;
}

function answer(response: http.ServerResponse, status: number, body: string): void {
  response.writeHead(status, { 'content-type': body.startsWith('<') ? 'text/html' : 'application/json' });
  response.end(body);
}

function errorBody(type: string, reason: string): string {
  return JSON.stringify({ error: { type, reason }, status: 400 });
}

function refusal(status: number, type: string, reason: string): object {
  return { create: { status, error: { type, reason } } };
}

function itemsOf(body: string): Item[] {
  const lines = body.trimEnd().split('\n');
  return Array.from({ length: lines.length / 2 }, (_, at) => {
    const { create } = JSON.parse(lines[2 * at] ?? '') as { create: { _index: string; _id: string } };
    return { index: create._index, id: create._id, document: JSON.parse(lines[2 * at + 1] ?? '') };
  });
}
