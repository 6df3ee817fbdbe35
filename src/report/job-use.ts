import { type Place, type PriceList, placeKey, priceOf } from './prices.ts';
import type { Cost, Price, Recommendation, Use } from './report-document.ts';
import type { ReportedRun } from './reported-run.ts';

const MS_PER_HOUR = 3_600_000;
const UNITS_PER_VCPU = 1_024;
const MB_PER_GB = 1_024;

/** Runs of one job are in one or two places; what says more is somebody's joke. */
const MAX_PLACES = 32;
const ELSEWHERE: Place = { region: 'elsewhere', cpuArchitecture: 'unknown' };

/** A size by a time. */
interface Amount {
  cpuUnitMs: number;
  memoryMBMs: number;
}

/** Fargate runs of one region and architecture. */
interface Spending {
  readonly place: Place;
  runCount: number;
  billedMs: number;
  readonly billed: Amount;
  readonly wasted: Amount;
}

/** A size, as far as there is one. */
interface Size {
  readonly cpuUnits?: number | undefined;
  readonly memoryMB?: number | undefined;
}

/** What was held for the runs of a job, what of it they used, and what it cost. */
export class JobUse {
  readonly #reserved: Amount = noAmount();
  readonly #used: Amount = noAmount();
  readonly #wasted: Amount = noAmount();
  #sizedRunCount = 0;
  #unseenRunCount = 0;
  readonly #spending = new Map<string, Spending>();

