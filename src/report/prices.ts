import type { Price } from './report-document.ts';

/**
 * What Fargate costs for Linux, on demand, in USD: the one place where prices stand. AWS's own list is at
 * https://aws.amazon.com/fargate/pricing/ and in its Price List API (AmazonECS). Each price has the month, or the year,
 * in which that list was seen to say so; the X86_64 prices of 2026 are the same as they were in 2021. What is not here
 * is not known and must be given.
 */
interface DatedPrice extends Price {
  readonly asOf: string;
}

const PRICES: readonly (readonly [
  region: string,
  cpuArchitecture: 'X86_64' | 'ARM64',
  usdPerVcpuHour: number,
  usdPerGBHour: number,
  asOf: string,
])[] = [
  ['us-east-1', 'X86_64', 0.04048, 0.004445, '2026-08'],
  ['us-east-1', 'ARM64', 0.03238, 0.00356, '2026-08'],
  ['eu-west-1', 'X86_64', 0.04048, 0.004445, '2026-05'],
  ['eu-west-1', 'ARM64', 0.03238, 0.00356, '2026-05'],
  ['eu-central-1', 'X86_64', 0.04656, 0.00511, '2026-07'],
  ['ap-northeast-1', 'X86_64', 0.05056, 0.00553, '2026-08'],
  ['ap-northeast-1', 'ARM64', 0.04045, 0.00442, '2026-08'],
  ['us-east-2', 'X86_64', 0.04048, 0.004445, '2021'],
  ['us-west-1', 'X86_64', 0.04656, 0.00511, '2021'],
  ['us-west-2', 'X86_64', 0.04048, 0.004445, '2021'],
  ['ca-central-1', 'X86_64', 0.04456, 0.004865, '2021'],
  ['sa-east-1', 'X86_64', 0.0696, 0.0076, '2021'],
  ['eu-north-1', 'X86_64', 0.0445, 0.0049, '2021'],
  ['eu-south-1', 'X86_64', 0.0486, 0.0053, '2021'],
  ['eu-west-2', 'X86_64', 0.04656, 0.00511, '2021'],
  ['eu-west-3', 'X86_64', 0.0486, 0.0053, '2021'],
  ['af-south-1', 'X86_64', 0.0546, 0.006, '2021'],
  ['me-south-1', 'X86_64', 0.0526, 0.0058, '2021'],
  ['ap-east-1', 'X86_64', 0.0556, 0.0061, '2021'],
  ['ap-northeast-2', 'X86_64', 0.04656, 0.00511, '2021'],
  ['ap-south-1', 'X86_64', 0.04256, 0.004655, '2021'],
  ['ap-southeast-1', 'X86_64', 0.05056, 0.00553, '2021'],
  ['ap-southeast-2', 'X86_64', 0.04856, 0.00532, '2021'],
];

/** What a task's place costs: its region and architecture. */
export interface Place {
  readonly region: string;
  readonly cpuArchitecture: string;
}

/** Prices by the table, unless others are given, which then hold for every place. */
export interface PriceList {
  readonly given?: Price | undefined;
}

const PRICE_BY_PLACE: ReadonlyMap<string, DatedPrice> = new Map(
  PRICES.map(([region, cpuArchitecture, usdPerVcpuHour, usdPerGBHour, asOf]) => [
    placeKey({ region, cpuArchitecture }),
    { usdPerVcpuHour, usdPerGBHour, asOf },
  ]),
);

/** Undefined where there is no price. `asOf` is absent where it was given. */
export function priceOf(place: Place, { given }: PriceList): (Price & { asOf?: string }) | undefined {
  return given ?? PRICE_BY_PLACE.get(placeKey(place));
}

/** Tells places apart. */
export function placeKey({ region, cpuArchitecture }: Place): string {
  return `${region} ${cpuArchitecture}`;
}

/** How many GB-hours cost as much as one vCPU-hour, in every region: for an order of jobs where prices are not known. */
export const GB_HOURS_PER_VCPU_HOUR = 9.1;
