import { beforeAll, describe, expect, it } from 'vitest';
import { dayOfRuns } from '../support/day-of-runs.ts';
import { documentOf, truthOf } from '../support/day-truth.ts';
import { CONTROL_MESSAGE, deliveryOf, logEvents, type SubscriptionEvent } from '../support/deliveries.ts';
import { type FaultyProxy, type ProxyFault, startFaultyProxy } from '../support/faulty-proxy.ts';
import { LambdaFunction } from '../support/lambda-function.ts';
import { type QueueServer, startQueueServer } from '../support/queue-server.ts';
import { askEngine, type RunningEngine, runningEngines } from '../support/search-engines.ts';
import { itDrawsWhatIsTrue } from './dashboard.ts';

const INDICES = 'fargauge-2026.06.15,fargauge-2026.06.16';
const RUNS = dayOfRuns();
const LINES = RUNS.flatMap(({ lines }) => lines);
const TRUTH = truthOf(LINES);

/** Deliveries hold as many events as came in the moment: from one up to this. */
const MAX_DELIVERY_EVENTS = 120;
const REDELIVERED_ONE_IN = 20;
const FAULT_ONE_IN = 12;
const FAULTS: readonly ProxyFault[] = ['overload', 'lost-answer', 'half-written', 'gateway'];
/** Lambda runs as many as it needs. */
const FUNCTION_COUNT = 2;
/** So many deliveries, from the middle of them on, meet a function that has no time left. */
const RUSHED_COUNT = 60;

interface Planned {
  readonly event: SubscriptionEvent;
  readonly timeoutMs?: number;
}

/** The log of each job, in its order of time, as if each had one log stream. */
function logsOfJobs(): Map<string, string[]> {
  const logs = new Map<string, string[]>();
  for (const { run, lines } of RUNS) {
    const log = logs.get(run.job.name) ?? [];
    log.push(...lines);
    logs.set(run.job.name, log);
  }
  return logs;
}

/** Every line in a delivery, the batch's own lines among them; one delivery in twenty comes twice. */
function plannedDeliveries(): { readonly planned: readonly Planned[]; readonly foreignCount: number } {
  const planned: Planned[] = [];
  let foreignCount = 0;
  let deliveryCount = 0;
  for (const [job, lines] of logsOfJobs()) {
    for (let start = 0; start < lines.length; ) {
      deliveryCount += 1;
      const end = start + 1 + ((deliveryCount * 37) % MAX_DELIVERY_EVENTS);
      const foreign = deliveryCount % 10 === 0 ? FOREIGN : [];
      foreignCount += foreign.length;
      const event = deliveryOf(logEvents([...foreign, ...lines.slice(start, end)]), `batch/${job}`);
      start = end;
      planned.push({ event });
      if (deliveryCount % REDELIVERED_ONE_IN !== 0) continue;
      // At once, by the other function, or some time later.
      const isAtOnce = deliveryCount % (2 * REDELIVERED_ONE_IN) === 0;
      planned.splice(isAtOnce ? planned.length : Math.max(0, planned.length - 30), 0, { event });
      foreignCount += foreign.length;
    }
  }
  planned.splice(100, 0, { event: CONTROL_MESSAGE });
  const middle = Math.floor(planned.length / 2);
  const rushed = planned.slice(middle, middle + RUSHED_COUNT).map(({ event }) => ({ event, timeoutMs: 0 }));
  planned.splice(middle, RUSHED_COUNT, ...rushed);
  return { planned, foreignCount };
}

const FOREIGN = ['order 17 imported', '{"level":"info","durationMs":"12 ms","type":"REPORT"}'];

interface Loaded {
  readonly proxy: FaultyProxy;
  readonly queue: QueueServer;
  /** Sums of what the functions' logs say. */
  readonly told: Record<string, number>;
  /** Messages in the queue before they were replayed, and what stayed in it. */
  readonly queuedMessageCount: number;
  readonly leftMessageCount: number;
}

