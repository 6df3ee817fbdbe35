import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ALL_CONTAINERS, isObserved, matches, type Selection } from '../../src/core/selection.ts';
import { container } from './builders.ts';

describe('a pattern', () => {
  it.each([
    ['etl', 'etl'],
    ['*', ''],
    ['*', 'anything'],
    ['etl*', 'etl'],
    ['etl*', 'etl-2'],
    ['*etl', 'my-etl'],
    ['*etl*', 'my-etl-2'],
    ['a*b*c', 'abc'],
    ['a*b*c', 'a-b-b-c'],
    ['a**c', 'ac'],
    ['*-*', '-'],
    ['ab*ab', 'abab'],
    ['~internal~*', '~internal~ecs~pause'],
  ])('%s matches %s', (pattern, name) => {
    expect(matches(pattern, name)).toBe(true);
  });

  it.each([
    ['etl', 'etl-2'],
    ['etl', 'my-etl'],
    ['etl', 'ETL'],
    ['etl*', 'my-etl'],
    ['*etl', 'etl-2'],
    ['a*b*c', 'a-c-b'],
    // The two ends may not overlap.
    ['ab*ab', 'ab'],
    ['a*a', 'a'],
    // Only `*` is special.
    ['e.l', 'etl'],
    ['e?l', 'etl'],
    ['', 'etl'],
  ])('%s does not match %s', (pattern, name) => {
    expect(matches(pattern, name)).toBe(false);
  });

  it('agrees with the regular expression that it stands for', () => {
    const text = fc.string({ unit: fc.constantFrom('a', 'b', '-'), maxLength: 8 });
    const pattern = fc.string({ unit: fc.constantFrom('a', 'b', '-', '*'), maxLength: 6 });
    fc.assert(
      fc.property(pattern, text, (each, name) => {
        expect(matches(each, name)).toBe(new RegExp(`^${each.replaceAll('*', '.*')}$`).test(name));
      }),
      { numRuns: 1_000 },
    );
  });
});

describe('an observed container', () => {
  const observes = (
    name: string,
    containers: Selection = ALL_CONTAINERS,
    type: string | undefined = 'NORMAL',
  ) => {
    const { type: _, ...untyped } = container(name);
    const described = type === '' ? untyped : { ...untyped, type };
    return isObserved({ settings: { containers }, self: { name: 'fargauge' } }, described);
  };

  it('is any of the task definition but the sidecar itself', () => {
    expect(observes('etl')).toBe(true);
    expect(observes('fargauge')).toBe(false);
    expect(observes('fargauge-like')).toBe(true);
  });

  it.each([
    '~internal~ecs~pause',
    '~internal~ecs-emptyvolume-source',
    'aws-guardduty-agent-k3J9xQ',
    'ecs-service-connect-a8ZpT',
  ])('is never %s', (name) => {
    expect(observes(name)).toBe(false);
    expect(observes(name, { include: ['*'], exclude: [] })).toBe(false);
    expect(observes(name, { include: [name], exclude: [] })).toBe(false);
  });

  it.each(['CNI_PAUSE', 'NAMESPACE_PAUSE', 'EMPTY_HOST_VOLUME', 'MANAGED_DAEMON'])(
    'is never of type %s',
    (type) => {
      expect(observes('etl', ALL_CONTAINERS, type)).toBe(false);
    },
  );

  it('may be one without a type, as older endpoints show it', () => {
    expect(observes('etl', ALL_CONTAINERS, '')).toBe(true);
  });

  it('is one of those named, when some are', () => {
    const named: Selection = { include: ['etl', 'load-*'], exclude: [] };
    expect(['etl', 'load-1', 'other'].map((name) => observes(name, named))).toEqual([true, true, false]);
  });

  it('is none of those left out, named or not', () => {
    const but: Selection = { include: [], exclude: ['proxy*'] };
    expect(['etl', 'proxy-1'].map((name) => observes(name, but))).toEqual([true, false]);
    const both: Selection = { include: ['load-*'], exclude: ['load-2'] };
    expect(['load-1', 'load-2', 'etl'].map((name) => observes(name, both))).toEqual([true, false, false]);
  });

  it('may be any while the sidecar does not know its own name', () => {
    const state = { settings: { containers: ALL_CONTAINERS }, self: undefined };
    expect(isObserved(state, container('fargauge'))).toBe(true);
  });
});
