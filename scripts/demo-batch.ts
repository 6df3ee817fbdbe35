/**
 * A batch with phases that can be told apart in its figures, some 15 s long. What it really used it writes to the
 * file named in DEMO_TRUTH_FILE; what it is doing it tells on stderr.
 */
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

/** What the kernel and the batch itself know of the run. */
export interface DemoTruth {
  /** User and kernel time of the batch and of the children it waited for. */
  readonly cpuTimeMs: number;
  /** Resident memory before the plateau, and what was added to it. */
  readonly baseMemoryMB: number;
  readonly plateauMemoryMB: number;
}

const MIB = 1024 * 1024;
const PLATEAU_MB = 384;
const CHILD_COUNT = 8;

function tell(phase: string, what: string): void {
  process.stderr.write(`demo-batch: ${phase.padEnd(8)} ${what}\n`);
}

/** Uses a core for so long. */
function compute(ms: number): void {
  const endsAtMs = performance.now() + ms;
  while (performance.now() < endsAtMs);
}

function computeInChild(ms: number): void {
  const program = `const end = performance.now() + ${ms}; while (performance.now() < end);`;
  const { status, error } = spawnSync(process.execPath, ['-e', program], { stdio: 'inherit' });
  if (status !== 0) throw error ?? new Error(`a child ended with ${status}`);
}

function anonMemoryMB(): number {
  const kib = /^RssAnon:\s+(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1];
  return Number(kib) / 1024;
}

/** rusage of this process, and of its children as /proc/self/stat has it: Node does not show RUSAGE_CHILDREN. */
function cpuTimeMs(): number {
  const { userCPUTime, systemCPUTime } = process.resourceUsage();
  const stat = readFileSync('/proc/self/stat', 'utf8');
  // The 16th and 17th field, in ticks of 10 ms; the 3rd is the first after the name.
  const [childUserTicks, childKernelTicks] = stat
    .slice(stat.lastIndexOf(')') + 2)
    .split(' ')
    .slice(13, 15);
  return (userCPUTime + systemCPUTime) / 1000 + (Number(childUserTicks) + Number(childKernelTicks)) * 10;
}

async function main(truthFile: string | undefined): Promise<void> {
  tell('load', '2 s at a third of a core');
  for (let i = 0; i < 10; i++) {
    compute(65);
    await sleep(135);
  }

  tell('compute', `6 s of a whole core, half of it in ${CHILD_COUNT} child processes`);
  compute(3000);
  for (let i = 0; i < CHILD_COUNT; i++) computeInChild(320);

  tell('memory', `5 s with ${PLATEAU_MB} MB more, at next to no CPU`);
  const baseMemoryMB = anonMemoryMB();
  const plateau = new Uint8Array(PLATEAU_MB * MIB).fill(1);
  await sleep(5000);
  // Frees it now, and not when the garbage collector comes by.
  plateau.buffer.transfer(0);

  tell('idle', '2 s');
  await sleep(2000);
  if (truthFile === undefined) return;
  const truth: DemoTruth = { cpuTimeMs: cpuTimeMs(), baseMemoryMB, plateauMemoryMB: PLATEAU_MB };
  writeFileSync(truthFile, JSON.stringify(truth));
}

await main(process.env.DEMO_TRUTH_FILE);
