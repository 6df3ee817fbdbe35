import { describe, expect, it } from 'vitest';
import type { Line } from '../../src/core/line.ts';
import {
  finish,
  initialState,
  isBatchStopped,
  isOver,
  isTaskDue,
  type State,
  step,
} from '../../src/core/state.ts';
import type { Container, Poll, SampleEntry, Task } from '../../src/core/types.ts';
import {
  container,
  failed,
  failedPoll,
  MIB,
  memory,
  NO_LOSS,
  ok,
  pending,
  poll,
  SECOND_NS,
  SETTINGS,
  START_MS,
  sample,
  samples,
  stateAfter,
  task,
} from './builders.ts';

const etl = container('etl');
const self = container('fargauge');
const stoppedEtl = container('etl', { status: 'stopped', exitCode: 0, finishedAtMs: START_MS + 5_000 });
const HOUR_MS = 3_600_000;

function types(lines: readonly Line[]): string[] {
  return lines.map(({ type }) => type);
}

function lineOf(lines: readonly Line[], type: string, name?: string): Line['fields'] {
  const found = lines.find(
    (line) => line.type === type && (name === undefined || line.fields.container === name),
  );
  if (found === undefined) throw new Error(`no ${type} line`);
  return found.fields;
}

/** The last lines of a run that ends now, or that many ms after START_MS on either clock. */
function finished(state: State, atMs: number, wallMs = START_MS + atMs): Line[] {
  return finish(state, wallMs, atMs, NO_LOSS);
}

describe('the batch', () => {
  it.each<[string, Task, string | undefined]>([
    ['is the only candidate', task([etl, self]), 'etl'],
    [
      'is the first that started of several',
      task([container('late', { startedAtMs: START_MS + 9 }), etl, self]),
      'etl',
    ],
    [
      'is one that runs rather than one that had stopped before it was seen: an init container',
      task([
        container('init', {
          status: 'stopped',
          startedAtMs: START_MS - 9_000,
          finishedAtMs: START_MS - 1_000,
        }),
        etl,
        self,
      ]),
      'etl',
    ],
    ['is one that has stopped when none runs', task([stoppedEtl, self]), 'etl'],
    ['is never one that has not started', task([pending('etl'), self]), undefined],
    [
      'is never one that could not start',
      task([{ ...pending('etl'), status: 'stopped', exitCode: 143 }, self]),
      undefined,
    ],
    [
      'is never a helper of AWS',
      task([container('aws-guardduty-agent-x', { startedAtMs: START_MS - 5_000 }), etl, self]),
      'etl',
    ],
    ['is never the sidecar', task([self]), undefined],
    ['is one that runs though its start is not told', task([omitStart(etl), self]), 'etl'],
  ])('%s', (_, shown, name) => {
    expect(stateAfter([poll(0, shown)]).batch?.container.name).toBe(name);
  });

  it('is the named one, even when another started before', () => {
    const shown = task([etl, container('report', { startedAtMs: START_MS + 500 }), self]);
    expect(stateAfter([poll(0, shown)], { batch: 'report' }).batch?.container.name).toBe('report');
  });

  it('is waited for when it is named and has not started, whatever else runs', () => {
    const state = stateAfter([poll(0, task([etl, pending('report'), self]))], { batch: 'report' });
    expect(state.batch).toBeUndefined();
    step(state, poll(1_000, task([etl, container('report', { startedAtMs: START_MS + 900 }), self])));
    expect(state.batch?.container.name).toBe('report');
  });

  it('stays the batch once it is chosen', () => {
    const early = container('early', { startedAtMs: START_MS - 1_000 });
    const state = stateAfter([poll(0, task([etl, self])), poll(1_000, task([early, stoppedEtl, self]))]);
    expect(state.batch?.container.name).toBe('etl');
  });

  it('is not chosen while the sidecar does not know which container is its own', () => {
    const { self: _, ...anonymous } = poll(0, task([etl, self]));
    const state = stateAfter([anonymous]);
    expect(state.batch).toBeUndefined();
    step(state, poll(1_000, task([etl, self])));
    expect(state.batch?.container.name).toBe('etl');
  });

  it("knows the sidecar by the endpoint's path on Fargate, without asking", () => {
    const { self: _, ...anonymous } = poll(0, task([self, etl]));
    expect(stateAfter([anonymous], { endpointId: self.id }).batch?.container.name).toBe('etl');
  });
});

