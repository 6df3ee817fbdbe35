/**
 * `npm run bench:opensearch`: how fast lines get into a real engine through the forwarder, beside curl with the same
 * bytes, the floor, and beside the way of the function that AWS's console makes for a subscription.
 *
 *   node scripts/bench-opensearch.ts [--engine opensearch|elasticsearch] [--rounds N] [--json] [--write]
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import build from '../test/support/build.ts';
import { quantile } from './bench/figure.ts';
import {
  DELIVERY_EVENTS,
  DOCUMENT_COUNT,
  measureIndexing,
  type Took,
  WAYS,
  type Way,
} from './bench/indexing.ts';
import { replaceBlock } from './replace-block.ts';
import { SEARCH_ENGINES, type SearchEngineName, startSearchEngine } from './search-engine.ts';

const HELP = `npm run bench:opensearch -- [--engine NAME] [--rounds N] [--json] [--write]

  --engine NAME  opensearch (default) or elasticsearch
  --rounds N     of each way, after one to warm up (default 9)
  --json         the figures as JSON instead of a table
  --write        the table into docs/opensearch.md
`;
const EXIT_USE = 2;
const COMMAND = 'npm run bench:opensearch';
const PAGE = join(import.meta.dirname, '../docs/opensearch.md');

/** Of the floor's wall time. */
const GOAL_RATIO = 1.3;

const NAMES: Readonly<Record<Way, string>> = {
  curl: 'curl, the same bytes (the floor)',
  forwarder: 'the forwarder',
  sample: 'the console’s function, by its description',
};

interface Range {
  readonly lowest: number;
  readonly median: number;
  readonly highest: number;
}

interface Row {
  readonly way: Way;
  readonly documentsPerSecond: Range;
  readonly cpuMsPerTenThousand: Range;
  /** Median wall time beside the floor's. */
  readonly ratio: number;
}

function rangeOf(values: readonly number[]): Range {
  return { lowest: quantile(values, 0), median: quantile(values, 0.5), highest: quantile(values, 1) };
}

function rowsOf(took: ReadonlyMap<Way, readonly Took[]>): Row[] {
  const wall = (way: Way) => rangeOf((took.get(way) ?? []).map(({ elapsedMs }) => elapsedMs));
  const floorMs = wall('curl').median;
  return WAYS.map((way) => ({
    way,
    documentsPerSecond: rangeOf(
      (took.get(way) ?? []).map(({ elapsedMs }) => (DOCUMENT_COUNT / elapsedMs) * 1_000),
    ),
    cpuMsPerTenThousand: rangeOf((took.get(way) ?? []).map(({ cpuMs }) => (cpuMs / DOCUMENT_COUNT) * 10_000)),
    ratio: wall(way).median / floorMs,
  }));
}

function table(rows: readonly Row[], name: SearchEngineName, rounds: number): string {
  const count = (value: number) => Math.round(value).toLocaleString('en-US');
  return [
    `${cpus().length} × ${cpus()[0]?.model}, shared, Node ${process.version}, ${SEARCH_ENGINES[name]} on loopback. ${count(DOCUMENT_COUNT)} lines in deliveries of ${DELIVERY_EVENTS}, into empty indices; medians of ${rounds} rounds in turn.`,
    '',
    '| | documents a second (lowest to highest) | wall time, of the floor’s | CPU for 10,000 |',
    '|---|---|---|---|',
    ...rows.map(
      ({ way, documentsPerSecond: speed, cpuMsPerTenThousand: cpu, ratio }) =>
        `| ${NAMES[way]} | ${count(speed.median)} (${count(speed.lowest)} to ${count(speed.highest)}) | ${ratio.toFixed(2)} × | ${count(cpu.median)} ms |`,
    ),
  ].join('\n');
}

const { values } = parseArgs({
  options: {
    engine: { type: 'string', default: 'opensearch' },
    rounds: { type: 'string', default: '9' },
    json: { type: 'boolean', default: false },
    write: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});
const rounds = Number(values.rounds);
if (values.help) {
  process.stdout.write(HELP);
} else if (!Object.hasOwn(SEARCH_ENGINES, values.engine) || !Number.isInteger(rounds) || rounds < 1) {
  process.stderr.write(`bench: --engine or --rounds is wrong\n${HELP}`);
  process.exitCode = EXIT_USE;
} else {
  const name = values.engine as SearchEngineName;
  build();
  const engine = await startSearchEngine(name);
  try {
    const took = await measureIndexing(engine, rounds, (round) =>
      console.error(`bench: round ${round} of ${rounds}`),
    );
    const rows = rowsOf(took);
    const text = table(rows, name, rounds);
    console.log(values.json ? JSON.stringify(rows, undefined, 2) : text);
    const ratio = rows.find(({ way }) => way === 'forwarder')?.ratio ?? 0;
    console.error(
      `bench: the forwarder takes ${ratio.toFixed(2)} of the floor’s wall time; the goal is ${GOAL_RATIO}`,
    );
    if (values.write) {
      writeFileSync(PAGE, replaceBlock(readFileSync(PAGE, 'utf8'), 'speed', COMMAND, text));
    }
  } finally {
    await engine.stop();
  }
}
