/**
 * A batch with a load of known shape, for a container of its own: `node load.ts SHAPE REFRESH_MS IDLE_MS`. It waits for
 * a byte out of /exchange/go. What it uses, and when, it writes to /exchange/log.json, by the kernel's own counters of
 * the container as they are seen from inside. Then it is idle for IDLE_MS, says `holding`, and holds still until there
 * is another byte: so that the counters can be read from outside before they vanish with the container.
 */
import { spawnSync } from 'node:child_process';
import { closeSync, openSync, readFileSync, readSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

export const SHAPES = ['constant', 'square', 'spikes', 'memory ramp', 'page cache', 'many children'] as const;
export type Shape = (typeof SHAPES)[number];

/** The container's counters at a moment. */
export interface LoadReading {
  /** Wall clock, ms since the epoch: before the counters were read. */
  readonly timeMs: number;
  readonly cpuUsageNs: number;
  /** Usage minus page cache. */
  readonly usedBytes: number;
  readonly anonBytes: number;
}

/** A time in which the load did not change the memory that it holds. Wall clock, ms since the epoch. */
export interface Plateau {
  readonly fromMs: number;
  readonly toMs: number;
}

export interface LoadLog {
  readonly readings: readonly LoadReading[];
  readonly plateaus: readonly Plateau[];
  /** The end of the work: idle from here on. */
  readonly idleFromMs: number;
  /** User and kernel time by rusage: of the load and of the children that it waited for. */
  readonly rusageMs: number;
}

const CGROUP = '/sys/fs/cgroup';
const MIB = 1024 * 1024;
const SLICE_MS = 50;

const readings: LoadReading[] = [];
const plateaus: Plateau[] = [];

function takeReading(): void {
  const timeMs = Date.now();
  const cpuUsageNs = Number(readFileSync(`${CGROUP}/cpuacct/cpuacct.usage`, 'utf8'));
  const usageBytes = Number(readFileSync(`${CGROUP}/memory/memory.usage_in_bytes`, 'utf8'));
  const stat = readFileSync(`${CGROUP}/memory/memory.stat`, 'utf8');
  const figure = (name: string) => Number(new RegExp(`^total_${name} (\\d+)$`, 'm').exec(stat)?.[1]);
  readings.push({ timeMs, cpuUsageNs, usedBytes: usageBytes - figure('cache'), anonBytes: figure('rss') });
}

/** Uses so much CPU time, however long the machine takes for it. */
function compute(ms: number): void {
  const usedUs = () => process.cpuUsage().user + process.cpuUsage().system;
  const endsAtUs = usedUs() + ms * 1000;
  while (usedUs() < endsAtUs);
}

/** In slices of 50 ms or what the machine makes of them, each with so much work in it, and a reading after each. */
async function work(durationMs: number, workIn: (elapsedMs: number) => void): Promise<void> {
  const startedAtMs = performance.now();
  for (let elapsedMs = 0; elapsedMs < durationMs; elapsedMs = performance.now() - startedAtMs) {
    const sliceStartedAtMs = performance.now();
    workIn(elapsedMs);
    takeReading();
    await sleep(Math.max(0, SLICE_MS - (performance.now() - sliceStartedAtMs)));
  }
}

/** Longer than two refreshes, of which each may be half a second late, with readings all along. */
async function holdMemory(refreshMs: number, workIn: () => void = () => {}): Promise<void> {
  const fromMs = Date.now();
  await work(2.6 * refreshMs + 1_500, workIn);
  plateaus.push({ fromMs, toMs: Date.now() });
}

async function rampMemory(refreshMs: number): Promise<void> {
  const held: Uint8Array<ArrayBuffer>[] = [];
  await work(refreshMs, (elapsedMs) => {
    while (held.length < 24 && held.length < (24 * elapsedMs) / (0.8 * refreshMs)) {
      held.push(new Uint8Array(10 * MIB).fill(1));
    }
  });
  await holdMemory(refreshMs);
  // Frees it now, and not when the garbage collector comes by.
  for (const block of held.splice(8)) block.buffer.transfer(0);
  await holdMemory(refreshMs);
  // And the rest before it is idle: at the end of the process that is CPU time which no sample can have.
  for (const block of held) block.buffer.transfer(0);
}

/** Writes and reads a file larger than the container's memory limit, beside memory of its own. */
async function fillPageCache(refreshMs: number): Promise<void> {
  const file = '/tmp/large';
  const own = new Uint8Array(64 * MIB).fill(1);
  const block = Buffer.alloc(4 * MIB, 1);
  const descriptor = openSync(file, 'w+');
  let offset = 0;
  await work(refreshMs, () => {
    if (offset < 300 * MIB) offset += writeSync(descriptor, block, 0, block.length, offset);
  });
  const fileBytes = offset;
  await holdMemory(refreshMs, () => {
    offset = (offset + readSync(descriptor, block, 0, block.length, offset)) % fileBytes;
  });
  closeSync(descriptor);
  rmSync(file);
  own.buffer.transfer(0);
}

const CHILD = 'i=0; while [ $i -lt 2000 ]; do i=$((i+1)); done';

const LOADS: Readonly<Record<Shape, (refreshMs: number) => Promise<void>>> = {
  // 40 % of a core, where there is one to have.
  constant: (refreshMs) => work(4.3 * refreshMs, () => compute(20)),
  // On and off, out of step with the refreshes.
  square: (refreshMs) =>
    work(4.3 * refreshMs, (elapsedMs) => {
      if (Math.floor(elapsedMs / (0.65 * refreshMs)) % 2 === 0) compute(SLICE_MS);
    }),
  // One slice in twenty.
  spikes: (refreshMs) =>
    work(4.3 * refreshMs, (elapsedMs) => {
      if (Math.floor(elapsedMs / SLICE_MS) % 20 === 0) compute(SLICE_MS);
    }),
  'memory ramp': rampMemory,
  'page cache': fillPageCache,
  // Some ten a second, each of which is gone before anybody could look at it.
  'many children': (refreshMs) =>
    work(4.3 * refreshMs, () => {
      const { status, error } = spawnSync('sh', ['-c', CHILD]);
      if (status !== 0) throw error ?? new Error(`a child ended with ${status}`);
    }),
};

/** Node tells of RUSAGE_SELF alone; of the children the kernel tells in /proc/self/stat, in ticks of 10 ms. */
function rusageMs(): number {
  const { userCPUTime, systemCPUTime } = process.resourceUsage();
  const stat = readFileSync('/proc/self/stat', 'utf8');
  // The 16th and 17th field; the 3rd is the first after the name.
  const [childUserTicks, childKernelTicks] = stat
    .slice(stat.lastIndexOf(')') + 2)
    .split(' ')
    .slice(13, 15);
  return (userCPUTime + systemCPUTime) / 1000 + (Number(childUserTicks) + Number(childKernelTicks)) * 10;
}

function awaitGo(descriptor: number): void {
  readSync(descriptor, Buffer.alloc(1));
}

async function main([shape, refreshMs, idleMs]: readonly string[]): Promise<void> {
  const load = LOADS[shape as Shape];
  const go = openSync('/exchange/go', 'r');
  awaitGo(go);
  await load(Number(refreshMs));
  takeReading();
  const log: LoadLog = { readings, plateaus, idleFromMs: Date.now(), rusageMs: rusageMs() };
  writeFileSync('/exchange/log.json', JSON.stringify(log));
  await sleep(Number(idleMs));
  writeSync(1, 'holding\n');
  awaitGo(go);
}

if (import.meta.main) await main(process.argv.slice(2));
