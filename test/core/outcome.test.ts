import { describe, expect, it } from 'vitest';
import { type Outcome, outcome } from '../../src/core/outcome.ts';
import { ContainerTotals } from '../../src/core/totals.ts';
import type { Container, Sample } from '../../src/core/types.ts';
import { container, MIB, memory, START_MS, sample, task, totalsOf } from './builders.ts';

const FINISHED_MS = START_MS + 60_000;
const LIMIT_MIB = 100;

interface Story {
  /** When the wish to stop it was first seen while it ran, ms after its start. */
  readonly stopSeenAtMs?: number;
  readonly end: Partial<Container>;
  readonly samples?: readonly Sample[];
  readonly isTaskStopRequested?: boolean;
  readonly isTaskCurrent?: boolean;
}

/** A container that started, ran, and ended, or did not. */
function endOf({
  stopSeenAtMs,
  end,
  samples = [],
  isTaskStopRequested = false,
  isTaskCurrent = true,
}: Story): Outcome {
  const running = container('etl', { memoryLimitMiB: LIMIT_MIB });
  const totals = totalsOf(running, samples);
  if (stopSeenAtMs !== undefined) {
    const atMs = START_MS + stopSeenAtMs;
    totals.describe({ ...running, stopRequested: true }, false, atMs, atMs);
  }
  totals.describe({ ...running, ...end }, isTaskStopRequested, FINISHED_MS, FINISHED_MS);
  return outcome(totals, task([running], { stopRequested: isTaskStopRequested }), isTaskCurrent);
}

function stopped(exitCode: number | undefined): Partial<Container> {
  return { status: 'stopped', finishedAtMs: FINISHED_MS, ...(exitCode !== undefined && { exitCode }) };
}

/** A sample with this much anonymous memory, used to that much. */
function used(atMs: number, usedMiB: number, anonMiB: number, failCount?: number): Sample {
  return sample(
    atMs,
    1e9,
    memory({
      usageBytes: (usedMiB + 5) * MIB,
      cacheBytes: 5 * MIB,
      anonBytes: anonMiB * MIB,
      ...(failCount !== undefined && { failCount }),
    }),
  );
}

const roomy = used(59_000, 40, 30);
const killed = 'exit code 137 without a stop request';

describe('how a container ended', () => {
  it.each<[string, Story, Outcome]>([
    ['exit 0 is success', { end: stopped(0) }, { status: 'success' }],
    ['another exit is a failure', { end: stopped(1) }, { status: 'failure', errorType: 'ExitError' }],
    [
      'exit 0 of a container that was asked to stop while it ran is a stop',
      { stopSeenAtMs: 50_000, end: stopped(0) },
      { status: 'stopped' },
    ],
    [
      'another exit of one that was asked to stop is a stop with an error',
      { stopSeenAtMs: 50_000, end: stopped(2) },
      { status: 'stopped', errorType: 'ExitError' },
    ],
    [
      '143 with a wish to stop that no poll saw in time is a stop',
      { end: stopped(143), isTaskStopRequested: true },
      { status: 'stopped', errorType: 'ExitError' },
    ],
    [
      '143 that nobody asked for is a failure',
      { end: stopped(143) },
      { status: 'failure', errorType: 'ExitError' },
    ],
    [
      '137 after a stop was asked for is Killed: it outlived its stopTimeout',
      { stopSeenAtMs: 30_000, end: stopped(137) },
      { status: 'stopped', errorType: 'Killed' },
    ],
    [
      '137 that nobody asked for is OutOfMemory',
      { end: stopped(137), samples: [roomy] },
      { status: 'failure', errorType: 'OutOfMemory', oomEvidence: killed },
    ],
    [
      'a wish to stop the task that came with the exit itself asked for nothing',
      { stopSeenAtMs: 60_000, end: stopped(137), isTaskStopRequested: true },
      { status: 'failure', errorType: 'OutOfMemory', oomEvidence: killed },
    ],
    ['stopped without an exit code is unknown', { end: stopped(undefined) }, { status: 'unknown' }],
    [
      'stopped without an exit code after it was asked to is a stop',
      { stopSeenAtMs: 50_000, end: { status: 'stopped' } },
      { status: 'stopped' },
    ],
    ['still running at our end is a stop from outside', { end: {} }, { status: 'stopped' }],
    [
      'last shown running by an endpoint that has fallen silent is unknown',
      { end: {}, isTaskCurrent: false },
      { status: 'unknown' },
    ],
    [
      'an exit code is believed though the endpoint has fallen silent since',
      { end: stopped(0), isTaskCurrent: false },
      { status: 'success' },
    ],
  ])('%s', (_, story, expected) => {
    expect(endOf(story)).toEqual({ errorType: undefined, oomEvidence: undefined, ...expected });
  });

  it('never started is unknown', () => {
    const { startedAtMs: _, ...unstarted } = container('etl', { status: 'pending', id: '' });
    const totals = new ContainerTotals(unstarted, START_MS);
    totals.describe(unstarted, false, START_MS, START_MS);
    expect(outcome(totals, task([unstarted]), true)).toEqual({ status: 'unknown', oomEvidence: undefined });
  });
});

