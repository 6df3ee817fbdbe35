/** The index pattern: what Kibana knows of the fields, out of the index template. */
import { type Field, REPORT_FIELDS } from '../../src/core/fields.ts';
import { INDEX_PATTERN } from '../../src/subscription/index-name.ts';
import { type FieldMapping, indexTemplate, TIME_FIELD } from '../../src/subscription/index-template.ts';
import type { SavedObject } from './saved-object.ts';

export const INDEX_PATTERN_ID = 'fargauge';

/** Fields of every document; those that Kibana 7.10 and OpenSearch Dashboards list both. */
const META_FIELDS = [
  metaField('_id', 'string', { searchable: true, aggregatable: true }),
  metaField('_index', 'string', { searchable: true, aggregatable: true }),
  metaField('_score', 'number', { searchable: false, aggregatable: false }),
  metaField('_source', '_source', { searchable: false, aggregatable: false }),
];

const TYPES = {
  keyword: 'string',
  date: 'date',
  long: 'number',
  scaled_float: 'number',
} as const satisfies Record<FieldMapping['type'], string>;

/** How a figure is written: durations as seconds, with the word since the field is named for milliseconds. */
const FORMATS: Readonly<Record<Field['unit'], object | undefined>> = {
  '': undefined,
  ms: {
    id: 'duration',
    params: { inputFormat: 'milliseconds', outputFormat: 'asSeconds', outputPrecision: 1, showSuffix: true },
  },
  bytes: { id: 'bytes' },
  MB: { id: 'number', params: { pattern: '0,0' } },
  units: { id: 'number', params: { pattern: '0,0' } },
  count: { id: 'number', params: { pattern: '0,0' } },
  '%': { id: 'number', params: { pattern: '0,0.[00]' } },
};

export function indexPatternObject(): SavedObject {
  const { properties } = indexTemplate().template.mappings;
  const fields = Object.entries(properties).map(([name, { type }]) => ({
    count: 0,
    name,
    type: TYPES[type],
    esTypes: [type],
    scripted: false,
    searchable: true,
    aggregatable: true,
    readFromDocValues: true,
  }));
  const formats = REPORT_FIELDS.flatMap(({ name, unit }) => {
    const format = FORMATS[unit];
    return format === undefined ? [] : [[name, format] as const];
  });
  return {
    id: INDEX_PATTERN_ID,
    type: 'index-pattern',
    attributes: {
      title: INDEX_PATTERN,
      timeFieldName: TIME_FIELD,
      fields: JSON.stringify([...META_FIELDS, ...fields]),
      fieldFormatMap: JSON.stringify(Object.fromEntries(formats)),
    },
    references: [],
  };
}

function metaField(
  name: string,
  type: string,
  use: { readonly searchable: boolean; readonly aggregatable: boolean },
) {
  const esTypes = name === '_score' ? {} : { esTypes: [name] };
  return { count: 0, name, type, ...esTypes, scripted: false, ...use, readFromDocValues: false };
}