async function load(engine: RunningEngine, planned: readonly Planned[]): Promise<Loaded> {
  let bulkCount = 0;
  const proxy = await startFaultyProxy(engine.url, () => {
    bulkCount += 1;
    if (bulkCount % FAULT_ONE_IN !== 0) return undefined;
    return FAULTS[(bulkCount / FAULT_ONE_IN) % FAULTS.length];
  });
  const queue = await startQueueServer();
  const environment = { OPENSEARCH_URL: proxy.url, FAILURE_QUEUE_URL: queue.queueUrl };
  const functions = await Promise.all(
    Array.from({ length: FUNCTION_COUNT }, () => LambdaFunction.start(environment)),
  );
  const waiting = planned.values();
  // One attempt of the SDK's three and of Lambda's three each: nine failures in a row lose an event to the record.
  queue.fail(20);
  await Promise.all(
    functions.map(async (lambda) => {
      for (const { event, timeoutMs } of waiting) await lambda.deliver(event, queue.put, timeoutMs);
    }),
  );
  const [replaying] = functions;
  const messages = queue.take();
  for (let at = 0; at < messages.length; at += 10) {
    await replaying?.poll(messages.slice(at, at + 10), queue.put);
  }
  const told: Record<string, number> = {};
  for (const line of functions.flatMap(({ log }) => log)) {
    const { refused, indexedCount, copyCount } = line as Record<string, unknown>;
    for (const [name, count] of Object.entries({ ...(refused as object), indexedCount, copyCount })) {
      told[name] = (told[name] ?? 0) + Number(count ?? 0);
    }
  }
  const leftMessageCount = queue.messages.length;
  await Promise.all([...functions.map((lambda) => lambda.stop()), proxy.close(), queue.close()]);
  return { proxy, queue, told, queuedMessageCount: messages.length, leftMessageCount };
}

interface Aggregated {
  readonly hits: { readonly total: { readonly value: number } };
  readonly aggregations: Readonly<
    Record<string, { value: number; buckets: { key: string; doc_count: number }[] }>
  >;
}

async function search(engine: RunningEngine, body: object): Promise<Aggregated> {
  const path = `/${INDICES}/_search`;
  const answer = await askEngine<Aggregated>(engine, 'POST', path, {
    size: 0,
    track_total_hits: true,
    ...body,
  });
  expect(answer.status).toBe(200);
  return answer.body;
}

describe.concurrent.each(runningEngines())('a day of 10,000 runs, delivered to $label', (engine) => {
  const { planned, foreignCount } = plannedDeliveries();
  let loaded: Loaded;
  beforeAll(async () => {
    loaded = await load(engine, planned);
    await askEngine(engine, 'POST', `/${INDICES}/_refresh`);
  });

  it('met every fault, and a queue that did not take messages', () => {
    expect([...loaded.proxy.faultCounts.keys()].toSorted()).toEqual(FAULTS.toSorted());
    expect(loaded.queue.refusals.length).toBe(20);
    expect(loaded.queuedMessageCount).toBeGreaterThan(40);
  });

  it('is in the index, each line once', async () => {
    const { hits, aggregations } = await search(engine, {
      aggs: { types: { terms: { field: 'type' } } },
    });
    expect(hits.total.value).toBe(TRUTH.lineCount);
    const types = aggregations.types?.buckets.map(({ key, doc_count }) => [key, doc_count]);
    expect(Object.fromEntries(types ?? [])).toEqual(TRUTH.countByType);
    expect(loaded.leftMessageCount).toBe(0);
  });

  it('has the sums of the truth', async () => {
    const names = Object.keys(TRUTH.reportSums);
    const { aggregations } = await search(engine, {
      query: { term: { type: 'REPORT' } },
      aggs: {
        jobs: { terms: { field: 'job', size: 100 } },
        ...Object.fromEntries(names.map((name) => [name, { sum: { field: name } }])),
      },
    });
    const jobs = aggregations.jobs?.buckets.map(({ key, doc_count }) => [key, doc_count]);
    expect(Object.fromEntries(jobs ?? [])).toEqual(TRUTH.runCountByJob);
    expect(Object.fromEntries(names.map((name) => [name, aggregations[name]?.value]))).toEqual(
      TRUTH.reportSums,
    );
  });

  it('is as it was written', async () => {
    const [first] = RUNS;
    for (const line of first?.lines.slice(0, 5) ?? []) {
      const { taskId, seq } = documentOf(line);
      const { body } = await askEngine<{ hits: { hits: { _source: object }[] } }>(
        engine,
        'POST',
        `/${INDICES}/_search`,
        { query: { ids: { values: [`${taskId}-${seq}`] } } },
      );
      expect(body.hits.hits.map(({ _source }) => _source)).toEqual([JSON.parse(line)]);
    }
  });

  it('is told in the log: what was new, what was a copy, what was left', () => {
    expect(loaded.told.foreign).toBeGreaterThanOrEqual(foreignCount);
    expect(loaded.told.indexedCount).toBeLessThanOrEqual(TRUTH.lineCount);
    // A line whose answer was lost is a copy when it is sent again.
    expect((loaded.told.indexedCount ?? 0) + (loaded.told.copyCount ?? 0)).toBeGreaterThan(TRUTH.lineCount);
  });

  describe('on the dashboard', () => {
    itDrawsWhatIsTrue(LINES, () => ({ url: engine.url, index: INDICES }));
  });
});
