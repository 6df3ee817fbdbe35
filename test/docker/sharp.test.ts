import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import type { ParsedLine } from '../support/program.ts';
import { lastCpuUsageNs } from './accuracy.ts';
import {
  containerId,
  cpuUsageNs,
  HAS_CGROUP_V1,
  type KernelCounters,
  kernelCounters,
} from './kernel-counters.ts';
import {
  containerLine,
  definitionOf,
  LocalCommand,
  type LocalEnd,
  node,
  remains,
  script,
} from './local-command.ts';

const MIB = 1024 * 1024;
/** As on Fargate. */
const REFRESH = ['--refresh-ms', '10000'];
const SIZE = { cpu: '1024', memory: '2048' };
/** Of looks at /proc, by default. */
const INTERVAL_MS = 1_000;

afterAll(() => {
  expect(remains()).toEqual([]);
});

interface Sharp {
  readonly batch: object;
  readonly sidecar?: object;
  readonly environment?: Readonly<Record<string, string>>;
  /** Containers beside the two. */
  readonly others?: readonly object[];
  readonly isSidecarFirst?: boolean;
}

/** The way in which a test tells a container to go on: a file appears. */
const EXCHANGE = {
  mountPoints: [{ sourceVolume: 'exchange', containerPath: '/exchange', readOnly: true }],
};

/** A task whose containers share a PID namespace, which the pause container holds. */
function definition(
  { batch, sidecar = {}, environment = {}, others = [], isSidecarFirst = false }: Sharp,
  exchange: string,
): string {
  return definitionOf({
    isSidecarFirst,
    others,
    batch: { ...batch, ...EXCHANGE },
    sidecar: {
      environment: Object.entries(environment).map(([name, value]) => ({ name, value })),
      ...sidecar,
    },
    task: { pidMode: 'task', volumes: [{ name: 'exchange', host: { sourcePath: exchange } }], ...SIZE },
  });
}

/** A program of the batch, in JavaScript, with some words for what it does. It begins when the sidecar is up. */
function program(text: string): object {
  return node(`
    const MIB = ${MIB};
    const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
    const usedUs = () => process.cpuUsage().user + process.cpuUsage().system;
    const compute = (ms) => { const end = usedUs() + ms * 1000; while (usedUs() < end); };
    const hold = (mib) => new Uint8Array(mib * MIB).fill(1);
    const free = (block) => block.buffer.transfer(0);
    const isToGo = () => require('node:fs').existsSync('/exchange/go');
    void (async () => {
      while (!isToGo()) await sleep(10);
      ${text};
      process.exit(0);
    })();
  `);
}

interface SharpRun {
  readonly end: LocalEnd;
  /** Of the batch, as are those below. */
  readonly line: ParsedLine;
  /** When the batch said `plateau`, if it does. */
  readonly plateau: KernelCounters | undefined;
  readonly kernelCpuMs: number;
}

interface Cues {
  /** The batch says when it has reached its plateau. */
  readonly hasPlateau?: boolean;
  /** It begins with a refresh of the endpoint, so that the next one is ten seconds away. */
  readonly isAfterRefresh?: boolean;
}

/** The next refresh is as far away as can be. */
const REFRESH_WAIT = { timeout: 40_000, interval: 100 };

/** How old the endpoint's newest sample of the batch is that the sidecar has told of. */
function refreshAgeMs({ transcript }: LocalCommand): number {
  const samples = transcript.split('\n').filter((line) => /"type":"SAMPLE".*"container":"batch"/.test(line));
  const newest = samples.findLast((line) => !line.includes('"sampleSources"'));
  const [, readAt = ''] = /"readAt":"([^"]+)"/.exec(newest ?? '') ?? [];
  return newest === undefined ? Number.POSITIVE_INFINITY : Date.now() - Date.parse(readAt);
}

/** A run beside the kernel's counters of the batch, from outside. */
async function run(sharp: Sharp, { hasPlateau, isAfterRefresh }: Cues = {}): Promise<SharpRun> {
  const exchange = mkdtempSync(join(tmpdir(), 'fargauge-sharp-'));
  chmodSync(exchange, 0o755);
  try {
    await using command = new LocalCommand([...REFRESH, '-'], definition(sharp, exchange));
    await command.wrote(/"type":"START"/);
    const id = containerId(command.taskId, 'batch');
    if (isAfterRefresh) await expect.poll(() => refreshAgeMs(command), REFRESH_WAIT).toBeLessThan(2_000);
    writeFileSync(join(exchange, 'go'), '');
    if (hasPlateau) await command.wrote(/^batch +\| plateau$/);
    const plateau = hasPlateau ? kernelCounters(id) : undefined;
    const kernelCpuNs = await lastCpuUsageNs(id, cpuUsageNs(id));
    const end = await command.ended();
    return { end, line: containerLineOf(end), plateau, kernelCpuMs: kernelCpuNs / 1e6 };
  } finally {
    rmSync(exchange, { recursive: true });
  }
}

