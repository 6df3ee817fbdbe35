import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { REPORT_FIELDS } from '../../src/core/fields.ts';
import { type Line, render } from '../../src/core/line.ts';
import { finish, initialState, type State, step } from '../../src/core/state.ts';
import type { Container, Poll, Sample, SampleEntry, Samples } from '../../src/core/types.ts';
import { type Fixture, linesOf, type ParsedLine, readFixture, SHAPES } from '../support/fixtures.ts';
import {
  container,
  failed,
  MIB,
  NO_LOSS,
  ok,
  pending,
  SETTINGS,
  START_MS,
  samples,
  task,
} from './builders.ts';

/** What is wrong with a line, by the table of fields and the rules for all of them. */
function faultsOf(text: string): string[] {
  const line = JSON.parse(text) as ParsedLine;
  return Object.entries(line).flatMap(([name, value]) => {
    const field = REPORT_FIELDS.find((each) => each.name === name);
    if (field === undefined) return [`${name} is in no table`];
    const place = field.lines.some((type) => type === line.type) ? [] : [`${name} in ${line.type}`];
    // An exit code is the one number that may be below zero.
    if (name === 'exitCode' && Number.isInteger(value)) return place;
    return isOfKind(value, field.kind) ? place : [...place, `${name} is ${JSON.stringify(value)}`];
  });
}

function isOfKind(value: string | number, kind: (typeof REPORT_FIELDS)[number]['kind']): boolean {
  switch (kind) {
    case 'integer':
      return Number.isInteger(value) && Number(value) >= 0;
    case 'percent':
      return typeof value === 'number' && value >= 0 && Number(value.toFixed(2)) === value;
    case 'time':
      return typeof value === 'string' && new Date(value).toISOString() === value;
    case 'string':
      return typeof value === 'string';
  }
}

const NAMES = ['etl', 'load', 'proxy'] as const;

/** What one container does between two polls, and what the endpoint then shows of it. */
interface Move {
  readonly shows: 'fresh' | 'repeat' | 'none' | 'zero' | 'nothing' | 'restart' | 'stop';
  readonly cpuNs: number;
  readonly usageBytes: number;
  readonly cacheBytes: number;
  readonly rxBytes: number;
  readonly failCount: number;
}

const HOUR_MS = 3_600_000;

interface Moment {
  readonly advanceMs: number;
  readonly moves: readonly [Move, Move, Move];
  readonly clockSetByMs: number;
  readonly trouble: 'none' | 'task' | 'stats' | 'both';
  readonly isTaskAsked: boolean;
  readonly isStartShown: boolean;
  readonly isStopRequested: boolean;
  /** What a look at /proc gives of each container, when there is one: of its real growth, so much. */
  readonly look?: { readonly source: 'cgroup' | 'proc'; readonly seenShare: number } | undefined;
}

const move: fc.Arbitrary<Move> = fc.record({
  shows: fc.oneof(
    { weight: 6, arbitrary: fc.constant('fresh' as const) },
    { weight: 4, arbitrary: fc.constantFrom('repeat', 'none', 'zero', 'nothing', 'restart', 'stop') },
  ),
  cpuNs: fc.oneof(fc.nat(2 ** 31), fc.constant(0)),
  usageBytes: fc.nat(600 * MIB),
  cacheBytes: fc.nat(700 * MIB),
  rxBytes: fc.nat(1e9),
  failCount: fc.nat(3),
});

const moment: fc.Arbitrary<Moment> = fc.record({
  advanceMs: fc.integer({ min: 100, max: 15_000 }),
  moves: fc.tuple(move, move, move),
  clockSetByMs: fc.oneof(
    { weight: 20, arbitrary: fc.constant(0) },
    { weight: 1, arbitrary: fc.constantFrom(-HOUR_MS, HOUR_MS, -5_000, 5_000) },
  ),
  trouble: fc.oneof(
    { weight: 8, arbitrary: fc.constant('none' as const) },
    { weight: 1, arbitrary: fc.constantFrom('task', 'stats', 'both') },
  ),
  isTaskAsked: fc.boolean(),
  isStartShown: fc.boolean(),
  isStopRequested: fc.oneof(
    { weight: 9, arbitrary: fc.constant(false) },
    { weight: 1, arbitrary: fc.constant(true) },
  ),
});

/** The containers as they really are; what is true of them is kept beside what is shown. */
type CountedSample = Sample & { readonly cpuUsageNs: number };

class Life {
  counterNs = 0;
  everNs = 0;
  /** What a look finds: of the run that is, and by `proc` of those before it that it was looking at as well. */
  foundNs = 0;
  keptNs = 0;
  lookedAt: 'cgroup' | 'proc' | undefined;
  failCount = 0;
  stopped = false;
}