function omitStart({ startedAtMs: _, ...rest }: Container): Container {
  return rest;
}

describe('the end of a run', () => {
  const other = container('other');
  const stoppedOther = { ...other, status: 'stopped', exitCode: 0 } as const;
  it.each<[string, Task[], boolean]>([
    ['is not there while the batch runs', [task([etl, self])], false],
    ['is there when the only container has stopped', [task([etl, self]), task([stoppedEtl, self])], true],
    ['is there when it had stopped before it was seen', [task([stoppedEtl, self])], true],
    ['is not there before anything was seen', [task([self])], false],
    ['is not there when nothing was created', [task([])], false],
    [
      'is not there while one of two runs',
      [task([etl, other, self]), task([stoppedEtl, other, self])],
      false,
    ],
    [
      'is there when all have stopped',
      [task([etl, other, self]), task([stoppedEtl, stoppedOther, self])],
      true,
    ],
    [
      'is there when the batch has stopped and the task is to stop, though another runs',
      [task([etl, other, self]), task([stoppedEtl, other, self], { stopRequested: true })],
      true,
    ],
    [
      'is not there when the task is to stop and the batch runs',
      [task([etl, self]), task([{ ...etl, stopRequested: true }, self], { stopRequested: true })],
      false,
    ],
    [
      'is not there while another has not started yet',
      [task([etl, pending('later'), self]), task([stoppedEtl, pending('later'), self])],
      false,
    ],
    [
      'is not there because of one that stopped without a start',
      [task([etl, self]), task([stoppedEtl, { ...pending('later'), status: 'stopped' }, self])],
      false,
    ],
    [
      'does not wait for helpers and for the sidecar',
      [task([stoppedEtl, container('~internal~ecs~pause', { type: 'CNI_PAUSE' }), self])],
      true,
    ],
  ])('%s', (_, shown, expected) => {
    const state = stateAfter(shown.map((each, index) => poll(index * 1_000, each)));
    expect(isOver(state)).toBe(expected);
  });

  it('does not wait for containers that are left out', () => {
    const shown = task([stoppedEtl, other, self]);
    expect(isOver(stateAfter([poll(0, shown)], { containers: { include: [], exclude: ['other'] } }))).toBe(
      true,
    );
  });

  it('is the batch when that is named and others run on while the task is to stop', () => {
    const shown = task([stoppedEtl, other, self], { stopRequested: true });
    expect(isOver(stateAfter([poll(0, shown)], { batch: 'etl' }))).toBe(true);
    expect(isOver(stateAfter([poll(0, { ...shown, stopRequested: false })], { batch: 'etl' }))).toBe(false);
  });

  it('is not there because an answer fails', () => {
    const state = stateAfter([poll(0, task([etl, self]))]);
    step(state, failedPoll(1_000));
    expect(isOver(state)).toBe(false);
    expect(isBatchStopped(state)).toBe(false);
  });
});