/**
 * A run that falls between two polls: the batch is started when the sidecar has asked for the first time, and ends
 * long before it asks again. Returns its line.
 */
async function unseenRun({ batch, environment }: Sharp): Promise<ParsedLine> {
  const exchange = mkdtempSync(join(tmpdir(), 'fargauge-sharp-'));
  chmodSync(exchange, 0o755);
  const gate = {
    ...script('until [ -e /exchange/go ]; do sleep 0.05; done'),
    ...EXCHANGE,
    name: 'gate',
    essential: false,
    dependsOn: [{ containerName: 'fargauge', condition: 'START' }],
  };
  const asked = { FARGAUGE_BATCH: 'batch', FARGAUGE_POLL_INTERVAL_MS: '60000', FARGAUGE_RECORD: 'true' };
  const sharp = {
    batch: { ...batch, dependsOn: [{ containerName: 'gate', condition: 'SUCCESS' }] },
    environment: { ...asked, ...environment },
    others: [gate],
    isSidecarFirst: true,
  };
  try {
    await using command = new LocalCommand([...REFRESH, '-'], definition(sharp, exchange));
    await command.wrote(/"type":"RECORD".*"path":"\/task\/stats"/);
    writeFileSync(join(exchange, 'go'), '');
    return containerLineOf(await command.ended());
  } finally {
    rmSync(exchange, { recursive: true });
  }
}

function containerLineOf(end: LocalEnd): ParsedLine {
  const line = containerLine(end, 'batch');
  if (line === undefined) throw new Error(`no CONTAINER line: ${end.said.join('\n')}`);
  return line;
}

/** That ours is within a share of what the kernel says. */
function expectNear(ours: unknown, kernels: number, share: number): void {
  expect(Number(ours)).toBeGreaterThanOrEqual(kernels * (1 - share));
  expect(Number(ours)).toBeLessThanOrEqual(Math.ceil(kernels * (1 + share)));
}

/** Three seconds of work over a plateau of memory; the endpoint is asked before and after them. */
const SHORT = program(`
  const held = hold(150);
  const end = performance.now() + 2_600;
  console.log('plateau');
  while (performance.now() < end) { compute(40); await sleep(10); }
  await sleep(400);
`);

/** One after the other: what they say of CPU time is about a batch that gets some. */
describe.runIf(HAS_CGROUP_V1)('the CPU time of a task with pidMode task on a Docker Engine', () => {
  it('shows a batch of three seconds as the kernel does, ten times a second', async () => {
    const environment = { FARGAUGE_POLL_INTERVAL_MS: '10000', FARGAUGE_PROC_INTERVAL_MS: '100' };
    const { end, line, plateau, kernelCpuMs } = await run(
      { batch: SHORT, environment },
      { hasPlateau: true },
    );
    expect(end.exitCode, end.said.join('\n')).toBe(0);
    expect(line.status).toBe('success');
    expect(line.sampleSources).toMatch(/proc$/);
    expectNear(line.cpuTimeMs, kernelCpuMs, 0.05);
    expectNear(line.maxAnonMemoryMB, (plateau?.anonBytes ?? 0) / MIB, 0.05);
    expect(line.sampleCount).toBeGreaterThan(10);
    expect(line.unseenTailMs).toBeLessThan(INTERVAL_MS);
  });

  it('lacks less than a second of a run that ends between two refreshes', async () => {
    const busy = program(`
      const end = performance.now() + 15_000;
      while (performance.now() < end) { compute(50); await sleep(5); }
    `);
    const { line, kernelCpuMs } = await run({ batch: busy });
    expect(line.sampleSources).toBe('endpoint,proc');
    expect(kernelCpuMs).toBeGreaterThan(2 * INTERVAL_MS);
    expect(kernelCpuMs - Number(line.cpuTimeMs)).toBeLessThan(INTERVAL_MS);
    // Ours is in whole milliseconds, rounded.
    expect(kernelCpuMs - Number(line.cpuTimeMs)).toBeGreaterThanOrEqual(-1);
  });
});

