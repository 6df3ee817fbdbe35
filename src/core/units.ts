import { BYTES_PER_MIB } from './memory.ts';

/** Applies a conversion where there is something to convert. */
export function known<T, U>(value: T | undefined, convert: (value: T) => U): U | undefined {
  return value === undefined ? undefined : convert(value);
}

/** Bytes to MB (1,048,576 bytes), rounded up, as Lambda does. */
export function wholeMB(bytes: number | undefined): number | undefined {
  return known(bytes, (b) => Math.ceil(b / BYTES_PER_MIB));
}

/** Nanoseconds to whole milliseconds. */
export function wholeMsOfNs(ns: number | undefined): number | undefined {
  return known(ns, (n) => Math.round(n / 1e6));
}

/** Milliseconds without fraction. */
export function wholeMs(ms: number | undefined): number | undefined {
  return known(ms, Math.round);
}

/** A percentage with at most two decimals. */
export function percent(value: number | undefined): number | undefined {
  return known(value, (v) => Math.round(v * 100) / 100);
}

/** `part` of `whole` in percent, two decimals; undefined where either is unknown or there is no whole. */
export function percentOf(part: number | undefined, whole: number | undefined): number | undefined {
  if (part === undefined || whole === undefined || whole <= 0) return undefined;
  return percent((part / whole) * 100);
}