describe('whether the task is asked beside the stats', () => {
  const running = { etl: sample(500, 1e9), fargauge: sample(500, 1e8) };
  const asked = () => stateAfter([poll(0, task([etl, self]), samples(running))]);
  const due = (state: State, entries: Record<string, SampleEntry>, atMs = 1_000) =>
    isTaskDue(state, ok(samples(entries)), atMs);

  it('it is at first, and until it has answered', () => {
    expect(isTaskDue(initialState(SETTINGS), ok(samples(running)), 0)).toBe(true);
    const refused = stateAfter([failedPoll(0, 'task')]);
    expect(due(refused, running)).toBe(true);
  });

  it('it is not while nothing moves', () => {
    expect(due(asked(), { etl: sample(1_500, 2e9), fargauge: sample(1_500, 2e8) })).toBe(false);
    expect(due(asked(), running)).toBe(false);
  });

  it('it is every two seconds all the same, for the wish to stop, a tick early included', () => {
    expect(due(asked(), running, 1_990)).toBe(true);
    expect(due(asked(), running, 1_760)).toBe(true);
    expect(due(asked(), running, 1_010)).toBe(false);
  });

  it.each<[string, Record<string, SampleEntry>]>([
    ['a container turned into nothing', { ...running, etl: 'none' }],
    ['a container turned into zeros', { ...running, etl: 'zero' }],
    ["a container's key is gone", { fargauge: sample(500, 1e8) }],
    ['a counter fell: a restart', { ...running, etl: sample(1_500, 1e8) }],
    ['there is an id that was not there', { ...running, new: sample(1_500, 1e6) }],
    ['there is an empty id: something is being created', { ...running, '': 'none' }],
  ])('it is at once when %s', (_, entries) => {
    const byId = new Map(Object.entries(entries).map(([name, entry]) => [name && `id-of-${name}`, entry]));
    expect(isTaskDue(asked(), ok(byId), 1_000)).toBe(true);
  });

  it('it is at once when the stats fail', () => {
    expect(isTaskDue(asked(), failed(), 1_000)).toBe(true);
  });

  it('it is as long as a container has not started', () => {
    const state = stateAfter([poll(0, task([etl, pending('later'), self]), samples(running))]);
    expect(due(state, running)).toBe(true);
  });

  it('it is as long as a running container has no sample: it could stop unseen', () => {
    const state = stateAfter([poll(0, task([etl, self]), samples({ fargauge: sample(500, 1e8) }))]);
    expect(due(state, { fargauge: sample(500, 1e8) })).toBe(true);
  });

  it('it is no more because of a container that has stopped', () => {
    const other = container('other');
    const state = stateAfter([
      poll(0, task([stoppedEtl, other, self]), samples({ other: sample(500, 1e9) })),
    ]);
    expect(due(state, { etl: 'none', other: sample(1_500, 2e9), fargauge: 'none' })).toBe(false);
  });

  it('it is after its last answer was a failure', () => {
    const state = asked();
    step(state, failedPoll(1_000, 'task'));
    expect(due(state, running, 1_100)).toBe(true);
  });
});