describe.runIf(HAS_CGROUP_V1).concurrent('a task with pidMode task on a Docker Engine', () => {
  it('says that it saw nothing of the same batch without looking at /proc, and claims nothing', async () => {
    const line = await unseenRun({ batch: SHORT, environment: { FARGAUGE_PROC: 'off' } });
    expect(line).toMatchObject({ status: 'success', exitCode: 0, sampleCount: 0, coveragePercent: 0 });
    expect(line.durationMs).toBeGreaterThan(3_000);
    const claims = Object.keys(line).filter((name) =>
      /cpu(Time|Percent|Util)|memory(Used|Util|Fail)|^(max|avg|p95)/i.test(name),
    );
    expect(claims).toEqual([]);
    expect(line).not.toHaveProperty('sampleSources');
  });

  const spike = program(`
    await sleep(500);
    const block = hold(300);
    await sleep(2_000);
    free(block);
    await sleep(1_000);
  `);
  const isAfterRefresh = true;
  const samples = { FARGAUGE_SAMPLES: 'true' };

  it('shows a spike of two seconds between two refreshes: of anonymous memory in another user’s container', async () => {
    const { line } = await run({ batch: spike, environment: samples }, { isAfterRefresh });
    expect(line.sampleSources).toBe('endpoint,proc');
    expect(line.maxAnonMemoryMB).toBeGreaterThanOrEqual(300);
    expect(line.maxAnonMemoryMB).toBeLessThan(340);
    expect(line.maxMemoryUsedMB).toBeLessThan(100);
  });

  it('shows it as the memory in use where the sidecar and the batch are of one user', async () => {
    const { line } = await run(
      { batch: { ...spike, user: '65532:65532' }, environment: samples },
      { isAfterRefresh },
    );
    expect(line.sampleSources).toBe('endpoint,cgroup');
    expect(line.maxMemoryUsedMB).toBeGreaterThanOrEqual(300);
    expect(line.maxMemoryUsedMB).toBeLessThan(340);
    expect(line.kernelPeakMemoryMB).toBeGreaterThanOrEqual(300);
  });

  it('does not without looking at /proc', async () => {
    const { line } = await run(
      { batch: spike, environment: { ...samples, FARGAUGE_PROC: 'off' } },
      { isAfterRefresh },
    );
    expect(line.maxAnonMemoryMB).toBeLessThan(100);
    expect(line).not.toHaveProperty('sampleSources');
  });

  it('shows a leak to within a tenth of the limit before the kernel ends it', async () => {
    const limitMiB = 256;
    // Not quite five percent of the limit a second.
    const leak = program(`
      const held = [hold(150)];
      for (;;) { await sleep(100); held.push(hold(1.2)); }
    `);
    const { line } = await run({ batch: { ...leak, memory: limitMiB } });
    expect(line).toMatchObject({ status: 'failure', errorType: 'OutOfMemory', exitCode: 137 });
    expect(line.maxAnonMemoryMB).toBeGreaterThanOrEqual(0.9 * limitMiB);
    expect(line.maxAnonMemoryMB).toBeLessThanOrEqual(limitMiB);
    expect(line.unseenTailMs).toBeLessThan(2 * INTERVAL_MS);
  });
});

describe.runIf(HAS_CGROUP_V1).concurrent('what can be read of the batch depends on who reads', () => {
  const work = program(`
    const held = hold(60);
    console.log('plateau');
    for (let slice = 0; slice < 30; slice += 1) { compute(40); await sleep(10); }
    await sleep(1_500);
  `);
  const root = { user: '0:0' };
  const nobody = { user: '65532:65532' };
  const withCapabilities = (capabilities: object) => ({ ...root, linuxParameters: { capabilities } });

  it.each([
    { who: 'the same user: its cgroup', batch: nobody, sidecar: {}, source: 'cgroup' },
    { who: 'another user: its processes', batch: { user: '1000:1000' }, sidecar: {}, source: 'proc' },
    { who: 'not root, of root: its processes', batch: root, sidecar: {}, source: 'proc' },
    {
      who: 'root with the same capabilities: its cgroup',
      batch: root,
      sidecar: withCapabilities({ drop: [] }),
      source: 'cgroup',
    },
    {
      who: 'root without capabilities, of root with them: its processes',
      batch: root,
      sidecar: withCapabilities({ drop: ['ALL'] }),
      source: 'proc',
    },
    {
      who: 'root with SYS_PTRACE alone, of any user: its cgroup',
      batch: { user: '1000:1000' },
      sidecar: withCapabilities({ drop: ['ALL'], add: ['SYS_PTRACE'] }),
      source: 'cgroup',
    },
  ])('$who', async ({ batch, sidecar, source }) => {
    const { end, line, plateau, kernelCpuMs } = await run(
      { batch: { ...work, ...batch }, sidecar },
      { hasPlateau: true },
    );
    expect(end.exitCode, end.said.join('\n')).toBe(0);
    expect(String(line.sampleSources).replace('endpoint,', '')).toBe(source);
    expectNear(line.cpuTimeMs, kernelCpuMs, 0.05);
    expectNear(line.maxAnonMemoryMB, (plateau?.anonBytes ?? 0) / MIB, 0.1);
  });
});
