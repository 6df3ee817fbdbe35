import { describe, expect, it } from 'vitest';
import { memoryPeak } from '../../src/core/memory-peak.ts';

describe('the peak of memory', () => {
  it('is the use, as long as anonymous memory is a part of it', () => {
    const fields = { maxMemoryUsedMB: 420, maxAnonMemoryMB: 400, memorySizeMB: 1024 };
    expect(memoryPeak({ ...fields, maxMemoryUtilizationPercent: 41.02 })).toEqual({
      mb: 420,
      utilizationPercent: 41.02,
      isAnonymous: false,
    });
    expect(memoryPeak({ ...fields, maxAnonMemoryMB: 420 })).toMatchObject({ isAnonymous: false });
  });

  it('is the anonymous memory where only that was seen at its highest', () => {
    const fields = { maxMemoryUsedMB: 80, maxMemoryUtilizationPercent: 15.63, maxAnonMemoryMB: 511 };
    expect(memoryPeak({ ...fields, memorySizeMB: 512 })).toEqual({
      mb: 511,
      utilizationPercent: 99.8,
      isAnonymous: true,
    });
    expect(memoryPeak({ maxAnonMemoryMB: 0 })).toEqual({
      mb: 0,
      utilizationPercent: undefined,
      isAnonymous: true,
    });
  });

  it('is unknown where neither is known', () => {
    expect(memoryPeak({ memorySizeMB: 512 })).toBeUndefined();
  });
});
