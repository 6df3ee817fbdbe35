import { type ChildProcess, spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { Procfs } from '../../src/proc/procfs.ts';
import { Program } from '../../test/support/program.ts';
import { type Figure, quantile, spread } from './figure.ts';
import { startSurroundings } from './surroundings.ts';

/** Loading, the first connection and the first lines are over by then. */
const SETTLE_MS = 30_000;
const SAMPLE_MS = 1_000;
/** What counts as the end of the measuring. */
const LAST_SAMPLES = 10;
const MINUTE_MS = 60_000;

const procfs = new Procfs();

/** Memory of one process at one moment, MB. */
interface Memory {
  readonly rssMB: number;
  readonly anonMB: number;
}

/** A process that is watched. */
class Subject {
  readonly #pid: number;
  readonly #memory: Memory[] = [];
  #cpuStartNs = 0;
  #startedAtMs = 0;
  cpuMsPerMinute = 0;
  /** Pages shared with other processes counted in part; the other Node programs of the bench share the binary's. */
  pssMB = 0;

  constructor(process: ChildProcess) {
    if (process.pid === undefined) throw new Error('a program to be measured did not start');
    this.#pid = process.pid;
  }

  start(): void {
    this.#cpuStartNs = cpuTimeNs(this.#pid);
    this.#startedAtMs = performance.now();
  }

  sample(): void {
    const memory = procfs.residentMemory(this.#pid);
    if (memory === undefined) throw new Error(`process ${this.#pid} ended while it was measured`);
    const { anonBytes, fileBytes, shmemBytes } = memory;
    this.#memory.push({ rssMB: megabytes(anonBytes + fileBytes + shmemBytes), anonMB: megabytes(anonBytes) });
  }

  end(): void {
    const elapsedMs = performance.now() - this.#startedAtMs;
    const cpuTimeMs = (cpuTimeNs(this.#pid) - this.#cpuStartNs) / 1e6;
    this.cpuMsPerMinute = (cpuTimeMs * MINUTE_MS) / elapsedMs;
    const shares = procfs.proportionalMemory(this.#pid);
    if (shares) this.pssMB = megabytes(shares.anonBytes + shares.fileBytes + shares.shmemBytes);
  }

  all(of: keyof Memory): readonly number[] {
    return this.#memory.map((memory) => memory[of]);
  }

  last(of: keyof Memory): number {
    return quantile(this.all(of).slice(-LAST_SAMPLES), 0.5);
  }
}

/**
 * Memory and CPU time in a steady state, of the sidecar as the image carries it with its lines to stdout and to
 * CloudWatch Logs, and of bare Node, all at the same time.
 */
export async function measureFootprint(minutes: number): Promise<Figure[]> {
  const surroundings = await startSurroundings();
  const { environment } = surroundings;
  const bareNode = spawn(process.execPath, ['-e', 'setInterval(()=>{},1000)'], { stdio: 'ignore' });
  const programs = {
    stdout: new Program({ ...environment, FARGAUGE_OUTPUT: 'stdout' }),
    cloudwatch: new Program({ ...environment, FARGAUGE_OUTPUT: 'cloudwatch' }),
  };
  try {
    const bare = new Subject(bareNode);
    const stdout = new Subject(programs.stdout.process);
    const cloudwatch = new Subject(programs.cloudwatch.process);
    await watch([bare, stdout, cloudwatch], minutes);
    await endWell(programs.stdout, true);
    await endWell(programs.cloudwatch, false);
    const afterText = `after ${Number((minutes + SETTLE_MS / MINUTE_MS).toFixed(1))} min`;
    return [
      ...figuresOf('lines to stdout', stdout, bare, afterText),
      ...figuresOf('lines to CloudWatch Logs', cloudwatch, bare, afterText),
    ];
  } finally {
    for (const { process } of Object.values(programs)) process.kill('SIGKILL');
    bareNode.kill('SIGKILL');
    surroundings.close();
  }
}

async function watch(subjects: readonly Subject[], minutes: number): Promise<void> {
  await delay(SETTLE_MS);
  for (const subject of subjects) subject.start();
  const endsAtMs = performance.now() + minutes * MINUTE_MS;
  do {
    await delay(SAMPLE_MS);
    for (const subject of subjects) subject.sample();
  } while (performance.now() < endsAtMs);
  for (const subject of subjects) subject.end();
}

/** A sidecar that did not do its work would be no measure of it. */
export async function endWell(program: Program, hasLines: boolean): Promise<void> {
  program.signal();
  const { exitCode, lines, stderr } = await program.ended;
  const reportCount = lines.filter(({ type }) => type === 'REPORT').length;
  if (exitCode === 0 && reportCount === (hasLines ? 1 : 0) && !stderr.includes('lost')) return;
  throw new Error(
    `a measured sidecar ended with ${exitCode} and ${reportCount} REPORT lines on stdout: ${stderr}`,
  );
}

function figuresOf(subject: string, measured: Subject, bare: Subject, afterText: string): Figure[] {
  const ratio = { of: 'ratio', atMost: 1.6, stretch: 1.45 } as const;
  const anon = { of: 'value', atMost: 21, stretch: 17 } as const;
  const memory = (name: string, of: keyof Memory, target: typeof ratio | typeof anon): Figure[] => [
    { subject, name, unit: 'MB', ...spread(measured.all(of)), bareP50: quantile(bare.all(of), 0.5), target },
    {
      subject,
      name: `${name} ${afterText}`,
      unit: 'MB',
      p50: measured.last(of),
      bareP50: bare.last(of),
      target,
    },
  ];
  return [
    ...memory('RSS', 'rssMB', ratio),
    ...memory('anonymous memory', 'anonMB', anon),
    { subject, name: 'PSS', unit: 'MB', p50: measured.pssMB, bareP50: bare.pssMB },
    {
      subject,
      name: 'CPU time',
      unit: 'ms/min',
      p50: measured.cpuMsPerMinute,
      bareP50: bare.cpuMsPerMinute,
      target: { of: 'value', atMost: 150 },
    },
  ];
}

function megabytes(bytes: number): number {
  return bytes / 2 ** 20;
}

/**
 * CPU time of all threads, ns, by the scheduler's own count (Documentation/scheduler/sched-stats.rst): utime and
 * stime in /proc/PID/stat are whole ticks of 10 ms, a tenth of what is measured here. Node's threads do not end.
 */
function cpuTimeNs(pid: number): number {
  const threads = readdirSync(`/proc/${pid}/task`);
  return threads
    .map((thread) => readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8'))
    .reduce((sum, text) => sum + Number.parseInt(text, 10), 0);
}
