import { Program } from '../../test/support/program.ts';
import { type SimulatedTask, startSimulatedTask } from '../../test/support/simulated-task.ts';
import { type Figure, spread } from './figure.ts';
import { imageEnvironment } from './sidecar.ts';

type LaunchType = 'EC2' | 'FARGATE';

/** SIGTERM to exit: where the endpoint's word on the batch is final, there is nothing to wait for. */
export async function measureStop(runCount: number): Promise<Figure[]> {
  const target = { of: 'value', atMost: 100 } as const;
  const runningMs = await repeat(runCount, () => stopMs('EC2', () => {}));
  const stoppedMs = await repeat(runCount, () => stopMs('FARGATE', (task) => task.exit('batch', 0)));
  return [
    {
      subject: 'stop',
      name: 'SIGTERM to exit, EC2, batch running',
      unit: 'ms',
      ...spread(runningMs),
      target,
    },
    {
      subject: 'stop',
      name: 'SIGTERM to exit, Fargate, batch stopped',
      unit: 'ms',
      ...spread(stoppedMs),
      target,
    },
  ];
}

async function repeat(runCount: number, run: () => Promise<number>): Promise<number[]> {
  const values: number[] = [];
  while (values.length < runCount) values.push(await run());
  return values;
}

/** One whole run of a sidecar, signalled as soon as it has said START. */
async function stopMs(launchType: LaunchType, beforeSignal: (task: SimulatedTask) => void): Promise<number> {
  const task = await startSimulatedTask({
    containers: [{ name: 'batch' }, { name: 'proxy' }, { name: 'fargauge' }],
    launchType,
  });
  try {
    const program = new Program({ ...task.environment('v4'), ...imageEnvironment() });
    await program.line('START');
    // Just polled, the sidecar polls next in a second: it cannot see the batch's end before the signal.
    beforeSignal(task);
    program.signal();
    const { exitCode, lines, elapsedMs, stderr } = await program.ended;
    const reportCount = lines.filter(({ type }) => type === 'REPORT').length;
    if (exitCode !== 0 || reportCount !== 1) {
      throw new Error(`a sidecar ended with ${exitCode} and ${reportCount} REPORT lines: ${stderr}`);
    }
    return elapsedMs;
  } finally {
    await task.close();
  }
}
