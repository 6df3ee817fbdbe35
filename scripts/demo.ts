/**
 * `npm run demo`: a bundled batch under `fargauge run`. stdout carries the lines and nothing else, so that it can be
 * piped; stderr tells what happens, and at the end how far the lines agree with the kernel and with the batch itself.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { run } from '../src/cli/run.ts';
import { sidecarCommand } from '../src/cli/sidecar-program.ts';
import { isInForeground } from '../src/cli/stop-signals.ts';
import { systemClock } from '../src/clock.ts';
import type { DemoTruth } from './demo-batch.ts';

const NAME = 'demo-batch';
const ARGUMENTS = ['--name', NAME, '--cpu', '1024', '--memory', '2048', '--output', '-'];
const BATCH = [process.execPath, join(import.meta.dirname, 'demo-batch.ts')];

interface Comparison {
  readonly figure: string;
  readonly reported: number;
  readonly truth: number;
  readonly source: string;
  readonly allowedPercent: number;
}

async function main(): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), 'fargauge-demo-'));
  const truthFile = join(folder, 'truth.json');
  try {
    const { exitCode, lines } = await runBatch(truthFile);
    if (exitCode !== 0) return exitCode;
    return compare(lines, JSON.parse(readFileSync(truthFile, 'utf8')) as DemoTruth);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

async function runBatch(truthFile: string): Promise<{ exitCode: number; lines: string[] }> {
  // Who reads our stdout may go away, as in `npm run -s demo | head -1`; the table below wants the lines all the same.
  process.stdout.on('error', () => {});
  let text = '';
  const stdout = new Writable({
    write(chunk: Buffer, _encoding, done) {
      text += chunk.toString();
      process.stdout.write(chunk, () => done());
    },
  });
  const exitCode = await run(
    [...ARGUMENTS, '--', ...BATCH],
    { stdin: process.stdin, stdout, stderr: process.stderr },
    {
      env: { ...process.env, DEMO_TRUTH_FILE: truthFile },
      signals: process,
      clock: systemClock,
      isInForeground,
      sidecarCommand: sidecarCommand(),
    },
  );
  return { exitCode, lines: text.split('\n').filter((line) => line !== '') };
}

/** Prints the table. @returns the exit code: 1 when a figure is farther off than it may be. */
function compare(lines: readonly string[], truth: DemoTruth): number {
  const container = lines
    .map((line) => JSON.parse(line) as Record<string, unknown>)
    .find(({ type, container }) => type === 'CONTAINER' && container === NAME);
  if (container === undefined) {
    process.stderr.write(`demo: no CONTAINER line of ${NAME} came\n`);
    return 1;
  }
  const { baseMemoryMB, plateauMemoryMB } = truth;
  const comparisons: Comparison[] = [
    {
      figure: 'cpuTimeMs',
      reported: Number(container.cpuTimeMs),
      truth: Math.round(truth.cpuTimeMs),
      source: "the kernel's rusage of the batch and its children",
      allowedPercent: 2,
    },
    {
      figure: 'maxMemoryUsedMB',
      reported: Number(container.maxMemoryUsedMB),
      truth: Math.round(baseMemoryMB + plateauMemoryMB),
      source: `${plateauMemoryMB} MB plateau on ${Math.round(baseMemoryMB)} MB of its own`,
      allowedPercent: 5,
    },
  ];
  const rows = comparisons.map(toRow);
  const table = [['', 'in the line', 'in truth', 'off by', 'at most', ''], ...rows.map(({ cells }) => cells)];
  const widths = [0, 1, 2, 3, 4].map((column) =>
    Math.max(...table.map((cells) => cells[column]?.length ?? 0)),
  );
  const rendered = table.map((cells) =>
    cells.map((cell, column) =>
      column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0),
    ),
  );
  process.stderr.write(`\n${rendered.map((cells) => cells.join('  ').trimEnd()).join('\n')}\n`);
  if (rows.every(({ agrees }) => agrees)) return 0;
  process.stderr.write('demo: the lines and the truth are farther apart than they may be\n');
  return 1;
}

function toRow({ figure, reported, truth, source, allowedPercent }: Comparison) {
  const offPercent = ((reported - truth) / truth) * 100;
  return {
    cells: [figure, `${reported}`, `${truth}`, `${offPercent.toFixed(2)} %`, `${allowedPercent} %`, source],
    agrees: Math.abs(offPercent) <= allowedPercent,
  };
}

process.exitCode = await main();
