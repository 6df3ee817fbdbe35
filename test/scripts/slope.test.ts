import { describe, expect, it } from 'vitest';
import { lowestOfEachMinute, type Reading, restingLevels, slope } from '../../scripts/bench/slope.ts';

/** A reading a second for so many minutes. */
function readings(minutes: number, valueAt: (elapsedMs: number) => number): Reading[] {
  return Array.from({ length: minutes * 60 }, (_, second) => ({
    elapsedMs: second * 1000,
    value: valueAt(second * 1000),
  }));
}

describe('the slope of a soak', () => {
  it('is that of a straight line, without an error', () => {
    const { perHour, standardErrorPerHour } = slope(readings(10, (ms) => 5 + (12 * ms) / 3_600_000));
    expect(perHour).toBeCloseTo(12, 9);
    expect(standardErrorPerHour).toBeCloseTo(0, 6);
  });

  it('of what a collector gives back at the end of each minute is none', () => {
    const sawtooth = readings(30, (ms) => 1000 + (ms % 60_000));
    expect(slope(lowestOfEachMinute(sawtooth)).perHour).toBeCloseTo(0, 9);
  });

  it('of what it does not give back is seen below the saw', () => {
    const leaking = readings(30, (ms) => 1000 + (ms % 60_000) + (500 * ms) / 3_600_000);
    expect(slope(lowestOfEachMinute(leaking)).perHour).toBeCloseTo(500, 9);
  });

  it('tells how little a noisy one is worth', () => {
    const noisy = slope(readings(1, (ms) => ((ms / 1000) % 2 === 0 ? 100 : 0)));
    expect(Math.abs(noisy.perHour)).toBeLessThan(noisy.standardErrorPerHour);
  });

  it('is not made up of two readings', () => {
    expect(() => slope(readings(1, () => 0).slice(0, 2))).toThrow('a slope of 2 readings');
  });
});

describe('the resting levels of a soak', () => {
  it('are the same however many connections a reading meets open', () => {
    const second = 1_000;
    const met = readings(
      40,
      (ms) => 22 + (ms === 30 * 60 * second ? 3 : 0) + (ms % (7 * second) === 0 ? 1 : 0),
    );
    expect(restingLevels(met)).toEqual([22, 22]);
  });

  it('are the same when a connection stands for some minutes', () => {
    const minute = 60_000;
    expect(restingLevels(readings(40, (ms) => (ms > 25 * minute && ms < 31 * minute ? 23 : 22)))).toEqual([
      22, 22,
    ]);
  });

  it('differ by what was never closed', () => {
    const [first, second] = restingLevels(readings(40, (ms) => 22 + Math.floor(ms / 300_000)));
    expect(second - first).toBe(4);
  });
});
