import { describe, expect, it } from 'vitest';
import {
  BATCH,
  DEADLINE_TESTS,
  expectOrderlyEnd,
  linesOf,
  MIB,
  passing,
  SIDECAR,
  withProgram,
} from '../support/program-test.ts';

describe.concurrent('the end of a run', DEADLINE_TESTS, () => {
  it('the batch exits and the sidecar ends by itself, with START, SUMMARY, CONTAINER and one REPORT', () =>
    withProgram({}, async (program, task) => {
      await program.line('START');
      await task.requested(4, '/task/stats');
      task.exit('batch', 0);
      const ended = await program.ended;
      const report = expectOrderlyEnd(ended, 20_000);
      expect(ended.lines.map(({ type }) => type)).toEqual(['START', 'SUMMARY', 'CONTAINER', 'REPORT']);
      expect(report).toMatchObject({
        status: 'success',
        exitCode: 0,
        job: 'nightly-batch',
        cluster: 'nightly',
      });
      expect(report).not.toHaveProperty('errorType');
      const container = linesOf(ended, 'CONTAINER')[0];
      expect(container).toMatchObject({ container: 'batch', status: 'success' });
      expect(container?.cpuTimeMs).toBe(
        Math.round((task.served.get('batch')?.at(-1)?.cpuUsageNs ?? 0) / 1e6),
      );
    }));

  it('a non-zero exit is a failure with its code', () =>
    withProgram({}, async (program, task) => {
      await program.line('START');
      task.exit('batch', 3);
      const report = expectOrderlyEnd(await program.ended, 20_000);
      expect(report).toMatchObject({ status: 'failure', errorType: 'ExitError', exitCode: 3 });
    }));

  it('exit 137 that nobody asked for is OutOfMemory, with its evidence', () =>
    withProgram(
      {
        containers: [{ ...BATCH, load: (ms) => ({ cpuUsageNs: ms * 1e5, memoryBytes: 995 * MIB }) }, SIDECAR],
      },
      async (program, task) => {
        await program.line('START');
        await task.requested(3, '/task/stats');
        task.exit('batch', 137);
        const report = expectOrderlyEnd(await program.ended, 20_000);
        expect(report).toMatchObject({ status: 'failure', errorType: 'OutOfMemory', exitCode: 137 });
        expect(report.oomEvidence).toBe(
          'exit code 137 without a stop request; last sample at 97 % of the limit',
        );
      },
    ));

  it('SIGTERM while the batch runs on EC2 ends at once with status stopped', () =>
    withProgram({ launchType: 'EC2' }, async (program, task) => {
      await program.line('START');
      task.stopRequested = true;
      program.signal();
      const report = expectOrderlyEnd(await program.ended, 1_000);
      expect(report).toMatchObject({ status: 'stopped' });
      expect(report).not.toHaveProperty('exitCode');
    }));

  it('SIGTERM while the batch runs on Fargate waits 2 s for a stop that /task may be late to show, no longer', () =>
    withProgram({ environment: { FARGAUGE_STOP_TIMEOUT_SECONDS: '30' } }, async (program, task) => {
      await program.line('START');
      task.stopRequested = true;
      program.signal();
      const ended = await program.ended;
      expect(expectOrderlyEnd(ended)).toMatchObject({ status: 'stopped' });
      expect(ended.elapsedMs).toBeGreaterThan(1_800);
    }));

  it('SIGTERM on Fargate, and an endpoint that hangs after it has answered: what it said stands', () =>
    withProgram({}, async (program, task) => {
      await program.line('START');
      let answerCount = 0;
      task.stopRequested = true;
      task.fault = (path) => {
        if (path === '/task') answerCount += 1;
        // One of the three may be to a poll from before the signal.
        return answerCount > 3;
      };
      program.signal();
      expect(expectOrderlyEnd(await program.ended)).toMatchObject({ status: 'stopped' });
    }));

  it('SIGTERM 200 ms after the exit, /task a second late to show it, still gives the exit code', () =>
    withProgram({ stopShownAfterMs: 1_000 }, async (program, task) => {
      await program.line('START');
      await task.requested(2, '/task/stats');
      task.exit('batch', 42);
      await passing(200);
      program.signal();
      const report = expectOrderlyEnd(await program.ended);
      expect(report).toMatchObject({ status: 'failure', errorType: 'ExitError', exitCode: 42 });
    }));

  it('a stop that the batch outlives by a moment is `stopped` with its exit code, and Killed where that is 137', () =>
    withProgram({ launchType: 'EC2' }, async (program, task) => {
      await program.line('START');
      task.stopRequested = true;
      await task.requested(2, '/task');
      task.exit('batch', 137);
      const report = expectOrderlyEnd(await program.ended, 20_000);
      expect(report).toMatchObject({ status: 'stopped', errorType: 'Killed', exitCode: 137 });
    }));

  it('SIGTERM before the first poll still asks the endpoint once', () =>
    withProgram({ launchType: 'EC2' }, async (program) => {
      await program.told(/polling/);
      program.signal();
      const ended = await program.ended;
      expect(expectOrderlyEnd(ended)).toMatchObject({
        taskId: '0123456789abcdef0123456789abcdef',
        status: 'stopped',
      });
    }));

  it('SIGTERM while the endpoint hangs ends before the deadline, and claims nothing of the batch', () =>
    withProgram({}, async (program, task) => {
      await program.line('START');
      task.fault = () => true;
      await task.requested();
      program.signal();
      const report = expectOrderlyEnd(await program.ended);
      expect(report).toMatchObject({ status: 'unknown' });
      expect(report.pollErrorCount).toBeGreaterThan(0);
    }));

  it('a second SIGTERM gives up waiting', () =>
    withProgram({ environment: { FARGAUGE_STOP_TIMEOUT_SECONDS: '120' } }, async (program, task) => {
      await program.line('START');
      task.fault = () => true;
      await task.requested();
      program.signal();
      await task.requested();
      program.signal();
      expectOrderlyEnd(await program.ended, 500);
    }));

  it('SIGINT is taken like SIGTERM', () =>
    withProgram({ launchType: 'EC2' }, async (program) => {
      await program.line('START');
      program.signal('SIGINT');
      expectOrderlyEnd(await program.ended, 1_000);
    }));

  it('a stop time-out of 2 s leaves one second, hanging endpoint included', () =>
    withProgram({ environment: { FARGAUGE_STOP_TIMEOUT_SECONDS: '2' } }, async (program, task) => {
      await program.line('START');
      task.fault = () => true;
      await task.requested();
      program.signal();
      expectOrderlyEnd(await program.ended, 1_000);
    }));

  it('the sidecar ends when the batch ended though another container goes on, once ECS stops the task', () =>
    withProgram(
      { containers: [BATCH, { name: 'proxy' }, SIDECAR], environment: { FARGAUGE_BATCH: 'batch' } },
      async (program, task) => {
        await program.line('START');
        task.exit('batch', 0);
        const ended = await program.ended;
        expect(expectOrderlyEnd(ended, 20_000)).toMatchObject({ status: 'success', exitCode: 0 });
        expect(linesOf(ended, 'CONTAINER').map(({ container, status }) => [container, status])).toEqual([
          ['batch', 'success'],
          ['proxy', 'stopped'],
        ]);
      },
    ));

  it('a batch that is not essential ends the run when every observed container has stopped', () =>
    withProgram({}, async (program, task) => {
      await program.line('START');
      task.exit('batch', 0, false);
      expect(expectOrderlyEnd(await program.ended, 20_000)).toMatchObject({ status: 'success' });
    }));
});