describe('evidence of a lack of memory', () => {
  const nearLimit = 'last sample at 95 % of the limit';
  const rose = 'failcnt rose by 4 with anonymous memory at 80 % of the limit';
  it.each<[string, readonly Sample[], string | undefined]>([
    ['a last sample at 95 % of the limit', [used(1_000, 95, 50)], nearLimit],
    ['not one at 94 %', [used(1_000, 94, 50)], undefined],
    ['not one that was there before the last', [used(1_000, 95, 50), used(2_000, 30, 20)], undefined],
    [
      'failcnt that rose with anonymous memory at 80 %',
      [used(1_000, 90, 70, 2), used(2_000, 90, 80, 6)],
      rose,
    ],
    ['failcnt that was there when the first sample came', [used(1_000, 90, 80, 4)], rose],
    [
      'failcnt that rose then, though memory fell since',
      [used(1_000, 90, 80, 4), used(2_000, 20, 10, 4)],
      rose,
    ],
    [
      'failcnt that rose when a child had the memory, which was gone with it by the next sample',
      [used(1_000, 90, 80, 2), used(2_000, 20, 10, 6), used(3_000, 20, 10, 6)],
      rose,
    ],
    [
      'not failcnt that rose by page cache alone',
      [used(1_000, 90, 70, 2), used(2_000, 90, 79, 6)],
      undefined,
    ],
    ['not failcnt that stayed', [used(1_000, 90, 20, 2), used(2_000, 90, 80, 2)], undefined],
    [
      'failcnt of a restarted container, below that of the run before',
      [used(1_000, 90, 20, 9), { ...used(2_000, 90, 80, 4), cpuUsageNs: 1 }],
      rose,
    ],
    ['several at once, in words', [used(1_000, 95, 80, 4)], `${rose}; ${nearLimit}`],
  ])('is %s', (_, samples, oomEvidence) => {
    // A killed child leaves any exit code.
    const errorType = oomEvidence === undefined ? 'ExitError' : 'OutOfMemory';
    expect(endOf({ end: stopped(1), samples })).toEqual({ status: 'failure', errorType, oomEvidence });
  });

  it('on a successful exit is told and is no error', () => {
    expect(endOf({ end: stopped(0), samples: [used(1_000, 95, 50)] })).toEqual({
      status: 'success',
      oomEvidence: nearLimit,
    });
  });

  it('makes 137 after a stop was asked for no OutOfMemory', () => {
    expect(endOf({ stopSeenAtMs: 30_000, end: stopped(137), samples: [used(1_000, 95, 50)] })).toMatchObject({
      errorType: 'Killed',
      oomEvidence: nearLimit,
    });
  });

  it('is measured against the task where the container has no limit of its own, and against nothing where neither has', () => {
    const described = container('etl', { status: 'stopped', exitCode: 1 });
    const totals = totalsOf(described, [used(1_000, 95, 50)]);
    const sized = task([described], { memoryLimitMiB: LIMIT_MIB });
    expect(outcome(totals, sized, true).oomEvidence).toBe(nearLimit);
    expect(outcome(totals, task([described]), true).oomEvidence).toBeUndefined();
  });
});
