/**
 * The composable index template of OpenSearch and of Elasticsearch 7.8 and later, out of the one table of fields.
 * Without it a search index guesses each field's type from the first document of the day.
 */
import { type Field, type FieldName, REPORT_FIELDS } from '../core/fields.ts';
import { INDEX_PATTERN } from './index-name.ts';

/** Its name in the cluster: `PUT _index_template/fargauge`. */
export const INDEX_TEMPLATE_NAME = 'fargauge';

/** The time of a document, for index patterns and range queries. */
export const TIME_FIELD = 'time' satisfies FieldName;

/** What an index knows of a field. */
export type FieldMapping = (
  | { readonly type: 'keyword'; readonly ignore_above: number }
  | { readonly type: 'date' }
  | { readonly type: 'long' }
  | { readonly type: 'scaled_float'; readonly scaling_factor: number }
) & {
  /** At most 5 entries, keys of 20 and values of 50 characters. Source: `meta` in Elasticsearch's mapping parameters. */
  readonly meta?: { readonly unit: string };
};

export interface IndexTemplate {
  readonly index_patterns: readonly string[];
  readonly priority: number;
  readonly _meta: { readonly description: string };
  readonly template: {
    readonly settings: { readonly index: object };
    readonly mappings: {
      readonly dynamic: false;
      readonly properties: Readonly<Record<string, FieldMapping>>;
    };
  };
}

/** A longer text is kept and shown, but neither found nor counted by its value. Only a RECORD's `body` is longer. */
const MAX_KEYWORD_LENGTH = 1_024;

/** Percents have two decimals at most. */
const PERCENT_SCALE = 100;

/**
 * The names that Kibana knows are used for what they mean there: `ms` and `byte`. `percent` is not ours: there, 1 means
 * 100 %. Source: `meta` in Elasticsearch's mapping parameters.
 */
const META_UNITS = {
  ms: 'ms',
  MB: 'MB',
  bytes: 'byte',
  units: 'CPU units',
  '%': '%',
  count: 'count',
} as const satisfies Record<Exclude<Field['unit'], ''>, string>;

/**
 * - A field that only a newer version knows is kept in the document, whatever its shape, and not indexed: it can neither
 *   get the document refused nor make the mapping grow. It is indexed from the day on which that version's template is put.
 * - A number that is not what the table says is refused, not cut to a whole one or read out of a string.
 */
export function indexTemplate(): IndexTemplate {
  return {
    index_patterns: [INDEX_PATTERN],
    // Above those that match everything; nobody else's indices are called so.
    priority: 200,
    _meta: { description: 'The lines of fargauge, one document each.' },
    template: {
      settings: {
        index: {
          number_of_shards: 1,
          // One copy where there is a second node to hold it.
          auto_expand_replicas: '0-1',
          codec: 'best_compression',
          mapping: { coerce: false },
        },
      },
      mappings: {
        dynamic: false,
        properties: Object.fromEntries(REPORT_FIELDS.map((field) => [field.name, mappingOf(field)])),
      },
    },
  };
}

function mappingOf({ kind, unit }: Field): FieldMapping {
  const meta = unit === '' ? {} : { meta: { unit: META_UNITS[unit] } };
  switch (kind) {
    case 'string':
      return { type: 'keyword', ignore_above: MAX_KEYWORD_LENGTH, ...meta };
    case 'time':
      return { type: 'date', ...meta };
    case 'integer':
      return { type: 'long', ...meta };
    case 'percent':
      return { type: 'scaled_float', scaling_factor: PERCENT_SCALE, ...meta };
  }
}
