import type { Sample } from './types.ts';

/** The search for the moment of the refresh ends once its step is below this. */
const FINEST_STEP_MS = 10;
/** After the search, a tick that came too early makes the next ones later by this … */
const LATER_STEP_MS = 25;
/** … and one that did not makes them earlier by this: in balance, one tick in 51 comes too early. */
const EARLIER_STEP_MS = 0.5;
/** This many steps earlier without coming too early: the platform refreshes faster than it is asked. */
const MAX_STEPS_WITHOUT_MISS = 8;
/** What a new distance between two refreshes counts in their mean. */
const REFRESH_WEIGHT = 1 / 8;
/** No sample for longer: the endpoint fails or the container has ended, and there is nothing to aim at. */
const MAX_REFRESHES_AHEAD = 3;

/** When the endpoint is next to be asked. */
export interface Tick {
  /** Monotonic clock. */
  readonly atElapsedMs: number;
  /** Ticks that were due before and are left out. */
  readonly missedCount: number;
}

/**
 * When to poll. Ticks keep their interval on a monotonic clock, do not drift with the time that a poll takes, and
 * are left out, not made up for, when the machine was late.
 *
 * A platform that refreshes at the interval or more slowly (EC2: a little over 1 s, Fargate: 10 s) is asked just
 * after its refresh: the newest sample is then as young as it can be when the container's entry vanishes at its end.
 * Where that moment lies is found by going earlier step by step until a tick comes too early, then back by half
 * steps; afterwards the ticks follow it by small ones. Only distances of the platform's own times enter, so its
 * clock need not agree with ours. A tick that came too early is followed by a look a moment later: the search passes
 * over no refresh, and costs a few polls.
 */
export class TickPlanner {
  readonly #intervalMs: number;
  #lastTickMs: number;
  #hasLooked = false;
  #lastReadAtMs: number | undefined;
  /** Mean distance of the platform's refreshes. */
  #refreshMs: number | undefined;
  /** How long after a sample's own time (on two clocks, so of any sign) it is to be asked for. */
  #lagMs: number | undefined;
  #stepMs: number;
  #stepsWithoutMiss = 0;
  /** When the sample that the last tick was meant for would have been taken; undefined for a tick without aim. */
  #aimedReadAtMs: number | undefined;
  /** Set when an aimed tick came too early: how soon to look again, so that this refresh is not passed over. */
  #lookAgainAfterMs: number | undefined;

  constructor(intervalMs: number, nowElapsedMs: number) {
    this.#intervalMs = intervalMs;
    this.#lastTickMs = nowElapsedMs;
    this.#stepMs = intervalMs / 4;
  }

