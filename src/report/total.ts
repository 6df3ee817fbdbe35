import { sumOfKnown } from '../core/usage.ts';
import { rounded } from './job-use.ts';
import type { JobReport, RunCounts, Total, Use } from './report-document.ts';

const COUNTS = [
  'runCount',
  'successCount',
  'failureCount',
  'stoppedCount',
  'unknownCount',
  'outOfMemoryCount',
  'runsWithoutReportCount',
  'runningCount',
  'blindRunCount',
] as const satisfies readonly (keyof RunCounts)[];

/** All jobs together. */
export function totalOf(jobs: readonly JobReport[]): Total {
  const costs = jobs.flatMap(({ cost }) => cost ?? []);
  const comparable = costs.filter(({ savingPercent }) => savingPercent !== undefined);
  return {
    jobCount: jobs.length,
    ...(Object.fromEntries(
      COUNTS.map((name) => [name, jobs.reduce((sum, job) => sum + job[name], 0)]),
    ) as Record<(typeof COUNTS)[number], number>),
    use: totalUse(jobs.flatMap(({ use }) => use ?? [])),
    usd: rounded(sumOfKnown(costs.map(({ usd }) => usd))),
    wastedUsd: rounded(sumOfKnown(costs.map(({ wastedUsd }) => wastedUsd))),
    usdAtPresentSize: rounded(sumOfKnown(comparable.map(({ usdAtPresentSize }) => usdAtPresentSize))),
    usdAtRecommendedSize: rounded(
      sumOfKnown(comparable.map(({ usdAtRecommendedSize }) => usdAtRecommendedSize)),
    ),
  };
}

function totalUse(uses: readonly Use[]): Use | undefined {
  if (uses.length === 0) return undefined;
  const sum = (name: keyof Use) => rounded(sumOfKnown(uses.map((use) => use[name])));
  return {
    reservedVcpuHours: sum('reservedVcpuHours') ?? 0,
    reservedGBHours: sum('reservedGBHours') ?? 0,
    usedVcpuHours: sum('usedVcpuHours'),
    usedGBHours: sum('usedGBHours'),
    wastedVcpuHours: sum('wastedVcpuHours'),
    wastedGBHours: sum('wastedGBHours'),
    unseenRunCount: sum('unseenRunCount') ?? 0,
  };
}
