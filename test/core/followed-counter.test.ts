import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FollowedCounter } from '../../src/core/followed-counter.ts';

describe('a counter that a finer source follows', () => {
  it('has no total until a value was seen', () => {
    const counter = new FollowedCounter();
    counter.add(undefined, 0);
    counter.follow(undefined, 0, 'proc');
    expect(counter.total).toBeUndefined();
  });

  it("is the endpoint's figure where the finer source says nothing, restarts included", () => {
    const counter = new FollowedCounter();
    for (const [at, value] of [100, 250, 30, 40].entries()) counter.add(value, at);
    expect(counter.total).toBe(290);
  });

  it("is the finer source's figure where the endpoint says nothing", () => {
    const counter = new FollowedCounter();
    counter.follow(100, 1, 'proc');
    counter.follow(130, 2, 'proc');
    expect(counter.total).toBe(130);
    expect(counter.exactTotal).toBeUndefined();
  });

  it('adds to the last figure what the finer source has grown by since, and counts nothing twice', () => {
    const counter = new FollowedCounter();
    counter.follow(90, 1, 'proc');
    counter.add(100, 1);
    counter.follow(140, 2, 'proc');
    counter.follow(150, 3, 'proc');
    expect(counter.total).toBe(160);
    counter.add(165, 3);
    expect(counter.total).toBe(165);
  });

  it('does not add what a finer source shows that begins after the endpoint', () => {
    const counter = new FollowedCounter();
    counter.add(100, 0);
    counter.follow(98, 1, 'proc');
    expect(counter.total).toBe(100);
    counter.follow(108, 2, 'proc');
    expect(counter.total).toBe(110);
  });

  it('takes a figure that comes late for what it was at its own moment', () => {
    const counter = new FollowedCounter();
    counter.follow(10, 10, 'proc');
    counter.follow(20, 20, 'proc');
    counter.follow(30, 30, 'proc');
    counter.follow(40, 40, 'proc');
    // What the finer source missed before 20, 5, is made up for; from 20 on it has grown by 20.
    counter.add(25, 20);
    expect(counter.total).toBe(45);
  });

  it('takes back what a coarse source had too much', () => {
    const counter = new FollowedCounter();
    counter.follow(0, 0, 'proc');
    counter.add(0, 0);
    counter.follow(20, 10, 'proc');
    counter.add(11, 10);
    expect(counter.total).toBe(11);
    counter.follow(30, 20, 'proc');
    expect(counter.total).toBe(21);
  });

  it('goes on over a restart that only the endpoint shows', () => {
    const counter = new FollowedCounter();
    counter.follow(100, 1, 'proc');
    counter.add(100, 1);
    counter.follow(120, 2, 'proc');
    counter.startNewRun();
    counter.add(15, 2);
    expect(counter.total).toBe(120);
    counter.follow(130, 3, 'proc');
    expect(counter.total).toBe(130);
  });

  it('keeps what only the finer source saw before a restart, however many figures follow', () => {
    const counter = new FollowedCounter();
    // A second of work a second; the endpoint tells of it every ten, and the restart is at 18.5 s.
    const totals = [];
    for (let atMs = 1_000; atMs <= 40_000; atMs += 1_000) {
      counter.follow(atMs, atMs, 'proc');
      if (atMs === 20_000) counter.startNewRun();
      if (atMs % 10_000 === 0) counter.add(atMs < 20_000 ? atMs : atMs - 18_500, atMs);
      totals.push(counter.total);
    }
    expect(totals).toEqual(Array.from({ length: 40 }, (_, index) => (index + 1) * 1_000));
  });

  it('makes up, after a restart too, for what the finer source misses of the new run', () => {
    const counter = new FollowedCounter();
    counter.add(0, 0);
    counter.follow(0, 0, 'proc');
    counter.follow(90, 10, 'proc');
    counter.startNewRun();
    counter.add(10, 10);
    expect(counter.total).toBe(90);
    // 80 of the run before that no figure has shown, and the new run's 60.
    counter.follow(100, 20, 'proc');
    counter.add(60, 20);
    expect(counter.total).toBe(140);
  });

  it('lays nothing to the run before that may be of the new one: of two looks, one is after the figure', () => {
    const counter = new FollowedCounter();
    counter.follow(0, 0, 'proc');
    counter.follow(80, 8, 'proc');
    counter.startNewRun();
    counter.follow(100, 10, 'proc');
    counter.add(5, 9);
    expect(counter.total).toBe(100);
    // Of the 95 that the figure lacks, 20 may have been used since.
    counter.add(40, 30);
    expect(counter.total).toBe(115);
  });

  it('counts another container from its own beginning', () => {
    const counter = new FollowedCounter();
    counter.follow(100, 1, 'proc');
    counter.startAnother();
    counter.follow(300, 2, 'proc');
    expect(counter.total).toBe(400);
  });

  it('takes the difference between two finer sources for no growth, whichever shows more', () => {
    const counter = new FollowedCounter();
    counter.add(32_000, 0);
    counter.follow(2_000, 1, 'proc');
    counter.follow(2_100, 2, 'proc');
    expect(counter.total).toBe(32_100);
    counter.follow(32_150, 3, 'cgroup');
    counter.follow(32_250, 4, 'cgroup');
    expect(counter.total).toBe(32_250);
    counter.follow(2_400, 5, 'proc');
    counter.follow(2_450, 6, 'proc');
    expect(counter.total).toBe(32_300);
  });

  it('puts no upper bound to what has grown while one finer source took the place of another', () => {
    const counter = new FollowedCounter();
    counter.follow(100, 1, 'proc');
    counter.follow(180, 3, 'cgroup');
    counter.add(110, 2);
    expect(counter.total).toBe(180);
    counter.add(190, 3);
    expect(counter.total).toBe(190);
  });

  it('counts another container from its own beginning whichever source it is seen by', () => {
    const counter = new FollowedCounter();
    counter.follow(100, 1, 'proc');
    counter.startAnother();
    counter.follow(300, 2, 'cgroup');
    expect(counter.total).toBe(400);
  });

  it('makes nothing of looks from before the clock was set', () => {
    const counter = new FollowedCounter();
    counter.follow(10, 1_000, 'proc');
    counter.follow(20, 1_001, 'proc');
    counter.forgetLooks();
    counter.follow(30, 500, 'proc');
    counter.add(31, 500);
    expect(counter.total).toBe(31);
    counter.follow(40, 600, 'proc');
    counter.forgetLooks();
    counter.add(42, 100);
    expect(counter.total).toBe(42);
  });

  it('is never above the truth, never below the last figure, and never falls, restarts or not', () => {
    const moment = fc.record({
      growth: fc.nat(1_000),
      /** What the finer source finds of it. */
      share: fc.double({ min: 0, max: 1, noNaN: true }),
      isLook: fc.boolean(),
      /** The figure that is shown now is this old. */
      figureAge: fc.option(fc.nat(6), { nil: undefined }),
      source: fc.constantFrom('proc' as const, 'cgroup' as const),
      isRestart: fc.oneof({ weight: 7, arbitrary: fc.constant(false) }, fc.constant(true)),
    });
    fc.assert(
      fc.property(fc.array(moment, { maxLength: 60 }), (moments) => {
        const counter = new FollowedCounter();
        /** All that was used by each moment, and by the start of the run that it is of. */
        const truths: number[] = [];
        const starts: number[] = [];
        const found = { proc: 0, cgroup: 0 };
        let kept = 0;
        let lastSource: string | undefined;
        let told = 0;
        let lastFigureAt = -1;
        for (const [atMs, each] of moments.entries()) {
          const { growth, share, isLook, figureAge, source, isRestart } = each;
          const truth = (truths.at(-1) ?? 0) + growth;
          starts.push(isRestart ? (truths.at(-1) ?? 0) : (starts.at(-1) ?? 0));
          truths.push(truth);
          // Each source misses something else of what there is, and begins with the run that it finds; a cgroup is
          // made anew with each run, while a sum keeps what it has seen of those before.
          if (isRestart) {
            kept += found.proc;
            found.proc = 0;
            found.cgroup = 0;
          }
          found.proc += growth * share;
          found.cgroup += growth * (1 - share / 2);
          if (isLook) {
            if (source !== lastSource) kept = 0;
            lastSource = source;
            counter.follow(found[source] + (source === 'proc' ? kept : 0), atMs, source);
          }
          const figureAtMs = atMs - (figureAge ?? moments.length);
          const start = starts[figureAtMs];
          if (start !== undefined && figureAtMs > lastFigureAt) {
            if (start !== (starts[lastFigureAt] ?? 0)) counter.startNewRun();
            counter.add((truths[figureAtMs] ?? 0) - start, figureAtMs);
            lastFigureAt = figureAtMs;
          }
          const total = counter.total ?? 0;
          expect(total).toBeLessThanOrEqual(truth + 1e-6);
          expect(total).toBeGreaterThanOrEqual((counter.exactTotal ?? 0) - 1e-6);
          expect(total).toBeGreaterThanOrEqual(told - 1e-6);
          told = total;
        }
      }),
      { numRuns: 300 },
    );
  });
});
