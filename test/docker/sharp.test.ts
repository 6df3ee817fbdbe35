import { afterAll, describe, expect, it } from 'vitest';
import type { ParsedLine } from '../support/program.ts';
import { DEADLINE_TESTS } from '../support/program-test.ts';
import { lastCpuUsageNs } from './accuracy.ts';
import { AWAIT_GO, AWAIT_GO_JS, Exchange } from './exchange.ts';
import {
  containerId,
  cpuUsageNs,
  HAS_CGROUP_V1,
  type KernelCounters,
  kernelCounters,
} from './kernel-counters.ts';
import {
  containerLine,
  type Definition,
  definitionOf,
  LocalCommand,
  type LocalEnd,
  node,
  remains,
  runUnseen,
  script,
} from './local-command.ts';

const MIB = 1024 * 1024;
/** As on Fargate. */
const REFRESH = ['--refresh-ms', '10000'];
const SIZE = { cpu: '1024', memory: '2048' };
/** Of looks at /proc, by default. */
const INTERVAL_MS = 1_000;
/** From the last look to the end, on a busy machine. */
const TAIL_MS = 3 * INTERVAL_MS;
const TOLERANCE_MS = 100;

/** Looks are to come on time. */
const describeSharp = describe.runIf(HAS_CGROUP_V1);

afterAll(() => {
  expect(remains()).toEqual([]);
});

type Sharp = Omit<Definition, 'task'>;

/** A task whose containers share a PID namespace, which the pause container holds. */
function sharp(definition: Sharp): Definition {
  return { ...definition, task: { pidMode: 'task', ...SIZE } };
}

/** Of the sidecar's environment. */
function env(variables: Readonly<Record<string, string>>): readonly string[] {
  return Object.entries(variables).flatMap(([name, value]) => ['--env', `fargauge:${name}=${value}`]);
}

/** A program of the batch, in JavaScript, with some words for what it does. */
function program(text: string): object {
  return node(`
    const MIB = ${MIB};
    const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
    const usedUs = () => process.cpuUsage().user + process.cpuUsage().system;
    const compute = (ms) => { const end = usedUs() + ms * 1000; while (usedUs() < end); };
    const hold = (mib) => new Uint8Array(mib * MIB).fill(1);
    const free = (block) => block.buffer.transfer(0);
    const awaitGo = () => ${AWAIT_GO_JS};
    const holdStill = () => { console.log('still ' + Date.now()); awaitGo(); };
    void (async () => {
      ${text};
      process.exit(0);
    })();
  `);
}

interface SharpRun {
  readonly end: LocalEnd;
  /** Of the batch, as are those below. */
  readonly line: ParsedLine;
  /** While it held still, if it does. */
  readonly still: KernelCounters | undefined;
  readonly kernelCpuMs: number;
}

interface Cues {
  readonly environment?: Readonly<Record<string, string>>;
  /** The batch holds still once: until a sample has seen it so. */
  readonly holdsStill?: boolean;
  /** It begins with a refresh of the endpoint, so that the next one is ten seconds away. */
  readonly isAfterRefresh?: boolean;
}

/** The next refresh is as far away as can be. */
const REFRESH_WAIT = { timeout: 40_000, interval: 100 };

/** How old the endpoint's newest sample of the batch is that the sidecar has told of. */
function refreshAgeMs({ lines }: LocalCommand): number {
  const newest = lines.findLast(
    ({ type, container, ...more }) =>
      type === 'SAMPLE' && container === 'batch' && !('sampleSources' in more),
  );
  return newest === undefined ? Number.POSITIVE_INFINITY : Date.now() - Date.parse(`${newest.readAt}`);
}

/** Resolves when there is a sample out of /proc of a container that holds still. */
async function seenStill(command: LocalCommand, container: string): Promise<void> {
  const [, stillAtMs] = await command.wrote(new RegExp(`^${container} +\\| still (\\d+)$`));
  await command.line('SAMPLE', (line) => {
    const isOfProc = line.container === container && 'sampleSources' in line;
    return isOfProc && Date.parse(`${line.readAt}`) > Number(stillAtMs);
  });
}

/** A run of a batch that begins when the sidecar is up, beside the kernel's counters of the batch, from outside. */
async function run(definition: Sharp, cues: Cues = {}): Promise<SharpRun> {
  using exchange = new Exchange();
  const options = [...REFRESH, ...env({ FARGAUGE_SAMPLES: 'true', ...cues.environment }), '-'];
  await using command = new LocalCommand(options, definitionOf({ ...sharp(definition), exchange }));
  await command.line('START');
  const id = containerId(command.taskId, 'batch');
  if (cues.isAfterRefresh) await expect.poll(() => refreshAgeMs(command), REFRESH_WAIT).toBeLessThan(3_000);
  exchange.go();
  let still: KernelCounters | undefined;
  if (cues.holdsStill) {
    await seenStill(command, 'batch');
    still = kernelCounters(id);
    exchange.go();
  }
  const kernelCpuNs = await lastCpuUsageNs(id, cpuUsageNs(id));
  const end = await command.ended();
  return { end, line: lineOf(end), still, kernelCpuMs: kernelCpuNs / 1e6 };
}

