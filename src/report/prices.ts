import type { Price } from './report-document.ts';

/**
 * Fargate for Linux, on demand, USD: the one place where prices stand.
 * Source: https://aws.amazon.com/fargate/pricing/ as others quote it for us-east-1 in the month below. A region that
 * is not here has no price: it must be given.
 */
export const PRICES_AS_OF = '2026-03';

const US: Readonly<Record<string, Price>> = {
  X86_64: { usdPerVcpuHour: 0.04048, usdPerGBHour: 0.004445 },
  ARM64: { usdPerVcpuHour: 0.03238, usdPerGBHour: 0.00356 },
};

const PRICES_BY_REGION: Readonly<Record<string, Readonly<Record<string, Price>>>> = {
  'us-east-1': US,
};

/** What a task's place costs: its region and architecture. */
export interface Place {
  readonly region: string;
  readonly cpuArchitecture: string;
}

/** Prices by the table, unless others are given, which then hold for every place. */
export interface PriceList {
  readonly given?: Price | undefined;
}

/** Undefined where there is no price. */
export function priceOf({ region, cpuArchitecture }: Place, { given }: PriceList): Price | undefined {
  if (given !== undefined) return given;
  const prices = Object.hasOwn(PRICES_BY_REGION, region) ? PRICES_BY_REGION[region] : undefined;
  return prices !== undefined && Object.hasOwn(prices, cpuArchitecture) ? prices[cpuArchitecture] : undefined;
}

/** How many GB-hours cost as much as one vCPU-hour, in every region: for an order of jobs where prices are not known. */
export const GB_HOURS_PER_VCPU_HOUR = 9.1;
