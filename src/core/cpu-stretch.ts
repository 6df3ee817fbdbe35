import { cpuPercent } from './delta.ts';
import type { CpuUse } from './usage.ts';

/**
 * The shortest time over which CPU is told out of /proc: there it is counted in ticks of 10 ms, so that a percentage
 * over 100 ms would be off by up to ten for each busy process.
 */
const SHORTEST_MS = 500;
/** It is longer where the counter is so coarse that it would be off by more than this share of the time … */
const MAX_ERROR_SHARE = 0.02;
/** … up to the time between two samples of the endpoint's, which is exact. */
const LONGEST_MS = 10_000;

/** Cuts frequent looks at a CPU counter into stretches that are long enough for a percentage. */
export class CpuStretch {
  #from: { readonly cpuUsageNs: number; readonly elapsedMs: number } | undefined;
  /** The largest since then. */
  #errorNs = 0;

  /** Begins a stretch here, or before the first look, where that is known. */
  start(cpuUsageNs: number, elapsedMs: number): void {
    this.#from = { cpuUsageNs, elapsedMs };
    this.#errorNs = 0;
  }

  /** What comes next has nothing to do with what was before. */
  stop(): void {
    this.#from = undefined;
  }

  /**
   * @param errorNs how far the counter may be off
   * @returns the CPU of the stretch that ends with this look; undefined while it is too short
   */
  next(cpuUsageNs: number | undefined, elapsedMs: number, errorNs = 0): CpuUse | undefined {
    if (cpuUsageNs === undefined) return undefined;
    const from = this.#from;
    if (from === undefined || cpuUsageNs < from.cpuUsageNs) {
      this.start(cpuUsageNs, elapsedMs);
      return undefined;
    }
    const passedMs = elapsedMs - from.elapsedMs;
    this.#errorNs = Math.max(this.#errorNs, errorNs);
    const neededMs = Math.max(SHORTEST_MS, this.#errorNs / 1e6 / MAX_ERROR_SHARE);
    if (passedMs < Math.min(neededMs, LONGEST_MS)) return undefined;
    this.start(cpuUsageNs, elapsedMs);
    return {
      percent: cpuPercent({ cpuNs: cpuUsageNs - from.cpuUsageNs, elapsedMs: passedMs }),
      elapsedMs: passedMs,
    };
  }
}
