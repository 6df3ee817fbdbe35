import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FARGATE_SIZES, isFargateSize } from '../../src/core/fargate-sizes.ts';
import type { LineFields } from '../../src/core/line.ts';
import { WindowNeed } from '../../src/report/window-need.ts';
import { usualRun } from './lines.ts';

/** Of five runs like the usual one, and these. */
function recommended(...runs: readonly LineFields[]) {
  return recommendedOf([{}, {}, {}, {}, {}, ...runs]);
}

function recommendedOf(runs: readonly LineFields[]) {
  const need = new WindowNeed();
  for (const fields of runs) need.add(usualRun(fields));
  return need.recommendation({ cpuUnits: 1024, memoryMiB: 2048 });
}

describe('the size recommended for a window', () => {
  it.each<[string, LineFields, [cpuUnits: number, memoryMB: number]]>([
    // p95 of 60 % and a fifth are 737 units; 1,250 MB and a fifth 1,500.
    ['covers p95 of CPU and the highest memory, each and a fifth', {}, [1024, 2048]],
    ['is above the highest memory of any run', { maxWorkingSetMB: 1_708 }, [1024, 3072]],
    ['takes the larger of working set and use', { maxMemoryUsedMB: 3_000 }, [1024, 4096]],
    ['takes anonymous memory where that is larger', { maxAnonMemoryMB: 3_000 }, [1024, 4096]],
    ['is above the highest p95 of any run', { p95CpuPercent: 90 }, [2048, 4096]],
    // 100 % of a vCPU fits, and 101 % does not.
    ['is not below a single peak', { maxCpuPercent: 101 }, [2048, 4096]],
    ['needs no headroom above a single peak', { maxCpuPercent: 100 }, [1024, 2048]],
    ['is above a size that was out of memory', { errorType: 'OutOfMemory', status: 'failure' }, [1024, 3072]],
    ['is not below a size that was saturated', { cpuSaturatedPercent: 5, cpuSizeUnits: 4096 }, [4096, 8192]],
    [
      'is raised by a blind run, though it does not rest on it',
      { sampleCount: 1, maxMemoryUsedMB: 3_000 },
      [1024, 4096],
    ],
  ])('%s', (_, fields, [cpuUnits, memoryMB]) => {
    expect(recommended(fields)).toMatchObject({ kind: 'size', cpuUnits, memoryMB });
  });

  it('says how many runs it rests on, and whether it is the one that there is', () => {
    expect(recommended({ status: 'failure' }, { status: 'stopped' })).toEqual({
      kind: 'size',
      cpuUnits: 1024,
      memoryMB: 2048,
      basedOnRunCount: 6,
      isPresentSize: true,
    });
  });

  it.each<[string, readonly LineFields[], string]>([
    ['few runs', [{}, {}, {}, {}], 'it takes 5 runs that did not fail and were seen well; found: 4'],
    [
      'runs that failed',
      [{}, {}, {}, {}, { status: 'failure' }],
      'it takes 5 runs that did not fail and were seen well; found: 4',
    ],
    [
      'runs with few samples',
      [{}, {}, {}, {}, {}, {}, { sampleCount: 2 }, { sampleCount: 0 }],
      '2 of 8 runs are blind: too few samples to know their peaks',
    ],
    [
      'runs seen for less than half of their time',
      [{}, {}, {}, {}, { coveragePercent: 49 }, { coveragePercent: 10 }],
      '2 of 6 runs are blind: too few samples to know their peaks',
    ],
    [
      'runs of which a peak is not known',
      [
        {},
        {},
        {},
        {},
        { p95CpuPercent: undefined },
        { maxWorkingSetMB: undefined, maxMemoryUsedMB: undefined, maxAnonMemoryMB: 100 },
      ],
      '2 of 6 runs are blind: too few samples to know their peaks',
    ],
    ['no run', [], 'no run has left a REPORT'],
    [
      'more than Fargate sells',
      [{ maxWorkingSetMB: 110_000 }, {}, {}, {}, {}],
      'it needs more than Fargate sells',
    ],
    [
      'a run that was out of the most memory there is',
      [{ errorType: 'OutOfMemory', memorySizeMB: 122_880 }, {}, {}, {}, {}],
      'it needs more than Fargate sells',
    ],
  ])('is refused for %s', (_, runs, reason) => {
    expect(recommendedOf(runs)).toEqual({ kind: 'none', reason });
  });

  it('is one that Fargate sells, above every peak of every run', () => {
    const run = fc.record({
      p95CpuPercent: fc.option(fc.double({ min: 0, max: 1_700, noNaN: true }), { nil: undefined, freq: 20 }),
      maxCpuPercent: fc.option(fc.double({ min: 0, max: 1_700, noNaN: true }), { nil: undefined, freq: 20 }),
      maxWorkingSetMB: fc.option(fc.nat(130_000), { nil: undefined, freq: 20 }),
      maxMemoryUsedMB: fc.option(fc.nat(130_000), { nil: undefined, freq: 20 }),
      maxAnonMemoryMB: fc.option(fc.nat(130_000), { nil: undefined, freq: 20 }),
      cpuSaturatedPercent: fc.constantFrom(undefined, 0, 40),
      errorType: fc.constantFrom(undefined, undefined, 'OutOfMemory', 'ExitError'),
      status: fc.constantFrom('success', 'success', 'failure', 'stopped'),
      sampleCount: fc.constantFrom(0, ...Array<number>(12).fill(60)),
      size: fc.constantFrom(...FARGATE_SIZES),
    });
    let madeCount = 0;
    fc.assert(
      fc.property(
        fc.array(run, { minLength: 6, maxLength: 12 }),
        fc.integer({ min: 0, max: 9 }),
        (all, shift) => {
          // Small needs too, for which there is always a size.
          const runs = all.map(({ size, ...fields }) => ({
            ...fields,
            p95CpuPercent: fields.p95CpuPercent && fields.p95CpuPercent / 2 ** shift,
            maxCpuPercent: fields.maxCpuPercent && fields.maxCpuPercent / 2 ** shift,
            maxWorkingSetMB: fields.maxWorkingSetMB && fields.maxWorkingSetMB >> shift,
            maxMemoryUsedMB: fields.maxMemoryUsedMB && fields.maxMemoryUsedMB >> shift,
            maxAnonMemoryMB: fields.maxAnonMemoryMB && fields.maxAnonMemoryMB >> shift,
            cpuSizeUnits: size.cpuUnits,
            memorySizeMB: size.memoryMiB,
          }));
          const made = recommendedOf(runs);
          if (made.kind === 'none') return;
          madeCount += 1;
          expect(isFargateSize({ cpuUnits: made.cpuUnits, memoryMiB: made.memoryMB })).toBe(true);
          for (const each of runs) {
            expect(made.cpuUnits).toBeGreaterThanOrEqual((each.maxCpuPercent ?? 0) * 10.24);
            expect(made.cpuUnits).toBeGreaterThanOrEqual((each.p95CpuPercent ?? 0) * 10.24 * 1.2);
            expect(made.memoryMB).toBeGreaterThanOrEqual((each.maxMemoryUsedMB ?? 0) * 1.2);
            expect(made.memoryMB).toBeGreaterThanOrEqual((each.maxWorkingSetMB ?? 0) * 1.2);
            expect(made.memoryMB).toBeGreaterThanOrEqual((each.maxAnonMemoryMB ?? 0) * 1.2);
            if (each.errorType === 'OutOfMemory') expect(made.memoryMB).toBeGreaterThan(each.memorySizeMB);
            if (each.cpuSaturatedPercent === 40)
              expect(made.cpuUnits).toBeGreaterThanOrEqual(each.cpuSizeUnits);
          }
          expect(made.basedOnRunCount).toBeGreaterThanOrEqual(5);
        },
      ),
      { numRuns: 300 },
    );

    expect(madeCount).toBeGreaterThan(20);
  });
});
