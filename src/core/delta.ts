import type { Sample, SampleEntry } from './types.ts';

/** CPU used between two reads of one container. */
export interface CpuDelta {
  readonly cpuNs: number;
  readonly elapsedMs: number;
}

/**
 * Why two answers of the endpoint give no CPU delta.
 * - `first`: nothing to compare with, and neither a real `precpu_stats` nor a start time
 * - `same-read`: the platform has not refreshed since (Fargate does so every 10 s)
 * - `zero-sample`: the all-zero document served between exit and removal on EC2
 * - `counter-reset`: the counter fell: the container runs anew
 * - `clock-step`: the clock that dates the samples was set between them
 * - `gone`: no sample for this container in the answer
 * - `no-counter`: a sample that does not tell its CPU counter
 */
export type MissingDelta =
  | 'first'
  | 'same-read'
  | 'zero-sample'
  | 'counter-reset'
  | 'clock-step'
  | 'gone'
  | 'no-counter';

/** A sample worth folding, with its CPU delta or the reason why it has none. */
export interface Diff {
  readonly sample?: Sample;
  readonly delta: CpuDelta | MissingDelta;
}

/** The own time of a sample, or of a sum of some, and when (monotonic clock) it was first seen. */
export interface SeenPoint {
  readonly readAtMs: number;
  readonly seenAtElapsedMs: number;
}

/** A sample of a container, and when it was seen. */
export interface SeenSample extends SeenPoint {
  readonly sample: Sample;
}

/**
 * Two reads may be this much closer or further apart than the polls that first saw them: a refresh of up to 60 s
 * plus a moment. Beyond it the clock was set.
 */
const CLOCK_STEP_MS = 90_000;

/** Whether the clock that dates the samples was set between two of them. */
export function isSetBetween(previous: SeenPoint, next: SeenPoint): boolean {
  return Math.abs(stepMs(previous, next)) > CLOCK_STEP_MS;
}

function stepMs(previous: SeenPoint, next: SeenPoint): number {
  return next.readAtMs - previous.readAtMs - (next.seenAtElapsedMs - previous.seenAtElapsedMs);
}

/** Whether it was set between two samples of one source, which come in their order. */
export function isClockStep(last: SeenPoint, next: SeenPoint): boolean {
  return next.readAtMs < last.readAtMs || isSetBetween(last, next);
}

/**
 * Looks come so often that a clock which is put right goes back between two of them. Set by no more than this it still
 * tells the time.
 */
const SLIGHT_STEP_MS = 1_000;

/** Whether a clock that was set between two looks, which are seen as soon as they are taken, was put right alone. */
export function isSlightStep(last: SeenPoint, next: SeenPoint): boolean {
  return Math.abs(stepMs(last, next)) <= SLIGHT_STEP_MS;
}

/** The time between two samples; undefined where nothing has passed, or the clock was set. */
export function gapSince(previous: SeenPoint, next: SeenPoint): number | undefined {
  const gapMs = next.readAtMs - previous.readAtMs;
  return gapMs > 0 && !isSetBetween(previous, next) ? gapMs : undefined;
}

/**
 * What a new entry of `/task/stats` adds to the last sample of the same container.
 *
 * CPU comes from the samples' own `read` times, never from the poll interval. A first sample is compared with
 * `precpu_stats` where that is real, else with the container's start, when its counter was 0.
 */
export function diff(
  last: SeenSample | undefined,
  next: SampleEntry | undefined,
  seenAtElapsedMs: number,
  startedAtMs: number | undefined,
): Diff {
  if (next === undefined || next === 'none') return { delta: 'gone' };
  if (next === 'zero') return { delta: 'zero-sample' };
  if (last === undefined) return { sample: next, delta: sinceBeforeFirst(next, startedAtMs) };

  const elapsedMs = next.readAtMs - last.readAtMs;
  if (elapsedMs === 0) return { delta: 'same-read' };
  const cpuNs = difference(next.cpuUsageNs, last.sample.cpuUsageNs);
  if (cpuNs !== undefined && cpuNs < 0) return { sample: next, delta: 'counter-reset' };
  if (isClockStep(last, { readAtMs: next.readAtMs, seenAtElapsedMs }))
    return { sample: next, delta: 'clock-step' };
  return { sample: next, delta: cpuNs === undefined ? 'no-counter' : { cpuNs, elapsedMs } };
}

function sinceBeforeFirst(
  sample: Sample,
  startedAtMs: number | undefined,
): CpuDelta | 'first' | 'no-counter' {
  const { previous, cpuUsageNs } = sample;
  if (cpuUsageNs === undefined) return 'no-counter';
  if (previous && previous.readAtMs < sample.readAtMs && previous.cpuUsageNs <= cpuUsageNs) {
    return { cpuNs: cpuUsageNs - previous.cpuUsageNs, elapsedMs: sample.readAtMs - previous.readAtMs };
  }
  if (startedAtMs !== undefined && startedAtMs < sample.readAtMs) {
    return { cpuNs: cpuUsageNs, elapsedMs: sample.readAtMs - startedAtMs };
  }
  return 'first';
}

function difference(a: number | undefined, b: number | undefined): number | undefined {
  return a === undefined || b === undefined ? undefined : a - b;
}

/** CPU percent of a delta: 100 = one vCPU. Δ`cpu_usage.total_usage` ÷ Δ`read`, as the ECS agent counts it. */
export function cpuPercent({ cpuNs, elapsedMs }: CpuDelta): number {
  return (cpuNs / 1e6 / elapsedMs) * 100;
}
