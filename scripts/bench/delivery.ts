import {
  type CloudWatchServer,
  type LogStreamName,
  startCloudWatchServer,
} from '../../test/support/cloudwatch-server.ts';
import { Program } from '../../test/support/program.ts';
import { type SimulatedTask, startSimulatedTask } from '../../test/support/simulated-task.ts';
import { batchLog, cloudWatchEnvironment, REGION, taskContainers } from './batch-log.ts';
import { type Figure, spread } from './figure.ts';
import { endTooEarly, imageEnvironment } from './sidecar.ts';

/** START waits for up to 10 s, so that sidecars wait for it together; stopped they are one by one. */
const RUNS_AT_ONCE = 50;

interface Run {
  readonly task: SimulatedTask;
  readonly program: Program;
  readonly log: LogStreamName;
}

/** SIGTERM to exit with the REPORT accepted by CloudWatch Logs, which has accepted lines before and is well. */
export async function measureDelivery(runCount: number): Promise<Figure[]> {
  const cloudwatch = await startCloudWatchServer({ region: REGION });
  const elapsedMs: number[] = [];
  try {
    while (elapsedMs.length < runCount) {
      const count = Math.min(RUNS_AT_ONCE, runCount - elapsedMs.length);
      elapsedMs.push(...(await stopTogether(cloudwatch, elapsedMs.length, count)));
    }
  } finally {
    await cloudwatch.close();
  }
  const name = 'SIGTERM to exit, batch stopped, REPORT accepted by CloudWatch Logs';
  return [{ subject: 'stop', name, unit: 'ms', ...spread(elapsedMs), target: { of: 'value', atMost: 150 } }];
}

/** Starts so many sidecars, waits until the line START of each is accepted, and stops one after another. */
async function stopTogether(
  cloudwatch: CloudWatchServer,
  firstNumber: number,
  count: number,
): Promise<number[]> {
  const numbers = Array.from({ length: count }, (_, index) => firstNumber + index);
  const runs = await Promise.all(numbers.map((number) => startRun(cloudwatch, number)));
  try {
    const areUnderWay = cloudwatch.until(() => runs.every(({ log }) => cloudwatch.stored(log).length > 0));
    await Promise.race([areUnderWay, ...runs.map(({ program }) => endTooEarly(program))]);
    const elapsedMs: number[] = [];
    for (const run of runs) elapsedMs.push(await stopMs(run, cloudwatch));
    return elapsedMs;
  } finally {
    for (const { program } of runs) program.process.kill('SIGKILL');
    await Promise.all(runs.map(({ task }) => task.close()));
  }
}

async function startRun(cloudwatch: CloudWatchServer, number: number): Promise<Run> {
  const log = batchLog(number);
  cloudwatch.createLogStream(log);
  const task = await startSimulatedTask({ containers: taskContainers(log) });
  const program = new Program({
    ...task.environment('v4'),
    ...cloudWatchEnvironment(cloudwatch),
    ...imageEnvironment(),
    FARGAUGE_OUTPUT: 'cloudwatch',
  });
  return { task, program, log };
}

async function stopMs({ task, program, log }: Run, cloudwatch: CloudWatchServer): Promise<number> {
  task.exit('batch', 0);
  program.signal();
  const { exitCode, elapsedMs, stderr } = await program.ended;
  const hasReport = cloudwatch.stored(log).some(({ message }) => JSON.parse(message).type === 'REPORT');
  if (exitCode === 0 && hasReport) return elapsedMs;
  throw new Error(
    `a sidecar ended with ${exitCode} and ${hasReport ? 'its' : 'no'} REPORT accepted: ${stderr}`,
  );
}
