import { cpuPercent } from './delta.ts';
import type { CpuUse } from './usage.ts';

/**
 * The shortest time over which CPU is told out of /proc: there it is counted in ticks of 10 ms, so that a percentage
 * over 100 ms would be off by up to ten for each busy process.
 */
const SHORTEST_MS = 500;

/** Cuts frequent looks at a CPU counter into stretches that are long enough for a percentage. */
export class CpuStretch {
  #from: { readonly cpuUsageNs: number; readonly elapsedMs: number } | undefined;

  /** Begins a stretch here, or before the first look, where that is known. */
  start(cpuUsageNs: number, elapsedMs: number): void {
    this.#from = { cpuUsageNs, elapsedMs };
  }

  /** What comes next has nothing to do with what was before. */
  stop(): void {
    this.#from = undefined;
  }

  /** @returns the CPU of the stretch that ends with this look; undefined while it is too short */
  next(cpuUsageNs: number | undefined, elapsedMs: number): CpuUse | undefined {
    if (cpuUsageNs === undefined) return undefined;
    const from = this.#from;
    if (from === undefined || cpuUsageNs < from.cpuUsageNs) {
      this.start(cpuUsageNs, elapsedMs);
      return undefined;
    }
    const passedMs = elapsedMs - from.elapsedMs;
    if (passedMs < SHORTEST_MS) return undefined;
    this.start(cpuUsageNs, elapsedMs);
    return {
      percent: cpuPercent({ cpuNs: cpuUsageNs - from.cpuUsageNs, elapsedMs: passedMs }),
      elapsedMs: passedMs,
    };
  }
}
