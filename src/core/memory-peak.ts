import type { LineFields } from './line.ts';
import { percentOf } from './units.ts';

/** The highest memory that a line knows of. */
export interface MemoryPeak {
  readonly mb: number;
  /** Of memorySizeMB; undefined without one. */
  readonly utilizationPercent: number | undefined;
  /** Whether it is anonymous memory alone, the least that was in use: nothing looked at the rest at that moment. */
  readonly isAnonymous: boolean;
}

type PeakFields = Pick<
  LineFields,
  'maxMemoryUsedMB' | 'maxAnonMemoryMB' | 'maxMemoryUtilizationPercent' | 'memorySizeMB'
>;

/**
 * The larger of memory used and anonymous memory. The latter is a part of the former, but the task's processes tell of
 * it more often than the endpoint of the whole: between two refreshes a peak is in it alone. Undefined where neither is
 * known.
 */
export function memoryPeak({
  maxMemoryUsedMB: usedMB,
  maxAnonMemoryMB: anonMB,
  maxMemoryUtilizationPercent,
  memorySizeMB,
}: PeakFields): MemoryPeak | undefined {
  if (anonMB !== undefined && anonMB > (usedMB ?? -1)) {
    return { mb: anonMB, utilizationPercent: percentOf(anonMB, memorySizeMB), isAnonymous: true };
  }
  if (usedMB === undefined) return undefined;
  return { mb: usedMB, utilizationPercent: maxMemoryUtilizationPercent, isAnonymous: false };
}
