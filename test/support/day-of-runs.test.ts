import { describe, expect, it } from 'vitest';
import { DAY_END_MS, DAY_START_MS, dayOfRuns, RUN_COUNT } from './day-of-runs.ts';
import { documentOf, truthOf } from './day-truth.ts';

const DAY = dayOfRuns();

describe('the day of runs', () => {
  it('has 10,000 runs, each with its lines numbered from 1 and one REPORT at the end', () => {
    expect(DAY).toHaveLength(RUN_COUNT);
    const wrong = DAY.filter(({ run, lines }) => {
      const documents = lines.map(documentOf);
      const types = documents.map(({ type }) => type);
      return !(
        documents.every(({ seq, job }, index) => seq === index + 1 && job === run.job.name) &&
        new Set(documents.map(({ taskId }) => taskId)).size === 1 &&
        types[0] === 'START' &&
        types.indexOf('REPORT') === types.length - 1
      );
    });
    expect(wrong).toEqual([]);
  });

  it('begins each run within the day, and ends some of them on the next', () => {
    const starts = DAY.map(({ run }) => Date.parse(run.startedAt));
    expect(Math.min(...starts)).toBeGreaterThanOrEqual(DAY_START_MS);
    expect(Math.max(...starts)).toBeLessThan(DAY_END_MS);
    const ends = DAY.map(({ run }, index) => (starts[index] ?? 0) + run.durationMs);
    expect(ends.filter((end) => end > DAY_END_MS).length).toBeGreaterThan(1);
  });

  it('is the same at every call', () => {
    const again = dayOfRuns();
    expect(again.at(-1)).toEqual(DAY.at(-1));
    expect(again.at(4_000)).toEqual(DAY.at(4_000));
  });

  it('has the truth that its runs say', () => {
    const { lineCount, countByType, runCountByJob, reportSums } = truthOf(DAY.flatMap(({ lines }) => lines));
    expect(countByType).toMatchObject({ START: RUN_COUNT, CONTAINER: RUN_COUNT, REPORT: RUN_COUNT });
    expect(lineCount).toBe(3 * RUN_COUNT + (countByType.SUMMARY ?? 0));
    expect(runCountByJob['send-mail']).toBe(2_880);
    // A run that was stopped from outside has no end of its own: half a second passes until it is seen.
    const durationsMs = DAY.map(({ run }) => run.durationMs + (run.end === 'stopped' ? 500 : 0));
    expect(reportSums.durationMs).toBe(durationsMs.reduce((sum, each) => sum + each));
  });
});
