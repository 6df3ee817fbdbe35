import type { ServerResponse } from 'node:http';
import { describe, expect, it } from 'vitest';
import { Program } from '../support/program.ts';
import {
  BATCH,
  DEADLINE_TESTS,
  expectOrderlyEnd,
  linesOf,
  passing,
  SIDECAR,
  withProgram,
} from '../support/program-test.ts';
import type { Fault } from '../support/simulated-task.ts';

const answering =
  (answer: (response: ServerResponse) => void): Fault =>
  (_path, _request, response) => {
    answer(response);
    return true;
  };

/** Sends for as long as the other side listens, never faster than it reads. */
function pour(response: ServerResponse, totalBytes: number): void {
  const chunk = Buffer.alloc(65_536, 0x20);
  let left = totalBytes;
  const more = () => {
    while (left > 0 && !response.destroyed) {
      left -= chunk.length;
      if (!response.write(chunk)) return void response.once('drain', more);
    }
    response.end();
  };
  more();
}

const FAULTS: Readonly<Record<string, { fault: Fault; told: RegExp }>> = {
  'answers 429': {
    fault: answering((r) => r.writeHead(429).end('You have reached maximum request limit.')),
    told: /status 429/,
  },
  'answers 500': { fault: answering((r) => r.writeHead(500).end('{}')), told: /status 500/ },
  hangs: { fault: () => true, told: /no whole answer within/ },
  'answers HTML': {
    fault: answering((r) => r.end('<html><body>Hello</body></html>')),
    told: /not JSON: \\"<html>/,
  },
  'answers nothing': { fault: answering((r) => r.end('')), told: /not JSON: \(empty\)/ },
  'answers null': { fault: answering((r) => r.end('null')), told: /not the expected document/ },
  'answers truncated JSON': { fault: answering((r) => r.end('{"Cluster":"night')), told: /not JSON/ },
  'answers 100 MB': { fault: answering((r) => pour(r, 100 * 1024 * 1024)), told: /more than 2097152 bytes/ },
  'answers a byte a second': {
    fault: answering((r) => {
      const timer = setInterval(() => r.write('{'), 1_000);
      r.on('close', () => clearInterval(timer));
      r.write('{');
    }),
    told: /no whole answer within/,
  },
  'resets the connection': {
    fault: answering((r) => void r.socket?.resetAndDestroy()),
    told: /ECONNRESET|other side closed/,
  },
  'answers garbage of the right shape': {
    fault: answering((r) => r.end('{"Containers":[7,null,{"Name":1}],"a":{"read":3}}')),
    told: /polling/,
  },
};

describe.concurrent('an endpoint that is sick from the beginning', DEADLINE_TESTS, () => {
  for (const [name, { fault, told }] of Object.entries(FAULTS)) {
    it(`${name}: the program polls on, and SIGTERM brings a REPORT that invents nothing`, () =>
      withProgram({ fault }, async (program) => {
        await program.told(told);
        program.signal();
        const ended = await program.ended;
        const report = expectOrderlyEnd(ended);
        expect(report).toMatchObject({ status: 'unknown', sampleCount: 0 });
        expect(report).not.toHaveProperty('maxMemoryUsedMB');
        expect(ended.stderr).toMatch(told);
      }));

    it(`${name}, for a moment in mid-run: the figures of before and after are kept`, () =>
      withProgram({}, async (program, task) => {
        await program.line('START');
        await task.requested(2, '/task/stats');
        task.fault = fault;
        await task.requested(1);
        await passing(1_000);
        task.fault = undefined;
        await task.requested(6);
        task.exit('batch', 0);
        const ended = await program.ended;
        const report = expectOrderlyEnd(ended, 60_000);
        expect(report).toMatchObject({ status: 'success', exitCode: 0 });
        const container = linesOf(ended, 'CONTAINER')[0];
        expect(container?.cpuTimeMs).toBe(
          Math.round((task.served.get('batch')?.at(-1)?.cpuUsageNs ?? 0) / 1e6),
        );
      }));
  }

  it('refuses connections: told once, and the REPORT comes at SIGTERM', async () => {
    const program = new Program({
      ECS_CONTAINER_METADATA_URI_V4: 'http://127.0.0.1:9/v4/x',
      FARGAUGE_OUTPUT: 'stdout',
    });
    await program.told(/ECONNREFUSED/);
    program.signal();
    const ended = await program.ended;
    expect(expectOrderlyEnd(ended)).toMatchObject({ status: 'unknown' });
    expect(ended.stderr.match(/ECONNREFUSED/g)).toHaveLength(1);
  });

  it('after answers 429 the endpoint is asked less and less often', () =>
    withProgram({ fault: FAULTS['answers 429']?.fault, launchType: 'EC2' }, async (program, task) => {
      await task.requested(2, '/task/stats');
      const asked = task.requests.length;
      await passing(1_500);
      expect(task.requests).toHaveLength(asked);
      program.signal();
      expect(expectOrderlyEnd(await program.ended).missedPollCount).toBeGreaterThan(0);
    }));
});

