import { parse, type Spec } from 'vega';
import { describe, expect, it } from 'vitest';
import { drawingOf } from '../../scripts/kibana/drawing.ts';
import { CPU_USAGE, PICTURES, RUNS_WITH_ERRORS } from '../../scripts/kibana/pictures.ts';
import { indexTemplate, TIME_FIELD } from '../../src/subscription/index-template.ts';
import {
  type ImportedObject,
  importedObject,
  importedObjects,
  innerJson,
  searchSourceOf,
  stateOf,
  vegaOf,
} from './import-file.ts';
import { parseClauses } from './query-language.ts';

const OBJECTS = importedObjects();
const byName = (objects: readonly ImportedObject[]) =>
  objects.map((object) => [`${object.type} ${object.id}`, object] as const);

/**
 * The last changes of form that both know: an object of a later one is refused. Sources: the migrations in
 * src/plugins/{data,discover,visualizations,dashboard}/server/saved_objects of Kibana 7.10 and OpenSearch Dashboards 2.
 */
const KNOWN_MIGRATIONS: Readonly<Record<string, string>> = {
  'index-pattern': '7.6.0',
  search: '7.9.3',
  visualization: '7.10.0',
  dashboard: '7.9.3',
};

const MAPPINGS = indexTemplate().template.mappings.properties;
const NUMBERS = ['long', 'scaled_float'];
const typeOf = (field: unknown) => MAPPINGS[String(field)]?.type ?? `${field} is no field`;

