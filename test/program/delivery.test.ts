import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it } from 'vitest';
import { FAULTS } from '../support/cloudwatch-server.ts';
import {
  BATCH_STREAM,
  expectNothingLost,
  GROUP,
  HELPER_STREAM,
  latestExitMs,
  withDeliveredRun,
} from '../support/delivered-run.ts';
import { permitsOf } from '../support/iam-policy.ts';
import { DEADLINE_TESTS } from '../support/program-test.ts';

/** A request that is not answered in time is made again, and what there is no time for is printed. */
describe.concurrent('a run whose containers log by awslogs', DEADLINE_TESTS, () => {
  it('leaves each container’s lines in its own stream and START and REPORT in the batch’s, nothing on stdout', () =>
    withDeliveredRun({}, async (run) => {
      // Its first line is the SUMMARY of the first window; the batch's is written with it.
      await run.until(() => run.server.stored(HELPER_STREAM).length > 0);
      run.task.exit('batch', 0);
      const ended = await run.program.ended;
      const { stored, printed, report } = expectNothingLost(run, ended);
      expect(printed).toEqual([]);
      expect(report).toMatchObject({ status: 'success', exitCode: 0 });
      expect(new Set(stored.map(({ seq }) => seq)).size).toBe(stored.length);
      const ofHelper = run.server.stored(HELPER_STREAM).map(({ message }) => JSON.parse(message));
      expect(ofHelper.length).toBeGreaterThan(0);
      expect(ofHelper.every(({ container }) => container === 'helper')).toBe(true);
      const ofBatch = run.server.stored(BATCH_STREAM).map(({ message }) => JSON.parse(message));
      expect(ofBatch.map(({ type }) => type)).toEqual(
        expect.arrayContaining(['START', 'SUMMARY', 'CONTAINER', 'REPORT']),
      );
      expect(ofBatch.every(({ container }) => container !== 'helper')).toBe(true);
    }));

  it('makes streams that do not exist yet', () =>
    withDeliveredRun({ streams: [] }, async (run) => {
      await run.until(() => run.server.stored(BATCH_STREAM).length > 0);
      run.program.signal();
      const { printed } = expectNothingLost(run, await run.program.ended);
      expect(printed).toEqual([]);
    }));

  it('goes on with the batch’s stream where a container’s is not allowed', () =>
    withDeliveredRun(
      { server: { permits: (_, arn) => !arn.includes(HELPER_STREAM.logStreamName) } },
      async (run) => {
        await run.until(() => run.server.stored(BATCH_STREAM).length > 0);
        run.task.exit('batch', 0);
        const { exitCode, lines, stderr } = await run.program.ended;
        expect({ exitCode, lines }).toEqual({ exitCode: 0, lines: [] });
        const stored = run.server.stored(BATCH_STREAM).map(({ message }) => JSON.parse(message));
        expect(stored.filter(({ type }) => type === 'CONTAINER').map(({ container }) => container)).toEqual(
          expect.arrayContaining(['batch', 'helper']),
        );
        expect(stderr).toContain('its lines go to the batch');
      },
    ));

  it('is delivered with keys of the container credentials endpoint', async () => {
    const endpoint = http.createServer((request, response) => {
      const Expiration = new Date(Date.now() + 3_600_000).toISOString();
      const keys = {
        AccessKeyId: `AKID-${request.headers.authorization}`,
        SecretAccessKey: 's',
        Token: 't',
        Expiration,
      };
      response.end(JSON.stringify(keys));
    });
    await new Promise<void>((resolve) => endpoint.listen(0, '127.0.0.1', resolve));
    const { port } = endpoint.address() as AddressInfo;
    const environment = {
      AWS_ACCESS_KEY_ID: '',
      AWS_CONTAINER_CREDENTIALS_FULL_URI: `http://127.0.0.1:${port}/v2/credentials/id`,
      AWS_CONTAINER_AUTHORIZATION_TOKEN: 'token',
    };
    await withDeliveredRun({ environment }, async (run) => {
      await run.until(() => run.server.stored(BATCH_STREAM).length > 0);
      run.program.signal();
      const { printed } = expectNothingLost(run, await run.program.ended);
      expect(printed).toEqual([]);
      expect(run.server.requests[0]?.accessKeyId).toBe('AKID-token');
    });
    endpoint.close();
    endpoint.closeAllConnections();
  });
});

