import { describe, expect, it } from 'vitest';
import { BATCH_STREAM, expectNothingLost, withDeliveredRun } from '../support/delivered-run.ts';
import { DEADLINE_TESTS, expectOrderlyEnd, linesOf, withProgram } from '../support/program-test.ts';

if (process.env.SIDECAR_NODE === undefined)
  throw new Error('SIDECAR_NODE is not set: run these tests with npm run test:arm64');

describe.concurrent('the sidecar on an arm64 processor', DEADLINE_TESTS, () => {
  it('sees a run from its start to its end, and says what it ran on', () =>
    withProgram({}, async (program, task) => {
      await program.line('START');
      await task.requested(4, '/task/stats');
      task.exit('batch', 3);
      const ended = await program.ended;
      const report = expectOrderlyEnd(ended, 60_000);
      expect(report).toMatchObject({ cpuArchitecture: 'ARM64', status: 'failure', exitCode: 3 });
      expect(linesOf(ended, 'CONTAINER')[0]?.cpuTimeMs).toBe(
        Math.round((task.served.get('batch')?.at(-1)?.cpuUsageNs ?? 0) / 1e6),
      );
    }));

  it('ends at SIGTERM with its REPORT', () =>
    withProgram({ environment: { FARGAUGE_STOP_TIMEOUT_SECONDS: '30' } }, async (program) => {
      await program.line('START');
      program.signal();
      expect(expectOrderlyEnd(await program.ended, 28_000)).toMatchObject({ status: 'stopped' });
    }));

  it('delivers its lines to CloudWatch Logs', () =>
    withDeliveredRun({ stopTimeoutSeconds: 30 }, async (run) => {
      await run.until(() => run.server.stored(BATCH_STREAM).length > 0);
      run.task.exit('batch', 0);
      const { printed, report } = expectNothingLost(run, await run.program.ended);
      expect(printed).toEqual([]);
      expect(report).toMatchObject({ cpuArchitecture: 'ARM64', status: 'success' });
    }));
});
