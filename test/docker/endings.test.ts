import { afterAll, describe, expect, it } from 'vitest';
import { DEADLINE_TESTS } from '../support/program-test.ts';
import { idleMs } from './accuracy.ts';
import { AWAIT_GO, AWAIT_GO_JS, Exchange } from './exchange.ts';
import { containerId } from './kernel-counters.ts';
import {
  containerLine,
  definitionOf,
  docker,
  LocalCommand,
  type LocalEnd,
  linesOf,
  node,
  remains,
  reportOf,
  runSeen,
  runUnseen,
  script,
} from './local-command.ts';

/** A program that uses this much CPU time, however long that takes, and says how much it was. */
const WORK_MS = 1_000;
const WORK = `node -e '
  const usedMs = () => { const { user, system } = process.cpuUsage(); return (user + system) / 1000; };
  while (usedMs() < ${WORK_MS});
  console.log("used", usedMs());'`;
/** For so long that the last sample has all of the work. */
const idle = (refreshMs: number): string => `sleep ${idleMs(refreshMs) / 1000}`;

/**
 * At least what the batch says of its work, and not half of such a work more: that is for its start, its shell and its
 * end.
 */
function expectCpuTime(end: LocalEnd, workCount = 1): void {
  const used = (end.written.get('batch') ?? []).flatMap((text) => /^used (.+)$/.exec(text)?.[1] ?? []);
  expect(used).toHaveLength(workCount);
  const usedMs = used.reduce((sum, each) => sum + Number(each), 0);
  const cpuTimeMs = Number(containerLine(end, 'batch')?.cpuTimeMs);
  // In whole milliseconds, rounded.
  expect(cpuTimeMs).toBeGreaterThan(usedMs - 1);
  expect(cpuTimeMs).toBeLessThan(usedMs + WORK_MS / 2);
}

/** A batch that ends when it is asked to. */
const FOREVER = node('console.log("up"); setInterval(() => {}, 1000)');

/** Neither the batch nor the sidecar is still being started: both know what to do about a signal. */
async function areUp(command: LocalCommand): Promise<void> {
  await command.wrote(/^batch +\| up$/);
  await command.line('START');
}

afterAll(() => {
  expect(remains()).toEqual([]);
});

/**
 * Polls and samples are to come on time; and of a container that lacked memory, Docker hears that by another way than
 * its end, in either order.
 */
