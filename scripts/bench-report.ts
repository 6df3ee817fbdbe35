/**
 * `npm run bench:report`: a month of a million runs of 200 jobs out of one file, by `fargauge report`, by Miller and by
 * DuckDB, one after the other in each round. All must give the same figures: the exit code is 1 when they differ, and
 * when fargauge takes more memory than it may.
 *
 *   node scripts/bench-report.ts [--rounds N]
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
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

const MAX_RSS_MB = 250;
/** Of what is a sum of fractions: tools add in another order, and fargauge rounds to a millionth. */
const MAX_RELATIVE_ERROR = 1e-6;
const MAX_ERROR = 1e-6;

interface Measured {
  readonly tool: Tool;
  readonly runs: ToolRun[];
  readonly figures: ReadonlyMap<string, Figures>;
}

async function main(): Promise<number> {
  const { values } = parseArgs({ options: { rounds: { type: 'string', default: '3' } } });
  const rounds = Number(values.rounds);
  if (!(Number.isInteger(rounds) && rounds > 0)) {
    console.error(`bench: --rounds ${values.rounds}: must be a whole number above 0`);
    return 2;
  }
  if (!isThere('mlr')) {
    console.error('bench: mlr is missing: apt-get install miller');
    return 2;
  }
  const folder = mkdtempSync(join(tmpdir(), 'fargauge-bench-report-'));
  try {
    const lines = join(folder, 'month.jsonl');
    progress('building dist/');
    build();
    progress(`writing ${RUN_COUNT} REPORT lines`);
    await writeMonth(lines);
    const measured = await measure([fargauge(lines), miller(lines, folder), duckdb(lines)], folder, rounds);
    print(measured, lines);
    return judge(measured);
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

function print(measured: readonly Measured[], lines: string): void {
  const megabytes = Math.round(statSync(lines).size / 1e6);
  console.log(
    `${RUN_COUNT} runs of ${JOB_COUNT} jobs, ${megabytes} MB; Node ${process.version}, ${cpus().length} × ${cpus()[0]?.model}. Medians of ${measured[0]?.runs.length}.\n`,
  );
  console.log('| | wall time | CPU time | peak RSS |\n|---|---|---|---|');
  for (const { tool, runs } of measured) {
    const median = (figure: keyof ToolRun) =>
      quantile(
        runs.map((run) => run[figure]),
        0.5,
      );
    const [wall, cpu] = [median('wallSeconds'), median('cpuSeconds')];
    console.log(
      `| ${tool.name} | ${wall.toFixed(1)} s | ${cpu.toFixed(1)} s | ${median('peakRssMB').toFixed(0)} MB |`,
    );
  }
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
  const compared = ours.figures.size * Object.keys(ours.figures.values().next().value ?? {}).length;
  if (problems.length === 0) console.log(`\n${compared} figures are equal in all of them.`);
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

process.exitCode = await main();