describe('the lines of a run', () => {
  it("hold no SAMPLE before the batch is seen: where lines go is the batch's to say", () => {
    const state = initialState({ ...SETTINGS, samples: true, batch: 'etl' });
    const init = samples({ init: sample(900, 1e8) });
    expect(step(state, poll(1_000, task([container('init'), pending('etl'), self]), init))).toEqual([]);
    const both = samples({ init: sample(1_900, 2e8), etl: sample(1_900, 1e8) });
    const lines = step(state, poll(2_000, task([container('init'), container('etl'), self]), both));
    expect(lines.map(({ type }) => type)).toEqual(['START', 'SAMPLE', 'SAMPLE']);
  });

  it('begin with one START when the batch is first seen, and not before', () => {
    const state = initialState(SETTINGS);
    expect(types(step(state, poll(0, task([pending('etl'), self]))))).toEqual([]);
    const sized = task([etl, self], { cpuLimitUnits: 512, memoryLimitMiB: 1024 });
    const lines = step(state, poll(1_000, sized));
    expect(types(lines)).toEqual(['START']);
    expect(lineOf(lines, 'START')).toMatchObject({ job: 'nightly', cpuSizeUnits: 512, memorySizeMB: 1024 });
    expect(step(state, poll(2_000, sized))).toEqual([]);
  });

  it('carry the job that was set, else the family', () => {
    expect(lineOf(finished(stateAfter([poll(0, task([etl, self]))]), 1_000), 'REPORT').job).toBe('nightly');
    const named = stateAfter([poll(0, task([etl, self]))], { job: 'import of orders' });
    expect(lineOf(finished(named, 1_000), 'REPORT').job).toBe('import of orders');
  });

  it('end with a CONTAINER line per observed container that started, and one REPORT', () => {
    const state = stateAfter([poll(0, task([etl, container('other'), pending('later'), self]))]);
    const lines = finished(state, 1_000);
    expect(types(lines)).toEqual(['CONTAINER', 'CONTAINER', 'REPORT']);
    expect(lines.map(({ fields }) => fields.container)).toEqual(['etl', 'other', undefined]);
  });

  it('end with a REPORT though the endpoint never answered, and invent nothing', () => {
    const lines = finished(stateAfter([failedPoll(0), failedPoll(1_000)]), 1_500);
    expect(types(lines)).toEqual(['REPORT']);
    expect(definedOnly(lineOf(lines, 'REPORT'))).toEqual({
      fargaugeVersion: '1.2.3',
      status: 'unknown',
      sampleCount: 0,
      coveragePercent: 0,
      pollCount: 2,
      pollErrorCount: 2,
      missedPollCount: 0,
      droppedLineCount: 0,
    });
  });

  it('end with a REPORT when there was no poll at all', () => {
    expect(types(finished(initialState(SETTINGS), 10))).toEqual(['REPORT']);
  });

  it('report a run that was over before its first sample by its own times, without figures in place of what was not seen', () => {
    const report = lineOf(finished(stateAfter([poll(5_100, task([stoppedEtl, self]))]), 5_200), 'REPORT');
    expect(report).toMatchObject({
      status: 'success',
      exitCode: 0,
      durationMs: 5_000,
      sampleCount: 0,
      coveragePercent: 0,
    });
    for (const name of [
      'cpuTimeMs',
      'maxCpuPercent',
      'maxMemoryUsedMB',
      'unseenTailMs',
      'longestGapMs',
    ] as const) {
      expect([name, report[name]]).toEqual([name, undefined]);
    }
  });

  it('include a SAMPLE per fresh sample of an observed container when they are asked for', () => {
    const state = initialState({ ...SETTINGS, samples: true });
    const at = (ms: number, cpuNs: number) =>
      samples({
        etl: sample(ms, cpuNs, memory({ usageBytes: 30 * MIB })),
        fargauge: sample(ms, 1e6),
      });
    const sized = task([etl, self], { cpuLimitUnits: 512, memoryLimitMiB: 60 });
    step(state, poll(1_000, sized, at(900, 0.09 * SECOND_NS)));
    const lines = step(state, poll(2_000, undefined, at(1_900, 0.34 * SECOND_NS)));
    expect(types(lines)).toEqual(['SAMPLE']);
    expect(definedOnly(lineOf(lines, 'SAMPLE'))).toMatchObject({
      container: 'etl',
      readAt: '2026-05-04T02:00:01.900Z',
      cpuTimeMs: 340,
      cpuPercent: 25,
      cpuUtilizationPercent: 50,
      memoryUsedMB: 30,
      memoryUtilizationPercent: 50,
    });
    expect(step(state, poll(3_000, undefined, at(1_900, 0.34 * SECOND_NS)))).toEqual([]);
  });

  it('count polls, and those that brought nothing once though both requests failed', () => {
    const state = stateAfter([
      poll(0, task([etl, self])),
      failedPoll(1_000),
      failedPoll(2_000, 'stats'),
      poll(3_000, undefined, samples({ etl: sample(2_900, 1) })),
    ]);
    expect(lineOf(finished(state, 3_100), 'REPORT')).toMatchObject({ pollCount: 4, pollErrorCount: 2 });
  });

  it('carry the tally of the loop', () => {
    const lines = finish(initialState(SETTINGS), START_MS, 0, { missedPollCount: 3, droppedLineCount: 2 });
    expect(lineOf(lines, 'REPORT')).toMatchObject({ missedPollCount: 3, droppedLineCount: 2 });
  });
});

function definedOnly(fields: Line['fields']): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}

