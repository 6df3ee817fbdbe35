import { globSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { describe, expect, it } from 'vitest';
import { queryNamed, SAVED_QUERIES } from '../../scripts/queries/saved-queries.ts';
import { parseLine } from '../../src/core/parsed-line.ts';
import { DEMO, expectedPath, LINE_SETS, resultOf, rowsAsTable, TWO_WEEKS } from './expected-rows.ts';

const NAMES = SAVED_QUERIES.map(({ name }) => name);

describe.each(LINE_SETS)('over the lines of $name', (lines) => {
  it.each(NAMES)('%s gives the rows that were checked', (name) => {
    const query = queryNamed(name);
    expect(rowsAsTable(query, lines)).toBe(readFileSync(expectedPath(lines, query), 'utf8'));
  });

  it('no rows are kept of a query that is gone', () => {
    const folder = dirname(expectedPath(lines, { name: '' }));
    expect(globSync('*.golden.txt', { cwd: folder }).toSorted()).toEqual(
      NAMES.map((name) => `${name}.golden.txt`),
    );
  });
});

describe('each saved query', () => {
  it.each(NAMES)('%s has rows over two weeks of runs', (name) => {
    expect(resultOf(queryNamed(name), TWO_WEEKS).rows).not.toEqual([]);
  });

  it.each(NAMES)("%s passes others' lines by", (name) => {
    const ours = TWO_WEEKS.events.filter(({ message }) => parseLine(message).kind === 'line');
    expect(ours.length).toBeLessThan(TWO_WEEKS.events.length);
    expect(resultOf(queryNamed(name), { ...TWO_WEEKS, events: ours })).toEqual(
      resultOf(queryNamed(name), TWO_WEEKS),
    );
  });

  /** Means and percentiles weigh a line that came twice, twice: dedup cannot stand before stats. */
  const WEIGHED = /^(?:avg|median|p\d\d|growth)/;

  it.each(NAMES)('%s counts, adds and shows a line once, however often it was delivered', (name) => {
    const once = TWO_WEEKS.events.filter(
      ({ message }, at, all) => all.findIndex((other) => other.message === message) === at,
    );
    expect(once.length).toBeLessThan(TWO_WEEKS.events.length);
    const query = queryNamed(name);
    const columns = resultOf(query, TWO_WEEKS).names.filter((column) => !WEIGHED.test(column));
    const cells = (events: typeof once) =>
      resultOf(query, { ...TWO_WEEKS, events }).rows.map((row) => columns.map((column) => row.get(column)));
    expect(cells([...TWO_WEEKS.events])).toEqual(cells(once));
  });

  it.each(NAMES)('%s holds with the filter that a comment in it offers', (name) => {
    const { body } = queryNamed(name);
    const text = body.replaceAll(/^# \| /gm, '| ');
    expect(() => resultOf({ text }, TWO_WEEKS)).not.toThrow();
  });
});

/* The golden rows repeat what the evaluator says. What it should say is worked out here by hand, from the runs. */
describe('by hand', () => {
  const rowsOf = (name: string, lines = TWO_WEEKS) =>
    resultOf(queryNamed(name), lines).rows.map((row) => Object.fromEntries(row));

  it('cost: billed seconds, size, prices', () => {
    const [etl, images] = rowsOf('cost');
    // Pull 20 s before the start, the REPORT half a second after the end, whole seconds: 121, 171, 181, 176, 207, 201,
    // 213 and 96 s (the one that was stopped) = 1,366 s of 1 vCPU and 4 GB.
    expect(etl).toMatchObject({ job: 'nightly-etl', cpuArchitecture: 'X86_64', runs: 8 });
    expect(etl?.vcpuHours).toBeCloseTo(1_366 / 3_600, 9);
    expect(etl?.gbHours).toBeCloseTo((1_366 * 4) / 3_600, 9);
    expect(etl?.usd).toBeCloseTo((1_366 * 0.04048 + 1_366 * 4 * 0.004445) / 3_600, 9);
    expect(etl?.usdPerThousandRuns).toBeCloseTo((Number(etl?.usd) / 8) * 1_000, 9);
    // 113, 111, 115, 112, 111, 61 and 114 s = 737 s of half a vCPU and 1 GB, on ARM.
    expect(images).toMatchObject({ job: 'resize-images', cpuArchitecture: 'ARM64', runs: 7 });
    expect(images?.usd).toBeCloseTo((737 * 0.5 * 0.03238 + 737 * 0.00356) / 3_600, 9);
    // 4 and 5 s long: a minute each is billed. A quarter of a vCPU.
    const mail = rowsOf('cost').find(({ job }) => job === 'send-mail');
    expect(mail?.vcpuHours).toBeCloseTo((120 * 0.25) / 3_600, 9);
    // On EC2 nothing is billed by the run.
    expect(rowsOf('cost').map(({ job }) => job)).not.toContain('reindex');
  });

  it('slower-week-on-week: medians of 150, 155, 160 s and of 180, 186, 192 s', () => {
    expect(rowsOf('slower-week-on-week')[0]).toEqual({
      job: 'nightly-etl',
      runs: 3,
      runsBefore: 3,
      medianSeconds: 186,
      medianBeforeSeconds: 155,
      growthPercent: 20,
      highestMB: 912,
      highestBeforeMB: 732,
    });
  });

  it('runs-without-report: what vanished, and not what still runs', () => {
    expect(
      rowsOf('runs-without-report').map(({ job, lastKnownMemoryPercent }) => [job, lastKnownMemoryPercent]),
    ).toEqual([
      ['rebuild-search', undefined],
      // 4,030 of 4,096 MiB.
      ['rebuild-search', 98.39],
    ]);
  });

  it('failures: what was in use at the last sample, of the limit, and the last seconds unseen', () => {
    expect(
      rowsOf('failures').map(({ exitCode, maxMemoryUsedMB, memorySizeMB, unseenTailSeconds }) => [
        exitCode,
        maxMemoryUsedMB,
        memorySizeMB,
        unseenTailSeconds,
      ]),
    ).toEqual([
      [137, 491, 512, 5],
      [137, 490, 512, 4],
      // Ended on the sample that was due.
      [1, 300, 1024, 10],
    ]);
  });

  it('over-provisioned-memory: the size less the highest working set', () => {
    // 900 MiB and 2 of active cache, and the sidecar's 12.
    expect(rowsOf('over-provisioned-memory')[0]).toMatchObject({
      job: 'nightly-etl',
      sizeMB: 4096,
      unusedMB: 4096 - 914,
    });
  });

  it('a peak that only anonymous memory shows leaves nothing over, and is the one at death', () => {
    const events = DEMO.events.map(({ message, ...event }) => {
      const fields = JSON.parse(message);
      const died = fields.type === 'CONTAINER' ? { status: 'failure' } : {};
      return { ...event, message: JSON.stringify({ ...fields, ...died, maxAnonMemoryMB: 2040 }) };
    });
    expect(rowsOf('over-provisioned-memory', { ...DEMO, events })).toMatchObject([{ unusedMB: 8 }]);
    expect(rowsOf('failures', { ...DEMO, events })[0]).toMatchObject({ peakMB: 2040 });
  });

  it('over-provisioned-cpu: the size less the 95th percentile', () => {
    // 60 % of a vCPU in the busiest run, and the sidecar's 0.2, are 616 units of 1024.
    expect(rowsOf('over-provisioned-cpu')[0]).toMatchObject({
      job: 'nightly-etl',
      sizeUnits: 1024,
      neededUnits: 60.2 * 10.24,
    });
  });

  it('kernel-heavy: 45 % of the batch, a quarter of the sidecar', () => {
    // 60 s at 49 % and 30 s at half of it are 36.75 s; the sidecar's 0.1 s and 0.002 of 90 s are 0.28.
    expect(rowsOf('kernel-heavy')[0]?.kernelPercent).toBeCloseTo(
      ((0.45 * 36.75 + 0.25 * 0.28) / 37.03) * 100,
      2,
    );
    expect(new Set(rowsOf('kernel-heavy').map(({ job }) => job))).toEqual(new Set(['resize-images']));
  });

  it('the demo: one run, whose figures are those of its REPORT', () => {
    const report = DEMO.events
      .map(({ message }) => JSON.parse(message))
      .find(({ type }) => type === 'REPORT');
    expect(rowsOf('runs', DEMO)[0]).toMatchObject({
      job: 'demo-batch',
      status: 'success',
      durationSeconds: report.durationMs / 1_000,
      maxMemoryUsedMB: report.maxMemoryUsedMB,
    });
    // A minute is billed: a vCPU and two GB of it.
    expect(rowsOf('cost', DEMO)[0]?.usd).toBeCloseTo((0.04048 + 2 * 0.004445) / 60, 9);
    expect(rowsOf('failures', DEMO)).toEqual([]);
  });
});
