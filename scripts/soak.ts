/**
 * `npm run soak`: the sidecar as the image carries it, at one poll a second of a task of three with its lines
 * delivered to CloudWatch Logs (both on loopback, in another process), for half an hour of real time, or for an hour of
 * a clock that runs faster. The exit code is 1 when its memory grows or its descriptors become more.
 *
 *   node scripts/soak.ts [--minutes N] [--speed N] [--collect-seconds N] [--sharp] [--json] [--write]
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { Procfs } from '../src/proc/procfs.ts';
import build from '../test/support/build.ts';
import { Program } from '../test/support/program.ts';
import { ContainerProcesses } from './bench/container-processes.ts';
import { quantile } from './bench/figure.ts';
import { endWell } from './bench/footprint.ts';
import { preload } from './bench/preload.ts';
import { endTooEarly } from './bench/sidecar.ts';
import { lowestOfEachMinute, type Reading, restingLevels, type Slope, slope } from './bench/slope.ts';
import { startSurroundings } from './bench/surroundings.ts';
import { replaceBlock } from './replace-block.ts';

const HELP = `npm run soak -- [--minutes N] [--speed N] [--collect-seconds N] [--sharp] [--json] [--write]

  --minutes N          how long, 30 at least (default 30); the first third is for warming up and does not count
  --speed N            how many times as fast its clock runs, 60 at the most (default 1): with 60, a minute takes a
                       second
  --collect-seconds N  how often V8 is made to collect all garbage, so that what is left is what the program keeps
                       (default 60); 0: never, and then growth of memory is no failure
  --sharp              with processes of the other containers to be seen in /proc, for 60 minutes at least (root;
                       cgroup v1)
  --json               the figures as JSON
  --write              the figures into docs/measurements.md
`;
const EXIT_GREW = 1;
const EXIT_USE = 2;
const PAGE = join(import.meta.dirname, '../docs/measurements.md');

const DEFAULT_MINUTES = 30;
const DEFAULT_COLLECT_SECONDS = 60;
/** Faster, a poll's time-out of 900 ms would be less than what an answer takes on a busy machine. */
const MAX_SPEED = 60;
/** A sidecar whose polls come to nothing has not done its work. */
const LEAST_ANSWERED_SHARE = 0.75;
/** Each at half the speed of the one before. */
const MAX_TRIES = 3;
/** Its first third holds the ten minutes in which V8 still learns what runs seldom. */
const LEAST_MINUTES = 30;
/** Figures of real processes differ from look to look: it takes the longer until V8 keeps a place for most of them. */
const LEAST_SHARP_MINUTES = 60;
/** By ten minutes the code has run that runs seldom; what V8 keeps of it stays. */
const WARM_UP_SHARE = 1 / 3;
const SAMPLE_MS = 1_000;
const MINUTE_MS = 60_000;
/** In a week that is 63 MB: less than the 64 that the task definitions reserve. */
const MAX_GROWTH_KB_PER_HOUR = 384;
/** A connection that is kept alive, or a thread that V8 starts late. */
const MAX_MORE_AT_REST = 1;

interface Options {
  readonly minutes: number;
  readonly speed: number;
  readonly collectSeconds: number;
  readonly sharp: boolean;
  readonly json: boolean;
  readonly write: boolean;
}

/** What was seen after the warm-up. Memory in units of 1,024 bytes. */
interface Soak {
  readonly minutes: number;
  readonly speed: number;
  readonly collectSeconds: number;
  readonly sharp: boolean;
  /** By the REPORT. */
  readonly pollCount: number;
  readonly pollErrorCount: number;
  readonly sampleCount: number;
  /** What V8 has after a full collection; absent where there is none. */
  readonly kept?: Memory;
  readonly anon: Memory;
  readonly rss: Memory;
  /** At rest, in the first and in the second half. */
  readonly descriptorCounts: readonly [number, number];
  readonly threadCounts: readonly [number, number];
}

interface Memory {
  readonly medianKB: number;
  readonly highestKB: number;
  readonly slope: Slope;
}

interface Sample {
  readonly elapsedMs: number;
  readonly anonKB: number;
  readonly rssKB: number;
  readonly descriptorCount: number;
  readonly threadCount: number;
}

const procfs = new Procfs();

