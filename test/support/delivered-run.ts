/** The program beside a simulated task whose containers log by awslogs, and the strict CloudWatch Logs it writes to. */
import { join } from 'node:path';
import { expect } from 'vitest';
import {
  type CloudWatchServer,
  type CloudWatchServerOptions,
  startCloudWatchServer,
} from './cloudwatch-server.ts';
import { type Ended, type ParsedLine, Program } from './program.ts';
import { BATCH, SIDECAR, SIZE } from './program-test.ts';
import {
  type SimulatedContainer,
  type SimulatedTask,
  startSimulatedTask,
  WITHOUT_PROC,
} from './simulated-task.ts';

const REGION = 'us-east-1';
const SMALL_JITTER = join(import.meta.dirname, 'small-jitter.ts');

export const GROUP = '/ecs/nightly';
export const BATCH_STREAM = { logGroupName: GROUP, logStreamName: 'ecs/batch/0123456789abcdef' };
export const HELPER_STREAM = { logGroupName: GROUP, logStreamName: 'ecs/helper/0123456789abcdef' };

function logged(container: SimulatedContainer, logStreamName: string): SimulatedContainer {
  const options = { 'awslogs-group': GROUP, 'awslogs-region': REGION, 'awslogs-stream': logStreamName };
  return { ...container, logConfiguration: { driver: 'awslogs', options } };
}

export interface DeliveredRun {
  readonly server: CloudWatchServer;
  readonly task: SimulatedTask;
  readonly program: Program;
  /** As the server's own, but fails when the program ends before. */
  until(condition: () => boolean): Promise<void>;
}

export interface DeliveredRunOptions {
  readonly launchType?: 'EC2' | 'FARGATE';
  readonly stopTimeoutSeconds?: number;
  readonly environment?: Readonly<Record<string, string>>;
  readonly server?: CloudWatchServerOptions;
  /** Default: those of both containers. */
  readonly streams?: readonly (typeof BATCH_STREAM)[];
}

export async function withDeliveredRun(
  options: DeliveredRunOptions,
  scenario: (run: DeliveredRun) => Promise<void>,
): Promise<void> {
  const { launchType = 'EC2', stopTimeoutSeconds = 5, streams = [BATCH_STREAM, HELPER_STREAM] } = options;
  const server = await startCloudWatchServer({ region: REGION, ...options.server });
  server.createLogGroup(GROUP);
  for (const target of streams) server.createLogStream(target);
  const task = await startSimulatedTask({
    containers: [
      logged(BATCH, BATCH_STREAM.logStreamName),
      logged({ name: 'helper' }, HELPER_STREAM.logStreamName),
      SIDECAR,
    ],
    size: SIZE,
    launchType,
  });
  const program = new Program({
    ...task.environment(),
    ...WITHOUT_PROC,
    NODE_OPTIONS: `--import ${SMALL_JITTER}`,
    AWS_ACCESS_KEY_ID: 'AKID',
    AWS_SECRET_ACCESS_KEY: 'secret',
    AWS_ENDPOINT_URL_CLOUDWATCH_LOGS: server.url,
    FARGAUGE_BATCH: 'batch',
    FARGAUGE_SUMMARY_INTERVAL_SECONDS: '1',
    FARGAUGE_STOP_TIMEOUT_SECONDS: String(stopTimeoutSeconds),
    ...options.environment,
  });
  const early = program.ended.then(({ stderr }) => {
    throw new Error(`the program ended too early: ${stderr}`);
  });
  early.catch(() => {});
  const until = (condition: () => boolean): Promise<void> => Promise.race([server.until(condition), early]);
  try {
    await scenario({ server, task, program, until });
  } finally {
    program.process.kill('SIGKILL');
    await task.close();
    await server.close();
  }
}

/** What became of the lines of a run. */
export interface Outcome {
  readonly report: ParsedLine;
  /** As they were stored, copies included, all streams together. */
  readonly stored: readonly ParsedLine[];
  readonly printed: readonly ParsedLine[];
}

/**
 * When a program must be gone after a signal, ms. It means to be within `stopTimeout` less 2 s (half of it where that
 * is short), or 5 s while the batch runs; half of those 2 s before SIGKILL are left for the machine, which runs
 * several programs at once here.
 */
export function latestExitMs(stopTimeoutSeconds: number, isBatchRunning: boolean): number {
  const reserveMs = stopTimeoutSeconds < 4 ? stopTimeoutSeconds * 500 : 2_000;
  const budgetMs = stopTimeoutSeconds * 1_000 - reserveMs;
  return (isBatchRunning ? Math.min(5_000, budgetMs) : budgetMs) + reserveMs / 2;
}

/**
 * What holds whatever CloudWatch Logs did: exit code 0, nothing refused for its form, the REPORT and every other line
 * stored or printed (or counted as lost), all copies the same to the byte, and each stream in order.
 */
export function expectNothingLost({ server }: DeliveredRun, ended: Ended): Outcome {
  expect(ended.stderr).not.toMatch(/unhandled|internal error|TypeError/i);
  expect({ exitCode: ended.exitCode, signal: ended.signal }).toEqual({ exitCode: 0, signal: null });
  expect(server.refusals).toEqual([]);

  const requests = server.requests.filter(({ stored }) => stored.length > 0);
  const events = requests.flatMap(({ stored }) => stored);
  for (const { timestamp, message } of events)
    expect(new Date(timestamp).toISOString()).toBe(parse(message).time);
  for (const streamName of new Set(requests.map(({ target }) => target.logStreamName))) {
    const ofStream = requests.filter(({ target }) => target.logStreamName === streamName);
    expectFirstCopiesInOrder(ofStream.flatMap(({ stored }) => stored.map(({ message }) => parse(message))));
  }

  const stored = events.map(({ message }) => parse(message));
  expectFirstCopiesInOrder(ended.lines);
  const copies = Map.groupBy([...stored, ...ended.lines], ({ seq }) => seq);
  for (const [seq, [first, ...others]] of copies) {
    for (const other of others)
      expect(JSON.stringify(other), `copy of line ${seq}`).toBe(JSON.stringify(first));
  }
  const reports = [...copies.values()].flatMap(([first]) => (first?.type === 'REPORT' ? [first] : []));
  expect(reports).toHaveLength(1);
  const report = reports[0] as ParsedLine;
  const lostCount = Number(/"lostLineCount":(\d+)/.exec(ended.stderr)?.[1] ?? 0);
  expect(copies.size + lostCount).toBe(report.seq);
  return { report, stored, printed: ended.lines };
}

function parse(message: string): ParsedLine {
  return JSON.parse(message) as ParsedLine;
}

function expectFirstCopiesInOrder(lines: readonly ParsedLine[]): void {
  const seqs = [...new Set(lines.map(({ seq }) => Number(seq)))];
  expect(seqs).toEqual(seqs.toSorted((a, b) => a - b));
}