function lineOf(end: LocalEnd, container = 'batch'): ParsedLine {
  const line = containerLine(end, container);
  if (line === undefined) throw new Error(`no CONTAINER line: ${end.said.join('\n')}`);
  return line;
}

/** That ours is within a share of what the kernel says. */
function expectNear(ours: unknown, kernels: number, share: number): void {
  expect(Number(ours)).toBeGreaterThanOrEqual(kernels * (1 - share));
  expect(Number(ours)).toBeLessThanOrEqual(Math.ceil(kernels * (1 + share)));
}

/** Three seconds of work over a plateau of memory; the endpoint is asked before and after them. */
const SHORT = `
  const held = hold(150);
  const end = performance.now() + 3_000;
  while (performance.now() < end) { compute(40); await sleep(10); }
`;

/** One after the other: what they say of CPU time is about a batch that gets some. */
describeSharp('the CPU time of a task with pidMode task on a Docker Engine', DEADLINE_TESTS, () => {
  it('shows a batch of three seconds as the kernel does, ten times a second', async () => {
    const environment = { FARGAUGE_POLL_INTERVAL_MS: '10000', FARGAUGE_PROC_INTERVAL_MS: '100' };
    const { end, line, still, kernelCpuMs } = await run(
      { batch: program(`awaitGo(); ${SHORT}; holdStill()`) },
      { environment, holdsStill: true },
    );
    expect(end.exitCode, end.said.join('\n')).toBe(0);
    expect(line.status).toBe('success');
    expect(line.sampleSources).toMatch(/proc$/);
    expectNear(line.cpuTimeMs, kernelCpuMs, 0.05);
    expectNear(line.maxAnonMemoryMB, (still?.anonBytes ?? 0) / MIB, 0.05);
    // Looks are rarer where they cost more.
    expect(line.sampleCount).toBeGreaterThan(5);
    expect(line.unseenTailMs).toBeLessThan(TAIL_MS);
  });

  it('lacks less than a second of a run that ends between two refreshes', async () => {
    const busy = program(`
      awaitGo();
      const end = performance.now() + 15_000;
      while (performance.now() < end) { compute(50); await sleep(5); }
    `);
    const { line, kernelCpuMs } = await run({ batch: busy });
    expect(line.sampleSources).toBe('endpoint,proc');
    expect(kernelCpuMs).toBeGreaterThan(2 * INTERVAL_MS);
    // One program of one thread uses no more than all of the time; the rest is a tick, and its end.
    expect(kernelCpuMs - Number(line.cpuTimeMs)).toBeLessThan(Number(line.unseenTailMs) + TOLERANCE_MS);
    expect(line.unseenTailMs).toBeLessThan(TAIL_MS);
    // Ours is in whole milliseconds, rounded.
    expect(kernelCpuMs - Number(line.cpuTimeMs)).toBeGreaterThanOrEqual(-1);
  });
});

