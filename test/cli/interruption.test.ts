import { type ChildProcess, spawn } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { listenForInterruption } from '../../src/cli/interruption.ts';
import { systemClock } from '../../src/clock.ts';
import { InsightsQueries } from '../../src/reading/insights-queries.ts';
import { createReadingClient, untilAborted } from '../../src/reading/log-groups.ts';
import { type BulkServer, startBulkServer } from '../support/bulk-server.ts';
import { type CloudWatchServer, FAULTS, startCloudWatchServer } from '../support/cloudwatch-server.ts';
import { eventually } from '../support/eventually.ts';

const CLI = join(import.meta.dirname, '../../src/cli/cli.ts');
const REGION = 'us-east-1';
const CREDENTIALS = { AWS_ACCESS_KEY_ID: 'AKIAEXAMPLE', AWS_SECRET_ACCESS_KEY: 'secret' };

const children: ChildProcess[] = [];
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
});

/** The program, with a stdin that stays open. */
function program(argv: readonly string[], env: Readonly<Record<string, string>> = {}): ChildProcess {
  const child = spawn(process.execPath, [CLI, ...argv], { env: { ...process.env, ...env }, stdio: 'pipe' });
  children.push(child);
  return child;
}

it('a second signal ends the program at once', async () => {
  const exit = vi.spyOn(process, 'exit').mockReturnValue(undefined as never);
  const signals = new EventEmitter();
  const interruption = listenForInterruption(signals as unknown as NodeJS.Process);
  signals.emit('SIGINT');
  await eventually(() => expect(interruption.signal.aborted).toBe(true));
  expect(exit).not.toHaveBeenCalled();
  signals.emit('SIGTERM');
  expect(exit.mock.calls).toEqual([[130]]);
  interruption.close();
  expect(signals.eventNames()).toEqual([]);
  exit.mockRestore();
});

it('the pause before the next try is not waited for', async () => {
  const stopping = new AbortController();
  const waited = untilAborted(new Promise(() => {}), stopping.signal);
  stopping.abort();
  await expect(waited).rejects.toBe(stopping.signal.reason);
  await expect(untilAborted(new Promise(() => {}), stopping.signal)).rejects.toBe(stopping.signal.reason);
});

describe('fargauge report of a log group ends', () => {
  let server: CloudWatchServer;
  beforeEach(async () => {
    server = await startCloudWatchServer({ region: REGION });
    server.createLogGroup('/ecs/jobs');
  });
  afterEach(() => server.close());

  const report = () =>
    program(['report', '--log-group', '/ecs/jobs', '--region', REGION], {
      ...CREDENTIALS,
      AWS_ENDPOINT_URL_CLOUDWATCH_LOGS: server.url,
    });
  const isAsked = (action: string) => () => server.requests.some((request) => request.action === action);

  it('while StartQuery hangs, with the second signal', async () => {
    server.injectAlways(FAULTS.hang, 'StartQuery');
    const child = report();
    await server.until(isAsked('StartQuery'));
    child.kill('SIGTERM');
    child.kill('SIGINT');
    expect(await once(child, 'exit')).toEqual([130, null]);
  });

  describe('with the first signal, when StartQuery', () => {
    const queriesUntil = (signal: AbortSignal, startGraceMs: number) => {
      for (const [name, value] of Object.entries(CREDENTIALS)) vi.stubEnv(name, value);
      vi.stubEnv('AWS_ENDPOINT_URL_CLOUDWATCH_LOGS', server.url);
      const client = createReadingClient(REGION);
      const names = { logGroupNames: ['/ecs/jobs'], region: REGION };
      return new InsightsQueries({ ...names, client, clock: systemClock, signal, startGraceMs });
    };
    afterEach(() => vi.unstubAllEnvs());

    it.each(['hang', 'throttled'] as const)('never answers but with %s: a while later', async (fault) => {
      server.injectAlways(FAULTS[fault], 'StartQuery');
      const stopping = new AbortController();
      const rows = queriesUntil(stopping.signal, 20).rows('fields @message', { fromMs: 0, toMs: 1_000 });
      await server.until(isAsked('StartQuery'));
      stopping.abort();
      await expect(rows).rejects.toBe(stopping.signal.reason);
    });

    it('answers late: the query is stopped', async () => {
      server.inject([{ kind: 'slow', delayMs: 100 }], 'StartQuery');
      server.queries.course = { statuses: ['Running'] };
      const stopping = new AbortController();
      const rows = queriesUntil(stopping.signal, 60_000).rows('fields @message', { fromMs: 0, toMs: 1_000 });
      await server.until(isAsked('StartQuery'));
      stopping.abort();
      await expect(rows).rejects.toBe(stopping.signal.reason);
      expect(server.queries.started.map(({ isStopped }) => isStopped)).toEqual([true]);
    });
  });
});

describe('fargauge index ends at Ctrl-C', () => {
  let engine: BulkServer;
  beforeEach(async () => {
    engine = await startBulkServer();
  });
  afterEach(() => engine.close());

  it('while it waits for what is written into its stdin', async () => {
    const child = program(['index', '--opensearch', engine.url, '-']);
    await eventually(() => expect(engine.requests.length).toBe(1));
    child.kill('SIGINT');
    expect(await once(child, 'exit')).toEqual([130, null]);
  });

  it('while it waits for what the engine says of the index template', async () => {
    const silent = http.createServer(() => {}).listen(0, '127.0.0.1');
    const asked = once(silent, 'request');
    await once(silent, 'listening');
    const { port } = silent.address() as AddressInfo;
    const child = program(['index', '--opensearch', `http://127.0.0.1:${port}`, CLI]);
    await asked;
    child.kill('SIGINT');
    expect(await once(child, 'exit')).toEqual([130, null]);
    silent.closeAllConnections();
    silent.close();
  });
});
