import { describe, expect, it } from 'vitest';
import { Counter } from '../../src/core/counter.ts';

function totalAfter(...values: readonly (number | undefined)[]): number | undefined {
  const counter = new Counter();
  for (const value of values) counter.add(value);
  return counter.total;
}

describe('a counter', () => {
  it('has no total until a value was seen', () => {
    expect(totalAfter()).toBeUndefined();
    expect(totalAfter(undefined)).toBeUndefined();
  });

  it('that shows zero has a total of zero', () => {
    expect(totalAfter(0)).toBe(0);
  });

  it('counts from the start of what it counts, not from the first value seen', () => {
    expect(totalAfter(100)).toBe(100);
    expect(totalAfter(100, 250)).toBe(250);
  });

  it('that fell starts a new run and keeps the earlier total', () => {
    expect(totalAfter(100, 250, 30, 40)).toBe(290);
    expect(totalAfter(100, 0, 5)).toBe(105);
    expect(totalAfter(10, 9, 8)).toBe(27);
  });

  it('that stays counts nothing twice', () => {
    expect(totalAfter(100, 100, 100)).toBe(100);
  });

  it('that is missing for a while goes on where it was', () => {
    expect(totalAfter(100, undefined, undefined, 130)).toBe(130);
  });

  it('told of a new run counts the next value whole, though it did not fall', () => {
    const counter = new Counter();
    counter.add(100);
    counter.startNewRun();
    expect(counter.total).toBe(100);
    counter.add(120);
    expect(counter.total).toBe(220);
  });

  it('told of a new run before it had a value still has none', () => {
    const counter = new Counter();
    counter.startNewRun();
    expect(counter.total).toBeUndefined();
  });
});