describeSharp.concurrent('a task with pidMode task on a Docker Engine', DEADLINE_TESTS, () => {
  it('says that it saw nothing of the same batch without looking at /proc, and claims nothing', async () => {
    const definition = sharp({ batch: program(SHORT) });
    const line = lineOf(await runUnseen(definition, ...REFRESH, ...env({ FARGAUGE_PROC: 'off' })));
    expect(line).toMatchObject({ status: 'success', exitCode: 0, sampleCount: 0, coveragePercent: 0 });
    expect(line.durationMs).toBeGreaterThan(3_000);
    const claims = Object.keys(line).filter((name) =>
      /cpu(Time|Percent|Util)|memory(Used|Util|Fail)|^(max|avg|p95)/i.test(name),
    );
    expect(claims).toEqual([]);
    expect(line).not.toHaveProperty('sampleSources');
  });

  /** It lasts until the sidecar has seen it, or for two seconds; either is over long before the next refresh. */
  const spike = (wait: string) =>
    program(`
      awaitGo();
      const block = hold(300);
      ${wait};
      free(block);
    `);
  const isAfterRefresh = true;
  const seen = { batch: spike('holdStill()') };
  const untilSeen = { isAfterRefresh, holdsStill: true };

  it('shows a spike between two refreshes: of anonymous memory in another user’s container', async () => {
    const { line } = await run(seen, untilSeen);
    expect(line.sampleSources).toBe('endpoint,proc');
    expect(line.maxAnonMemoryMB).toBeGreaterThanOrEqual(300);
    expect(line.maxAnonMemoryMB).toBeLessThan(340);
    expect(line.maxMemoryUsedMB).toBeLessThan(100);
  });

  it('shows it as the memory in use where the sidecar and the batch are of one user', async () => {
    const { line } = await run({ batch: { ...seen.batch, user: '65532:65532' } }, untilSeen);
    expect(line.sampleSources).toBe('endpoint,cgroup');
    expect(line.maxMemoryUsedMB).toBeGreaterThanOrEqual(300);
    expect(line.maxMemoryUsedMB).toBeLessThan(340);
    expect(line.kernelPeakMemoryMB).toBeGreaterThanOrEqual(300);
  });

  it('does not without looking at /proc', async () => {
    const batch = spike('await sleep(2_000)');
    const { line } = await run({ batch }, { isAfterRefresh, environment: { FARGAUGE_PROC: 'off' } });
    expect(line.maxAnonMemoryMB).toBeLessThan(100);
    expect(line).not.toHaveProperty('sampleSources');
  });

  it('shows a leak to within a tenth of the limit before the kernel ends it', async () => {
    const limitMiB = 256;
    // Not quite three percent of the limit a second: the last tenth takes longer than three looks.
    const leak = program(`
      awaitGo();
      const held = [hold(150)];
      for (;;) { await sleep(150); held.push(hold(1)); }
    `);
    const { line } = await run({ batch: { ...leak, memory: limitMiB } });
    expect(line).toMatchObject({ status: 'failure', errorType: 'OutOfMemory', exitCode: 137 });
    expect(line.maxAnonMemoryMB).toBeGreaterThanOrEqual(0.9 * limitMiB);
    expect(line.maxAnonMemoryMB).toBeLessThanOrEqual(limitMiB);
    expect(line.unseenTailMs).toBeLessThan(TAIL_MS);
  });

  it('shows each of three containers by its own processes, an init container among them', async () => {
    const dependsOn = (containerName: string, condition: string) => ({
      dependsOn: [{ containerName, condition }],
    });
    const holding = (mib: number) => program(`const held = hold(${mib}); holdStill()`);
    const init = {
      name: 'init',
      essential: false,
      ...program('awaitGo()'),
      ...dependsOn('fargauge', 'START'),
    };
    const worker = { name: 'worker', ...holding(80), ...dependsOn('init', 'SUCCESS') };
    const batch = { ...holding(120), ...dependsOn('init', 'SUCCESS') };
    using exchange = new Exchange();
    const options = [...REFRESH, ...env({ FARGAUGE_SAMPLES: 'true', FARGAUGE_BATCH: 'batch' }), '-'];
    const definition = { ...sharp({ batch, others: [init, worker] }), isSidecarFirst: true, exchange };
    await using command = new LocalCommand(options, definitionOf(definition));
    // Before the batch is there the sidecar writes no lines, but what it sees is in its own log.
    await command.wrote(/"sources":\{[^}]*"init":"proc".*"samples out of \/proc"/);
    exchange.go();
    await Promise.all([seenStill(command, 'worker'), seenStill(command, 'batch')]);
    exchange.go();
    exchange.go();
    const end = await command.ended();
    for (const [container, mib] of [
      ['init', 0],
      ['worker', 80],
      ['batch', 120],
    ] as const) {
      const line = lineOf(end, container);
      expect(line, container).toMatchObject({ sampleSources: expect.stringMatching(/proc$/) });
      expect(line.maxAnonMemoryMB, container).toBeGreaterThan(mib);
      expect(line.maxAnonMemoryMB, container).toBeLessThan(mib + 40);
    }
  });

  it('leaves no zombies of orphans', async () => {
    const orphans = 'for orphan in 1 2 3 4 5 6; do (tail -f /dev/null &); done';
    const until = (count: number) =>
      `until [ $(grep -s '(tail)' /proc/[0-9]*/stat | wc -l) = ${count} ]; do sleep 0.1; done`;
    const batch = script(`${AWAIT_GO}; ${orphans}; ${until(6)}; killall tail; ${until(0)}; echo all gone`);
    const { end } = await run({ batch });
    expect(end.exitCode, end.said.join('\n')).toBe(0);
    expect(end.written.get('batch')).toEqual(['all gone']);
  });
});

describeSharp.concurrent('what can be read of the batch depends on who reads', DEADLINE_TESTS, () => {
  const work = program(`
    awaitGo();
    const held = hold(60);
    for (let slice = 0; slice < 30; slice += 1) { compute(40); await sleep(10); }
    holdStill();
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
    const { end, line, still, kernelCpuMs } = await run(
      { batch: { ...work, ...batch }, sidecar },
      { holdsStill: true },
    );
    expect(end.exitCode, end.said.join('\n')).toBe(0);
    expect(String(line.sampleSources).replace('endpoint,', '')).toBe(source);
    expectNear(line.cpuTimeMs, kernelCpuMs, 0.05);
    expectNear(line.maxAnonMemoryMB, (still?.anonBytes ?? 0) / MIB, 0.1);
  });
});