describe('every saved object', () => {
  it.each(byName(OBJECTS))('%s has the form that both programs know', (_, object) => {
    expect(object.migrationVersion).toEqual({ [object.type]: KNOWN_MIGRATIONS[object.type] });
    expect(Object.keys(object).toSorted()).toEqual([
      'attributes',
      'id',
      'migrationVersion',
      'references',
      'type',
    ]);
    expect(String(object.attributes.title)).not.toBe('');
  });

  it('has an id of its own within its type, and a title of its own', () => {
    const ids = OBJECTS.map(({ type, id }) => `${type} ${id}`);
    expect(new Set(ids).size).toBe(ids.length);
    const titles = OBJECTS.map(({ type, attributes }) => `${type} ${attributes.title}`);
    expect(new Set(titles).size).toBe(titles.length);
  });

  it.each(byName(OBJECTS))('%s refers to objects that stand before it', (_, object) => {
    const before = OBJECTS.slice(0, OBJECTS.indexOf(object)).map(({ type, id }) => `${type} ${id}`);
    for (const { type, id } of object.references) expect(before).toContain(`${type} ${id}`);
  });

  it.each(byName(OBJECTS))('%s uses each of its references, and no other', (_, object) => {
    const used = [...JSON.stringify(object.attributes).matchAll(/RefName\\*":\\*"([^"\\]+)/g)];
    expect(used.map(([, name]) => name).toSorted()).toEqual(
      object.references.map(({ name }) => name).toSorted(),
    );
  });
});

describe('the index pattern', () => {
  const object = importedObject('fargauge', 'index-pattern');
  const fields = innerJson<Record<string, unknown>[]>(object, 'fields');

  it('has the indices and the time of the template', () => {
    expect(indexTemplate().index_patterns).toEqual([object.attributes.title]);
    expect(typeOf(object.attributes.timeFieldName)).toBe('date');
  });

  it('has every field of the template, in the type that Kibana has for it', () => {
    const known = fields.filter(({ name }) => !String(name).startsWith('_'));
    const wanted = Object.entries(MAPPINGS).map(([name, { type }]) => ({
      name,
      esTypes: [type],
      type: type === 'keyword' ? 'string' : NUMBERS.includes(type) ? 'number' : type,
    }));
    expect(known.map(({ name, esTypes, type }) => ({ name, esTypes, type }))).toEqual(wanted);
  });

  it('says of each field what Kibana would else have to ask for', () => {
    for (const field of fields) {
      expect(field).toMatchObject({
        searchable: expect.any(Boolean),
        aggregatable: expect.any(Boolean),
        readFromDocValues: expect.any(Boolean),
      });
    }
  });

  it('writes durations as seconds, bytes as bytes, and has a format for numbers only', () => {
    const formats = innerJson<Record<string, { id: string }>>(object, 'fieldFormatMap');
    expect(formats.durationMs).toEqual({
      id: 'duration',
      params: {
        inputFormat: 'milliseconds',
        outputFormat: 'asSeconds',
        outputPrecision: 1,
        showSuffix: true,
      },
    });
    expect(formats.networkRxBytes).toEqual({ id: 'bytes' });
    for (const name of Object.keys(formats)) expect(NUMBERS).toContain(typeOf(name));
  });
});

describe.each(PICTURES.map((picture) => [picture.title, picture] as const))(
  'the picture %s',
  (_, picture) => {
    const object = importedObject(picture.id, 'visualization');
    const { title, type, aggs, params } = stateOf(object);
    const ofSchema = (name: string) => aggs.filter(({ schema }) => schema === name);

    it('is called the same inside and outside', () => {
      expect([title, object.attributes.title]).toEqual([picture.title, picture.title]);
    });

    it('has one figure by job over time, as its kind allows', () => {
      expect(aggs.map(({ id }) => id)).toEqual([...new Set(aggs.map(({ id }) => id))]);
      expect(params).toMatchObject({ type });
      for (const name of ['metric', 'group', 'segment']) expect(ofSchema(name)).toHaveLength(1);
      expect(aggs).toHaveLength(3);
    });

    it('takes each aggregation over a field of the right type', () => {
      for (const { type: kind, params: of } of aggs) {
        if (kind === 'avg') expect(NUMBERS).toContain(typeOf(of.field));
        if (kind === 'terms') expect(typeOf(of.field)).toBe('keyword');
        if (kind === 'date_histogram') expect(of.field).toBe(TIME_FIELD);
        if (kind === 'count') expect(of.field).toBeUndefined();
      }
    });

    it('orders its jobs by its own figure', () => {
      expect(ofSchema('group')[0]?.params.orderBy).toBe(ofSchema('metric')[0]?.id);
    });

    it('asks for lines of one type by fields of the template', () => {
      const { query, language } = searchSourceOf(object).query;
      expect(language).toBe('kuery');
      const clauses = parseClauses(query);
      expect(clauses[0]).toEqual({ field: 'type', value: picture.lineType });
      for (const { field } of clauses) expect(Object.keys(MAPPINGS)).toContain(field);
    });
  },
);

describe.each(
  PICTURES.filter(({ kind }) => kind === 'heatmap').map((picture) => [picture.title, picture] as const),
)('the heatmap %s', (_, picture) => {
  it('has a colour for every percent, once', () => {
    const { params } = stateOf(importedObject(picture.id, 'visualization'));
    const { colorsRange, setColorRange, colorsNumber } = params as {
      readonly colorsRange: readonly { readonly from: number; readonly to: number }[];
      readonly setColorRange: boolean;
      readonly colorsNumber: number;
    };
    expect(setColorRange).toBe(true);
    expect(colorsNumber).toBe(colorsRange.length);
    const colorCounts = [0, 9.99, 10, 50, 99.99, 100, 100.03, 399].map(
      (value) => colorsRange.filter(({ from, to }) => from <= value && value < to).length,
    );
    expect(new Set(colorCounts)).toEqual(new Set([1]));
  });

  it('is a Vega specification too, of a version that every Kibana since 7.10 has', () => {
    const object = importedObject(`${picture.id}-vega`, 'visualization');
    const spec = vegaOf(object);
    expect(spec.$schema).toBe('https://vega.github.io/schema/vega/v5.json');
    // In Kibana the panel says how large it is.
    for (const name of ['width', 'height', 'autosize']) expect(Object.keys(spec)).not.toContain(name);
    const [cells, ...others] = spec.data;
    const { url, ...rest } = cells;
    expect(() => parse({ ...spec, data: [{ ...rest, values: [] }, ...others] } as Spec)).not.toThrow();
    const fields = [...JSON.stringify(url.body).matchAll(/"field":"(\w+)"/g)].map(([, field]) => field);
    expect(fields.length).toBeGreaterThan(3);
    for (const field of fields) expect(Object.keys(MAPPINGS)).toContain(field);
    expect(indexTemplate().index_patterns).toEqual([url.index]);
  });
});

describe('the table of runs with errors', () => {
  const object = importedObject(RUNS_WITH_ERRORS.id, 'search');

  it('shows, sorts and asks by fields of the template', () => {
    const { columns, sort } = object.attributes as {
      readonly columns: readonly string[];
      readonly sort: readonly (readonly [string, string])[];
    };
    const asked = parseClauses(searchSourceOf(object).query.query).map(({ field }) => field);
    const fields = [...columns, ...sort.map(([field]) => field), ...asked];
    for (const field of fields) expect(Object.keys(MAPPINGS)).toContain(field);
    expect(sort).toEqual([[TIME_FIELD, 'desc']]);
  });
});

describe('the dashboard', () => {
  const object = importedObject('fargauge', 'dashboard');
  const panels = innerJson<
    {
      readonly version: string;
      readonly panelIndex: string;
      readonly panelRefName: string;
      readonly gridData: {
        readonly x: number;
        readonly y: number;
        readonly w: number;
        readonly h: number;
        readonly i: string;
      };
    }[]
  >(object, 'panelsJSON');

  it('shows every picture and the table', () => {
    const shown = object.references.map(({ type, id }) => `${type} ${id}`);
    expect(shown).toEqual([
      ...PICTURES.map(({ id }) => `visualization ${id}`),
      `search ${RUNS_WITH_ERRORS.id}`,
    ]);
  });

  it('has no panel over another, and none beyond its 48 columns', () => {
    const cells = panels.flatMap(({ gridData: { x, y, w, h } }) => {
      expect(x + w).toBeLessThanOrEqual(48);
      return Array.from({ length: w * h }, (_, at) => `${x + (at % w)},${y + Math.floor(at / w)}`);
    });
    expect(new Set(cells).size).toBe(cells.length);
  });

  it('knows its panels by numbers of their own', () => {
    expect(panels.map(({ gridData }) => gridData.i)).toEqual(panels.map(({ panelIndex }) => panelIndex));
    expect(new Set(panels.map(({ panelIndex }) => panelIndex)).size).toBe(panels.length);
  });

  it('opens on the last day', () => {
    expect(object.attributes).toMatchObject({ timeRestore: true, timeFrom: 'now-24h', timeTo: 'now' });
  });
});

describe('a drawing', () => {
  const HOUR_MS = 3_600_000;
  const figure = (value: number | null) => ({ value });
  const times = (...values: (number | null)[]) => ({
    buckets: values.map((value, hour) => ({ key: hour * HOUR_MS, figure: figure(value) })),
  });
  const answer = (...buckets: object[]) => ({ aggregations: { jobs: { buckets } } });

  it('has a cell for each time with a figure, in the colour of its band', async () => {
    const svg = await drawingOf(
      CPU_USAGE,
      answer(
        { key: 'busy', figure: figure(95), times: times(100.02, 90, null) },
        { key: 'idle', figure: figure(2), times: times(null, 0, 9.99) },
      ),
    );
    const colors = [...svg.matchAll(/h240v[\d.]+h-240Z" fill="(#\w+)"/g)].map(([, color]) => color);
    expect(colors).toEqual(['#bd0026', '#bd0026', '#ffffb2', '#ffffb2']);
    expect(svg.indexOf('>busy<')).toBeLessThan(svg.indexOf('>idle<'));
  });

  it('says what it shows to those who do not see it', async () => {
    const svg = await drawingOf(CPU_USAGE, answer({ key: 'a "b" <c>', times: times(1, 2) }));
    expect(svg).toContain(`role="img" aria-label="${CPU_USAGE.title}. `);
    expect(svg).toContain('a "b" &lt;c&gt;');
  });

  it('of nothing says so', async () => {
    expect(await drawingOf(CPU_USAGE, answer())).toContain('Nothing in this time');
    const empty = await drawingOf(
      CPU_USAGE,
      answer({ key: 'idle', figure: figure(null), times: times(null) }),
    );
    expect(empty).toContain('Nothing in this time');
    const filled = await drawingOf(CPU_USAGE, answer({ key: 'idle', figure: figure(0), times: times(0) }));
    expect(filled).not.toContain('Nothing in this time');
  });
});
