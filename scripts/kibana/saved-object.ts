/**
 * Saved objects as Kibana 7.10 and OpenSearch Dashboards import them, one JSON document a line.
 * Source: "Import objects API" of Kibana 7.10 and the migrations of both, in src/plugins of their repositories.
 */

/**
 * Up to which change of its form an object is written: no newer one than the program knows, or it is refused. These are
 * the last of Kibana 7.10, which are OpenSearch Dashboards' too; later versions of Kibana lift what is older.
 */
export const MIGRATION_VERSIONS = {
  'index-pattern': '7.6.0',
  search: '7.9.3',
  visualization: '7.10.0',
  dashboard: '7.9.3',
} as const;

export type SavedObjectType = keyof typeof MIGRATION_VERSIONS;

export interface Reference {
  /** By which the object's own attributes call it. */
  readonly name: string;
  readonly type: SavedObjectType;
  readonly id: string;
}

export interface SavedObject {
  readonly id: string;
  readonly type: SavedObjectType;
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly references: readonly Reference[];
}

export function importLine(object: SavedObject): string {
  const migrationVersion = { [object.type]: MIGRATION_VERSIONS[object.type] };
  return `${JSON.stringify({ ...object, migrationVersion })}\n`;
}

/** The name by which a search source calls its index pattern. */
const SEARCH_SOURCE_INDEX = 'kibanaSavedObjectMeta.searchSourceJSON.index';

/** What an object of the index pattern searches: lines that fit a query in Kibana's own language. */
export function searchSource(indexPatternId: string, query: string, more: object = {}) {
  const source = {
    ...more,
    query: { query, language: 'kuery' },
    filter: [],
    indexRefName: SEARCH_SOURCE_INDEX,
  };
  return {
    kibanaSavedObjectMeta: { searchSourceJSON: JSON.stringify(source) },
    references: [
      { name: SEARCH_SOURCE_INDEX, type: 'index-pattern', id: indexPatternId },
    ] satisfies Reference[],
  };
}
