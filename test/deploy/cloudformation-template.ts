import { readFileSync } from 'node:fs';
import { type CollectionTag, parse, type ScalarTag } from 'yaml';
import type { JsonObject } from '../../src/deploy/json-text.ts';

const FUNCTIONS = ['Ref', 'Sub', 'GetAtt', 'If', 'Equals', 'Not', 'Join'];

/** `!Ref X` is short for `{ "Ref": X }`, `!Sub X` for `{ "Fn::Sub": X }`. */
const TAGS = FUNCTIONS.flatMap((name): (ScalarTag | CollectionTag)[] => {
  const key = name === 'Ref' ? 'Ref' : `Fn::${name}`;
  const tag = `!${name}`;
  return [
    { tag, resolve: (value: string) => ({ [key]: value }) },
    { tag, collection: 'seq', resolve: (value) => ({ [key]: value.toJSON() }) },
  ] as (ScalarTag | CollectionTag)[];
});

export interface Template extends JsonObject {
  readonly Resources: Readonly<Record<string, { readonly Type: string; readonly Properties: JsonObject }>>;
}

/** A template of deploy/cloudformation as JSON. */
export function readTemplate(name: string): Template {
  const text = readFileSync(new URL(`../../deploy/cloudformation/${name}`, import.meta.url), 'utf8');
  return parseTemplate(text);
}

/** @param text in YAML or JSON */
export function parseTemplate(text: string): Template {
  return parse(text, { customTags: TAGS }) as Template;
}