  add(run: ReportedRun): void {
    const { cpuSizeUnits, memorySizeMB, durationMs, billedDurationMs, sampleCount } = run;
    const heldMs = billedDurationMs ?? durationMs;
    if (heldMs === undefined || cpuSizeUnits === undefined || memorySizeMB === undefined) return;
    this.#sizedRunCount += 1;
    const reserved = { cpuUnitMs: cpuSizeUnits * heldMs, memoryMBMs: memorySizeMB * heldMs };
    addTo(this.#reserved, reserved);
    const used = sampleCount === 0 ? undefined : usedBy(run);
    const wasted = used && {
      // More than all can be used: sums of counters run a little past the end of the billed time.
      cpuUnitMs: Math.max(0, reserved.cpuUnitMs - used.cpuUnitMs),
      memoryMBMs: Math.max(0, reserved.memoryMBMs - used.memoryMBMs),
    };
    if (used === undefined || wasted === undefined) {
      this.#unseenRunCount += 1;
    } else {
      addTo(this.#used, used);
      addTo(this.#wasted, wasted);
    }
    if (billedDurationMs === undefined) return;
    const spending = this.#spendingOf(run);
    spending.runCount += 1;
    spending.billedMs += billedDurationMs;
    addTo(spending.billed, reserved);
    if (wasted !== undefined) addTo(spending.wasted, wasted);
  }

  /** Undefined where no run had a size. */
  use(): Use | undefined {
    if (this.#sizedRunCount === 0) return undefined;
    const reserved = hoursOf(this.#reserved);
    const hasUse = this.#unseenRunCount < this.#sizedRunCount;
    const used = hasUse ? hoursOf(this.#used) : undefined;
    const wasted = hasUse ? hoursOf(this.#wasted) : undefined;
    return {
      reservedVcpuHours: reserved.vcpuHours,
      reservedGBHours: reserved.gbHours,
      usedVcpuHours: used?.vcpuHours,
      usedGBHours: used?.gbHours,
      wastedVcpuHours: wasted?.vcpuHours,
      wastedGBHours: wasted?.gbHours,
      unseenRunCount: this.#unseenRunCount,
    };
  }

  get places(): readonly Place[] {
    return [...this.#spending.values()].map(({ place }) => place);
  }

  /** Undefined where no Fargate run has a price. */
  cost(list: PriceList, present: Size, recommendation: Recommendation): Cost | undefined {
    const recommended = recommendation.kind === 'size' ? recommendation : {};
    let runCount = 0;
    let usd = 0;
    let wastedUsd = 0;
    let usdAtPresentSize: number | undefined = 0;
    let usdAtRecommendedSize: number | undefined = 0;
    let unpricedRunCount = 0;
    for (const spending of this.#spending.values()) {
      const price = priceOf(spending.place, list);
      if (price === undefined) {
        unpricedRunCount += spending.runCount;
        continue;
      }
      runCount += spending.runCount;
      usd += usdOf(spending.billed, price);
      wastedUsd += usdOf(spending.wasted, price);
      usdAtPresentSize = plus(usdAtPresentSize, usdAt(present, spending, price));
      usdAtRecommendedSize = plus(usdAtRecommendedSize, usdAt(recommended, spending, price));
    }
    if (runCount === 0) return undefined;
    return {
      usd: rounded(usd),
      usdAtPresentSize: rounded(usdAtPresentSize),
      usdAtRecommendedSize: rounded(usdAtRecommendedSize),
      savingPercent: savingPercent(usdAtPresentSize, usdAtRecommendedSize),
      wastedUsd: this.#unseenRunCount < this.#sizedRunCount ? rounded(wastedUsd) : undefined,
      usdPerThousandRuns: rounded((usd / runCount) * 1_000),
      unpricedRunCount,
    };
  }

  #spendingOf({ region = 'unknown', cpuArchitecture = 'unknown' }: ReportedRun): Spending {
    const isFull = this.#spending.size >= MAX_PLACES;
    const wanted = placeKey({ region, cpuArchitecture });
    const key = isFull && !this.#spending.has(wanted) ? placeKey(ELSEWHERE) : wanted;
    let spending = this.#spending.get(key);
    if (spending === undefined) {
      const place = key === wanted ? { region, cpuArchitecture } : ELSEWHERE;
      spending = { place, runCount: 0, billedMs: 0, billed: noAmount(), wasted: noAmount() };
      this.#spending.set(key, spending);
    }
    return spending;
  }
}

/** CPU time, and the mean of memory over the batch's time. Undefined where one is not known. */
function usedBy({ cpuTimeMs, avgMemoryUsedMB, durationMs }: ReportedRun): Amount | undefined {
  if (cpuTimeMs === undefined || avgMemoryUsedMB === undefined || durationMs === undefined) return undefined;
  return { cpuUnitMs: cpuTimeMs * UNITS_PER_VCPU, memoryMBMs: avgMemoryUsedMB * durationMs };
}

function noAmount(): Amount {
  return { cpuUnitMs: 0, memoryMBMs: 0 };
}

function addTo(sum: Amount, { cpuUnitMs, memoryMBMs }: Amount): void {
  sum.cpuUnitMs += cpuUnitMs;
  sum.memoryMBMs += memoryMBMs;
}

function hoursOf({ cpuUnitMs, memoryMBMs }: Amount): { vcpuHours: number; gbHours: number } {
  return {
    vcpuHours: rounded(cpuUnitMs / UNITS_PER_VCPU / MS_PER_HOUR),
    gbHours: rounded(memoryMBMs / MB_PER_GB / MS_PER_HOUR),
  };
}

function usdOf({ cpuUnitMs, memoryMBMs }: Amount, { usdPerVcpuHour, usdPerGBHour }: Price): number {
  const vcpuHours = cpuUnitMs / UNITS_PER_VCPU / MS_PER_HOUR;
  const gbHours = memoryMBMs / MB_PER_GB / MS_PER_HOUR;
  return vcpuHours * usdPerVcpuHour + gbHours * usdPerGBHour;
}

/** What the same runs would have cost at this size. */
function usdAt({ cpuUnits, memoryMB }: Size, { billedMs }: Spending, price: Price): number | undefined {
  if (cpuUnits === undefined || memoryMB === undefined) return undefined;
  return usdOf({ cpuUnitMs: cpuUnits * billedMs, memoryMBMs: memoryMB * billedMs }, price);
}

function savingPercent(present: number | undefined, recommended: number | undefined): number | undefined {
  if (present === undefined || recommended === undefined || present === 0) return undefined;
  return Math.round((1 - recommended / present) * 10_000) / 100;
}

function plus(sum: number | undefined, value: number | undefined): number | undefined {
  return sum === undefined || value === undefined ? undefined : sum + value;
}

/** To a millionth: far below a cent, and no digits that mean nothing. */
export function rounded<Value extends number | undefined>(value: Value): Value {
  return (value === undefined ? undefined : Math.round(value * 1e6) / 1e6) as Value;
}