describe.concurrent('answers that do not hang together', DEADLINE_TESTS, () => {
  it('stats of an id that no metadata knows cost nothing', () =>
    withProgram(
      {
        launchType: 'EC2',
        fault: (path, _request, response) => {
          if (path !== '/task/stats') return false;
          response.end(
            '{"ffffffffffffffffffffffffffffffff":{"read":"2026-01-01T00:00:01Z","cpu_stats":{"cpu_usage":{"total_usage":5}}}}',
          );
          return true;
        },
      },
      async (program) => {
        await program.line('START');
        program.signal();
        expect(expectOrderlyEnd(await program.ended)).toMatchObject({ sampleCount: 0, pollErrorCount: 0 });
      },
    ));

  for (const entry of [
    'null',
    '{}',
    '{"read":"0001-01-01T00:00:00Z","cpu_stats":{"cpu_usage":{"total_usage":0}}}',
  ]) {
    it(`stats of ${entry} are no sample: the last one is kept`, () =>
      withProgram({ launchType: 'EC2' }, async (program, task) => {
        await program.line('START');
        await task.requested(3, '/task/stats');
        const served = task.served.get('batch')?.at(-1)?.cpuUsageNs ?? 0;
        task.fault = (path, _request, response) => {
          if (path !== '/task/stats') return false;
          response.end(`{"0123456789abcdef0123456789abcdef-1000000000":${entry}}`);
          return true;
        };
        await task.requested(2, '/task/stats');
        program.signal();
        const ended = await program.ended;
        expectOrderlyEnd(ended);
        const container = linesOf(ended, 'CONTAINER')[0];
        expect(container?.cpuTimeMs).toBe(Math.round(served / 1e6));
      }));
  }

  it('a clock set back an hour leaves durations and percentages as they are', () => {
    let offsetMs = 0;
    return withProgram({ launchType: 'EC2', clockOffsetMs: () => offsetMs }, async (program, task) => {
      const start = await program.line('START');
      await task.requested(3, '/task/stats');
      offsetMs = -3_600_000;
      await task.requested(3, '/task/stats');
      program.signal();
      const ended = await program.ended;
      const report = expectOrderlyEnd(ended);
      expect(report.durationMs).toBeLessThan(
        Date.parse(String(report.time)) - Date.parse(String(start.time)) + 5_000,
      );
      const container = linesOf(ended, 'CONTAINER')[0];
      expect(container?.maxCpuPercent).toBeCloseTo(33.33, 0);
      expect(container?.longestGapMs).toBeLessThan(5_000);
    });
  });

  it('v3 alone is enough for everything but what only v4 tells', () =>
    withProgram(
      { launchType: 'EC2', environment: { ECS_CONTAINER_METADATA_URI_V4: '' } },
      async (program, task) => {
        await program.line('START');
        await task.requested(2, '/task/stats');
        program.signal();
        const report = expectOrderlyEnd(await program.ended);
        expect(report).toMatchObject({ taskId: '0123456789abcdef0123456789abcdef', memorySizeMB: 1024 });
        expect(report).not.toHaveProperty('launchType');
      },
    ));

  it('both versions set: v4 is asked', () =>
    withProgram({ launchType: 'EC2', containers: [BATCH, SIDECAR] }, async (program) => {
      expect(await program.line('START')).toMatchObject({ launchType: 'EC2' });
      program.signal();
      expectOrderlyEnd(await program.ended);
    }));
});
