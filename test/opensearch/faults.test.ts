import { randomBytes } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type SearchEngine, startSearchEngine } from '../../scripts/search-engine.ts';
import { systemClock } from '../../src/clock.ts';
import { parseLine } from '../../src/core/parsed-line.ts';
import { lineDocument } from '../../src/subscription/document.ts';
import { indexDocuments } from '../../src/subscription/indexing.ts';
import type { SearchAnswer } from '../../src/subscription/search-client.ts';
import { delivered, deliveryOf, logEvents } from '../support/deliveries.ts';
import { eventsInMessages, openForwarding, watchedClient } from '../support/forwarding.ts';
import { LambdaFunction } from '../support/lambda-function.ts';
import { linesOfDay } from '../support/lines.ts';
import { type QueueServer, startQueueServer } from '../support/queue-server.ts';
import { askEngine, runningEngines } from '../support/search-engines.ts';

/** A node that is soon at its limits. */
const NARROW = {
  'thread_pool.write.size': 1,
  'thread_pool.write.queue_size': 1,
  'http.max_content_length': '1mb',
  'action.auto_create_index': '-fargauge-2026.03.05,+*',
};

/** Enough for a few tries, of an engine that is busy otherwise too; a third of it is kept for the queue. */
const SHORT_MS = 9_000;
const LONG_MS = 60_000;

function documentsOf(lines: readonly string[]) {
  return lines.map((line) => {
    const parsed = parseLine(line);
    if (parsed.kind !== 'line') throw new Error(`no line: ${line}`);
    return lineDocument(parsed.line, line);
  });
}

