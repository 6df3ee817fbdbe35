import { beforeAll, describe, expect, it } from 'vitest';
import { REPORT_FIELDS } from '../../src/core/fields.ts';
import { indexTemplate } from '../../src/subscription/index-template.ts';
import { linesOf } from '../insights/simulated-run.ts';
import { askEngine, type RunningEngine, runningEngines } from '../support/search-engines.ts';

const LINES = linesOf(
  {
    job: {
      name: 'nightly-etl',
      launchType: 'FARGATE',
      cpuArchitecture: 'X86_64',
      cpuUnits: 1024,
      memoryMiB: 512,
      cpuPercent: 30.27,
      kernelShare: 0.1,
    },
    startedAt: '2026-06-15T02:00:00Z',
    durationMs: 95_000,
    memoryMiB: 500,
    exitCode: 137,
  },
  1,
);
const LINE: Record<string, unknown> = JSON.parse(LINES[0] ?? '');

/** An index of its own under the template, as if it were a day's. */
const INDEX = 'template-2026.06.15';

interface ItemAnswer {
  readonly status: number;
  readonly error?: { readonly type: string; readonly reason: string };
}

async function index(engine: RunningEngine, document: object): Promise<ItemAnswer> {
  const { status, body } = await askEngine<{ error?: ItemAnswer['error'] }>(
    engine,
    'POST',
    `/${INDEX}/_doc?refresh=true`,
    document,
  );
  return { status, ...(body.error && { error: body.error }) };
}

async function mappingsOf(engine: RunningEngine): Promise<object | undefined> {
  const { body } = await askEngine<Record<string, { mappings: object }>>(engine, 'GET', `/${INDEX}/_mapping`);
  return body[INDEX]?.mappings;
}

async function search<Answer>(engine: RunningEngine, body: object): Promise<Answer> {
  return (await askEngine<Answer>(engine, 'POST', `/${INDEX}/_search`, body)).body;
}

describe.each(runningEngines())('the index template on $label', (engine) => {
  beforeAll(async () => {
    const template = { ...indexTemplate(), index_patterns: ['template-*'] };
    const { status } = await askEngine(engine, 'PUT', '/_index_template/template-test', template);
    expect(status).toBe(200);
    for (const line of LINES) expect(await index(engine, JSON.parse(line))).toEqual({ status: 201 });
  });

  it('is put as it is', async () => {
    const { body } = await askEngine<{
      index_templates: { index_template: { template: { mappings: object } } }[];
    }>(engine, 'GET', '/_index_template/template-test');
    expect(body.index_templates[0]?.index_template.template.mappings).toEqual(
      expect.objectContaining({ properties: indexTemplate().template.mappings.properties }),
    );
  });

  it('tells the unit of a field to who asks for it', async () => {
    const { body } = await askEngine<{
      fields: Record<string, Record<string, { meta?: { unit: string[] } }>>;
    }>(engine, 'GET', `/${INDEX}/_field_caps?fields=*`);
    const units = REPORT_FIELDS.filter(({ unit }) => unit !== '').map(({ name }) => [
      name,
      Object.values(body.fields[name] ?? {})[0]?.meta?.unit.join(),
    ]);
    expect(units).toContainEqual(['durationMs', 'ms']);
    expect(units.filter(([, unit]) => unit === undefined)).toEqual([]);
  });

  it('counts by text, averages percents as they are, and finds by time', async () => {
    const reports = LINES.map((line) => JSON.parse(line)).filter(({ type }) => type === 'REPORT');
    const answer = await search<{
      aggregations: Record<string, { value: number; buckets: { key: string; doc_count: number }[] }>;
    }>(engine, {
      size: 0,
      query: {
        bool: {
          filter: [
            { term: { type: 'REPORT' } },
            { range: { time: { gte: '2026-06-15T02:00:00.000Z', lt: '2026-06-15T02:02:00.000Z' } } },
          ],
        },
      },
      aggs: {
        jobs: { terms: { field: 'job' } },
        cpu: { avg: { field: 'avgCpuPercent' } },
        memory: { avg: { field: 'maxMemoryUsedMB' } },
      },
    });
    expect(reports).toHaveLength(1);
    expect(answer.aggregations.jobs?.buckets).toEqual([{ key: 'nightly-etl', doc_count: 1 }]);
    expect(answer.aggregations.cpu?.value).toBe(reports[0].avgCpuPercent);
    expect(answer.aggregations.memory?.value).toBe(reports[0].maxMemoryUsedMB);
    expect(reports[0].avgCpuPercent % 1).not.toBe(0);
  });

  it('keeps what a newer version adds, of whatever shape, without a mapping for it', async () => {
    const before = await mappingsOf(engine);
    const added = {
      gpuPercent: 3.5,
      gpuCount: 12,
      gpuName: 'T4',
      gpuAt: 'no date',
      containers: [{ name: 'a', 'app.kubernetes.io/name': 'b' }],
      labels: Object.fromEntries(Array.from({ length: 2_000 }, (_, each) => [`label${each}`, each])),
    };
    expect(await index(engine, { ...LINE, fargaugeVersion: '9.0.0', ...added })).toEqual({ status: 201 });
    expect(await index(engine, { ...LINE, fargaugeVersion: '9.0.1', ...added, gpuCount: 'two' })).toEqual({
      status: 201,
    });
    expect(await mappingsOf(engine)).toEqual(before);
    const found = await search<{ hits: { hits: { _source: object }[] } }>(engine, {
      query: { term: { fargaugeVersion: '9.0.0' } },
    });
    expect(found.hits.hits.map(({ _source }) => _source)).toEqual([expect.objectContaining(added)]);
  });

  it.each([
    ['a fraction where a whole number belongs', { durationMs: 12.5 }],
    ['a number in a string', { durationMs: '12' }],
    ['a percent in a string', { avgCpuPercent: '12' }],
    ['a text where a time belongs', { startedAt: 'yesterday' }],
    ['an object where a text belongs', { job: { name: 'nightly-etl' } }],
  ])('refuses %s', async (_, wrong) => {
    const { status, error } = await index(engine, { ...LINE, ...wrong });
    expect(status).toBe(400);
    expect(error?.type).toBe('mapper_parsing_exception');
    expect(error?.reason).toContain(Object.keys(wrong)[0]);
  });

  it('holds whole numbers of any size that a line can have', async () => {
    const networkRxBytes = Number.MAX_SAFE_INTEGER;
    expect(await index(engine, { ...LINE, fargaugeVersion: '9.1.0', networkRxBytes })).toEqual({
      status: 201,
    });
    const found = await search<{ hits: { total: { value: number } } }>(engine, {
      query: { range: { networkRxBytes: { gte: networkRxBytes } } },
    });
    expect(found.hits.total.value).toBe(1);
  });

  it('keeps a text too long to be found by', async () => {
    const body = '{"Name":"x"}'.repeat(1_300);
    expect(await index(engine, { ...LINE, type: 'RECORD', body })).toEqual({ status: 201 });
    const found = await search<{ hits: { hits: { _source: { body: string } }[] } }>(engine, {
      query: { term: { type: 'RECORD' } },
    });
    expect(found.hits.hits.map(({ _source }) => _source.body)).toEqual([body]);
  });
});