describe.concurrent('the beginning of a run', DEADLINE_TESTS, () => {
  it('a batch that starts late gives its START when it starts, and nothing ends before', () =>
    withProgram({ containers: [{ ...BATCH, startsAfterMs: 1e9 }, SIDECAR] }, async (program, task) => {
      await task.requested(3, '/task');
      expect(program.lines).toEqual([]);
      task.start('batch');
      await program.line('START');
      task.exit('batch', 0);
      expect(expectOrderlyEnd(await program.ended, 20_000)).toMatchObject({ status: 'success' });
    }));

  it('a batch that never starts gives a REPORT of unknown status at SIGTERM, and no START', () =>
    withProgram(
      { launchType: 'EC2', containers: [{ ...BATCH, startsAfterMs: 1e9 }, SIDECAR] },
      async (program, task) => {
        await task.requested(2, '/task');
        program.signal();
        const ended = await program.ended;
        expect(expectOrderlyEnd(ended)).toMatchObject({ status: 'unknown', sampleCount: 0 });
        expect(linesOf(ended, 'START')).toEqual([]);
        expect(linesOf(ended, 'CONTAINER')).toEqual([]);
      },
    ));

  it('an init container that ends before the batch starts is not the end of the run', () =>
    withProgram(
      {
        containers: [{ name: 'init' }, { ...BATCH, startsAfterMs: 1e9 }, SIDECAR],
        environment: { FARGAUGE_BATCH: 'batch' },
      },
      async (program, task) => {
        await task.requested(2, '/task');
        task.exit('init', 0, false);
        await task.requested(2, '/task');
        task.start('batch');
        await program.line('START');
        task.exit('batch', 5);
        const ended = await program.ended;
        expect(expectOrderlyEnd(ended, 20_000)).toMatchObject({ status: 'failure', exitCode: 5 });
        expect(linesOf(ended, 'CONTAINER').map(({ container }) => container)).toEqual(['init', 'batch']);
      },
    ));

  it('a batch that ended before the first sample has a REPORT that claims no figures of it', () =>
    withProgram({}, async (program, task) => {
      task.exit('batch', 0);
      const ended = await program.ended;
      const report = expectOrderlyEnd(ended, 20_000);
      expect(report).toMatchObject({ status: 'success', sampleCount: 0, coveragePercent: 0 });
      const container = linesOf(ended, 'CONTAINER')[0];
      for (const name of ['cpuTimeMs', 'maxMemoryUsedMB', 'avgCpuPercent', 'unseenTailMs']) {
        expect(container).not.toHaveProperty(name);
      }
    }));

  it('a container that restarts keeps the CPU time of its earlier run', () =>
    withProgram({}, async (program, task) => {
      await program.line('START');
      await task.requested(3, '/task/stats');
      const before = task.served.get('batch')?.at(-1)?.cpuUsageNs ?? 0;
      task.restart('batch');
      await task.requested(4, '/task/stats');
      const after = task.served.get('batch')?.at(-1)?.cpuUsageNs ?? 0;
      task.exit('batch', 0);
      const ended = await program.ended;
      expectOrderlyEnd(ended, 20_000);
      const container = linesOf(ended, 'CONTAINER')[0];
      expect(container).toMatchObject({ restartCount: 1, cpuTimeMs: Math.round((before + after) / 1e6) });
      expect(container?.maxCpuPercent).toBeCloseTo(33.33, 0);
    }));

  it("of ten containers, AWS helpers among them, the task's own get lines", () =>
    withProgram(
      {
        launchType: 'EC2',
        containers: [
          BATCH,
          ...['app-1', 'app-2', 'app-3', 'noise'].map((name) => ({ name })),
          { name: '~internal~ecs~pause', type: 'CNI_PAUSE' },
          { name: 'aws-guardduty-agent-x1' },
          { name: 'ecs-service-connect-a1b2' },
          { name: 'firelens', type: 'NORMAL' },
          SIDECAR,
        ],
        environment: { FARGAUGE_BATCH: 'batch', FARGAUGE_CONTAINERS: 'batch,app-*,!app-2' },
      },
      async (program, task) => {
        await program.line('START');
        await task.requested(2, '/task/stats');
        program.signal();
        const ended = await program.ended;
        const report = expectOrderlyEnd(ended);
        expect(linesOf(ended, 'CONTAINER').map(({ container }) => container)).toEqual([
          'batch',
          'app-1',
          'app-3',
        ]);
        expect(report.sidecarMaxMemoryUsedMB).toBe(20);
      },
    ));
});