describe.concurrent('the REPORT of a run on a Docker Engine', DEADLINE_TESTS, () => {
  it('of a batch that exits 0 says success, and what it used', async () => {
    const end = await runSeen({ batch: script(`${AWAIT_GO}; ${WORK}; ${idle(1_000)}`) });
    expect(end.exitCode, end.said.join('\n')).toBe(0);
    expect(end.lines.map(({ type }) => type)).toEqual(['START', 'SUMMARY', 'CONTAINER', 'REPORT']);
    const report = reportOf(end);
    expect(report).toMatchObject({
      status: 'success',
      exitCode: 0,
      family: 'nightly',
      job: 'nightly',
      launchType: 'FARGATE',
      taskId: expect.stringMatching(/^[0-9a-f]{32}$/),
      cpuSizeUnits: 512,
      memorySizeMB: 1024,
      billedDurationMs: 60_000,
      pollErrorCount: 0,
      droppedLineCount: 0,
    });
    expect(report).not.toHaveProperty('errorType');
    expect(Date.parse(`${report.finishedAt}`) - Date.parse(`${report.startedAt}`)).toBeCloseTo(
      Number(report.durationMs),
      -1,
    );
    expect(containerLine(end, 'batch')).toMatchObject({ status: 'success', cpuReservationUnits: 448 });
    expectCpuTime(end);
    expect(report.sidecarCpuTimeMs).toBeGreaterThan(0);
    expect(report.networkRxBytes).toBeGreaterThan(0);
  });

  it('of a batch that exits 3 says failure, and the command exits 3', async () => {
    const end = await runSeen({ batch: script(`${AWAIT_GO}; exit 3`) });
    expect(end.exitCode, end.said.join('\n')).toBe(3);
    expect(reportOf(end)).toMatchObject({ status: 'failure', errorType: 'ExitError', exitCode: 3 });
  });

  it('of a batch that is killed for lack of memory says OutOfMemory', async () => {
    const batch = { ...script(`${AWAIT_GO}; exec tail /dev/zero`), memory: 32 };
    const end = await runSeen({ batch });
    expect(end.exitCode, end.said.join('\n')).toBe(137);
    expect(end.said).toContain('batch: the kernel killed a process of it for lack of memory');
    expect(reportOf(end)).toMatchObject({
      status: 'failure',
      errorType: 'OutOfMemory',
      exitCode: 137,
      oomEvidence: expect.stringContaining('exit code 137 without a stop request'),
    });
    expect(containerLine(end, 'batch')).toMatchObject({ errorType: 'OutOfMemory', memorySizeMB: 32 });
  });

  it('of a batch whose child is killed for lack of memory says OutOfMemory, whatever its own exit code', async () => {
    const [limitMiB, nearMiB] = [256, 246];
    const grow = `
      const kept = [];
      const grow = () => kept.push(Buffer.alloc(1024 * 1024, 1));
      const status = () => require("node:fs").readFileSync("/proc/self/status", "utf8");
      while (Number(/RssAnon:\\s+(\\d+)/.exec(status())[1]) < ${nearMiB} * 1024) grow();
      ${AWAIT_GO_JS}
      for (;;) grow();`;
    const batch = { ...script(`node -e '${grow}'; exit 5`), memory: limitMiB };
    using exchange = new Exchange();
    await using command = new LocalCommand(
      ['--env', 'fargauge:FARGAUGE_SAMPLES=true', '-'],
      definitionOf({ batch, exchange }),
    );
    // It goes beyond the limit when a sample has seen it near.
    await command.line(
      'SAMPLE',
      ({ container, memoryUsedMB }) => container === 'batch' && Number(memoryUsedMB) > 0.95 * limitMiB,
    );
    exchange.go();
    const end = await command.ended();
    expect(end.exitCode, end.said.join('\n')).toBe(5);
    expect(end.said).toContain('batch: the kernel killed a process of it for lack of memory');
    expect(reportOf(end)).toMatchObject({ status: 'failure', errorType: 'OutOfMemory', exitCode: 5 });
    expect(reportOf(end).oomEvidence).toMatch(/failcnt rose|last sample at/);
  });

  it('of a batch stopped after the sidecar says stopped, without an exit code', async () => {
    await using command = new LocalCommand(['-'], definitionOf({ batch: FOREVER }));
    await areUp(command);
    command.signal('SIGINT');
    const end = await command.ended();
    expect(end.exitCode, end.said.join('\n')).toBe(130);
    expect(reportOf(end)).toMatchObject({ status: 'stopped' });
    expect(reportOf(end)).not.toHaveProperty('exitCode');
    expect(end.said.slice(-4)).toEqual([
      'fargauge: is asked to stop, and killed after 30 s',
      'fargauge: stopped, exit code 0',
      'batch: is asked to stop, and killed after 30 s',
      'batch: stopped, exit code 143',
    ]);
  });

  it('of a batch stopped before the sidecar says stopped, with its exit code', async () => {
    const definition = definitionOf({ batch: FOREVER, isSidecarFirst: true });
    await using command = new LocalCommand(['-'], definition);
    await areUp(command);
    command.signal('SIGTERM');
    const end = await command.ended();
    expect(end.exitCode, end.said.join('\n')).toBe(143);
    expect(reportOf(end)).toMatchObject({ status: 'stopped', exitCode: 143 });
    expect(end.said.slice(-4)).toEqual([
      'batch: is asked to stop, and killed after 30 s',
      'batch: stopped, exit code 143',
      'fargauge: is asked to stop, and killed after 30 s',
      'fargauge: stopped, exit code 0',
    ]);
  });

  it('of a batch that ignores SIGTERM says Killed after its stopTimeout', async () => {
    const batch = { ...script("trap '' TERM; echo up; while :; do sleep 1; done"), stopTimeout: 3 };
    await using command = new LocalCommand(['-'], definitionOf({ batch, isSidecarFirst: true }));
    await areUp(command);
    command.signal('SIGINT');
    const end = await command.ended();
    expect(end.exitCode, end.said.join('\n')).toBe(130);
    expect(end.elapsedMs).toBeGreaterThan(3_000);
    expect(reportOf(end)).toMatchObject({ status: 'stopped', errorType: 'Killed', exitCode: 137 });
  });

  it('of a batch that no poll saw has its end, and claims no figures', async () => {
    const end = await runUnseen({ batch: script('exit 4') });
    expect(end.exitCode, end.said.join('\n')).toBe(4);
    const report = reportOf(end);
    expect(report).toMatchObject({ status: 'failure', exitCode: 4, sampleCount: 0, coveragePercent: 0 });
    expect(containerLine(end, 'batch')).not.toHaveProperty('cpuTimeMs');
  });

  it('of a batch of a minute has all of it', async () => {
    const end = await runSeen({ batch: script(`${AWAIT_GO}; ${WORK}; sleep 64`) });
    const report = reportOf(end);
    expect(report.status).toBe('success');
    expect(report.durationMs).toBeGreaterThan(64_000);
    expect(report.billedDurationMs).toBeGreaterThan(60_000);
    // A sample a second, or a little less on a busy machine.
    expect(report.sampleIntervalMs).toBeGreaterThan(950);
    expect(report.sampleIntervalMs).toBeLessThan(2_000);
    expect(report.sampleCount).toBeGreaterThan(30);
    expect(report.coveragePercent).toBeGreaterThan(90);
    expectCpuTime(end);
    expect(linesOf(end, 'SUMMARY').map(({ container }) => container)).toEqual(['batch', 'batch']);
  });

  it('of a batch with an init container before it is the batch’s', async () => {
    const init = { name: 'init', essential: false, ...script('exit 0') };
    const dependsOn = [{ containerName: 'init', condition: 'SUCCESS' }];
    const batch = { ...script(`${AWAIT_GO}; exit 6`), dependsOn };
    const end = await runSeen({ others: [init], batch });
    expect(end.exitCode, end.said.join('\n')).toBe(6);
    expect(reportOf(end)).toMatchObject({ status: 'failure', exitCode: 6 });
    expect(containerLine(end, 'init')).toMatchObject({ status: 'success', exitCode: 0 });
    const [initFinishedAt, batchStartedAt] = [
      containerLine(end, 'init')?.finishedAt,
      containerLine(end, 'batch')?.startedAt,
    ].map((time) => Date.parse(`${time}`));
    expect(batchStartedAt).toBeGreaterThan(Number(initFinishedAt));
  });

  it('of a batch that is restarted counts the restart, and the CPU time of both runs', async () => {
    const again = `test -e /ran && { ${WORK}; ${idle(1_000)}; exit 0; }`;
    const first = `touch /ran; ${AWAIT_GO}; ${WORK}; sleep 60; exit 1`;
    const restartPolicy = { enabled: true, restartAttemptPeriod: 60 };
    const end = await runSeen({ batch: { ...script(`${again}; ${first}`), restartPolicy } });
    expect(end.exitCode, end.said.join('\n')).toBe(0);
    expect(end.said).toContain('batch: exit code 1, is restarted');
    expect(reportOf(end)).toMatchObject({ status: 'success', exitCode: 0 });
    const container = containerLine(end, 'batch');
    expect(container).toMatchObject({ restartCount: 1 });
    expectCpuTime(end, 2);
    expect(container?.durationMs).toBeGreaterThan(60_000);
  });

  it('is the same in figures when the stats are renewed every 10 s, as on Fargate', async () => {
    const batch = script(`${AWAIT_GO}; ${WORK}; sleep 20`);
    const end = await runSeen({ batch }, '--refresh-ms', '10000');
    const report = reportOf(end);
    expect(report.status).toBe('success');
    expect(report.sampleIntervalMs).toBeGreaterThan(9_000);
    expect(report.sampleIntervalMs).toBeLessThan(12_000);
    // The first one is of the beginning.
    expect(report.sampleCount).toBeGreaterThanOrEqual(2);
    expect(report.sampleCount).toBeLessThanOrEqual(1 + Number(report.durationMs) / 9_000);
    expectCpuTime(end);
  });

  it('comes from the endpoint v3 too, where there is no v4', async () => {
    const batch = script(`${AWAIT_GO}; exit 3`);
    const end = await runSeen({ batch }, '--env', 'fargauge:ECS_CONTAINER_METADATA_URI_V4=');
    expect(reportOf(end)).toMatchObject({ status: 'failure', exitCode: 3, family: 'nightly' });
    expect(reportOf(end)).not.toHaveProperty('launchType');
  });
});