describe('SUMMARY lines', () => {
  const settings = { summaryIntervalMs: 10_000 };
  /** A poll that finds etl having used half a vCPU until then. */
  const halfBusy = (atMs: number, described = etl) =>
    poll(atMs, task([described, self]), samples({ etl: sample(atMs - 100, (atMs - 100) * 0.5e6) }));

  it('come once per window, and tell of that window', () => {
    const state = initialState({ ...SETTINGS, ...settings });
    const lines = Array.from({ length: 26 }, (_, second) =>
      step(state, halfBusy((second + 1) * 1_000)),
    ).flat();
    const summaries = lines.filter(({ type }) => type === 'SUMMARY').map(({ fields }) => fields);
    // START is at 1 s; the first window is since the start of the container, as its CPU counter is.
    expect(summaries).toHaveLength(2);
    expect(summaries[0]).toMatchObject({
      durationMs: 11_000,
      windowMs: 11_000,
      cpuTimeMs: 5_450,
      sampleCount: 11,
    });
    expect(summaries[1]).toMatchObject({
      durationMs: 21_000,
      windowMs: 10_000,
      cpuTimeMs: 5_000,
      avgCpuPercent: 50,
      sampleCount: 10,
      coveragePercent: 100,
      unseenTailMs: 100,
    });
    const last = lineOf(finished(state, 26_200), 'SUMMARY');
    expect(last).toMatchObject({ windowMs: 5_200, cpuTimeMs: 2_500, sampleCount: 5 });
  });

  it('missed while the machine slept are left out, not made up for', () => {
    const state = stateAfter([halfBusy(1_000), halfBusy(2_000)], settings);
    expect(types(step(state, halfBusy(45_500)))).toEqual(['SUMMARY']);
    expect(types(step(state, halfBusy(46_500)))).toEqual([]);
    expect(types(step(state, halfBusy(51_000)))).toEqual(['SUMMARY']);
  });

  it('of a container that has stopped end with the samples it still had', () => {
    const state = stateAfter([halfBusy(1_000)], settings);
    const stopped = task([stoppedEtl, container('other'), self]);
    const lines = step(state, poll(11_000, stopped, samples({ etl: 'none' })));
    expect(lines.filter(({ type }) => type === 'SUMMARY').map(({ fields }) => fields.container)).toEqual([
      'etl',
      'other',
    ]);
    const later = step(state, poll(21_000, stopped, samples({ etl: 'none' })));
    expect(later.map(({ fields }) => fields.container)).toEqual(['other']);
  });

  it('of a window without a sample have no figure in place of what was not seen', () => {
    const state = stateAfter([halfBusy(1_000)], settings);
    step(state, poll(11_000, task([etl, self]), samples({ etl: 'none' })));
    const silent = lineOf(step(state, poll(21_000, task([etl, self]), samples({ etl: 'none' }))), 'SUMMARY');
    expect(silent).toMatchObject({ sampleCount: 0, coveragePercent: 0, windowMs: 10_000 });
    for (const name of ['cpuTimeMs', 'avgCpuPercent', 'maxCpuPercent', 'maxMemoryUsedMB'] as const) {
      expect([name, silent[name]]).toEqual([name, undefined]);
    }
  });

  it('begin with the container, not with the first sight of it before it was created', () => {
    const state = stateAfter([poll(0, task([etl, pending('late'), self]))], settings);
    const late = container('late', { startedAtMs: START_MS + 6_000 });
    const lines = step(state, poll(10_000, task([etl, late, self]), samples({ late: sample(9_000, 1e9) })));
    expect(lineOf(lines, 'SUMMARY', 'late')).toMatchObject({ durationMs: 4_000, windowMs: 4_000 });
  });

  it('are none when they are not wanted', () => {
    const state = stateAfter([halfBusy(1_000), halfBusy(70_000)], { summaryIntervalMs: 0 });
    expect(types(finished(state, 71_000))).toEqual(['CONTAINER', 'REPORT']);
  });
});

