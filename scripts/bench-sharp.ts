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
import { measureSharp, PROCESS_COUNT, type SharpFootprint } from './bench/docker-sharp.ts';
import { replaceBlock } from './replace-block.ts';

const HELP = `npm run bench:sharp -- [--minutes N] [--write]

  --minutes N  how long the sidecars are measured, after 30 s to settle (default 3)
  --write      the table into docs/sharp-sampling.md
`;
const EXIT_USE = 2;
const COMMAND = 'npm run bench:sharp';
const PAGE = join(import.meta.dirname, '../docs/sharp-sampling.md');

function tableOf(sidecars: readonly SharpFootprint[], minutes: number): string {
  const [plain] = sidecars;
  const rows = sidecars.map(({ name, cpuMsPerMinute, anonMB, usedMB }) => {
    const ratio = (cpuMsPerMinute / (plain?.cpuMsPerMinute ?? Number.NaN)).toFixed(2);
    return `| ${name} | ${Math.round(cpuMsPerMinute)} ms | ${ratio} | ${usedMB.toFixed(1)} MB | ${anonMB.toFixed(1)} MB |`;
  });
  return [
    `${cpus().length} × ${cpus()[0]?.model}, Node ${process.version}. ${PROCESS_COUNT} processes, ${minutes} min after 30 s to settle.`,
    '',
    '| sampled | CPU a minute | of the endpoint alone | usage − cache | anonymous memory |',
    '|---|---|---|---|---|',
    ...rows,
  ].join('\n');
}

async function main(minutes: number, write: boolean): Promise<void> {
  build();
  console.error(`bench: 30 s to settle, then ${minutes} min`);
  const table = tableOf(await measureSharp(minutes), minutes);
  console.log(table);
  if (write) writeFileSync(PAGE, replaceBlock(readFileSync(PAGE, 'utf8'), 'sharp', COMMAND, table));
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
