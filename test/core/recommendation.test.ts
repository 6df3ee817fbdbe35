import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  FARGATE_SIZES,
  isFargateSize,
  nearestFargateSizes,
  smallestFargateSize,
} from '../../src/core/fargate-sizes.ts';
import { type Need, recommendedSize } from '../../src/core/recommendation.ts';

const modest: Need = {
  sampleCount: 3,
  p95CpuPercent: 20,
  maxWorkingSetMiB: 400,
  cpuSaturatedPercent: 0,
  isOutOfMemory: false,
  size: { cpuUnits: 1024, memoryMiB: 4096 },
};

describe('the recommended size', () => {
  it.each<[string, Partial<Need>, [number, number] | undefined]>([
    // 20 % of a vCPU is 205 units, and a fifth on top 246; 480 MiB.
    ['is the smallest pair that covers p95 CPU and working set with a fifth on top', {}, [256, 512]],
    // 427 * 1.2 = 512.4.
    ['steps up when the fifth does not fit', { maxWorkingSetMiB: 427 }, [256, 1024]],
    ['fits exactly when it does', { maxWorkingSetMiB: 426 }, [256, 512]],
    // 21 % * 1024 * 1.2 = 258.
    ['takes more CPU when the memory would fit', { p95CpuPercent: 21 }, [512, 1024]],
    ['takes more CPU when only it sells the memory', { maxWorkingSetMiB: 2000 }, [512, 3072]],
    ['of an idle run is the smallest there is', { p95CpuPercent: 0, maxWorkingSetMiB: 0 }, [256, 512]],
    ['is absent below three samples', { sampleCount: 2 }, undefined],
    ['is absent where CPU is not known', { p95CpuPercent: undefined }, undefined],
    ['is absent where memory is not known', { maxWorkingSetMiB: undefined }, undefined],
    ['is absent where nothing so large is sold', { maxWorkingSetMiB: 110_000 }, undefined],
    ['is absent where no such CPU is sold', { p95CpuPercent: 1_400 }, undefined],
    // The next memory above 4096 that is sold at all is 5120: 1 vCPU.
    ['is above the present memory after OutOfMemory', { isOutOfMemory: true }, [1024, 5120]],
    [
      'is above the working set too after OutOfMemory',
      { isOutOfMemory: true, maxWorkingSetMiB: 7_000 },
      [2048, 9_216],
    ],
    [
      'after OutOfMemory in the smallest is the next one',
      { isOutOfMemory: true, size: { cpuUnits: 256, memoryMiB: 512 } },
      [256, 1024],
    ],
    [
      'is absent after OutOfMemory in the largest',
      { isOutOfMemory: true, size: { cpuUnits: 16_384, memoryMiB: 122_880 } },
      undefined,
    ],
    ['after OutOfMemory without a size is by need', { isOutOfMemory: true, size: {} }, [256, 512]],
    // What it would have used cannot be seen.
    ['never has less CPU than now when that was saturated', { cpuSaturatedPercent: 40 }, [1024, 2048]],
    ['may have less CPU when that was saturated for an instant', { cpuSaturatedPercent: 1 }, [256, 512]],
    ['without saturation known goes by need', { cpuSaturatedPercent: undefined }, [256, 512]],
    ['saturated without a size goes by need', { cpuSaturatedPercent: 40, size: {} }, [256, 512]],
  ])('%s', (_, change, pair) => {
    const expected = pair && { cpuUnits: pair[0], memoryMiB: pair[1] };
    expect(recommendedSize({ ...modest, ...change })).toEqual(expected);
  });

  it('is always for sale, and covers the need', () => {
    const need = fc.record({
      sampleCount: fc.integer({ min: 3, max: 100 }),
      p95CpuPercent: fc.double({ min: 0, max: 1_300, noNaN: true }),
      maxWorkingSetMiB: fc.double({ min: 0, max: 100_000, noNaN: true }),
      cpuSaturatedPercent: fc.constantFrom(undefined, 0, 50),
      isOutOfMemory: fc.boolean(),
      size: fc.constantFrom({}, ...FARGATE_SIZES),
    });
    fc.assert(
      fc.property(need, (each) => {
        const size = recommendedSize(each);
        if (size === undefined) return;
        expect(isFargateSize(size)).toBe(true);
        expect(size.cpuUnits).toBeGreaterThanOrEqual((each.p95CpuPercent / 100) * 1024 * 1.2);
        expect(size.memoryMiB).toBeGreaterThanOrEqual(each.maxWorkingSetMiB * 1.2);
        const { memoryMiB = 0, cpuUnits = 0 } = each.size as { memoryMiB?: number; cpuUnits?: number };
        if (each.isOutOfMemory) expect(size.memoryMiB).toBeGreaterThan(memoryMiB);
        if (each.cpuSaturatedPercent === 50) expect(size.cpuUnits).toBeGreaterThanOrEqual(cpuUnits);
      }),
    );
  });
});

describe('the sizes that Fargate sells', () => {
  it.each([
    [256, 512, true],
    [256, 2048, true],
    [256, 3072, false],
    [512, 512, false],
    [512, 4096, true],
    [1024, 1024, false],
    [1024, 8192, true],
    [2048, 4096, true],
    [2048, 16_384, true],
    [4096, 30_720, true],
    [4096, 31_744, false],
    [8192, 16_384, true],
    [8192, 17_408, false],
    [8192, 61_440, true],
    [16_384, 32_768, true],
    [16_384, 36_864, false],
    [16_384, 122_880, true],
    [300, 512, false],
  ])('%i units with %i MiB: %s', (cpuUnits, memoryMiB, isSold) => {
    expect(isFargateSize({ cpuUnits, memoryMiB })).toBe(isSold);
  });

  it('have a smallest one for any need that they cover', () => {
    expect(smallestFargateSize(0, 0)).toEqual({ cpuUnits: 256, memoryMiB: 512 });
    expect(smallestFargateSize(257, 1)).toEqual({ cpuUnits: 512, memoryMiB: 1024 });
    expect(smallestFargateSize(16_384, 122_880)).toEqual({ cpuUnits: 16_384, memoryMiB: 122_880 });
    expect(smallestFargateSize(16_385, 1)).toBeUndefined();
  });

  it('are offered beside one that is not sold, nearest first', () => {
    expect(nearestFargateSizes({ cpuUnits: 256, memoryMiB: 3072 })[0]).toEqual({
      cpuUnits: 256,
      memoryMiB: 2048,
    });
    expect(nearestFargateSizes({ cpuUnits: 1000, memoryMiB: 2000 })[0]).toEqual({
      cpuUnits: 1024,
      memoryMiB: 2048,
    });
    expect(nearestFargateSizes({ cpuUnits: 1, memoryMiB: 1 }, 5)).toHaveLength(5);
  });
});
