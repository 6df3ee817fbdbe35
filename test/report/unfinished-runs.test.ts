import { expect, it } from 'vitest';
import { MAX_OPEN_RUNS, UnfinishedRuns } from '../../src/report/unfinished-runs.ts';

const run = (taskId: string, lastLineMs = 1) => ({
  taskId,
  job: 'nightly',
  lastLineMs,
  memoryUtilizationPercent: undefined,
});

it('a run is over with its REPORT, whichever of its lines came first', () => {
  const runs = new UnfinishedRuns();
  runs.begin(run('a'));
  runs.end('a');
  runs.end('b');
  runs.begin(run('b'));
  runs.begin(run('c', 5));
  runs.begin(run('c', 3));
  expect([...runs]).toEqual([run('c', 5)]);
});

it('runs are too many to be told apart at some point', () => {
  const runs = new UnfinishedRuns();
  for (let number = 0; number < MAX_OPEN_RUNS; number += 1) {
    if (!runs.begin(run(String(number)))) throw new Error(`${number} was refused`);
  }
  expect(runs.begin(run('one more'))).toBe(false);
  expect(runs.begin(run('7'))).toBe(true);
  runs.end('7');
  expect(runs.begin(run('one more'))).toBe(true);
});
