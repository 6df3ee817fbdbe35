/**
 * `npm run bench:docker`: what the sidecar's container costs on a real Docker Engine, how fast it is up, and its
 * figures beside the kernel's. The tables are those of docs/measurements.md.
 *
 *   node scripts/with-docker.ts node scripts/bench-docker.ts [--minutes N] [--json] [--write]
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { ContainerFootprint } from './bench/docker-footprint.ts';
import type { Measurements } from './bench/docker-measurements.ts';
import { replaceBlock } from './replace-block.ts';

const HELP = `npm run bench:docker -- [--minutes N] [--json] [--write]

  --minutes N  how long the footprint is measured, after 30 s to settle (default 3)
  --json       the figures as JSON instead of tables
  --write      the tables into docs/measurements.md
`;
const EXIT_USE = 2;
const COMMAND = 'npm run bench:docker';
const PAGE = join(import.meta.dirname, '../docs/measurements.md');

interface Options {
  readonly minutes: number;
  readonly json: boolean;
  readonly write: boolean;
}

function footprintTable({ image, start, footprint }: Measurements): string {
  const { minutes, sidecars, bareNode } = footprint;
  const row = (name: string, { usedMB, rssMB, anonMB, cpuMsPerMinute }: ContainerFootprint, lines: string) =>
    `| ${name} | ${usedMB.toFixed(1)} MB | ${rssMB.toFixed(1)} MB | ${anonMB.toFixed(1)} MB | ${Math.round(cpuMsPerMinute)} ms | ${lines} |`;
  return [
    `${cpus().length} × ${cpus()[0]?.model}, Node ${process.version}. The containers for ${minutes} min, after 30 s to settle; medians of a sample a second.`,
    '',
    '| | usage − cache | RSS | anonymous memory | CPU a minute | SUMMARY lines delivered |',
    '|---|---|---|---|---|---|',
    ...sidecars.map((sidecar) =>
      row(`fargauge, ${sidecar.observedCount} observed`, sidecar, `${sidecar.summaryLineCount}`),
    ),
    row('bare Node', bareNode, '–'),
    '',
    `Image: ${Math.round(image.sizeMB)} MB, ${Math.round(image.compressedMB)} MB as a task pulls it (gzip). Container start to first poll: ${Math.round(start.firstPollMs)} ms; to the first statement on bare Node: ${Math.round(start.bareNodeMs)} ms (medians of ${start.runCount}).`,
  ].join('\n');
}

function accuracyTable({ accuracy }: Measurements): string {
  const rows = accuracy.map((each) => {
    const cells = [
      each.shape,
      `${each.refreshMs / 1000} s`,
      each.ending,
      ms(each.kernelCpuMs),
      ms(each.rusageMs),
      ms(each.reportedCpuMs),
      ms(each.kernelCpuMs - each.reportedCpuMs),
      ms(each.usedAfterMs),
      `${each.maxMemoryUsedMB} MB`,
      `${Math.ceil(each.kernelPeakMB)} MB`,
    ];
    return `| ${cells.join(' | ')} |`;
  });
  return [
    '| load | refresh | at its end | cpuacct.usage | rusage | REPORT | missing | used after the last sample | maxMemoryUsedMB | max_usage, cache included |',
    '|---|---|---|---|---|---|---|---|---|---|',
    ...rows,
  ].join('\n');
}

function ms(value: number): string {
  return `${Math.round(value)} ms`;
}

/** @throws Error in words for the user. */
function readOptions(): Options & { readonly help: boolean } {
  const { values } = parseArgs({
    options: {
      minutes: { type: 'string', default: '3' },
      json: { type: 'boolean', default: false },
      write: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  const minutes = Number(values.minutes);
  if (!(minutes > 0 && Number.isFinite(minutes))) {
    throw new Error(`--minutes ${values.minutes}: must be a number above 0`);
  }
  return { ...values, minutes };
}

async function main({ minutes, json, write }: Options): Promise<void> {
  // It needs the engine's images, and whoever asks for help has none.
  const { measure } = await import('./bench/docker-measurements.ts');
  const measurements = await measure(minutes);
  const tables = { footprint: footprintTable(measurements), accuracy: accuracyTable(measurements) };
  if (json) console.log(JSON.stringify(measurements, undefined, 2));
  else console.log(`${tables.footprint}\n\n${tables.accuracy}`);
  if (!write) return;
  let page = readFileSync(PAGE, 'utf8');
  for (const [name, table] of Object.entries(tables)) page = replaceBlock(page, name, COMMAND, table);
  writeFileSync(PAGE, page);
}

let options: ReturnType<typeof readOptions> | undefined;
try {
  options = readOptions();
} catch (error) {
  console.error(`bench: ${(error as Error).message}\n\n${HELP}`);
  process.exitCode = EXIT_USE;
}
if (options?.help) process.stdout.write(HELP);
else if (options) await main(options);
