import { isObject, type Json } from './json-text.ts';

/**
 * Whether two values mean the same to ECS, which answers with empty lists where there was nothing, with 0 where there
 * was no `cpu`, and with variables in an order of its own.
 */
export function isEquivalent(a: Json | undefined, b: Json | undefined): boolean {
  return JSON.stringify(meaning(a)) === JSON.stringify(meaning(b));
}

function meaning(value: Json | undefined): Json {
  const same = canonical(value ?? null);
  const isNothing =
    same === 0 || (typeof same === 'object' && same !== null && Object.keys(same).length === 0);
  return isNothing ? null : same;
}

function canonical(value: Json): Json {
  if (Array.isArray(value)) {
    return value.map(canonical).toSorted((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
  }
  if (!isObject(value)) return value;
  const properties = Object.entries(value)
    .map(([key, each]): [string, Json] => [key, canonical(each)])
    .filter(([, each]) => typeof each !== 'object' || each === null || Object.keys(each).length > 0);
  return Object.fromEntries(properties.toSorted(([a], [b]) => (a < b ? -1 : 1)));
}
