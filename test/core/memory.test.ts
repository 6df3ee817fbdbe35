import { describe, expect, it } from 'vitest';
import { knownLimitBytes, memoryUsedBytes, workingSetBytes } from '../../src/core/memory.ts';
import type { MemoryCounters } from '../../src/core/types.ts';

describe('memory in use (CloudWatch) and working set (Docker, Kubernetes)', () => {
  it.each<[string, MemoryCounters, number | undefined, number | undefined]>([
    [
      'cgroup v1: less cache; less total_inactive_file',
      { usageBytes: 1000, cacheBytes: 600, totalInactiveFileBytes: 250, inactiveFileBytes: 200 },
      400,
      750,
    ],
    ['cgroup v2: less inactive_file, both', { usageBytes: 1000, inactiveFileBytes: 300 }, 700, 700],
    ['nothing to subtract', { usageBytes: 1000 }, 1000, 1000],
    ['an empty cache', { usageBytes: 1000, cacheBytes: 0, totalInactiveFileBytes: 0 }, 1000, 1000],
    [
      'a cache above the usage, read a moment earlier, is not subtracted',
      { usageBytes: 1000, cacheBytes: 1001, totalInactiveFileBytes: 1001 },
      1000,
      1000,
    ],
    [
      'nor is one that is the whole usage, as the agent has it',
      { usageBytes: 1000, cacheBytes: 1000, inactiveFileBytes: 1000 },
      1000,
      1000,
    ],
    ['no usage', { cacheBytes: 600, inactiveFileBytes: 100 }, undefined, undefined],
    ['nothing at all', {}, undefined, undefined],
    ['a usage of zero', { usageBytes: 0, cacheBytes: 10 }, 0, 0],
  ])('%s', (_, counters, usedBytes, workingSet) => {
    expect(memoryUsedBytes(counters)).toBe(usedBytes);
    expect(workingSetBytes(counters)).toBe(workingSet);
  });
});

describe('a limit', () => {
  it.each([
    ['2^63 rounded down to a page, as cgroup v1 says it', JSON.parse('9223372036854771712') as number],
    ['2^64 - 1, as cgroup v2 says it', JSON.parse('18446744073709551615') as number],
    ['2^62', 2 ** 62],
    ['zero', 0],
  ])('of %s means none', (_, bytes) => {
    expect(knownLimitBytes(bytes)).toBeUndefined();
  });

  it.each([1, 536_870_912, 2 ** 62 - 2 ** 10])('of %d is one', (bytes) => {
    expect(knownLimitBytes(bytes)).toBe(bytes);
  });

  it('that is not there is not there', () => {
    expect(knownLimitBytes(undefined)).toBeUndefined();
  });
});
