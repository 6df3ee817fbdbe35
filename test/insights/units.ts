/**
 * What a number in a query measures, so that the name of a result can be held against it: `durationMs / 1000` may be
 * called durationSeconds and not durationMs.
 */
import type { Field } from '../../src/core/fields.ts';
import { type Arithmetic, QueryError } from './query.ts';

/** Powers of the base units: seconds, vCPUs, bytes, US dollars. */
interface Dimensions {
  readonly s?: number;
  readonly cpu?: number;
  readonly byte?: number;
  readonly usd?: number;
}

/** A quantity of so many base units for each 1 in the number; or a plain number: a literal, a count, a flag. */
export type Measure =
  | { readonly kind: 'quantity'; readonly dimensions: Dimensions; readonly scale: number }
  | { readonly kind: 'plain'; readonly literal?: number };

export const PLAIN: Measure = { kind: 'plain' };
export const SECONDS = quantity({ s: 1 }, 1);
export const MILLISECONDS = quantity({ s: 1 }, 1e-3);

function quantity(dimensions: Dimensions, scale: number): Measure {
  return { kind: 'quantity', dimensions, scale };
}

const HOUR_S = 3_600;
const MIB = 1_048_576;

/** By the end of a name, the first that fits. 100 CPU percent are one vCPU, 1024 units too; a GB is 2^30 bytes. */
const ENDINGS: readonly (readonly [RegExp, Measure])[] = [
  [/^usdPerVcpuHour$/, quantity({ usd: 1, cpu: -1, s: -1 }, 1 / HOUR_S)],
  [/^usdPerGBHour$/, quantity({ usd: 1, byte: -1, s: -1 }, 1 / (MIB * 1_024 * HOUR_S))],
  [/usdPerThousandRuns$/i, quantity({ usd: 1 }, 1e-3)],
  [/usd$/i, quantity({ usd: 1 }, 1)],
  [/VcpuHours$/i, quantity({ cpu: 1, s: 1 }, HOUR_S)],
  [/GBHours$/i, quantity({ byte: 1, s: 1 }, MIB * 1_024 * HOUR_S)],
  [/CpuTimeMs$/i, quantity({ cpu: 1, s: 1 }, 1e-3)],
  [/CpuTimeSeconds$/i, quantity({ cpu: 1, s: 1 }, 1)],
  [/Ms$/, MILLISECONDS],
  [/Seconds$/, SECONDS],
  [/Minutes$/, quantity({ s: 1 }, 60)],
  [/MB$/, quantity({ byte: 1 }, MIB)],
  [/Bytes$/, quantity({ byte: 1 }, 1)],
  [/Units$/, quantity({ cpu: 1 }, 1 / 1_024)],
  [/CpuPercent$/i, quantity({ cpu: 1 }, 0.01)],
  [/Percent$/, quantity({}, 0.01)],
];

/** What a name says that it measures; a plain number where it says nothing. */
export function measureOfName(name: string): Measure {
  return ENDINGS.find(([ending]) => ending.test(name))?.[1] ?? PLAIN;
}

/** Units of the table of fields that a name must show. */
const UNIT_ENDINGS = {
  '': '',
  count: '',
  ms: 'Ms',
  MB: 'MB',
  bytes: 'Bytes',
  units: 'Units',
  '%': 'Percent',
} as const;

export function measureOfField({ name, unit }: Field): Measure {
  if (!name.endsWith(UNIT_ENDINGS[unit]))
    throw new QueryError(`${name} does not end in ${UNIT_ENDINGS[unit]}`);
  return measureOfName(name);
}

/** A pure number may be called a price; all else must be what its name says. */
export function isCalled(name: string, measure: Measure): boolean {
  const named = measureOfName(name);
  if (name.startsWith('usdPer') && measure.kind === 'plain') return true;
  if (named.kind === 'plain') return measure.kind === 'plain';
  return measure.kind === 'quantity' && isSame(named, measure);
}

function isSame(a: Measure & { kind: 'quantity' }, b: Measure & { kind: 'quantity' }): boolean {
  const keys = ['s', 'cpu', 'byte', 'usd'] as const;
  const areAlike = keys.every((key) => (a.dimensions[key] ?? 0) === (b.dimensions[key] ?? 0));
  return areAlike && Math.abs(a.scale / b.scale - 1) < 1e-9;
}

/** Sums, differences, comparisons: both must measure the same; a literal measures what the other does. */
export function common(a: Measure, b: Measure, what: string): Measure {
  if (a.kind === 'plain' && a.literal !== undefined) return b.kind === 'plain' ? PLAIN : b;
  if (b.kind === 'plain' && b.literal !== undefined) return a.kind === 'plain' ? PLAIN : a;
  if (a.kind === 'plain' && b.kind === 'plain') return PLAIN;
  if (a.kind === 'quantity' && b.kind === 'quantity' && isSame(a, b)) return a;
  throw new QueryError(`${what} is between different units`);
}

export function combine(operator: Arithmetic, a: Measure, b: Measure): Measure {
  if (operator === '+' || operator === '-') return common(a, b, operator);
  const power = operator === '*' ? 1 : -1;
  if (a.kind === 'plain' && b.kind === 'plain') {
    return operator === '/' && a.literal === undefined && b.literal === undefined ? quantity({}, 1) : PLAIN;
  }
  // Ten times as many of a tenth of the unit: a literal changes the unit, a count or a flag does not.
  if (b.kind === 'plain') return a.kind === 'quantity' ? scaled(a, (b.literal ?? 1) ** -power) : a;
  if (a.kind === 'plain') {
    const scale = b.scale ** power / (a.literal ?? 1);
    return quantity(product({}, b.dimensions, power), scale);
  }
  return quantity(product(a.dimensions, b.dimensions, power), a.scale * b.scale ** power);
}

function scaled({ dimensions, scale }: Measure & { kind: 'quantity' }, factor: number): Measure {
  return quantity(dimensions, scale * factor);
}

function product(a: Dimensions, b: Dimensions, power: 1 | -1): Dimensions {
  const sum = (key: keyof Dimensions) => (a[key] ?? 0) + power * (b[key] ?? 0);
  return { s: sum('s'), cpu: sum('cpu'), byte: sum('byte'), usd: sum('usd') };
}