describe.each(runningEngines())('on $label', ({ name }) => {
  let engine: SearchEngine;
  let queue: QueueServer;
  let lambda: LambdaFunction;

  beforeAll(async () => {
    [engine, queue] = await Promise.all([startSearchEngine(name, NARROW), startQueueServer()]);
    lambda = await LambdaFunction.start({ OPENSEARCH_URL: engine.url, FAILURE_QUEUE_URL: queue.queueUrl });
  });

  afterAll(async () => {
    await Promise.all([lambda?.stop(), engine?.stop(), queue?.close()]);
  });

  async function countOf(index: string): Promise<number> {
    const { body } = await askEngine<{ count: number }>(engine, 'POST', `/${index}/_refresh`).then(() =>
      askEngine<{ count: number }>(engine, 'GET', `/${index}/_count`),
    );
    return body.count;
  }

  async function makeIndex(index: string, body: object): Promise<void> {
    expect((await askEngine(engine, 'PUT', `/${index}`, body)).status).toBe(200);
  }

  it('puts the index template before the first line', async () => {
    await lambda.invoke(delivered(linesOfDay('2026-03-01', 1)));
    expect(lambda.log[0]?.message).toBe('the index template was missing and is there now');
    const { body } = await askEngine<Record<string, { mappings: { dynamic: string } }>>(
      engine,
      'GET',
      '/fargauge-2026.03.01/_mapping',
    );
    expect(body['fargauge-2026.03.01']?.mappings.dynamic).toBe('false');
  });

  it('overload: what the node refuses with 429, whole or in part, is sent again until it is in', async () => {
    const lines = linesOfDay('2026-03-02', 60);
    const answers: SearchAnswer[] = [];
    const results = await Promise.all(
      Array.from({ length: 24 }, async (_, part) => {
        const client = watchedClient(engine.url, (answer) => void answers.push(answer));
        const documents = documentsOf(lines.filter((__, at) => at % 24 === part));
        const giveUpAtMs = systemClock.elapsed() + LONG_MS;
        const indexed = await indexDocuments(documents, {
          client,
          clock: systemClock,
          random: Math.random,
          giveUpAtMs,
          limits: { maxBytes: 20_000, maxDocuments: 5 },
        });
        await client.close();
        return indexed;
      }),
    );
    expect(results.flatMap(({ failed }) => failed)).toEqual([]);
    expect(await countOf('fargauge-2026.03.02')).toBe(lines.length);
    const refused = answers.filter(
      (answer) => answer.kind === 'answer' && /rejected_execution_exception/.test(answer.body),
    );
    expect(refused.length).toBeGreaterThan(0);
  });

  it('a full disk: what waits until there is room is indexed, and what cannot wait is queued and replayed', async () => {
    const index = 'fargauge-2026.03.03';
    await makeIndex(index, {});
    const block = (isFull: boolean | null) =>
      askEngine(engine, 'PUT', `/${index}/_settings`, { 'index.blocks.read_only_allow_delete': isFull });
    const lines = linesOfDay('2026-03-03', 4);

    await block(true);
    let answerCount = 0;
    const waiting = openForwarding(engine.url, queue.queueUrl, {
      onAnswer: async () => {
        answerCount += 1;
        if (answerCount === 2) await block(null);
      },
    });
    await waiting.forwarder.forward(delivered(lines.slice(0, 6)), LONG_MS);
    await waiting.close();
    expect(answerCount).toBe(3);
    expect(await countOf(index)).toBe(6);

    await block(true);
    await lambda.invoke(delivered(lines.slice(6)), SHORT_MS);
    const messages = queue.take();
    const events = eventsInMessages(messages);
    expect(events.map(({ message }) => message)).toEqual(lines.slice(6));
    expect(events[0]?.reason).toContain('status 429: cluster_block_exception');

    await block(null);
    await lambda.poll(messages, queue.put);
    expect(queue.take()).toEqual([]);
    expect(await countOf(index)).toBe(lines.length);
  });

  it('a mapping that conflicts: the document is set aside with the reason, and the others are indexed', async () => {
    const index = 'fargauge-2026.03.04';
    await makeIndex(index, { mappings: { properties: { durationMs: { type: 'ip' } } } });
    const lines = linesOfDay('2026-03-04', 3);
    const withDuration = lines.filter((line) => line.includes('"durationMs"'));
    await lambda.invoke(delivered(lines));
    const events = eventsInMessages(queue.take());
    expect(events.map(({ message }) => message)).toEqual(withDuration);
    expect(events[0]?.reason).toMatch(/^status 400: mapper_parsing_exception: .*durationMs/);
    expect(await countOf(index)).toBe(lines.length - withDuration.length);
  });

  it('an index that may not be made: all is queued at once, and indexed when it is replayed after', async () => {
    const index = 'fargauge-2026.03.05';
    const lines = linesOfDay('2026-03-05', 2);
    await lambda.invoke(delivered(lines));
    const messages = queue.take();
    expect(eventsInMessages(messages)).toHaveLength(lines.length);
    expect(eventsInMessages(messages)[0]?.reason).toContain('status 404: index_not_found_exception');
    await lambda.poll(messages, queue.put);
    expect(queue.take()).toEqual(messages);
    await makeIndex(index, {});
    await lambda.poll(messages, queue.put);
    expect(queue.take()).toEqual([]);
    expect(await countOf(index)).toBe(lines.length);
  });

  it('an index that may not be written: all is queued at once', async () => {
    await makeIndex('fargauge-2026.03.06', { settings: { 'index.blocks.write': true } });
    const lines = linesOfDay('2026-03-06', 2);
    await lambda.invoke(delivered(lines));
    const events = eventsInMessages(queue.take());
    expect(events.map(({ message }) => message)).toEqual(lines);
    expect(events[0]?.reason).toContain('status 403: cluster_block_exception');
  });

  it('413: a request that is too large for the node is halved until it is not', async () => {
    const lines = linesOfDay('2026-03-07', 500);
    expect(lines.join('').length).toBeGreaterThan(2_000_000);
    await lambda.invoke(delivered(lines));
    expect(queue.take()).toEqual([]);
    expect(await countOf('fargauge-2026.03.07')).toBe(lines.length);
  });

  it('the same delivery again, and twice at once, makes no copy', async () => {
    const index = 'fargauge-2026.03.08';
    const event = delivered(linesOfDay('2026-03-08', 30));
    const other = await LambdaFunction.start({
      OPENSEARCH_URL: engine.url,
      FAILURE_QUEUE_URL: queue.queueUrl,
    });
    const lineCount = linesOfDay('2026-03-08', 30).length;
    const logStart = lambda.log.length;
    await Promise.all([lambda.invoke(event), other.invoke(event)]);
    await lambda.invoke(event);
    await other.stop();
    expect(await countOf(index)).toBe(lineCount);
    const told = [...lambda.log.slice(logStart), ...other.log].filter(({ message }) => message === 'done');
    const sum = (name: string) => told.reduce((total, line) => total + Number(line[name]), 0);
    expect([sum('indexedCount'), sum('copyCount')]).toEqual([lineCount, 2 * lineCount]);
  });

  it('documents of another writer stay as they are, and others’ lines are left', async () => {
    const index = 'fargauge-2026.03.09';
    const lines = linesOfDay('2026-03-09', 1);
    const theirs = { message: 'not ours' };
    const id = documentsOf(lines)[0]?.id ?? '';
    await askEngine(engine, 'PUT', `/${index}/_doc/${id}`, theirs);
    await askEngine(engine, 'PUT', `/${index}/_doc/theirs`, theirs);
    await lambda.invoke(delivered(['theirs', '{"a":1}', ...lines]));
    const { body } = await askEngine<{ _source: object }>(engine, 'GET', `/${index}/_doc/${id}`);
    expect(body._source).toEqual(theirs);
    expect(await countOf(index)).toBe(lines.length + 1);
    expect(lambda.log.at(-1)).toMatchObject({ refused: { foreign: 2 }, copyCount: 1 });
  });

  it('a delivery of 6 MB, as large as Lambda takes one, is indexed', async () => {
    const [line = ''] = linesOfDay('2026-03-10', 1);
    // Digits of chance, which do not pack.
    const lines = Array.from({ length: 9_000 }, (_, at) => {
      const taskId = randomBytes(16).toString('hex');
      const serviceName = randomBytes(450).toString('base64');
      return JSON.stringify({ ...JSON.parse(line), taskId, serviceName, seq: at });
    });
    const event = delivered(lines);
    expect(event.awslogs.data.length).toBeGreaterThan(5.5 * 1024 * 1024);
    expect(event.awslogs.data.length).toBeLessThan(6 * 1024 * 1024);
    expect(await lambda.invoke(event)).toEqual({ result: undefined });
    expect(queue.take()).toEqual([]);
    expect(await countOf('fargauge-2026.03.10')).toBe(lines.length);
  });

  it('a decompression bomb fails the invocation, is kept by Lambda, and does the function no harm', async () => {
    const bomb = { awslogs: { data: gzipSync(Buffer.alloc(300 * 1024 * 1024)).toString('base64') } };
    await lambda.deliver(bomb, queue.put);
    const [record = '', ...more] = queue.take();
    expect(more).toEqual([]);
    expect(JSON.parse(record)).toMatchObject({
      requestPayload: bomb,
      responsePayload: {
        errorType: 'DeliveryError',
        errorMessage: expect.stringContaining('unpacks to more'),
      },
    });
    await lambda.poll([record], queue.put);
    expect(queue.take()).toEqual([record]);
    const lines = linesOfDay('2026-03-11', 1);
    await lambda.invoke(deliveryOf(logEvents(lines)));
    expect(await countOf('fargauge-2026.03.11')).toBe(lines.length);
  });
});
