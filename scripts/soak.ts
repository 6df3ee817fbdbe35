/**
 * `npm run soak`: the sidecar as the image carries it, at one poll a second of a task of three with its lines
 * delivered to CloudWatch Logs (both on loopback, in another process), for half an hour of real time. The exit code is
 * 1 when its memory grows or its descriptors become more.
 *
 *   node scripts/soak.ts [--minutes N] [--json] [--write]
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { Procfs } from '../src/proc/procfs.ts';
import build from '../test/support/build.ts';
import { Program } from '../test/support/program.ts';
import { quantile } from './bench/figure.ts';
import { endWell } from './bench/footprint.ts';
import { endTooEarly } from './bench/sidecar.ts';
import { lowestOfEachMinute, type Reading, type Slope, slope } from './bench/slope.ts';
import { startSurroundings } from './bench/surroundings.ts';
import { replaceBlock } from './replace-block.ts';

const HELP = `npm run soak -- [--minutes N] [--json] [--write]

  --minutes N  how long, 6 at least (default 30); the first sixth is for warming up and does not count
  --json       the figures as JSON
  --write      the figures into docs/measurements.md
`;
const EXIT_GREW = 1;
const EXIT_USE = 2;
const PAGE = join(import.meta.dirname, '../docs/measurements.md');

const DEFAULT_MINUTES = 30;
/** Each minute gives one reading to the slope, which needs some. */
const LEAST_MINUTES = 6;
const WARM_UP_SHARE = 1 / 6;
const SAMPLE_MS = 1_000;
const MINUTE_MS = 60_000;
/** In a week that is 63 MB: less than the 64 that the task definitions reserve. */
const MAX_ANON_GROWTH_KB_PER_HOUR = 384;

interface Options {
  readonly minutes: number;
  readonly json: boolean;
  readonly write: boolean;
}

/** What was seen after the warm-up. Memory in units of 1,024 bytes. */
interface Soak {
  readonly minutes: number;
  readonly sampleCount: number;
  readonly anonKB: number;
  readonly anonSlope: Slope;
  readonly rssKB: number;
  readonly rssSlope: Slope;
  /** The most at once, in the first and in the second half. */
  readonly descriptorCounts: readonly [number, number];
  readonly threadCounts: readonly [number, number];
}

interface Sample {
  readonly elapsedMs: number;
  readonly anonKB: number;
  readonly rssKB: number;
  readonly descriptorCount: number;
  readonly threadCount: number;
}

const procfs = new Procfs();

async function soak(minutes: number): Promise<Soak> {
  build();
  const surroundings = await startSurroundings();
  const program = new Program({ ...surroundings.environment, FARGAUGE_OUTPUT: 'cloudwatch' });
  try {
    const samples = await Promise.race([watch(program, minutes), endTooEarly(program)]);
    await endWell(program, false);
    return summarize(minutes, samples);
  } finally {
    program.process.kill('SIGKILL');
    surroundings.close();
  }
}

async function watch({ process: { pid = 0 } }: Program, minutes: number): Promise<Sample[]> {
  const samples: Sample[] = [];
  const startedAtMs = performance.now();
  for (let elapsedMs = 0; elapsedMs < minutes * MINUTE_MS; elapsedMs = performance.now() - startedAtMs) {
    await delay(SAMPLE_MS);
    samples.push(sampleOf(pid, elapsedMs));
    if (process.stderr.isTTY && samples.length % 10 === 0) {
      process.stderr.write(`\rsoak: ${Math.floor(elapsedMs / MINUTE_MS)} of ${minutes} min`);
    }
  }
  if (process.stderr.isTTY) process.stderr.write('\n');
  return samples;
}

function sampleOf(pid: number, elapsedMs: number): Sample {
  const memory = procfs.residentMemory(pid);
  if (memory === undefined) throw new Error(`process ${pid} ended while it was watched`);
  const { anonBytes, fileBytes, shmemBytes } = memory;
  return {
    elapsedMs,
    anonKB: anonBytes / 1024,
    rssKB: (anonBytes + fileBytes + shmemBytes) / 1024,
    descriptorCount: readdirSync(`/proc/${pid}/fd`).length,
    threadCount: readdirSync(`/proc/${pid}/task`).length,
  };
}