  /**
   * Tells what the poll at the last tick showed of the container whose refresh counts.
   * @param sample undefined when there was none
   */
  observe(sample: Sample | undefined): void {
    const isFirstLook = !this.#hasLooked;
    this.#hasLooked = true;
    if (sample === undefined) {
      this.#lagMs = undefined;
      this.#lastReadAtMs = undefined;
      return;
    }
    this.#judgeAim(sample);
    if (sample.readAtMs === this.#lastReadAtMs) return;
    const previousMs = sample.previous?.readAtMs ?? this.#lastReadAtMs;
    if (previousMs !== undefined) this.#learnRefresh(sample.readAtMs - previousMs);
    // What the first look finds may be there since long; later samples appeared since the tick before.
    const seenLagMs = this.#lastTickMs - sample.readAtMs;
    if (!isFirstLook && !this.#isNearLag(seenLagMs)) this.#search(seenLagMs);
    this.#lastReadAtMs = sample.readAtMs;
  }

  /**
   * The next tick after now.
   * @param skipCount ticks to leave out on purpose, because the endpoint throttles
   */
  next(nowElapsedMs: number, skipCount = 0): Tick {
    const lookAgainAfterMs = this.#lookAgainAfterMs;
    this.#lookAgainAfterMs = undefined;
    if (lookAgainAfterMs !== undefined && skipCount === 0)
      return this.#lookAgain(nowElapsedMs, lookAgainAfterMs);
    const behind = Math.max(0, Math.floor((nowElapsedMs - this.#lastTickMs) / this.#intervalMs));
    const plainMs = this.#lastTickMs + (behind + 1 + skipCount) * this.#intervalMs;
    const readAtMs = this.#nextReadAtMs(plainMs);
    const aimedMs = readAtMs === undefined ? plainMs : readAtMs + (this.#lagMs ?? 0);
    const isAimed = aimedMs > nowElapsedMs && Math.abs(aimedMs - plainMs) <= this.#intervalMs / 2;
    this.#aimedReadAtMs = isAimed ? readAtMs : undefined;
    this.#lastTickMs = isAimed ? aimedMs : plainMs;
    return { atElapsedMs: this.#lastTickMs, missedCount: behind + skipCount };
  }

  /** One look more at a refresh that was expected by now. */
  #lookAgain(nowElapsedMs: number, afterMs: number): Tick {
    this.#aimedReadAtMs = undefined;
    this.#lastTickMs = Math.max(nowElapsedMs, this.#lastTickMs + afterMs);
    return { atElapsedMs: this.#lastTickMs, missedCount: 0 };
  }

  /** The sample whose first sight is nearest to a plain tick: when it will be taken. */
  #nextReadAtMs(plainMs: number): number | undefined {
    if (this.#lagMs === undefined || this.#lastReadAtMs === undefined || this.#refreshMs === undefined)
      return undefined;
    const isSlowEnough = this.#refreshMs >= 0.8 * this.#intervalMs;
    if (!isSlowEnough || this.#stepsWithoutMiss >= MAX_STEPS_WITHOUT_MISS) return undefined;
    const sinceFirstSightMs = plainMs - this.#lastReadAtMs - this.#lagMs;
    const refreshes = Math.max(1, Math.round(sinceFirstSightMs / this.#refreshMs));
    return refreshes > MAX_REFRESHES_AHEAD ? undefined : this.#lastReadAtMs + refreshes * this.#refreshMs;
  }

  #learnRefresh(distanceMs: number): void {
    if (distanceMs <= 0) return;
    const meanMs = this.#refreshMs;
    // About half the mean: that one was of samples with another between. A refresh on time after a late one is not.
    if (meanMs === undefined || distanceMs < 0.6 * meanMs) {
      this.#refreshMs = distanceMs;
      return;
    }
    // Our own distance of two samples spans the refreshes between them that no poll met.
    const refreshMs = distanceMs / Math.round(distanceMs / meanMs);
    this.#refreshMs = meanMs + (refreshMs - meanMs) * REFRESH_WEIGHT;
  }

  /** Far from where samples were met before: one of the two clocks was set. */
  #isNearLag(seenLagMs: number): boolean {
    if (this.#lagMs === undefined) return false;
    const refreshMs = Math.max(this.#refreshMs ?? 0, this.#intervalMs);
    return Math.abs(seenLagMs - this.#lagMs) <= MAX_REFRESHES_AHEAD * refreshMs;
  }

  #search(fromLagMs: number): void {
    this.#lagMs = fromLagMs;
    this.#stepMs = this.#intervalMs / 4;
    this.#stepsWithoutMiss = 0;
  }

  /**
   * Whether the last tick met the sample that it was meant for. A new sample is not enough: where the refresh is
   * about as long as the interval, a tick that always comes too early meets the sample before it, and that one is new each time too.
   */
  #judgeAim(sample: Sample): void {
    if (this.#aimedReadAtMs === undefined || this.#refreshMs === undefined || this.#lagMs === undefined)
      return;
    const isMet = sample.readAtMs > this.#aimedReadAtMs - this.#refreshMs / 2;
    const isSearching = this.#stepMs >= FINEST_STEP_MS;
    if (isMet) {
      this.#lagMs -= isSearching ? this.#stepMs : EARLIER_STEP_MS;
      if (isSearching) this.#stepsWithoutMiss += 1;
      return;
    }
    this.#stepsWithoutMiss = 0;
    this.#lookAgainAfterMs = isSearching ? this.#stepMs : LATER_STEP_MS;
    this.#lagMs += this.#lookAgainAfterMs;
    this.#stepMs /= 2;
  }
}
