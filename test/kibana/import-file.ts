/** The saved objects as they stand in deploy/kibana, taken apart as Kibana takes them apart. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { VisualizationState } from '../../scripts/kibana/visualization.ts';

export interface ImportedObject {
  readonly id: string;
  readonly type: string;
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly references: readonly { readonly name: string; readonly type: string; readonly id: string }[];
  readonly migrationVersion: Readonly<Record<string, string>>;
}

export interface SearchSource {
  readonly query: { readonly query: string; readonly language: string };
  readonly filter: readonly object[];
  readonly indexRefName?: string;
}

const FILE = join(import.meta.dirname, '../../deploy/kibana/fargauge.ndjson');

export function importedObjects(): ImportedObject[] {
  return readFileSync(FILE, 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
}

export function importedObject(id: string, type: string): ImportedObject {
  const found = importedObjects().find((object) => object.id === id && object.type === type);
  if (!found) throw new Error(`there is no ${type} ${id}`);
  return found;
}

/** An attribute that holds JSON in a string. */
export function innerJson<Document>(object: ImportedObject, name: string): Document {
  const text = object.attributes[name];
  if (typeof text !== 'string') throw new Error(`${object.type} ${object.id} has no JSON in ${name}`);
  return JSON.parse(text);
}

export function searchSourceOf(object: ImportedObject): SearchSource {
  const meta = object.attributes.kibanaSavedObjectMeta as { readonly searchSourceJSON: string };
  return JSON.parse(meta.searchSourceJSON);
}

/** Of a classic visualization. */
export function stateOf(object: ImportedObject): VisualizationState {
  return innerJson(object, 'visState');
}

/** A Vega specification as far as its data go: the first come from the engine. */
export interface VegaSource {
  readonly $schema: string;
  readonly data: readonly [{ readonly url: { readonly index: string; readonly body: object } }, ...object[]];
}

export function vegaOf(object: ImportedObject): VegaSource {
  const { params } = innerJson<{ readonly params: { readonly spec: string } }>(object, 'visState');
  return JSON.parse(params.spec);
}
