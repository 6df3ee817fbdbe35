import { afterAll, describe, expect, it } from 'vitest';
import { containerId } from './kernel-counters.ts';
import {
  containerLine,
  definitionOf,
  docker,
  LocalCommand,
  linesOf,
  node,
  remains,
  reportOf,
  runToEnd,
  script,
} from './local-command.ts';

/** A program that uses this much CPU time, however long that takes, and a second more in which a sample is due. */
const WORK_MS = 600;
const WORK = `node -e "while (process.cpuUsage().user < ${WORK_MS}e3);"; sleep 1.5`;

afterAll(() => {
  expect(remains()).toEqual([]);
});

describe.concurrent('the REPORT of a run on a Docker Engine', () => {
  it('of a batch that exits 0 says success, and what it used', async () => {
    const end = await runToEnd(definitionOf({ batch: script(WORK) }));
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
    expect(containerLine(end, 'batch')?.cpuTimeMs).toBeGreaterThan(WORK_MS);
    expect(report.sidecarCpuTimeMs).toBeGreaterThan(0);
    expect(report.networkRxBytes).toBeGreaterThan(0);
  });

  it('of a batch that exits 3 says failure, and the command exits 3', async () => {
    const end = await runToEnd(definitionOf({ batch: script('sleep 2; exit 3') }));
    expect(end.exitCode, end.said.join('\n')).toBe(3);
    expect(reportOf(end)).toMatchObject({ status: 'failure', errorType: 'ExitError', exitCode: 3 });
  });

  it('of a batch that is killed for lack of memory says OutOfMemory', async () => {
    const batch = { ...script('sleep 2; exec tail /dev/zero'), memory: 32 };
    const end = await runToEnd(definitionOf({ batch }));
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
    // Slowly at the end, so that a sample sees it near the limit.
    const grow = `
      const kept = [];
      const grow = () => kept.push(Buffer.alloc(1024 * 1024, 1));
      for (let mib = 0; mib < 210; mib += 1) grow();
      setInterval(grow, 100);`;
    const batch = { ...script(`node -e '${grow}'; exit 5`), memory: 256 };
    const end = await runToEnd(definitionOf({ batch }));
    expect(end.exitCode, end.said.join('\n')).toBe(5);
    expect(end.said).toContain('batch: the kernel killed a process of it for lack of memory');
    expect(reportOf(end)).toMatchObject({ status: 'failure', errorType: 'OutOfMemory', exitCode: 5 });
    expect(reportOf(end).oomEvidence).toMatch(/failcnt rose|last sample at/);
  });

  it('of a batch stopped after the sidecar says stopped, without an exit code', async () => {
    await using command = new LocalCommand(
      ['-'],
      definitionOf({ batch: node('setInterval(() => {}, 1000)') }),
    );
    await command.wrote(/"type":"START"/);
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
    expect(end.elapsedMs).toBeLessThan(10_000);
  });

  it('of a batch stopped before the sidecar says stopped, with its exit code', async () => {
    const definition = definitionOf({ batch: node('setInterval(() => {}, 1000)'), isSidecarFirst: true });
    await using command = new LocalCommand(['-'], definition);
    await command.wrote(/"type":"START"/);
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
    const batch = { ...script("trap '' TERM; while :; do sleep 1; done"), stopTimeout: 3 };
    await using command = new LocalCommand(['-'], definitionOf({ batch, isSidecarFirst: true }));
    await command.wrote(/"type":"START"/);
    command.signal('SIGINT');
    const end = await command.ended();
    expect(end.exitCode, end.said.join('\n')).toBe(130);
    expect(end.elapsedMs).toBeGreaterThan(3_000);
    expect(reportOf(end)).toMatchObject({ status: 'stopped', errorType: 'Killed', exitCode: 137 });
  });

  it('of a batch of less than a second has its end, and claims no figures', async () => {
    const end = await runToEnd(definitionOf({ batch: script('exit 4'), isSidecarFirst: true }));
    expect(end.exitCode, end.said.join('\n')).toBe(4);
    const report = reportOf(end);
    expect(report).toMatchObject({ status: 'failure', exitCode: 4, sampleCount: 0, coveragePercent: 0 });
    expect(report.durationMs).toBeLessThan(1_000);
    expect(containerLine(end, 'batch')).not.toHaveProperty('cpuTimeMs');
  });

  it('of a batch of a minute has all of it', async () => {
    const end = await runToEnd(definitionOf({ batch: script(`${WORK}; sleep 64`) }));
    const report = reportOf(end);
    expect(report).toMatchObject({ status: 'success', sampleIntervalMs: expect.closeTo(1000, -2) });
    expect(report.durationMs).toBeGreaterThan(64_000);
    expect(report.billedDurationMs).toBeGreaterThan(60_000);
    expect(report.sampleCount).toBeGreaterThan(50);
    expect(report.coveragePercent).toBeGreaterThan(90);
    expect(linesOf(end, 'SUMMARY').map(({ container }) => container)).toEqual(['batch', 'batch']);
  });

  it('of a batch with an init container before it is the batch’s', async () => {
    const init = { name: 'init', essential: false, ...script('sleep 2') };
    const dependsOn = [{ containerName: 'init', condition: 'SUCCESS' }];
    const end = await runToEnd(
      definitionOf({ others: [init], batch: { ...script('sleep 6; exit 6'), dependsOn } }),
    );
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
    const again = `test -e /ran && { ${WORK}; exit 0; }; touch /ran; ${WORK}; sleep 59; exit 1`;
    const restartPolicy = { enabled: true, restartAttemptPeriod: 60 };
    const end = await runToEnd(definitionOf({ batch: { ...script(again), restartPolicy } }));
    expect(end.exitCode, end.said.join('\n')).toBe(0);
    expect(end.said).toContain('batch: exit code 1, is restarted');
    expect(reportOf(end)).toMatchObject({ status: 'success', exitCode: 0 });
    const container = containerLine(end, 'batch');
    expect(container).toMatchObject({ restartCount: 1 });
    expect(container?.cpuTimeMs).toBeGreaterThan(2 * WORK_MS);
    expect(container?.durationMs).toBeGreaterThan(60_000);
  });

  it('is the same in figures when the stats are renewed every 10 s, as on Fargate', async () => {
    const definition = definitionOf({ batch: script(`${WORK}; sleep 20`) });
    const end = await runToEnd(definition, '--refresh-ms', '10000');
    const report = reportOf(end);
    expect(report).toMatchObject({ status: 'success', sampleCount: 3 });
    expect(Math.abs(Number(report.sampleIntervalMs) - 10_000)).toBeLessThan(1_000);
    expect(containerLine(end, 'batch')?.cpuTimeMs).toBeGreaterThan(WORK_MS);
  });

  it('comes from the endpoint v3 too, where there is no v4', async () => {
    const definition = definitionOf({ batch: script('sleep 2; exit 3') });
    const end = await runToEnd(definition, '--env', 'fargauge:ECS_CONTAINER_METADATA_URI_V4=');
    expect(reportOf(end)).toMatchObject({ status: 'failure', exitCode: 3, family: 'nightly' });
    expect(reportOf(end)).not.toHaveProperty('launchType');
  });
});

describe.concurrent('the sidecar on a Docker Engine', () => {
  it('leaves the batch alone when it is killed', async () => {
    await using command = new LocalCommand(['-'], definitionOf({ batch: script('sleep 6; echo done') }));
    await command.wrote(/"type":"START"/);
    docker('kill', '--signal', 'KILL', containerId(command.taskId, 'fargauge'));
    const end = await command.ended();
    expect(end.exitCode, end.said.join('\n')).toBe(0);
    expect(end.written.get('batch')).toEqual(['done']);
    expect(end.said).toContain('fargauge: stopped, exit code 137');
    expect(linesOf(end, 'REPORT')).toEqual([]);
  });

  it('works with a root file system that it cannot write and without any capability', async () => {
    await using command = new LocalCommand(['-'], definitionOf({ batch: script('sleep 3') }));
    await command.wrote(/"type":"START"/);
    const id = containerId(command.taskId, 'fargauge');
    const format = '{{.HostConfig.ReadonlyRootfs}} {{.HostConfig.CapDrop}} {{.Config.User}}';
    expect(docker('inspect', '--format', format, id)).toEqual(['true [ALL] 65532:65532']);
    const end = await command.ended();
    expect(reportOf(end)).toMatchObject({ status: 'success' });
  });
});