class World {
  readonly #lives = new Map(NAMES.map((name) => [name, new Life()]));
  /** The newest sample shown of each. */
  readonly #shown = new Map<string, CountedSample>();
  readonly #earlierRunsNs = new Map<string, number>();
  #isTaskKnown = false;
  /** The metadata is late to show that a container runs. */
  #isStartShown = false;
  #seenShare = 1;
  #elapsedMs = 0;
  #wallMs = START_MS;

  pollAt(
    { advanceMs, moves, clockSetByMs, trouble, isTaskAsked, isStartShown, isStopRequested, look }: Moment,
    isFirst: boolean,
  ): Poll {
    this.#elapsedMs += advanceMs;
    this.#wallMs += advanceMs + clockSetByMs;
    this.#seenShare = look?.seenShare ?? 1;
    const hasStats = trouble === 'none' || trouble === 'task';
    const asked = isFirst || isTaskAsked || moves.some(({ shows }) => shows === 'stop');
    const isTaskTold = asked && trouble !== 'task' && trouble !== 'both';
    // Stats of an id that no metadata has told of yet are nobody's.
    this.#isTaskKnown ||= isTaskTold;
    this.#isStartShown ||= isStartShown;
    const isSeen = hasStats && this.#isTaskKnown;
    const entries = NAMES.map(
      (name, index) => [name, this.#entry(name, moves[index] as Move, isSeen)] as const,
    );
    const present = entries.filter(([, entry]) => entry !== undefined) as [string, SampleEntry][];
    return {
      polledAtMs: this.#wallMs,
      answeredAtMs: this.#wallMs,
      elapsedMs: this.#elapsedMs,
      stats: hasStats ? ok(samples(Object.fromEntries(present))) : failed(),
      ...(asked && {
        task: !isTaskTold
          ? failed()
          : ok(
              task([...NAMES.map((name) => this.#container(name)), container('fargauge')], {
                launchType: 'FARGATE',
                cpuLimitUnits: 512,
                memoryLimitMiB: 1024,
                pullStartedAtMs: START_MS - 20_000,
                stopRequested: isStopRequested,
              }),
            ),
      }),
      ...(look && { processes: this.#looked(look) }),
      self: { name: 'fargauge', id: 'id-of-fargauge' },
    };
  }

  /** All CPU time that was used, shown or not. */
  everUsedNs(name: string): number {
    return this.#lives.get(name as (typeof NAMES)[number])?.everNs ?? 0;
  }

  /** All CPU time that was shown, over all runs of the container. */
  cpuUsageNs(name: string): number {
    return (this.#earlierRunsNs.get(name) ?? 0) + (this.#shown.get(name)?.cpuUsageNs ?? 0);
  }

  get now(): { wallMs: number; elapsedMs: number } {
    return { wallMs: this.#wallMs, elapsedMs: this.#elapsedMs };
  }

  #life(name: (typeof NAMES)[number]) {
    const life = this.#lives.get(name);
    if (life === undefined) throw new Error(`no ${name}`);
    return life;
  }

  #container(name: (typeof NAMES)[number]): Container {
    if (this.#life(name).stopped) {
      return container(name, { status: 'stopped', exitCode: 1, finishedAtMs: this.#wallMs });
    }
    return !this.#isStartShown
      ? { ...pending(name), id: `id-of-${name}` }
      : container(name, { memoryLimitMiB: 512, networkMode: name === 'proxy' ? 'bridge' : 'awsvpc' });
  }

  #looked({ source }: NonNullable<Moment['look']>): Samples {
    const running = NAMES.filter((name) => !this.#life(name).stopped);
    for (const name of running) {
      const life = this.#life(name);
      if (life.lookedAt !== source) life.keptNs = 0;
      life.lookedAt = source;
    }
    return samples(
      Object.fromEntries(
        running.map((name): [string, Sample] => [
          name,
          {
            source,
            readAtMs: this.#wallMs,
            cpuUsageNs: this.#life(name).foundNs + (source === 'proc' ? this.#life(name).keptNs : 0),
            memory: { anonBytes: 50 * MIB, ...(source === 'cgroup' && { usageBytes: 80 * MIB }) },
          },
        ]),
      ),
    );
  }

  #entry(name: (typeof NAMES)[number], made: Move, isSeen: boolean): SampleEntry | undefined {
    const life = this.#life(name);
    const before = this.#shown.get(name);
    if (made.shows === 'stop') life.stopped = true;
    if (life.stopped || made.shows === 'none') return 'none';
    if (made.shows === 'zero') return 'zero';
    if (made.shows === 'nothing') return undefined;
    if (made.shows === 'repeat') return before;
    // A new run shows only if the counter is below the last one when it is seen next.
    const isRestart = isSeen && made.shows === 'restart' && before !== undefined && before.cpuUsageNs > 0;
    const usedNs = isRestart ? made.cpuNs % before.cpuUsageNs : made.cpuNs;
    life.counterNs = isRestart ? usedNs : life.counterNs + usedNs;
    life.everNs += usedNs;
    if (isRestart) {
      life.keptNs += life.foundNs;
      life.foundNs = 0;
    }
    life.foundNs += Math.floor(usedNs * this.#seenShare);
    life.failCount = isRestart ? made.failCount : life.failCount + made.failCount;
    const entry: CountedSample = {
      readAtMs: this.#wallMs - 30,
      cpuUsageNs: life.counterNs,
      kernelCpuUsageNs: Math.floor(life.counterNs / 3),
      memory: {
        usageBytes: made.usageBytes,
        cacheBytes: made.cacheBytes,
        anonBytes: Math.floor(made.usageBytes / 2),
        ...(life.failCount > 0 && { failCount: life.failCount }),
      },
      networkRxBytes: made.rxBytes,
    };
    if (!isSeen) return entry;
    if (before?.readAtMs === entry.readAtMs) return entry;
    if (isRestart || (before && entry.cpuUsageNs < before.cpuUsageNs)) {
      this.#earlierRunsNs.set(name, (this.#earlierRunsNs.get(name) ?? 0) + before.cpuUsageNs);
    }
    this.#shown.set(name, entry);
    return entry;
  }
}

const settings = fc.record({
  summaryIntervalMs: fc.constantFrom(0, 5_000, 60_000),
  samples: fc.boolean(),
});

const history = fc.record({ moments: fc.array(moment, { minLength: 1, maxLength: 25 }), settings });

/** The same with looks at /proc now and then. A clock that is set by seconds alone could hide in what is late. */
const fineHistory = history.chain((any) =>
  fc
    .array(
      fc.option(
        fc.record({
          source: fc.constantFrom('cgroup' as const, 'proc' as const),
          seenShare: fc.double({ min: 0, max: 1, noNaN: true }),
        }),
        { nil: undefined },
      ),
      { minLength: any.moments.length, maxLength: any.moments.length },
    )
    .map((looks) => ({
      ...any,
      moments: any.moments.map((at, index) => ({
        ...at,
        clockSetByMs: Math.abs(at.clockSetByMs) < HOUR_MS ? 0 : at.clockSetByMs,
        look: looks[index],
      })),
    })),
);

/**
 * /proc sees the end of a run that no answer has shown, then the endpoint shows the next run twice: what was seen of
 * the first one must not be taken back.
 */
function restartBetweenRefreshes(): {
  moments: readonly Moment[];
  settings: Pick<typeof SETTINGS, 'samples' | 'summaryIntervalMs'>;
} {
  const at = (shows: Move['shows'], cpuNs: number, trouble: Moment['trouble'] = 'none'): Moment => {
    const made: Move = { shows, cpuNs, usageBytes: MIB, cacheBytes: 0, rxBytes: 0, failCount: 0 };
    return {
      advanceMs: 1_000,
      moves: [made, made, made],
      clockSetByMs: 0,
      trouble,
      isTaskAsked: true,
      isStartShown: true,
      isStopRequested: false,
      look: { source: 'proc', seenShare: 1 },
    };
  };
  return {
    moments: [
      at('fresh', 6e8),
      at('fresh', 6e8, 'stats'),
      at('restart', 1e8),
      at('fresh', 1e8),
      at('fresh', 1e8),
    ],
    settings: { samples: false, summaryIntervalMs: 0 },
  };
}

interface Run {
  readonly lines: readonly ParsedLine[];
  readonly texts: readonly string[];
  readonly world: World;
}

/** Steps over a history and ends it. */
function run(
  {
    moments,
    settings: chosen,
  }: { moments: readonly Moment[]; settings: Pick<typeof SETTINGS, 'samples' | 'summaryIntervalMs'> },
  each: { before?: (state: State, poll: Poll) => void; after?: (state: State, poll: Poll) => void } = {},
): Run {
  const world = new World();
  const state = initialState({ ...SETTINGS, ...chosen });
  const lines: Line[] = [];
  for (const [index, at] of moments.entries()) {
    const poll = world.pollAt(at, index === 0);
    each.before?.(state, poll);
    lines.push(...step(state, poll));
    each.after?.(state, poll);
  }
  const { wallMs, elapsedMs } = world.now;
  lines.push(...finish(state, wallMs + 100, elapsedMs + 100, NO_LOSS));
  const texts = lines.map((line, index) => render(line, index + 1));
  return { world, texts, lines: texts.map((text) => JSON.parse(text) as ParsedLine) };
}

function ofType(lines: readonly ParsedLine[], type: string): ParsedLine[] {
  return lines.filter((line) => line.type === type);
}

describe('any history of polls', () => {
  it('gives lines that hold only their own fields, none negative, infinite or not whole, and one REPORT at the end', () => {
    fc.assert(
      fc.property(history, (any) => {
        const { texts, lines } = run(any);
        expect(texts.flatMap(faultsOf)).toEqual([]);
        expect(lines.at(-1)?.type).toBe('REPORT');
        expect(ofType(lines, 'REPORT')).toHaveLength(1);
        expect(ofType(lines, 'START').length).toBeLessThanOrEqual(1);
      }),
      { numRuns: 100 },
    );
  });

  it('gives the CPU time that the counters showed, restarts and gaps included, to the millisecond', () => {
    fc.assert(
      fc.property(history, (any) => {
        const { lines, world } = run(any);
        for (const { container: name, cpuTimeMs = 0 } of ofType(lines, 'CONTAINER')) {
          expect([name, cpuTimeMs]).toEqual([name, Math.round(world.cpuUsageNs(String(name)) / 1e6)]);
        }
        const [report] = ofType(lines, 'REPORT');
        const sumNs = NAMES.reduce((sum, name) => sum + world.cpuUsageNs(name), 0);
        if (ofType(lines, 'START').length > 0) expect(report?.cpuTimeMs ?? 0).toBe(Math.round(sumNs / 1e6));
      }),
      { numRuns: 100 },
    );
  });

  it('gives SUMMARY lines whose CPU times add up to that of the CONTAINER line', () => {
    fc.assert(
      fc.property(history, (any) => {
        const { lines } = run({ ...any, settings: { ...any.settings, summaryIntervalMs: 5_000 } });
        for (const { container: name, cpuTimeMs = 0, sampleCount } of ofType(lines, 'CONTAINER')) {
          const summaries = ofType(lines, 'SUMMARY').filter((line) => line.container === name);
          const sum = (field: string) =>
            summaries.reduce((total, line) => total + Number(line[field] ?? 0), 0);
          expect([name, sum('cpuTimeMs'), sum('sampleCount')]).toEqual([name, cpuTimeMs, sampleCount]);
        }
      }),
      { numRuns: 100 },
    );
  });

  it('and of looks at /proc gives lines by the rules, and never more CPU time than was used or less than the endpoint showed', () => {
    fc.assert(
      fc.property(fineHistory, (any) => {
        let told = 0;
        const after = (state: State) => {
          const sum = NAMES.reduce(
            (total, name) => total + (state.containers.get(name)?.counter('cpuUsageNs') ?? 0),
            0,
          );
          expect(sum).toBeGreaterThanOrEqual(told);
          told = sum;
        };
        const { texts, lines, world } = run(any, { after });
        expect(texts.flatMap(faultsOf)).toEqual([]);
        for (const { container: name, cpuTimeMs = 0 } of ofType(lines, 'CONTAINER')) {
          const least = Math.round(world.cpuUsageNs(String(name)) / 1e6);
          expect(cpuTimeMs).toBeGreaterThanOrEqual(least);
          expect(cpuTimeMs).toBeLessThanOrEqual(Math.round(world.everUsedNs(String(name)) / 1e6));
          const summaries = ofType(lines, 'SUMMARY').filter((line) => line.container === name);
          const sum = summaries.reduce((total, line) => total + Number(line.cpuTimeMs ?? 0), 0);
          if (any.settings.summaryIntervalMs > 0) expect(sum).toBe(cpuTimeMs);
        }
      }),
      { numRuns: 150, examples: [[restartBetweenRefreshes()]] },
    );
  });

  it('has maxima that never fall', () => {
    fc.assert(
      fc.property(history, (any) => {
        const seen = new Map<string, number>();
        const after = (state: State) => {
          for (const [name, { usage }] of [
            ...state.containers,
            ['task', { usage: state.taskUsage }] as const,
          ]) {
            const maxima = {
              cpu: usage.cpuPercent.max,
              memory: usage.memoryUsedBytes.max,
              workingSet: usage.maxWorkingSetBytes,
              anon: usage.maxAnonBytes,
            };
            for (const [of, value = 0] of Object.entries(maxima)) {
              expect(value).toBeGreaterThanOrEqual(seen.get(`${name} ${of}`) ?? 0);
              seen.set(`${name} ${of}`, value);
            }
          }
        };
        run(any, { after });
      }),
      { numRuns: 100 },
    );
  });

  it('gives the same lines when every answer is seen twice', () => {
    const withoutPolls = (lines: readonly ParsedLine[]) =>
      lines.map(({ pollCount: _, pollErrorCount: __, ...line }) => line);
    fc.assert(
      fc.property(history, (any) => {
        const again = (state: State, poll: Poll) => {
          expect(step(state, poll)).toEqual([]);
        };
        expect(withoutPolls(run(any, { after: again }).lines)).toEqual(withoutPolls(run(any).lines));
      }),
      { numRuns: 100 },
    );
  });
});

/** The same fixture, each of its documents changed so. */
function changed(fixture: Fixture, change: (document: unknown, index: number) => unknown): Fixture {
  let index = 0;
  const apply = (text: string | undefined) => {
    if (text === undefined) return undefined;
    index += 1;
    return JSON.stringify(change(JSON.parse(text), index));
  };
  return {
    ...fixture,
    polls: fixture.polls.map((poll) => ({
      ...poll,
      task: apply(poll.task),
      stats: apply(poll.stats),
      self: apply(poll.self),
    })),
  };
}

/** Every object in a document with its keys turned round and one more among them. */
function turnedAndExtended(value: unknown, isTop = true): unknown {
  if (Array.isArray(value)) return value.map((each) => turnedAndExtended(each, false));
  if (typeof value !== 'object' || value === null || Object.keys(value).length === 0) return value;
  const turned = Object.entries(value)
    .toReversed()
    .map(([key, each]) => [key, turnedAndExtended(each, false)]);
  // At the top of the stats every key is an id; one that is not known changes nothing either.
  return Object.fromEntries([...turned, [isTop ? 'ffff-0000' : 'NovelKey', { novel: [1, 'x', null] }]]);
}

/** Paths to everything in a document. */
function pathsOf(value: unknown, path: readonly string[] = []): string[][] {
  if (typeof value !== 'object' || value === null) return [[...path]];
  return [[...path], ...Object.entries(value).flatMap(([key, each]) => pathsOf(each, [...path, key]))];
}

function replaced(value: unknown, [key, ...rest]: readonly string[], by: unknown): unknown {
  if (key === undefined) return by;
  if (Array.isArray(value))
    return value.map((each, index) => (String(index) === key ? replaced(each, rest, by) : each));
  const object = value as Record<string, unknown>;
  return { ...object, [key]: replaced(object[key], rest, by) };
}

describe('the documents of an endpoint', () => {
  it.each(SHAPES)(
    '%s: give the same lines with their keys in any order and unknown ones among them',
    (shape) => {
      const fixture = readFixture(shape);
      expect(linesOf(changed(fixture, (document) => turnedAndExtended(document)))).toEqual(linesOf(fixture));
    },
  );

  it('give lines by the rules, and one REPORT, whatever stands in any place of them', () => {
    const anything = fc.oneof(
      fc.jsonValue({ maxDepth: 1 }),
      fc.constantFrom(null, {}, [], '', 0, -1, 1.5, 1e308, 5e-324, 2 ** 53 + 2, 2 ** 64),
      fc.constantFrom(
        '9999-12-31T23:59:59Z',
        '0000-01-01T00:00:00Z',
        '1970-01-01T00:00:00Z',
        'STOPPED',
        'RUNNING',
      ),
    );
    const shapes = SHAPES.map(readFixture);
    fc.assert(
      fc.property(
        fc.constantFrom(...shapes),
        fc.array(fc.tuple(fc.nat(), fc.nat(), anything), { maxLength: 6, minLength: 1 }),
        (fixture, faults) => {
          const broken = changed(fixture, (document, index) =>
            faults
              .filter(([at]) => at % 4 === index % 4)
              .reduce((whole, [, place, by]) => {
                const paths = pathsOf(whole);
                return replaced(whole, paths[place % paths.length] ?? [], by);
              }, document),
          );
          const texts = linesOf({
            ...broken,
            settings: { ...broken.settings, samples: true, summaryIntervalMs: 1_000 },
          });
          expect(texts.flatMap(faultsOf)).toEqual([]);
          expect(texts.filter((text) => text.startsWith('{"type":"REPORT"'))).toHaveLength(1);
        },
      ),
      { numRuns: 200 },
    );
  });
});