function summarize(minutes: number, all: readonly Sample[]): Soak {
  const warmUpMs = minutes * MINUTE_MS * WARM_UP_SHARE;
  const samples = all.filter(({ elapsedMs }) => elapsedMs >= warmUpMs);
  const readings = (of: 'anonKB' | 'rssKB'): Reading[] =>
    samples.map((sample) => ({ elapsedMs: sample.elapsedMs, value: sample[of] }));
  const half = Math.floor(samples.length / 2);
  const most = (of: 'descriptorCount' | 'threadCount'): readonly [number, number] => [
    Math.max(...samples.slice(0, half).map((sample) => sample[of])),
    Math.max(...samples.slice(half).map((sample) => sample[of])),
  ];
  const median = (of: 'anonKB' | 'rssKB') =>
    quantile(
      readings(of).map(({ value }) => value),
      0.5,
    );
  return {
    minutes,
    sampleCount: samples.length,
    anonKB: median('anonKB'),
    anonSlope: slope(lowestOfEachMinute(readings('anonKB'))),
    rssKB: median('rssKB'),
    rssSlope: slope(lowestOfEachMinute(readings('rssKB'))),
    descriptorCounts: most('descriptorCount'),
    threadCounts: most('threadCount'),
  };
}

/** What is wrong, in words; empty when nothing is. */
function problemsOf({ anonSlope, descriptorCounts, threadCounts }: Soak): string[] {
  const problems: string[] = [];
  if (anonSlope.perHour > MAX_ANON_GROWTH_KB_PER_HOUR) {
    const grows = `anonymous memory grows by ${Math.round(anonSlope.perHour)} KB an hour`;
    problems.push(`${grows}; at most ${MAX_ANON_GROWTH_KB_PER_HOUR} are allowed`);
  }
  const grew = (what: string, [first, second]: readonly [number, number]) => {
    if (second > first) problems.push(`${what}: ${first} at the most in the first half, then ${second}`);
  };
  grew('open descriptors', descriptorCounts);
  grew('threads', threadCounts);
  return problems;
}

function table({ minutes, sampleCount, anonKB, anonSlope, rssKB, rssSlope, ...counts }: Soak): string {
  const { descriptorCounts, threadCounts } = counts;
  const growth = ({ perHour, standardErrorPerHour }: Slope) =>
    `${Math.round(perHour)} ± ${Math.round(standardErrorPerHour)} KB an hour`;
  const halves = ([first, second]: readonly [number, number]) => `${first}, then ${second}`;
  return [
    `${minutes} min, the first sixth left out, ${sampleCount} samples:`,
    '',
    '| | median | slope |',
    '|---|---|---|',
    `| anonymous memory | ${(anonKB / 1024).toFixed(1)} MB | ${growth(anonSlope)} |`,
    `| RSS | ${(rssKB / 1024).toFixed(1)} MB | ${growth(rssSlope)} |`,
    '',
    `Most at once in the first and in the second half: open descriptors ${halves(descriptorCounts)}; threads ${halves(threadCounts)}.`,
  ].join('\n');
}

/** @throws Error in words for the user. */
function readOptions(): Options & { readonly help: boolean } {
  const { values } = parseArgs({
    options: {
      minutes: { type: 'string', default: `${DEFAULT_MINUTES}` },
      json: { type: 'boolean', default: false },
      write: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  const minutes = Number(values.minutes);
  if (!(minutes >= LEAST_MINUTES && Number.isFinite(minutes))) {
    throw new Error(`--minutes ${values.minutes}: must be a number from ${LEAST_MINUTES}`);
  }
  return { ...values, minutes };
}

async function main({ minutes, json, write }: Options): Promise<void> {
  const result = await soak(minutes);
  console.log(json ? JSON.stringify(result, undefined, 2) : table(result));
  if (write)
    writeFileSync(PAGE, replaceBlock(readFileSync(PAGE, 'utf8'), 'soak', 'npm run soak', table(result)));
  const problems = problemsOf(result);
  for (const problem of problems) console.error(`soak: ${problem}`);
  if (problems.length > 0) process.exitCode = EXIT_GREW;
}

let options: ReturnType<typeof readOptions> | undefined;
try {
  options = readOptions();
} catch (error) {
  console.error(`soak: ${(error as Error).message}\n\n${HELP}`);
  process.exitCode = EXIT_USE;
}
if (options?.help) process.stdout.write(HELP);
else if (options) await main(options);
