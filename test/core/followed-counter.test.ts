import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FollowedCounter } from '../../src/core/followed-counter.ts';

describe('a counter that a finer source follows', () => {
  it('has no total until a value was seen', () => {
    const counter = new FollowedCounter();
    counter.add(undefined, 0);
    counter.follow(undefined, 0);
    expect(counter.total).toBeUndefined();
  });

  it("is the endpoint's figure where the finer source says nothing, restarts included", () => {
    const counter = new FollowedCounter();
    for (const [at, value] of [100, 250, 30, 40].entries()) counter.add(value, at);
    expect(counter.total).toBe(290);
  });

  it("is the finer source's figure where the endpoint says nothing", () => {
    const counter = new FollowedCounter();
    counter.follow(100, 1);
    counter.follow(130, 2);
    expect(counter.total).toBe(130);
    expect(counter.exactTotal).toBeUndefined();
  });

  it('adds to the last figure what the finer source has grown by since, and counts nothing twice', () => {
    const counter = new FollowedCounter();
    counter.follow(90, 1);
    counter.add(100, 1);
    counter.follow(140, 2);
    counter.follow(150, 3);
    expect(counter.total).toBe(160);
    counter.add(165, 3);
    expect(counter.total).toBe(165);
  });

  it('does not add what a finer source shows that begins after the endpoint', () => {
    const counter = new FollowedCounter();
    counter.add(100, 0);
    counter.follow(98, 1);
    expect(counter.total).toBe(100);
    counter.follow(108, 2);
    expect(counter.total).toBe(110);
  });

  it('takes a figure that comes late for what it was at its own moment', () => {
    const counter = new FollowedCounter();
    counter.follow(10, 10);
    counter.follow(20, 20);
    counter.follow(30, 30);
    counter.follow(40, 40);
    // What the finer source missed before 20, 5, is made up for; from 20 on it has grown by 20.
    counter.add(25, 20);
    expect(counter.total).toBe(45);
  });

  it('takes back what a coarse source had too much', () => {
    const counter = new FollowedCounter();
    counter.follow(0, 0);
    counter.add(0, 0);
    counter.follow(20, 10);
    counter.add(11, 10);
    expect(counter.total).toBe(11);
    counter.follow(30, 20);
    expect(counter.total).toBe(21);
  });

  it('goes on over a restart that only the endpoint shows', () => {
    const counter = new FollowedCounter();
    counter.follow(100, 1);
    counter.add(100, 1);
    counter.follow(120, 2);
    counter.startNewRun();
    counter.add(15, 2);
    expect(counter.total).toBe(120);
    counter.follow(130, 3);
    expect(counter.total).toBe(130);
  });

  it('counts another container from its own beginning', () => {
    const counter = new FollowedCounter();
    counter.follow(100, 1);
    counter.startAnother();
    counter.follow(300, 2);
    expect(counter.total).toBe(400);
  });

  it('makes nothing of looks from before the clock was set back', () => {
    const counter = new FollowedCounter();
    counter.follow(10, 1_000);
    counter.follow(20, 1_001);
    counter.follow(30, 500);
    counter.add(31, 500);
    expect(counter.total).toBe(31);
  });

  it('is never above the truth, never below the last figure, and never falls', () => {
    const moment = fc.record({
      growth: fc.nat(1_000),
      /** What the finer source finds of it. */
      share: fc.double({ min: 0, max: 1, noNaN: true }),
      isLook: fc.boolean(),
      /** The figure that is shown now is this old. */
      figureAge: fc.option(fc.nat(6), { nil: undefined }),
    });
    fc.assert(
      fc.property(fc.array(moment, { maxLength: 60 }), (moments) => {
        const counter = new FollowedCounter();
        const truths: number[] = [];
        let found = 0;
        let told = 0;
        let lastFigureAt = -1;
        for (const [atMs, { growth, share, isLook, figureAge }] of moments.entries()) {
          const truth = (truths.at(-1) ?? 0) + growth;
          truths.push(truth);
          found += growth * share;
          if (isLook) counter.follow(found, atMs);
          const figureAtMs = atMs - (figureAge ?? moments.length);
          const figure = truths[figureAtMs];
          if (figure !== undefined && figureAtMs > lastFigureAt) {
            counter.add(figure, figureAtMs);
            lastFigureAt = figureAtMs;
          }
          const total = counter.total ?? 0;
          expect(total).toBeLessThanOrEqual(truth + 1e-6);
          expect(total).toBeGreaterThanOrEqual((truths[lastFigureAt] ?? 0) - 1e-6);
          expect(total).toBeGreaterThanOrEqual(told - 1e-6);
          told = total;
        }
      }),
      { numRuns: 300 },
    );
  });
});
