/**
 * `npm run bench:sharp`: what looking at /proc costs, on a real Docker Engine, beside the endpoint alone. The table is
 * that of docs/sharp-sampling.md.
 *
 *   node scripts/with-docker.ts node scripts/bench-sharp.ts [--minutes N] [--write]
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import build from '../test/support/build.ts';
import type { SharpFootprint } from './bench/docker-sharp.ts';
import { replaceBlock } from './replace-block.ts';

/** Of looks at the default interval, in CPU time of the endpoint alone. */
const RATIO_LIMIT = 2;

const HELP = `npm run bench:sharp -- [--minutes N] [--write]

  --minutes N  how long the sidecars are measured, after 30 s to settle (default 3)
  --write      the table into docs/sharp-sampling.md

Exit code 1 when looks every second cost ${RATIO_LIMIT} times the CPU time of the endpoint alone, or more.
`;
const EXIT_USE = 2;
const COMMAND = 'npm run bench:sharp';
const PAGE = join(import.meta.dirname, '../docs/sharp-sampling.md');

interface Row extends SharpFootprint {
  /** Its CPU time in that of the endpoint alone. */
  readonly ratio: number;
}

function tableOf(rows: readonly Row[], processCount: number, minutes: number): string {
  return [
    `${cpus().length} × ${cpus()[0]?.model}, Node ${process.version}. ${processCount} processes, ${minutes} min after 30 s to settle.`,
    '',
    '| sampled | CPU a minute | of the endpoint alone | usage − cache | anonymous memory |',
    '|---|---|---|---|---|',
    ...rows.map(
      ({ name, cpuMsPerMinute, ratio, anonMB, usedMB }) =>
        `| ${name} | ${Math.round(cpuMsPerMinute)} ms | ${ratio.toFixed(2)} | ${usedMB.toFixed(1)} MB | ${anonMB.toFixed(1)} MB |`,
    ),
  ].join('\n');
}

async function main(minutes: number, write: boolean): Promise<void> {
  // It needs the engine's images, and whoever asks for help has none.
  const { measureSharp, PROCESS_COUNT } = await import('./bench/docker-sharp.ts');
  build();
  console.error(`bench: 30 s to settle, then ${minutes} min`);
  const sidecars = await measureSharp(minutes);
  const plainMs = sidecars[0]?.cpuMsPerMinute ?? Number.NaN;
  const rows = sidecars.map((each) => ({ ...each, ratio: each.cpuMsPerMinute / plainMs }));
  const table = tableOf(rows, PROCESS_COUNT, minutes);
  console.log(table);
  if (write) writeFileSync(PAGE, replaceBlock(readFileSync(PAGE, 'utf8'), 'sharp', COMMAND, table));
  for (const { name, isDefault, ratio } of rows) {
    if (!isDefault || ratio < RATIO_LIMIT) continue;
    console.error(
      `bench: ${name}: ${ratio.toFixed(2)} times the endpoint alone, must be below ${RATIO_LIMIT}`,
    );
    process.exitCode = 1;
  }
}

function refuse(message: string): void {
  console.error(`bench: ${message}\n\n${HELP}`);
  process.exitCode = EXIT_USE;
}

try {
  const { values } = parseArgs({
    options: {
      minutes: { type: 'string', default: '3' },
      write: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  const minutes = Number(values.minutes);
  if (values.help) process.stdout.write(HELP);
  else if (minutes > 0 && Number.isFinite(minutes)) await main(minutes, values.write);
  else refuse(`--minutes ${values.minutes}: must be a number above 0`);
} catch (error) {
  if ((error as NodeJS.ErrnoException).code?.startsWith('ERR_PARSE_ARGS')) refuse((error as Error).message);
  else throw error;
}