async function soak({ minutes, speed, collectSeconds, sharp }: Options): Promise<Soak> {
  build();
  const surroundings = await startSurroundings(speed);
  const environment = { ...surroundings.environment, FARGAUGE_OUTPUT: 'cloudwatch,stdout' };
  const start = () => new Program(withFullCollections(environment, collectSeconds));
  const others = sharp
    ? await ContainerProcesses.start(surroundings.environment.ECS_CONTAINER_METADATA_URI_V4 ?? '')
    : undefined;
  const program = others?.within('fargauge', ['memory'], start) ?? start();
  try {
    const samples = await Promise.race([watch(program, minutes, speed), endTooEarly(program)]);
    await endWell(program, true);
    const { pollCount, pollErrorCount } = await program.line('REPORT');
    if (sharp) checkSources(program);
    return {
      minutes,
      speed,
      collectSeconds,
      sharp,
      pollCount: Number(pollCount),
      pollErrorCount: Number(pollErrorCount),
      ...summarize(minutes, samples, keptReadings(program.stderr, collectSeconds)),
    };
  } finally {
    program.process.kill('SIGKILL');
    await others?.close();
    surroundings.close();
  }
}

/** A soak of looks that saw nothing would be none. */
function checkSources({ lines }: Program): void {
  const sources = lines.filter(({ type }) => type === 'CONTAINER').map(({ sampleSources }) => sampleSources);
  if (`${sources}` === 'endpoint,proc,endpoint,cgroup') return;
  throw new Error(`what was seen in /proc was not what it should be: ${sources.join('; ')}`);
}

/** By itself V8 lets garbage lie for hours here, and a clock that runs faster does not hurry it. */
function withFullCollections(
  environment: Record<string, string>,
  everySeconds: number,
): Record<string, string> {
  if (everySeconds === 0) return environment;
  const collections = preload('full-collections.mjs', { every: everySeconds * 1_000 });
  return { ...environment, NODE_OPTIONS: `${environment.NODE_OPTIONS ?? ''} ${collections}`.trim() };
}

