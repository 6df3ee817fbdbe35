import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { wholeBody } from './whole-body.ts';

/**
 * What goes wrong between the forwarder and an engine:
 * - `overload`: 429, and the engine hears nothing.
 * - `gateway`: a load balancer's page.
 * - `lost-answer`: the engine acts, and the connection is cut before its answer.
 * - `half-written`: the engine gets the first documents of the request, and the connection is cut.
 */
export type ProxyFault = 'overload' | 'gateway' | 'lost-answer' | 'half-written';

export interface FaultyProxy {
  readonly url: string;
  /** How often each fault happened. */
  readonly faultCounts: ReadonlyMap<ProxyFault, number>;
  close(): Promise<void>;
}

/**
 * A proxy on loopback in front of an engine.
 * @param faultOf what befalls the next `_bulk` request
 */
export async function startFaultyProxy(
  engineUrl: string,
  faultOf: () => ProxyFault | undefined,
): Promise<FaultyProxy> {
  const faultCounts = new Map<ProxyFault, number>();
  const agent = new http.Agent({ keepAlive: true });

  function pass(
    request: http.IncomingMessage,
    body: string,
    answered: (status: number, body: string) => void,
    failed: () => void,
  ): void {
    const { 'content-type': type } = request.headers;
    const passed = http.request(`${engineUrl}${request.url}`, {
      method: request.method ?? 'GET',
      agent,
      headers: { ...(type && { 'content-type': type }), 'content-length': Buffer.byteLength(body) },
    });
    passed.on('response', async (response) => {
      const answer = await wholeBody(response);
      if (answer === undefined) failed();
      else answered(response.statusCode ?? 0, answer);
    });
    // Such as a kept connection that the engine closes just then.
    passed.on('error', failed);
    passed.end(body);
  }

  const server = http.createServer(async (request, response) => {
    const body = await wholeBody(request);
    if (body === undefined) return;
    const fault = request.url?.startsWith('/_bulk') ? faultOf() : undefined;
    if (fault !== undefined) faultCounts.set(fault, (faultCounts.get(fault) ?? 0) + 1);
    const cutConnection = () => request.socket.resetAndDestroy();
    const answer = (status: number, text: string) => {
      response.writeHead(status, { 'content-type': 'application/json' });
      response.end(request.method === 'HEAD' ? undefined : text);
    };
    switch (fault) {
      case 'overload':
        answer(
          429,
          '{"error":{"type":"rejected_execution_exception","reason":"rejected execution"},"status":429}',
        );
        break;
      case 'gateway':
        answer(502, '<html><body>Bad Gateway</body></html>');
        break;
      case 'lost-answer':
        pass(request, body, cutConnection, cutConnection);
        break;
      case 'half-written': {
        const lines = body.split('\n');
        // An action and its document are two lines.
        const half = lines.slice(0, 2 * Math.ceil(lines.length / 4));
        pass(request, `${half.join('\n')}\n`, cutConnection, cutConnection);
        break;
      }
      default:
        pass(request, body, answer, cutConnection);
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    faultCounts,
    close: () =>
      new Promise((resolve) => {
        agent.destroy();
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
