import type { ZodMiniType } from 'zod/mini';
import { nearest } from './nearest.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

/** One variable of a program's environment: how its text becomes a value, and what the docs say of it. */
export interface Variable<T> {
  readonly name: `FARGAUGE_${string}`;
  /** As text, `''` where there is none. */
  readonly defaultText: string;
  /** What is allowed, in words. */
  readonly allowed: string;
  readonly help: string;
  readonly schema: ZodMiniType<T, string>;
}

export function variable<T>(
  name: `FARGAUGE_${string}`,
  defaultText: string,
  allowed: string,
  schema: ZodMiniType<T, string>,
  help: string,
): Variable<T> {
  return { name, defaultText, allowed, schema, help };
}

/**
 * The value of a variable; an empty one counts as unset, since task definitions cannot leave one out conditionally.
 * @param problems gets a sentence when it is not allowed
 */
export function readVariable<T>(
  env: Environment,
  { name, defaultText, allowed, schema }: Variable<T>,
  problems: string[],
): T | undefined {
  const text = env[name] || defaultText;
  if (text === '') return undefined;
  const parsed = schema.safeParse(text);
  if (parsed.success) return parsed.data;
  problems.push(`${name}=${quoted(text)} is not allowed: it must be ${allowed}.`);
  return undefined;
}

const PREFIX = 'FARGAUGE_';

/** A sentence for each variable that begins as ours do and is none of them. */
export function unknownVariables(
  env: Environment,
  variables: Readonly<Record<string, { readonly name: string }>>,
  program: string,
): string[] {
  const known = Object.values(variables).map(({ name }) => name);
  const unknown = Object.keys(env).filter((name) => name.startsWith(PREFIX) && !known.includes(name));
  const ends = known.map((name) => name.slice(PREFIX.length));
  return unknown.map((name) => {
    const meant = nearest(name.slice(PREFIX.length), ends);
    const advice = meant === undefined ? '' : ` Did you mean ${PREFIX}${meant}?`;
    return `${name} is not a variable of ${program}.${advice}`;
  });
}

/** A value for a message: cut, and without control characters. */
export function quoted(text: string): string {
  const shown = text.length > 100 ? `${text.slice(0, 100)}…` : text;
  return JSON.stringify(shown);
}