/** Times are by the sidecar's clock. */
async function watch({ process: { pid = 0 } }: Program, minutes: number, speed: number): Promise<Sample[]> {
  const samples: Sample[] = [];
  const startedAtMs = performance.now();
  for (let elapsedMs = 0; elapsedMs < minutes * MINUTE_MS; ) {
    await delay(SAMPLE_MS / speed);
    elapsedMs = (performance.now() - startedAtMs) * speed;
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

/** Told by scripts/bench/full-collections.mjs. */
function keptReadings(stderr: string, collectSeconds: number): readonly Reading[] {
  return [...stderr.matchAll(/^\{"keptBytes":(\d+)\}$/gm)].map(([, bytes], index) => ({
    elapsedMs: (index + 1) * collectSeconds * 1_000,
    value: Number(bytes) / 1024,
  }));
}

type Growth = Omit<Soak, 'minutes' | 'speed' | 'collectSeconds' | 'sharp' | 'pollCount' | 'pollErrorCount'>;

function summarize(minutes: number, all: readonly Sample[], allKept: readonly Reading[]): Growth {
  const warmUpMs = minutes * MINUTE_MS * WARM_UP_SHARE;
  const isCounted = ({ elapsedMs }: { readonly elapsedMs: number }) => elapsedMs >= warmUpMs;
  const samples = all.filter(isCounted);
  const kept = allKept.filter(isCounted);
  const readings = (of: Exclude<keyof Sample, 'elapsedMs'>): Reading[] =>
    samples.map((sample) => ({ elapsedMs: sample.elapsedMs, value: sample[of] }));
  return {
    sampleCount: samples.length,
    ...(kept.length > 0 && { kept: memoryOf(kept) }),
    anon: memoryOf(readings('anonKB')),
    rss: memoryOf(readings('rssKB')),
    descriptorCounts: restingLevels(readings('descriptorCount')),
    threadCounts: restingLevels(readings('threadCount')),
  };
}

function memoryOf(readings: readonly Reading[]): Memory {
  const values = readings.map(({ value }) => value);
  return {
    medianKB: quantile(values, 0.5),
    highestKB: Math.max(...values),
    slope: slope(lowestOfEachMinute(readings)),
  };
}

function megabytes(kilobytes: number): string {
  return `${(kilobytes / 1024).toFixed(1)} MB`;
}

/** That the sidecar has not done its work, in words; undefined when it has. */
function lackOf({ minutes, pollCount, pollErrorCount }: Soak): string | undefined {
  const answeredCount = pollCount - pollErrorCount;
  if (answeredCount >= LEAST_ANSWERED_SHARE * minutes * 60) return undefined;
  return `only ${answeredCount} polls were answered in ${minutes} min: the machine was too busy`;
}

/** What is wrong, in words; empty when nothing is. */
function problemsOf(result: Soak): string[] {
  const { kept, anon, descriptorCounts, threadCounts } = result;
  const lack = lackOf(result);
  const problems: string[] = lack === undefined ? [] : [lack];
  const grows = (what: string, { slope: { perHour, standardErrorPerHour } }: Memory) => {
    // What chance alone may have made of it is no growth.
    if (perHour - 2 * standardErrorPerHour <= MAX_GROWTH_KB_PER_HOUR) return;
    const most = `at most ${MAX_GROWTH_KB_PER_HOUR} are allowed`;
    problems.push(`${what} grows by ${Math.round(perHour)} KB an hour; ${most}`);
  };
  // Garbage is no growth.
  if (kept) {
    grows('what V8 keeps', kept);
    grows('anonymous memory', anon);
  }
  const grew = (what: string, [first, second]: readonly [number, number]) => {
    if (second > first + MAX_MORE_AT_REST)
      problems.push(`${what}: ${first} at rest in the first half, then ${second}`);
  };
  grew('open descriptors', descriptorCounts);
  grew('threads', threadCounts);
  return problems;
}

function table({ minutes, speed, collectSeconds, sharp, kept, anon, rss, ...counts }: Soak): string {
  const { pollCount, pollErrorCount, sampleCount, descriptorCounts, threadCounts } = counts;
  const row = (name: string, { medianKB, highestKB, slope: { perHour, standardErrorPerHour } }: Memory) =>
    `| ${name} | ${megabytes(medianKB)} | ${megabytes(highestKB)} | ${Math.round(perHour)} ± ${Math.round(standardErrorPerHour)} KB an hour |`;
  const clock = speed > 1 ? ` of a clock ${speed} times as fast` : '';
  const looks = sharp ? ', with looks at /proc' : '';
  const garbage = `garbage ${collectSeconds > 0 ? `collected each ${collectSeconds} s` : 'left to V8'}`;
  const halves = ([first, second]: readonly [number, number]) => `${first}, then ${second}`;
  return [
    `${minutes} min${clock}${looks}, ${garbage}; ${pollCount} polls, of which ${pollErrorCount} brought nothing; the first third left out, ${sampleCount} samples:`,
    '',
    '| | median | highest | slope |',
    '|---|---|---|---|',
    ...(kept ? [row('kept by V8 after a collection', kept)] : []),
    row('anonymous memory', anon),
    row('RSS', rss),
    '',
    `At rest in the first and in the second half: open descriptors ${halves(descriptorCounts)}; threads ${halves(threadCounts)}.`,
  ].join('\n');
}

/** Of the three soaks of the page, which are without looks at /proc. */
function writeTable(result: Soak): void {
  const { minutes, speed, collectSeconds } = result;
  const page = readFileSync(PAGE, 'utf8');
  const name = collectSeconds === 0 ? 'garbage soak' : speed > 1 ? 'fast soak' : 'soak';
  const words = [
    ...(minutes === DEFAULT_MINUTES ? [] : ['--minutes', minutes]),
    ...(speed === 1 ? [] : ['--speed', speed]),
    ...(collectSeconds === DEFAULT_COLLECT_SECONDS ? [] : ['--collect-seconds', collectSeconds]),
  ];
  const command = ['npm run soak', ...(words.length > 0 ? ['--', ...words] : [])].join(' ');
  writeFileSync(PAGE, replaceBlock(page, name, command, table(result)));
}

/** @throws Error in words for the user. */
function readOptions(): Options & { readonly help: boolean } {
  const { values } = parseArgs({
    options: {
      minutes: { type: 'string', default: `${DEFAULT_MINUTES}` },
      speed: { type: 'string', default: '1' },
      'collect-seconds': { type: 'string', default: `${DEFAULT_COLLECT_SECONDS}` },
      sharp: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      write: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  const minutes = Number(values.minutes);
  const leastMinutes = values.sharp ? LEAST_SHARP_MINUTES : LEAST_MINUTES;
  if (!(minutes >= leastMinutes && Number.isFinite(minutes))) {
    throw new Error(`--minutes ${values.minutes}: must be a number from ${leastMinutes}`);
  }
  const speed = Number(values.speed);
  if (!(speed >= 1 && speed <= MAX_SPEED)) {
    throw new Error(`--speed ${values.speed}: must be a number from 1 to ${MAX_SPEED}`);
  }
  if (values.sharp && values.write) throw new Error('--sharp: no page has its figures, so not with --write');
  const collectSeconds = Number(values['collect-seconds']);
  if (!(collectSeconds >= 0 && Number.isFinite(collectSeconds))) {
    throw new Error(`--collect-seconds ${values['collect-seconds']}: must be a number from 0`);
  }
  return { ...values, minutes, speed, collectSeconds };
}

async function main(options: Options): Promise<void> {
  const { json, write } = options;
  let result = await soak(options);
  for (let tried = 1; tried < MAX_TRIES && result.speed > 1; tried += 1) {
    const lack = lackOf(result);
    if (lack === undefined) break;
    const speed = Math.max(1, result.speed / 2);
    console.error(`soak: ${lack}; once more, ${speed} times as fast`);
    result = await soak({ ...options, speed });
  }
  console.log(json ? JSON.stringify(result, undefined, 2) : table(result));
  if (write) writeTable(result);
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
