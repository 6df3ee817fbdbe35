/**
 * `npm run bench:report`: a month of a million runs of 200 jobs out of one file, by `fargauge report`, by Miller and by
 * DuckDB, one after the other in each round. All must give the same figures: the exit code is 1 when they differ, and
 * when fargauge takes more memory than it may. The table is that of docs/measurements.md.
 *
 *   node scripts/bench-report.ts [--rounds N] [--write]
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import build from '../test/support/build.ts';
import { quantile } from './bench/figure.ts';
import { JOB_COUNT, RUN_COUNT, writeMonth } from './bench/month-of-reports.ts';
import {
  duckdb,
  type Figures,
  fargauge,
  miller,
  runTool,
  type Tool,
  type ToolRun,
} from './bench/report-tools.ts';
import { replaceBlock } from './replace-block.ts';

const MAX_RSS_MB = 250;
/** Of what is a sum of fractions: tools add in another order, and fargauge rounds to a millionth. */
const MAX_RELATIVE_ERROR = 1e-6;
const MAX_ERROR = 1e-6;

interface Measured {
  readonly tool: Tool;
  readonly runs: ToolRun[];
  readonly figures: ReadonlyMap<string, Figures>;
}

const HELP = `npm run bench:report -- [--rounds N] [--write]

  --rounds N  how often each tool is run (default 3)
  --write     the table into docs/measurements.md
`;
const EXIT_USE = 2;
const COMMAND = 'npm run bench:report';
const PAGE = join(import.meta.dirname, '../docs/measurements.md');

interface Options {
  readonly rounds: number;
  readonly write: boolean;
}

function readOptions(): Options | undefined {
  try {
    const { values } = parseArgs({
      options: {
        rounds: { type: 'string', default: '3' },
        write: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
      },
    });
    if (values.help) {
      process.stdout.write(HELP);
      return undefined;
    }
    const rounds = Number(values.rounds);
    if (!(Number.isInteger(rounds) && rounds > 0)) {
      throw new Error(`--rounds ${values.rounds}: must be a whole number above 0`);
    }
    return { rounds, write: values.write };
  } catch (error) {
    console.error(`bench: ${(error as Error).message}\n\n${HELP}`);
    process.exitCode = EXIT_USE;
    return undefined;
  }
}

async function main({ rounds, write }: Options): Promise<number> {
  if (!isThere('mlr')) {
    console.error('bench: mlr is missing: apt-get install miller');
    return EXIT_USE;
  }
  const folder = mkdtempSync(join(tmpdir(), 'fargauge-bench-report-'));
  try {
    const lines = join(folder, 'month.jsonl');
    progress('building dist/');
    build();
    progress(`writing the lines of ${RUN_COUNT} runs`);
    await writeMonth(lines);
    const measured = await measure([fargauge(lines), miller(lines, folder), duckdb(lines)], folder, rounds);
    const exitCode = judge(measured);
    const text = tableOf(measured, lines);
    console.log(text);
    if (write && exitCode === 0) {
      writeFileSync(PAGE, replaceBlock(readFileSync(PAGE, 'utf8'), 'report', COMMAND, text));
    }
    return exitCode;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

async function measure(tools: readonly Tool[], folder: string, rounds: number): Promise<Measured[]> {
  const measured: Measured[] = [];
  const output = join(folder, 'output');
  for (let round = 1; round <= rounds; round += 1) {
    for (const [index, tool] of tools.entries()) {
      progress(`round ${round} of ${rounds}: ${tool.name}`);
      const run = await runTool(tool, output);
      measured[index] ??= { tool, runs: [], figures: await tool.figures(output) };
      measured[index].runs.push(run);
    }
  }
  return measured;
}

function tableOf(measured: readonly Measured[], lines: string): string {
  const megabytes = Math.round(statSync(lines).size / 1e6);
  const rows = measured.map(({ tool, runs }) => {
    const median = (figure: keyof ToolRun) =>
      quantile(
        runs.map((run) => run[figure]),
        0.5,
      );
    const [wall, cpu] = [median('wallSeconds').toFixed(1), median('cpuSeconds').toFixed(1)];
    return `| ${tool.name} | ${wall} s | ${cpu} s | ${median('peakRssMB').toFixed(0)} MB |`;
  });
  return [
    `${cpus().length} × ${cpus()[0]?.model}, Node ${process.version}. ${RUN_COUNT} runs of ${JOB_COUNT} jobs, ${megabytes} MB; medians of ${measured[0]?.runs.length} rounds. ${figureCount(measured)} figures, equal in all.`,
    '',
    '| | wall time | CPU time | peak RSS |',
    '|---|---|---|---|',
    ...rows,
  ].join('\n');
}

function figureCount([ours]: readonly Measured[]): number {
  return [...(ours?.figures.values() ?? [])].reduce((sum, figures) => sum + Object.keys(figures).length, 0);
}

/** @returns the exit code */
function judge([ours, ...others]: readonly Measured[]): number {
  if (ours === undefined) return 1;
  const problems = others.flatMap(({ tool, figures }) =>
    differences(ours.figures, figures).map((difference) => `${tool.name}: ${difference}`),
  );
  const peakRssMB = Math.max(...ours.runs.map((run) => run.peakRssMB));
  if (peakRssMB > MAX_RSS_MB) problems.push(`${peakRssMB.toFixed(0)} MB RSS, more than ${MAX_RSS_MB}`);
  for (const problem of problems.slice(0, 10)) console.error(`bench: ${problem}`);
  return problems.length === 0 ? 0 : 1;
}

function differences(ours: ReadonlyMap<string, Figures>, theirs: ReadonlyMap<string, Figures>): string[] {
  if (ours.size !== JOB_COUNT || theirs.size !== JOB_COUNT) {
    return [`${ours.size} and ${theirs.size} jobs, not ${JOB_COUNT}`];
  }
  return [...ours].flatMap(([job, figures]) => {
    const other = theirs.get(job);
    return (Object.keys(figures) as (keyof Figures)[])
      .filter((name) => !isSame(figures[name], other?.[name]))
      .map((name) => `${job} ${name}: ${figures[name]} and ${other?.[name]}`);
  });
}

function isSame(ours: number, theirs: number | undefined): boolean {
  if (theirs === undefined) return false;
  if (Number.isInteger(ours) && Number.isInteger(theirs)) return ours === theirs;
  return Math.abs(ours - theirs) <= Math.max(MAX_ERROR, Math.abs(ours) * MAX_RELATIVE_ERROR);
}

function isThere(program: string): boolean {
  try {
    execFileSync(program, ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

function progress(text: string): void {
  console.error(`bench: ${text}`);
}

const options = readOptions();
if (options) process.exitCode = await main(options);
