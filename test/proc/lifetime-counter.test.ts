import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type CountedProcess,
  EMPTY_COUNTER,
  foldLook,
  type LifetimeCounter,
  lifetimeTotal,
} from '../../src/proc/lifetime-counter.ts';

/** A kernel's view of a group of processes: who uses, forks, ends, and who inherits from whom. */
interface ModelProcess {
  readonly key: string;
  parent: ModelProcess | undefined;
  own: number;
  inherited: number;
  readonly ignoresChildren: boolean;
  readonly isSubreaper: boolean;
}

class Model {
  readonly #living: ModelProcess[] = [];
  #forkCount = 0;
  /** Everything that was ever used. */
  used = 0;

  constructor() {
    this.#fork(undefined, {});
  }

  #fork(parent: ModelProcess | undefined, kind: { ignoresChildren?: boolean; isSubreaper?: boolean }): void {
    const { ignoresChildren = false, isSubreaper = false } = kind;
    const key = `p${this.#forkCount++}`;
    this.#living.push({ key, parent, own: 0, inherited: 0, ignoresChildren, isSubreaper });
  }

  /** Applies one step to the living process that `who` falls on; the root never ends before the others. */
  apply({ kind, who, amount }: Step): void {
    const process = this.#living[who % this.#living.length];
    if (process === undefined) throw new Error('the root is gone');
    if (kind === 'use') {
      process.own += amount;
      this.used += amount;
    } else if (kind === 'end') {
      if (process !== this.#living[0]) this.#end(process);
    } else {
      this.#fork(process, {
        ignoresChildren: kind === 'fork-careless',
        isSubreaper: kind === 'fork-subreaper',
      });
    }
  }

  #end(process: ModelProcess): void {
    this.#living.splice(this.#living.indexOf(process), 1);
    const adopter = nearestSubreaper(process.parent);
    for (const child of this.#living) if (child.parent === process) child.parent = adopter;
    const { parent } = process;
    if (parent !== undefined && !parent.ignoresChildren) parent.inherited += process.own + process.inherited;
  }

  isLeaf(who: number): boolean {
    const process = this.#living[who % this.#living.length];
    return this.#living.every(({ parent }) => parent !== process);
  }

  /** @param tick the kernel shows whole ticks only. */
  look(tick: number): CountedProcess[] {
    const shown = (amount: number): number => Math.floor(amount / tick);
    return this.#living.map(({ key, parent, own, inherited }) => ({
      key,
      ...(parent && { parentKey: parent.key }),
      total: shown(own) + shown(inherited),
      inherited: shown(inherited),
    }));
  }
}

function nearestSubreaper(from: ModelProcess | undefined): ModelProcess | undefined {
  let process = from;
  while (process !== undefined && !process.isSubreaper) process = process.parent;
  return process;
}

interface Step {
  readonly kind: 'use' | 'end' | 'fork' | 'fork-careless' | 'fork-subreaper';
  readonly who: number;
  readonly amount: number;
}

const steps = (...kinds: Step['kind'][]): fc.Arbitrary<Step[]> =>
  fc.array(fc.record({ kind: fc.constantFrom(...kinds), who: fc.nat(1000), amount: fc.nat(50) }), {
    maxLength: 60,
    size: 'max',
  });

const anyHistory = fc.array(
  steps('use', 'use', 'end', 'end', 'fork', 'fork', 'fork-careless', 'fork-subreaper'),
  {
    maxLength: 8,
  },
);