describe('figures of one container', () => {
  it('do not change with a repeated answer', () => {
    const entries = samples({ etl: sample(900, 1e9, memory({ usageBytes: 5 * MIB })) });
    const once = stateAfter([poll(1_000, task([etl, self]), entries)]);
    const twice = stateAfter([poll(1_000, task([etl, self]), entries), poll(1_500, undefined, entries)]);
    expect(lineOf(finished(twice, 2_000), 'CONTAINER')).toEqual(lineOf(finished(once, 2_000), 'CONTAINER'));
  });

  it('of a container that was replaced under its name go on: a new id is a new run', () => {
    const again = container('etl', { id: 'id-of-etl-2', startedAtMs: START_MS + 20_000 });
    const state = stateAfter([
      poll(10_000, task([etl, self]), samples({ etl: sample(9_000, 4e9) })),
      poll(30_000, task([again, self]), samples({ 'etl-2': sample(29_000, 5e9) })),
    ]);
    expect(lineOf(finished(state, 30_100), 'CONTAINER')).toMatchObject({
      cpuTimeMs: 9_000,
      sampleCount: 2,
      durationMs: 30_100,
      // 5 s in the 9 s since its start.
      maxCpuPercent: 55.56,
      // 9 s in the 29 s to the last sample.
      avgCpuPercent: 31.03,
      longestGapMs: 20_000,
    });
  });

  it.each([
    ['was replaced, when the clock was set back an hour', 'etl-2', 3_600_000],
    ['was restarted, when the clock was set back an hour', 'etl', 3_600_000],
    ['was restarted, when the clock was set back half a minute', 'etl', 30_000],
  ])('of one that %s meanwhile, are those of the time after as well', (_, name, backMs) => {
    const again = container('etl', { id: `id-of-${name}`, startedAtMs: START_MS + 20_000 - backMs });
    const after = [29_000, 39_000, 49_000].map((atMs) =>
      poll(atMs + 1_000, task([again, self]), samples({ [name]: sample(atMs - backMs, atMs * 1e5) })),
    );
    const before = poll(10_000, task([etl, self]), samples({ etl: sample(9_000, 4e9) }));
    const line = lineOf(finished(stateAfter([before, ...after]), 50_100), 'CONTAINER');
    expect(line).toMatchObject({ sampleCount: 4, longestGapMs: 10_000, coveragePercent: 39.92 });
    expect(line.unseenTailMs).toBeUndefined();
  });

  it('forget no sample when the entry vanishes', () => {
    const state = stateAfter([
      poll(1_000, task([etl, self]), samples({ etl: sample(900, 1e9, memory({ usageBytes: 7 * MIB })) })),
      poll(2_000, undefined, samples({ etl: 'zero' })),
      poll(3_000, task([stoppedEtl, self]), samples({})),
    ]);
    expect(lineOf(finished(state, 5_100), 'CONTAINER')).toMatchObject({
      cpuTimeMs: 1_000,
      maxMemoryUsedMB: 7,
      sampleCount: 1,
      unseenTailMs: 4_100,
    });
  });

  it('keep the first start when the endpoint shows a later one', () => {
    const restarted = container('etl', { startedAtMs: START_MS + 60_000, restartCount: 1 });
    const state = stateAfter([poll(1_000, task([etl, self])), poll(61_000, task([restarted, self]))]);
    expect(lineOf(finished(state, 62_000), 'CONTAINER')).toMatchObject({
      durationMs: 62_000,
      restartCount: 1,
    });
  });

  it('have network under bridge and none under awsvpc', () => {
    const entries = samples({ etl: sample(900, 1e9, { networkRxBytes: 10, networkTxBytes: 20 }) });
    const under = (networkMode: string) =>
      finished(stateAfter([poll(1_000, task([container('etl', { networkMode }), self]), entries)]), 1_100);
    expect(lineOf(under('bridge'), 'CONTAINER')).toMatchObject({ networkRxBytes: 10, networkTxBytes: 20 });
    expect(lineOf(under('bridge'), 'REPORT').networkRxBytes).toBeUndefined();
    expect(lineOf(under('awsvpc'), 'CONTAINER').networkRxBytes).toBeUndefined();
    expect(lineOf(under('awsvpc'), 'REPORT')).toMatchObject({ networkRxBytes: 10, networkTxBytes: 20 });
  });
});

