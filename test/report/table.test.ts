import { readFileSync } from 'node:fs';
import { stripVTControlCharacters } from 'node:util';
import stringWidth from 'string-width';
import { describe, expect, it } from 'vitest';
import { renderTable } from '../../src/report/table.ts';
import { documentOf, EXAMPLE_TABLE_PATH, exampleTable } from './example-document.ts';
import { lineText, NOW_MS } from './lines.ts';
import { monthOfLines } from './month-of-runs.ts';

const month = await documentOf(monthOfLines());

describe('the table', () => {
  it('of a month of runs is the one that was checked', async () => {
    expect(await exampleTable()).toBe(readFileSync(EXAMPLE_TABLE_PATH, 'utf8'));
  });

  it.each([64, 80, 100, 132, 200])('fits into %i columns', (columns) => {
    const lines = renderTable(month, { columns, isColoured: false }).split('\n');
    expect(Math.max(...lines.map((line) => stringWidth(line)))).toBeLessThanOrEqual(columns);
  });

  it('fits into 40 columns too, ids of tasks whole', async () => {
    const taskId = 'c0ffee'.repeat(6).slice(0, 32);
    const lines = [lineText('REPORT', { taskId, job: 'a-job-with-a-long-name' })];
    const document = await documentOf(lines, { nowMs: NOW_MS });
    const text = renderTable(document, { columns: 40, isColoured: false });
    expect(text).toContain(`a-job…  ${taskId}`);
    expect(text.replaceAll(/\n +/g, ' ')).toMatch(
      /Too wide for 40 columns: .*\bEND\b.*; --format json has all\./,
    );
    expect(Math.max(...text.split('\n').map((line) => stringWidth(line)))).toBe(40);
  });

  it('says which columns did not fit', () => {
    const text = renderTable(month, { columns: 80, isColoured: false });
    expect(text).toMatch(/Too wide for 80 columns: .*USD THEN; --format json has all\./s);
  });

  it('has room for lost runs before all else', () => {
    const lost = (columns: number) => renderTable(month, { columns, isColoured: false }).split('\n');
    for (const columns of [64, 80, 100, 120]) expect(lost(columns)[2]).toContain('NO REPORT');
  });

  it('uses the room that there is: columns of a later rank too, where one before them is too wide', () => {
    const [, , titles = ''] = renderTable(month, { columns: 120, isColoured: false }).split('\n');
    expect(titles).toContain('TREND');
    expect(titles).not.toContain('PEAK CPU');
  });

  it('tells of runs that were stopped, or ended nobody knows how, where there are some', async () => {
    const lines = ['stopped', 'stopped', 'hibernated'].map((status, index) =>
      lineText('REPORT', { status, taskId: `task-${index}` }),
    );
    const display = { columns: undefined, isColoured: false };
    const text = renderTable(await documentOf(lines, { nowMs: NOW_MS }), display);
    expect(text).toMatch(/^JOB +RUNS +NO REPORT +FAILED +STOPPED +UNKNOWN /m);
    expect(text).toMatch(/^nightly +3 +0 +0 +2 +1 /m);
    expect(text).toContain('1 job: 3 runs, 0 failed, 2 stopped, 1 of unknown end.');
    expect(renderTable(month, display)).not.toMatch(/STOPPED|UNKNOWN/);
  });

  it('has colours only where they are wanted, and says the same with them', () => {
    const display = { columns: 132, isColoured: true };
    const coloured = renderTable(month, display);
    const plain = renderTable(month, { ...display, isColoured: false });
    expect(coloured).toContain('\u001b[31m3 (3 OOM)\u001b[39m');
    expect(plain).not.toContain('\u001b');
    expect(stripVTControlCharacters(coloured)).toBe(plain);
  });

  it('obeys nothing that stands in lines', async () => {
    const evil = '\u001b[2J\u009b31m\u202e';
    const fields = {
      job: evil,
      taskId: evil,
      region: evil,
      status: evil,
      errorType: evil,
      cpuArchitecture: evil,
    };
    const broken = lineText('REPORT', {}, NOW_MS, 2).replace('"seq":2', `"seq":"${evil}"`);
    const document = await documentOf(
      [
        lineText('REPORT', fields),
        lineText('START', { job: evil, taskId: `${evil}2` }, NOW_MS - 1e7),
        broken,
      ],
      { nowMs: NOW_MS },
    );
    const text = renderTable(document, { columns: 80, isColoured: false });
    expect(text.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\p{Cf}]/u);
    expect(text).toContain('\\u001b[2J');
  });

  it('keeps its width whatever stands in lines', async () => {
    const long = 'x'.repeat(300);
    const fields = { job: long, taskId: long, status: long, errorType: long };
    const document = await documentOf([lineText('REPORT', fields)], { nowMs: NOW_MS });
    const text = renderTable(document, { columns: 80, isColoured: false });
    const [, table, , worst] = text.split('\n\n');
    for (const line of `${table}\n${worst}`.split('\n')) expect(line.length).toBeLessThanOrEqual(80);
  });

  it('marks a peak that only anonymous memory shows', async () => {
    const killed = { status: 'failure', errorType: 'OutOfMemory', memorySizeMB: 512, maxMemoryUsedMB: 80 };
    const lines = [
      lineText('REPORT', { ...killed, maxMemoryUtilizationPercent: 15.63, maxAnonMemoryMB: 511 }),
      lineText('REPORT', { taskId: 'task-2', maxMemoryUsedMB: 300, maxAnonMemoryMB: 290 }),
    ];
    const document = await documentOf(lines, { nowMs: NOW_MS });
    expect(document.jobs).toMatchObject([
      {
        maxMemoryUsedMB: { max: 300 },
        peakMemoryMB: { p50: 300, max: 511 },
        isPeakMemoryAnonymous: true,
        maxMemoryUtilizationPercent: 99.8,
        worstRun: { maxMemoryUsedMB: 80, peakMemoryMB: 511, isPeakMemoryAnonymous: true },
      },
    ]);
    const text = renderTable(document, { columns: undefined, isColoured: false });
    expect(text).toContain('300 / 511 / 511 anon');
    expect(text).toMatch(/task-1 .* 511 anon +512/);
    expect(text).toContain('anon: anonymous memory, the least that was in use;');
  });

  it('of no runs says so, and what was left out', async () => {
    const document = await documentOf(['some text', '{"level":"info"}'], { nowMs: NOW_MS });
    expect(renderTable(document, { columns: 80, isColoured: false })).toBe(
      'From lines.jsonl\nNo runs.\nLeft out: 2 lines of others.\n',
    );
  });

  it('tells of no more than twenty jobs without a recommendation one by one', async () => {
    const lines = Array.from({ length: 25 }, (_, index) =>
      lineText('REPORT', { job: `job-${index}`, taskId: `${index}` }),
    );
    const text = renderTable(await documentOf(lines, { nowMs: NOW_MS }), {
      columns: undefined,
      isColoured: false,
    });
    expect(text.match(/No size recommended/g)).toHaveLength(20);
    expect(text).toContain('… and 5 more; --format json has all.');
  });
});
