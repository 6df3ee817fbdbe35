/**
 * Puts the same deliveries into an engine again and again, in one of two ways, whenever the parent process says so, and
 * tells what it took.
 *
 *   node scripts/bench/indexing-program.ts forwarder|sample ENGINE-URL FILE
 *
 * FILE: one event of a subscription to a line.
 */
import { readFileSync } from 'node:fs';
import http from 'node:http';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import type { LogEvent } from '../../src/subscription/delivery.ts';
import { indexNameOf } from '../../src/subscription/index-name.ts';
import type { SubscriptionEvent } from '../../test/support/deliveries.ts';
import type { Took } from './indexing.ts';

const [way = '', engineUrl = '', file = ''] = process.argv.slice(2);
const events = readFileSync(file, 'utf8')
  .trimEnd()
  .split('\n')
  .map((line) => JSON.parse(line) as SubscriptionEvent);

type Forward = (event: SubscriptionEvent) => Promise<unknown>;

/** The function's file, as Lambda calls it. */
async function forwarder(): Promise<Forward> {
  process.env.OPENSEARCH_URL = engineUrl;
  process.env.FAILURE_QUEUE_URL = 'http://127.0.0.1:9/1/none';
  process.env.AWS_REGION = 'eu-west-1';
  // Its log is not of interest here.
  process.stdout.write = () => true;
  const { forward } = await import(join(import.meta.dirname, '../../dist/subscription.cjs'));
  const context = { awsRequestId: 'bench', getRemainingTimeInMillis: () => 120_000 };
  return (event) => forward(event, context);
}

interface Payload {
  readonly owner: string;
  readonly logGroup: string;
  readonly logStream: string;
  readonly logEvents: readonly LogEvent[];
}

/**
 * The way of the function that AWS's console makes for a subscription to a domain, as it is described: one `_bulk` for
 * each event, each document with the line parsed and the line as text beside it, and no id. It does not sign here.
 */
function sample(): Forward {
  const { hostname, port } = new URL(engineUrl);
  return (event) => {
    const payload = JSON.parse(
      gunzipSync(Buffer.from(event.awslogs.data, 'base64')).toString('utf8'),
    ) as Payload;
    const body = payload.logEvents.map((each) => sampleLines(each, payload)).join('');
    return new Promise((resolve, reject) => {
      const request = http.request({
        host: hostname,
        port,
        method: 'POST',
        path: '/_bulk',
        headers: { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) },
      });
      request.on('response', (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (part: string) => {
          text += part;
        });
        response.on('end', () => {
          if (JSON.parse(text).errors === false) resolve(undefined);
          else reject(new Error(text.slice(0, 500)));
        });
      });
      request.on('error', reject);
      request.end(body);
    });
  };
}

function sampleLines({ id, timestamp, message }: LogEvent, { owner, logGroup, logStream }: Payload): string {
  const source = {
    ...JSON.parse(message.slice(message.indexOf('{'))),
    '@id': id,
    '@timestamp': new Date(timestamp).toISOString(),
    '@message': message,
    '@owner': owner,
    '@log_group': logGroup,
    '@log_stream': logStream,
  };
  const action = { index: { _index: indexNameOf(timestamp, 'cwl-') } };
  return `${JSON.stringify(action)}\n${JSON.stringify(source)}\n`;
}

const forward = way === 'forwarder' ? await forwarder() : sample();

process.on('message', async () => {
  const cpuBefore = process.cpuUsage();
  const startedAtMs = performance.now();
  for (const event of events) await forward(event);
  const elapsedMs = performance.now() - startedAtMs;
  const { user, system } = process.cpuUsage(cpuBefore);
  process.send?.({ elapsedMs, cpuMs: (user + system) / 1_000 } satisfies Took);
});
process.send?.('ready');