describe('figures of the task', () => {
  const other = container('other', { networkMode: 'awsvpc' });
  const awsvpc = container('etl', { networkMode: 'awsvpc' });
  const used = (atMs: number, cpuNs: number, usedMiB: number, rxBytes = atMs) =>
    sample(atMs, cpuNs, { ...memory({ usageBytes: usedMiB * MIB }), networkRxBytes: rxBytes });

  it('are sums at one poll: a sum of peaks is not a peak', () => {
    const both = task([awsvpc, other, self]);
    const state = stateAfter([
      poll(1_000, both, samples({ etl: used(900, 1e8, 100), other: used(900, 1e8, 10) })),
      poll(2_000, both, samples({ etl: used(1_900, 2e8, 10), other: used(1_900, 2e8, 100) })),
    ]);
    expect(lineOf(finished(state, 2_100), 'REPORT').maxMemoryUsedMB).toBe(110);
  });

  it('count a container no more once its entry is gone', () => {
    const both = task([awsvpc, other, self]);
    const state = stateAfter([
      poll(1_000, both, samples({ etl: used(900, 1e8, 100), other: used(900, 1e8, 10) })),
      poll(2_000, both, samples({ etl: 'none', other: used(1_900, 2e8, 90) })),
    ]);
    expect(lineOf(finished(state, 2_100), 'REPORT')).toMatchObject({
      maxMemoryUsedMB: 110,
      avgMemoryUsedMB: 100,
    });
  });

  it('count a lingering sample of a stopped container no more', () => {
    const lingering = used(900, 1e8, 100);
    const state = stateAfter([
      poll(1_000, task([awsvpc, other, self]), samples({ etl: lingering, other: used(900, 1e8, 10) })),
      poll(2_000, task([stoppedEtl, other, self]), samples({ etl: lingering, other: used(1_900, 2e8, 50) })),
    ]);
    expect(lineOf(finished(state, 2_100), 'REPORT').maxMemoryUsedMB).toBe(110);
  });

  it('have no CPU percent while that of one container is unknown: absent is not zero', () => {
    const { startedAtMs: _, ...unknownStart } = other;
    const state = stateAfter([
      poll(
        1_000,
        task([awsvpc, unknownStart, self]),
        samples({ etl: used(900, 1e8, 1), other: used(900, 9e9, 1) }),
      ),
    ]);
    expect(lineOf(finished(state, 1_100), 'REPORT').maxCpuPercent).toBeUndefined();
  });

  it('count the shared interface once, by its newest sample', () => {
    const both = task([awsvpc, other, self]);
    const state = stateAfter([
      poll(1_000, both, samples({ etl: used(900, 1e8, 1, 1_000), other: used(400, 1e8, 1, 500) })),
      poll(2_000, both, samples({ etl: used(900, 1e8, 1, 1_000), other: used(1_400, 2e8, 1, 1_500) })),
      poll(3_000, both, samples({ etl: used(2_900, 2e8, 1, 3_000), other: used(2_400, 3e8, 1, 2_500) })),
    ]);
    expect(lineOf(finished(state, 3_100), 'REPORT').networkRxBytes).toBe(3_000);
  });

  it('take the largest of the shared interface, whichever sample is the newer', () => {
    const polls = [1, 2, 3].map((second) =>
      poll(
        second * 1_000,
        task([awsvpc, other, self]),
        samples({
          etl: sample(second * 1_000 - 100, 0, { networkRxBytes: second * 1_000 }),
          other: sample(second * 1_000 - 97, 0, { networkRxBytes: second * 1_000 - 2 }),
        }),
      ),
    );
    expect(lineOf(finished(stateAfter(polls), 3_100), 'REPORT').networkRxBytes).toBe(3_000);
  });

  it('leave the start of the sidecar out of the maximum, and keep it in the CPU time', () => {
    const entries = (second: number, sidecarNs: number) =>
      samples({ etl: sample(second * 1_000, second * 1e7), fargauge: sample(second * 1_000, sidecarNs) });
    const polls = [entries(1, 4e8), entries(2, 4.02e8), entries(3, 4.04e8)].map((each, index) =>
      poll((index + 1) * 1_000, task([container('etl'), self]), each),
    );
    const report = lineOf(finished(stateAfter(polls), 3_100), 'REPORT');
    expect(report).toMatchObject({ maxCpuPercent: 1.2, cpuTimeMs: 434, sidecarCpuTimeMs: 404 });
  });

  it('tell the most ephemeral storage seen', () => {
    const state = stateAfter(
      [300, 700, 400].map((ephemeralStorageUsedMiB, second) =>
        poll(second * 1_000, task([etl, self], { ephemeralStorageUsedMiB, ephemeralStorageSizeMiB: 20_496 })),
      ),
    );
    expect(lineOf(finished(state, 3_000), 'REPORT')).toMatchObject({
      ephemeralStorageUsedMB: 700,
      ephemeralStorageSizeMB: 20_496,
    });
  });

  it.each([
    [10_000, 60_000],
    [59_999, 60_000],
    [60_000, 60_000],
    [60_001, 61_000],
    [123_456, 124_000],
  ])('bill %i ms on Fargate as %i', (ms, billedDurationMs) => {
    const fargate = task([etl, self], { launchType: 'FARGATE', pullStartedAtMs: START_MS });
    expect(lineOf(finished(stateAfter([poll(0, fargate)]), ms), 'REPORT').billedDurationMs).toBe(
      billedDurationMs,
    );
  });

  it('bill nothing elsewhere', () => {
    const ec2 = task([etl, self], { launchType: 'EC2', pullStartedAtMs: START_MS });
    expect(lineOf(finished(stateAfter([poll(0, ec2)]), 70_000), 'REPORT').billedDurationMs).toBeUndefined();
  });
});