describe('a counter over processes that come and go', () => {
  it('never falls and never counts anything twice, whoever inherits', () => {
    fc.assert(
      fc.property(anyHistory, fc.constantFrom(1, 10), (intervals, tick) => {
        const model = new Model();
        let counter: LifetimeCounter = EMPTY_COUNTER;
        for (const interval of intervals) {
          for (const step of interval) model.apply(step);
          const before = lifetimeTotal(counter);
          counter = foldLook(counter, model.look(tick));
          expect(lifetimeTotal(counter)).toBeGreaterThanOrEqual(before);
          expect(lifetimeTotal(counter) * tick).toBeLessThanOrEqual(model.used);
        }
      }),
      { numRuns: 500 },
    );
  });

  it('is exact however seldom one looks when every process waits for its children', () => {
    fc.assert(
      fc.property(fc.array(steps('use', 'use', 'end', 'fork', 'fork-subreaper')), (intervals) => {
        const model = new Model();
        let counter: LifetimeCounter = EMPTY_COUNTER;
        for (const interval of intervals) {
          for (const step of interval) if (step.kind !== 'end' || model.isLeaf(step.who)) model.apply(step);
          counter = foldLook(counter, model.look(1));
          expect(lifetimeTotal(counter)).toBe(model.used);
        }
      }),
    );
  });

  it('is exact, orphans and careless parents included, when one looks after every event', () => {
    fc.assert(
      fc.property(anyHistory, (intervals) => {
        const model = new Model();
        let counter = foldLook(EMPTY_COUNTER, model.look(1));
        for (const step of intervals.flat()) {
          model.apply(step);
          counter = foldLook(counter, model.look(1));
          expect(lifetimeTotal(counter)).toBe(model.used);
        }
      }),
      { numRuns: 300 },
    );
  });

  it('a child that its parent waited for is in the parent, with what it used after the last look', () => {
    const first = foldLook(EMPTY_COUNTER, [
      { key: 'root', total: 5, inherited: 0 },
      { key: 'child', parentKey: 'root', total: 100, inherited: 0 },
    ]);
    const second = foldLook(first, [{ key: 'root', total: 135, inherited: 130 }]);
    expect(lifetimeTotal(second)).toBe(135);
    expect(second.residual).toBe(0);
  });

  it('a child that nobody waited for is kept with its last known figure', () => {
    const first = foldLook(EMPTY_COUNTER, [
      { key: 'root', total: 5, inherited: 0 },
      { key: 'orphan', total: 100, inherited: 20 },
    ]);
    const second = foldLook(first, [{ key: 'root', total: 9, inherited: 0 }]);
    expect(lifetimeTotal(second)).toBe(109);
  });

  it('an orphan that a reaper above its grandparent waited for is not kept as well', () => {
    const first = foldLook(EMPTY_COUNTER, [
      { key: 'reaper', total: 0, inherited: 0 },
      { key: 'grandparent', parentKey: 'reaper', total: 0, inherited: 0 },
      { key: 'parent', parentKey: 'grandparent', total: 10, inherited: 0 },
      { key: 'orphan', parentKey: 'parent', total: 100, inherited: 0 },
    ]);
    const second = foldLook(first, [
      { key: 'reaper', total: 100, inherited: 100 },
      { key: 'grandparent', parentKey: 'reaper', total: 10, inherited: 10 },
    ]);
    expect(lifetimeTotal(second)).toBe(110);
  });

  it('an orphan that went by a reaper to one whose child has another parent now is not kept as well', () => {
    const first = foldLook(EMPTY_COUNTER, [
      { key: 'top', total: 0, inherited: 0 },
      { key: 'waiting', parentKey: 'top', total: 0, inherited: 0 },
      { key: 'reaper', parentKey: 'waiting', total: 0, inherited: 0 },
      { key: 'grandparent', parentKey: 'reaper', total: 0, inherited: 0 },
      { key: 'parent', parentKey: 'grandparent', total: 0, inherited: 0 },
      { key: 'orphan', parentKey: 'parent', total: 100, inherited: 0 },
    ]);
    // The reaper waited for the orphan, ended, and was waited for; its other child went past that one to the top.
    const second = foldLook(first, [
      { key: 'top', total: 0, inherited: 0 },
      { key: 'waiting', parentKey: 'top', total: 100, inherited: 100 },
      { key: 'grandparent', parentKey: 'top', total: 0, inherited: 0 },
    ]);
    expect(lifetimeTotal(second)).toBe(100);
  });

  it('the end of the root leaves its figure standing', () => {
    const first = foldLook(EMPTY_COUNTER, [{ key: 'root', total: 50, inherited: 30 }]);
    expect(lifetimeTotal(foldLook(first, []))).toBe(50);
  });
});
