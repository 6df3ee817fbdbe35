import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { stripVTControlCharacters } from 'node:util';
import { gzipSync } from 'node:zlib';
import { afterAll, describe, expect, it } from 'vitest';
import { report } from '../../src/cli/report.ts';
import type { ReportDocument } from '../../src/report/report-document.ts';
import { EXAMPLE_PATH, EXAMPLE_TABLE_PATH } from '../report/example-document.ts';
import { lineText, NOW_MS } from '../report/lines.ts';
import { MONTH_END_MS, monthOfLines } from '../report/month-of-runs.ts';
import { runReport as run } from './report-command.ts';

const folder = mkdtempSync(join(tmpdir(), 'fargauge-report-'));
afterAll(() => rmSync(folder, { recursive: true }));

const MONTH = `${monthOfLines().join('\n')}\n`;

const documentIn = (stdout: string) => JSON.parse(stdout) as ReportDocument;

const MONTH_TABLE = readFileSync(EXAMPLE_TABLE_PATH, 'utf8').replace('lines.jsonl', 'stdin');

describe('fargauge report', () => {
  it('prints a table of what comes in on stdin', async () => {
    expect(await run(['-'], { input: MONTH })).toEqual({
      exitCode: 0,
      stdout: MONTH_TABLE,
      stderr: '',
    });
  });

  it('prints the document as JSON', async () => {
    const { stdout } = await run(['-', '--format', 'json'], { input: MONTH });
    const expected = JSON.parse(readFileSync(EXAMPLE_PATH, 'utf8')) as ReportDocument;
    expect(documentIn(stdout)).toEqual({ ...expected, sources: ['stdin'] });
  });

  it('reads several files, what aws logs prints and what gzip packed, and counts a line once', async () => {
    const lines = monthOfLines();
    const third = Math.floor(lines.length / 3);
    const [a, b, c] = ['a.jsonl', 'b.json', 'c.jsonl.gz'].map((name) => join(folder, name)) as [
      string,
      string,
      string,
    ];
    writeFileSync(a, lines.slice(0, 2 * third).join('\n'));
    const events = lines.slice(third, 2 * third).map((message) => ({ message, timestamp: 1 }));
    writeFileSync(b, JSON.stringify({ events }, undefined, 4));
    writeFileSync(c, gzipSync(lines.slice(2 * third).join('\n')));
    const { stdout } = await run([a, b, c, '--format', 'json']);
    const { jobs, sources, skipped } = documentIn(stdout);
    const expected = JSON.parse(readFileSync(EXAMPLE_PATH, 'utf8')) as ReportDocument;
    expect(jobs).toEqual(expected.jobs);
    expect(sources).toEqual([a, b, c]);
    expect(skipped.copyCount).toBeGreaterThan(100);
  });

  it('on a terminal keeps to its width, has colours, and says how far it is', async () => {
    const { stdout, stderr } = await run(['-'], { input: MONTH, terminal: { columns: 80 } });
    expect(stdout).toContain('Too wide for 80 columns');
    expect(stdout).toContain('\u001b[1m');
    expect(stderr).toContain('\r\u001b[Kstdin: 1 lines');
    expect(stderr.endsWith('\r\u001b[K')).toBe(true);
    const { stdout: plain } = await run(['-'], {
      input: MONTH,
      terminal: { columns: 80 },
      env: { NO_COLOR: '1' },
    });
    expect(plain).not.toContain('\u001b');
  });

  it('on a terminal that nobody gave a size takes any width', async () => {
    const columns = Object.getOwnPropertyDescriptor(process.stdout, 'columns');
    Object.defineProperty(process.stdout, 'columns', { value: 0, configurable: true });
    const stdout = Object.assign(new PassThrough(), { isTTY: true });
    await report(['-'], { stdin: Readable.from([MONTH]), stdout, stderr: new PassThrough() });
    if (columns === undefined) delete (process.stdout as { columns?: number }).columns;
    else Object.defineProperty(process.stdout, 'columns', columns);
    stdout.end();
    const said = stripVTControlCharacters(await text(stdout));
    expect(said).toBe(MONTH_TABLE);
  });

  it('of some jobs and days leaves the others out, and says so', async () => {
    const { stdout } = await run(['-', '--since', '2026-05-20', '--until', '2026-05-21', '--job', 'i*'], {
      input: MONTH,
    });
    expect(stdout).toMatch(/^2026-05-20 00:00 to 2026-05-21 00:00 UTC, from stdin\n\n/);
    expect(stdout).toMatch(/^import +4 /m);
    expect(stdout).toMatch(/^1 job: 4 runs/m);
    expect(stdout).toMatch(/lines of other jobs, .* lines outside the window/);
  });

  it('of nothing says so', async () => {
    expect(await run(['-'], { input: 'some text\n' })).toEqual({
      exitCode: 0,
      stdout: 'From stdin\nNo runs.\nLeft out: 1 line of others.\n',
      stderr: 'fargauge report: no line of fargauge was found; lines of others: 1\n',
    });
    expect((await run(['-'], { input: '' })).stderr).toBe('');
    expect((await run(['-'], { input: `some text\n{"fargaugeVersion":` })).stderr).toBe('');
  });

  it('says which file it cannot read', async () => {
    const file = join(folder, 'none.jsonl');
    expect(await run([file])).toEqual({
      exitCode: 2,
      stdout: '',
      stderr: `fargauge report: cannot read ${file}: ENOENT: no such file or directory, open '${file}'\n`,
    });
  });

  it('says that stdin cannot be read', async () => {
    const stdin = new Readable({
      read: (): void => void stdin.destroy(new Error('EISDIR: illegal operation')),
    });
    expect(await run(['-'], { stdin })).toEqual({
      exitCode: 2,
      stdout: '',
      stderr: 'fargauge report: cannot read stdin: EISDIR: illegal operation\n',
    });
  });

  it('says what is wrong with the command line', async () => {
    const { exitCode, stderr } = await run(['--format', 'xml']);
    expect(exitCode).toBe(2);
    expect(stderr.split('\n')).toEqual([
      'fargauge report: name files, - for stdin, or a log group with --log-group',
      expect.stringContaining('fargauge report: --format "xml" is not allowed'),
      'fargauge report: see fargauge report --help',
      '',
    ]);
  });
});