describe('a wall clock that is set', () => {
  const awsvpc = container('etl', { networkMode: 'awsvpc' });
  /** Ten samples a second apart at a quarter of a vCPU; every clock is moved before the sixth. */
  const runWithClockMoved = (byMs: number): State => {
    const polls = Array.from({ length: 10 }, (_, index): Poll => {
      const atMs = (index + 1) * 1_000;
      const wallMs = index < 5 ? atMs : atMs + byMs;
      const entries = samples({
        etl: sample(wallMs - 100, (atMs - 100) * 0.25e6, { networkRxBytes: atMs, networkTxBytes: atMs }),
      });
      return { ...poll(wallMs, task([awsvpc, self], { cpuLimitUnits: 256 }), entries), elapsedMs: atMs };
    });
    return stateAfter(polls);
  };

  it.each([
    ['back an hour', -HOUR_MS],
    ['forward an hour', HOUR_MS],
  ])('%s leaves durations and shares of the run as they are', (_, byMs) => {
    const lines = finished(runWithClockMoved(byMs), 10_100, START_MS + 10_100 + byMs);
    for (const type of ['CONTAINER', 'REPORT']) {
      const line = lineOf(lines, type);
      expect(line).toMatchObject({
        durationMs: 10_100,
        cpuTimeMs: 2_475,
        sampleCount: 10,
        maxCpuPercent: 25,
      });
      // One gap of the nine is not known.
      expect(line.longestGapMs).toBe(1_000);
      expect(line.coveragePercent).toBeCloseTo((8_000 / 10_100) * 100, 1);
    }
  });

  it.each([
    ['back an hour', -HOUR_MS],
    ['forward an hour', HOUR_MS],
  ])('%s does not end up in the average over the run', (_, byMs) => {
    const lines = finished(runWithClockMoved(byMs), 10_100, START_MS + 10_100 + byMs);
    // 2.475 s in 9.9 s; or in 8.9, without the second in which the clock was set.
    for (const type of ['CONTAINER', 'REPORT']) {
      const { avgCpuPercent = Number.NaN } = lineOf(lines, type);
      expect([type, avgCpuPercent >= 25 && avgCpuPercent <= 27.82]).toEqual([type, true]);
    }
  });

  it.each([
    ['back an hour', -HOUR_MS],
    ['forward an hour', HOUR_MS],
  ])('%s stops no counter of the shared interface', (_, byMs) => {
    const report = lineOf(finished(runWithClockMoved(byMs), 10_100, START_MS + 10_100 + byMs), 'REPORT');
    expect(report).toMatchObject({ networkRxBytes: 10_000, networkTxBytes: 10_000 });
  });

  it('back an hour during a run of two hours does not make it one hour long', () => {
    const state = stateAfter([poll(0, task([etl, self]))]);
    step(state, { ...poll(2 * HOUR_MS - HOUR_MS, task([etl, self])), elapsedMs: 2 * HOUR_MS });
    const end = { ...stoppedEtl, finishedAtMs: START_MS + HOUR_MS + 500 };
    step(state, { ...poll(HOUR_MS + 1_000, task([end, self])), elapsedMs: 2 * HOUR_MS + 1_000 });
    const lines = finished(state, 2 * HOUR_MS + 1_000, START_MS + HOUR_MS + 1_000);
    expect(lineOf(lines, 'REPORT').durationMs).toBe(2 * HOUR_MS + 1_000);
  });

  it('makes no tail that nobody saw out of the hour', () => {
    const state = stateAfter([
      poll(HOUR_MS, task([etl, self]), samples({ etl: sample(HOUR_MS - 100, 1e9) })),
    ]);
    const back = poll(1_000, task([etl, self]), samples({ etl: sample(900, 2e9) }));
    step(state, { ...back, elapsedMs: HOUR_MS + 1_000 });
    const lines = finished(state, HOUR_MS + 1_500, START_MS + 1_500);
    expect(lineOf(lines, 'CONTAINER').unseenTailMs).toBeUndefined();
    expect(lineOf(lines, 'REPORT').unseenTailMs).toBeUndefined();
  });

  it('dates the lines by its new reading', () => {
    const lines = finished(runWithClockMoved(-HOUR_MS), 10_100, START_MS + 10_100 - HOUR_MS);
    expect(lines.map(({ timeMs }) => timeMs)).toEqual(lines.map(() => START_MS + 10_100 - HOUR_MS));
  });
});