describe.concurrent('the sidecar on a Docker Engine', () => {
  it('leaves the batch alone when it is killed', async () => {
    using exchange = new Exchange();
    const batch = script(`${AWAIT_GO}; echo done`);
    await using command = new LocalCommand(['-'], definitionOf({ batch, exchange }));
    await command.line('START');
    docker('kill', '--signal', 'KILL', containerId(command.taskId, 'fargauge'));
    await command.wrote(/fargauge: stopped/);
    exchange.go();
    const end = await command.ended();
    expect(end.exitCode, end.said.join('\n')).toBe(0);
    expect(end.written.get('batch')).toEqual(['done']);
    expect(end.said).toContain('fargauge: stopped, exit code 137');
    expect(linesOf(end, 'REPORT')).toEqual([]);
  });

  it('works with a root file system that it cannot write and without any capability', async () => {
    using exchange = new Exchange();
    await using command = new LocalCommand(['-'], definitionOf({ batch: script(AWAIT_GO), exchange }));
    await command.line('START');
    const id = containerId(command.taskId, 'fargauge');
    const format = '{{.HostConfig.ReadonlyRootfs}} {{.HostConfig.CapDrop}} {{.Config.User}}';
    expect(docker('inspect', '--format', format, id)).toEqual(['true [ALL] 65532:65532']);
    exchange.go();
    const end = await command.ended();
    expect(reportOf(end)).toMatchObject({ status: 'success' });
  });
});