describe.concurrent('a CloudWatch Logs that does not take the lines', DEADLINE_TESTS, () => {
  it('refuses: told at START with the policy that is missing, once, and all lines go to stdout', () => {
    const resource = `arn:aws:logs:us-east-1:123456789012:log-group:${GROUP}:*`;
    const readOnly = { Effect: 'Allow', Action: ['logs:GetLogEvents'], Resource: resource };
    return withDeliveredRun({ server: { permits: permitsOf({ Statement: [readOnly] }) } }, async (run) => {
      await run.program.line('START');
      expect(run.program.stderr.match(/The task role needs/g)).toHaveLength(1);
      expect(run.program.stderr).toContain(resource);
      const requestCount = run.server.requests.length;
      run.program.signal();
      const { exitCode, lines, stderr } = await run.program.ended;
      expect(exitCode).toBe(0);
      expect(lines.map(({ seq }) => seq)).toEqual(lines.map((_, index) => index + 1));
      expect(lines.at(-1)?.type).toBe('REPORT');
      expect(run.server.requests).toHaveLength(requestCount);
      expect(stderr.match(/The task role needs/g)).toHaveLength(1);
    });
  });

  it('hangs for ever: exit before 3 s of a stop time-out of 5, every line on stdout, exit code 0', () =>
    withDeliveredRun({ stopTimeoutSeconds: 5 }, async (run) => {
      run.server.injectAlways(FAULTS.hang);
      await run.until(() => run.server.hangingCount > 0);
      run.program.signal();
      const ended = await run.program.ended;
      const { stored, printed } = expectNothingLost(run, ended);
      expect(stored).toEqual([]);
      expect(printed.at(-1)?.type).toBe('REPORT');
      expect(ended.elapsedMs).toBeLessThan(3_000);
    }));

  it('is not there at all: the same', () =>
    withDeliveredRun({}, async (run) => {
      await run.server.refuse();
      await run.task.requested(3, '/task/stats');
      run.program.signal();
      const ended = await run.program.ended;
      const { printed } = expectNothingLost(run, ended);
      expect(printed.at(-1)?.type).toBe('REPORT');
      expect(ended.elapsedMs).toBeLessThan(latestExitMs(5, true));
    }));

  it('cuts the answer short: the lines are there twice, the same to the byte', () =>
    withDeliveredRun({}, async (run) => {
      // Each stream's next request but for the last is half a minute away.
      await run.until(() =>
        [BATCH_STREAM, HELPER_STREAM].every((target) => run.server.stored(target).length > 0),
      );
      run.server.inject([FAULTS.resetAfterAccepting]);
      run.program.signal();
      const { stored, report } = expectNothingLost(run, await run.program.ended);
      expect(stored.filter(({ seq }) => seq === report.seq)).toHaveLength(2);
    }));

  it('does not know the time: what it calls too old is printed', () =>
    withDeliveredRun({}, async (run) => {
      await run.until(() => run.server.stored(BATCH_STREAM).length > 0);
      run.server.injectAlways(FAULTS.tooOld);
      run.program.signal();
      const { printed } = expectNothingLost(run, await run.program.ended);
      expect(printed.at(-1)?.type).toBe('REPORT');
    }));

  it('hangs, and a second SIGTERM comes: the lines are printed at once', () =>
    withDeliveredRun({ stopTimeoutSeconds: 30 }, async (run) => {
      run.server.injectAlways(FAULTS.hang);
      await run.until(() => run.server.hangingCount > 0);
      run.task.exit('batch', 0);
      run.program.signal();
      const seen = run.server.requests.length;
      await run.until(() => run.server.requests.length > seen);
      run.program.signal();
      const ended = await run.program.ended;
      const { printed } = expectNothingLost(run, ended);
      expect(printed.at(-1)?.type).toBe('REPORT');
      expect(ended.elapsedMs).toBeLessThan(1_000);
    }));
});