describe('--fail-over', () => {
  it('exits with 1 when the recommended size would save a job more', async () => {
    expect(await run(['-', '--fail-over', '50'], { input: MONTH })).toMatchObject({
      exitCode: 1,
      stderr:
        'fargauge report: copy-tables: the recommended size would save 57.63 % of its cost, more than 50 %\n',
    });
  });

  it('exits with 0 when no job would save as much', async () => {
    expect(await run(['-', '--fail-over', '57.63'], { input: MONTH })).toMatchObject({
      exitCode: 0,
      stderr: '',
    });
  });

  it('cannot be judged without a price', async () => {
    const input = lineText('REPORT', { region: 'mars-north-1' });
    const { exitCode, stderr } = await run(['-', '--fail-over', '5'], { input, nowMs: NOW_MS });
    expect(exitCode).toBe(2);
    expect(stderr).toBe(
      'fargauge report: --fail-over cannot judge nightly: there is no price for mars-north-1 X86_64: give --price-vcpu-hour and --price-gb-hour\n',
    );
    const prices = ['--price-vcpu-hour', '0.05', '--price-gb-hour', '0.005'];
    expect(await run(['-', '--fail-over', '5', ...prices], { input, nowMs: NOW_MS })).toMatchObject({
      exitCode: 0,
    });
  });

  it('is judged of the jobs that have a price, and the others are named', async () => {
    const fields = { job: 'martian', taskId: 'm', region: 'mars-north-1' };
    const input = `${MONTH}${lineText('REPORT', fields, MONTH_END_MS - 1)}\n`;
    const unjudged =
      'fargauge report: --fail-over cannot judge martian: there is no price for mars-north-1 X86_64: give --price-vcpu-hour and --price-gb-hour\n';
    expect(await run(['-', '--fail-over', '50'], { input })).toMatchObject({
      exitCode: 1,
      stderr: `fargauge report: copy-tables: the recommended size would save 57.63 % of its cost, more than 50 %\n${unjudged}`,
    });
    expect(await run(['-', '--fail-over', '60'], { input })).toMatchObject({
      exitCode: 2,
      stderr: unjudged,
    });
  });

  it('exits with 2 where the only runs of a job have left no REPORT', async () => {
    const input = lineText('START');
    const options = { input, nowMs: NOW_MS };
    expect(await run(['-', '--fail-over', '60'], options)).toMatchObject({
      exitCode: 2,
      stderr: 'fargauge report: --fail-over has no job to judge\n',
    });
    expect(await run(['-', '--fail-over', '60', '--job', 'nightly'], options)).toMatchObject({
      exitCode: 2,
      stderr: 'fargauge report: --fail-over has no job "nightly" to judge\n',
    });
  });

  it.each([
    [['--since', '2026-01-01', '--until', '2026-01-02'], '--fail-over has no job to judge'],
    [['--job', 'copy-table'], '--fail-over has no job "copy-table" to judge'],
    [['--job', 'copy-tables', '--job', 'x*'], '--fail-over has no job "x*" to judge'],
  ])('exits with 2 where there is no job to judge: %j', async (options, problem) => {
    expect(await run(['-', '--fail-over', '60', ...options], { input: MONTH })).toMatchObject({
      exitCode: 2,
      stderr: `fargauge report: ${problem}\n`,
    });
  });
});
