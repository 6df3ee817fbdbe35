import { describe, expect, it } from 'vitest';
import { queryNamed } from '../../scripts/queries/saved-queries.ts';
import type { LineFields } from '../../src/core/line.ts';
import { JobUse } from '../../src/report/job-use.ts';
import { priceOf } from '../../src/report/prices.ts';
import type { Recommendation } from '../../src/report/report-document.ts';
import { usualRun } from './lines.ts';

const NONE: Recommendation = { kind: 'none', reason: 'none' };
const SMALLER: Recommendation = {
  kind: 'size',
  cpuUnits: 512,
  memoryMB: 2048,
  basedOnRunCount: 9,
  isPresentSize: false,
};
const PRESENT = { cpuUnits: 1024, memoryMB: 2048 };

function useOf(...runs: readonly LineFields[]): JobUse {
  const use = new JobUse();
  for (const fields of runs) use.add(usualRun(fields));
  return use;
}

describe('what is unused', () => {
  it('is the billed size less the CPU time and the average memory', () => {
    // 620 s of a vCPU less 300 s of CPU time; 620 s of 2 GB less 600 s of 1 GB.
    const { use } = { use: useOf({}).use() };
    expect(use?.reservedVcpuHours).toBeCloseTo(620 / 3_600, 6);
    expect(use?.usedVcpuHours).toBeCloseTo(300 / 3_600, 6);
    expect(use?.wastedVcpuHours).toBeCloseTo(320 / 3_600, 6);
    expect(use?.reservedGBHours).toBeCloseTo(1_240 / 3_600, 6);
    expect(use?.wastedGBHours).toBeCloseTo(640 / 3_600, 6);
  });

  it('outside Fargate is of the time that the batch ran', () => {
    const use = useOf({ launchType: 'EC2', billedDurationMs: undefined });
    expect(use.use()?.reservedVcpuHours).toBeCloseTo(600 / 3_600, 6);
    expect(use.cost({}, PRESENT, NONE)).toBeUndefined();
  });

  it('is not known of a run without samples, and is no zero', () => {
    const unseen = { sampleCount: 0, cpuTimeMs: undefined, avgMemoryUsedMB: undefined };
    expect(useOf(unseen).use()).toEqual({
      reservedVcpuHours: 0.172222,
      reservedGBHours: 0.344444,
      usedVcpuHours: undefined,
      usedGBHours: undefined,
      wastedVcpuHours: undefined,
      wastedGBHours: undefined,
      unseenRunCount: 1,
    });
    const both = useOf({}, unseen).use();
    expect(both?.wastedVcpuHours).toBeCloseTo(320 / 3_600, 6);
    expect(both?.reservedVcpuHours).toBeCloseTo(1_240 / 3_600, 6);
    expect(useOf(unseen).cost({}, PRESENT, NONE)?.wastedUsd).toBeUndefined();
  });

  it('is not known without a size', () => {
    expect(useOf({ cpuSizeUnits: undefined }).use()).toBeUndefined();
  });
});

describe('the cost', () => {
  it('is billed time by size and price of the architecture', () => {
    const usd = (620 * 0.04048 + 620 * 2 * 0.004445) / 3_600;
    const cost = useOf({}, { cpuArchitecture: 'ARM64' }).cost({}, PRESENT, NONE);
    const usdOnArm = (620 * 0.03238 + 620 * 2 * 0.00356) / 3_600;
    expect(cost?.usd).toBeCloseTo(usd + usdOnArm, 6);
    expect(cost?.usdPerThousandRuns).toBeCloseTo((usd + usdOnArm) * 500, 5);
    expect(cost?.usdAtRecommendedSize).toBeUndefined();
    expect(cost?.savingPercent).toBeUndefined();
  });

  it('at the recommended size is of the same time, and so is that at the present size', () => {
    // One run still had twice the size.
    const cost = useOf({}, { cpuSizeUnits: 2048, memorySizeMB: 4096 }).cost({}, PRESENT, SMALLER);
    const present = (2 * (620 * 0.04048 + 620 * 2 * 0.004445)) / 3_600;
    const then = (2 * (620 * 0.5 * 0.04048 + 620 * 2 * 0.004445)) / 3_600;
    expect(cost?.usd).toBeCloseTo(1.5 * present, 6);
    expect(cost?.usdAtPresentSize).toBeCloseTo(present, 6);
    expect(cost?.usdAtRecommendedSize).toBeCloseTo(then, 6);
    expect(cost?.savingPercent).toBeCloseTo((1 - then / present) * 100, 2);
  });

  it('of a region without a price is not known, and its runs are counted', () => {
    const use = useOf({}, { region: 'mars-north-1' }, { region: undefined });
    expect(use.cost({}, PRESENT, NONE)).toMatchObject({ unpricedRunCount: 2 });
    expect(useOf({ region: 'mars-north-1' }).cost({}, PRESENT, NONE)).toBeUndefined();
    expect(use.places).toContainEqual({ region: 'mars-north-1', cpuArchitecture: 'X86_64' });
  });

  it('is by the prices that are given, everywhere', () => {
    const given = { usdPerVcpuHour: 3.6, usdPerGBHour: 0 };
    expect(useOf({ region: 'mars-north-1' }).cost({ given }, PRESENT, NONE)?.usd).toBe(0.62);
  });

  it('does not grow in memory with the places that somebody writes into lines', () => {
    const use = useOf(...Array.from({ length: 100 }, (_, index) => ({ region: `place-${index}` })));
    expect(use.places.length).toBeLessThanOrEqual(33);
    expect(use.cost({ given: { usdPerVcpuHour: 3.6, usdPerGBHour: 0 } }, PRESENT, NONE)?.usd).toBe(62);
  });
});

it('prices are those of the saved query of costs', () => {
  const { text } = queryNamed('cost');
  for (const cpuArchitecture of ['X86_64', 'ARM64']) {
    const price = priceOf({ region: 'us-east-1', cpuArchitecture }, {});
    expect(text).toContain(`strcontains(cpuArchitecture, "${cpuArchitecture}") * ${price?.usdPerVcpuHour}`);
    expect(text).toContain(`strcontains(cpuArchitecture, "${cpuArchitecture}") * ${price?.usdPerGBHour}`);
  }
});
