import { type Clock, systemClock } from '../clock.ts';
import { ConfigError } from '../config.ts';
import { openProcessEndpoint } from '../local/process-endpoint.ts';
import { ProcessTask } from '../local/process-task.ts';
import { Procfs } from '../proc/procfs.ts';
import { StartError } from './child.ts';
import { type Command, EXIT_USE, type Streams } from './command.ts';
import { OutputError, openLineOutput } from './line-output.ts';
import { parseRunOptions, type RunOptions } from './run-options.ts';
import { sidecarCommand } from './sidecar-program.ts';
import { isInForeground } from './stop-signals.ts';
import { renderSummary } from './summary.ts';
import { TaskRun } from './task-run.ts';

const HELP = `Usage: fargauge run [OPTIONS] -- COMMAND [ARGUMENT…]

Runs a command here as the batch of a one-container task, with the sidecar beside it and a metadata endpoint that
tells the real figures of the command's processes. Needs no Docker and no AWS. The command keeps its stdin, stdout,
stderr and exit code.

Options:
  --name NAME      the batch's name in the lines (default: the command's)
  --job JOB        the job's name in the lines (default: NAME)
  --cpu UNITS      the task's size, a pair that Fargate sells: CPU units (1024 = 1 vCPU) …
  --memory MB      … and memory (default: no size). It limits nothing here: utilization is told against it
  --refresh-ms MS  how often the endpoint renews its stats, 100 to 60000 (default: 1000, as on EC2; Fargate
                   takes 10000)
  --output FILE    where lines go; - is stdout (default: stderr)
  --help           show this text

The FARGAUGE_* variables mean what they mean in a task definition, but lines go to --output unless FARGAUGE_OUTPUT
is set. Ctrl-C ends the command and the sidecar as it would without; a second one kills the command.
`;

export const runCommand: Command = {
  name: 'run',
  summary: 'run a command here as a batch, with the sidecar beside it',
  help: HELP,
  run: (argv, streams) => run(argv, streams),
};

/** What a run works with beside its streams. */
export interface RunSurroundings {
  readonly env: NodeJS.ProcessEnv;
  /** Where signals to this program arrive. */
  readonly signals: Pick<NodeJS.Process, 'on' | 'off'>;
  readonly clock: Clock;
  /** Whether a terminal's signals reach this program, and with it the command, which is in the same process group. */
  isInForeground(): boolean;
  /** The sidecar's program with its arguments. */
  readonly sidecarCommand: readonly string[];
}

/**
 * @returns the command's exit code as a shell tells it: 128 and the number of a signal that ended it, 127 when it is
 * not found, 126 when it cannot be executed; 2 for wrong use and bad configuration, before anything was started.
 */
export async function run(
  argv: readonly string[],
  streams: Streams,
  surroundings: RunSurroundings = {
    env: process.env,
    signals: process,
    clock: systemClock,
    isInForeground,
    sidecarCommand: sidecarCommand(),
  },
): Promise<number> {
  const tell = (message: string): void => void streams.stderr.write(`fargauge run: ${message}\n`);
  const parsed = parseRunOptions(argv);
  if (!parsed.ok) {
    for (const problem of parsed.problems) tell(problem);
    tell('see fargauge run --help');
    return EXIT_USE;
  }
  try {
    return await runTask(parsed.options, streams, surroundings, tell);
  } catch (error) {
    if (error instanceof ConfigError) streams.stderr.write(`${error.message}\n`);
    else if (error instanceof OutputError || error instanceof StartError) tell(error.message);
    else throw error;
    return error instanceof StartError ? error.exitCode : EXIT_USE;
  }
}

async function runTask(
  options: RunOptions,
  streams: Streams,
  surroundings: RunSurroundings,
  tell: (message: string) => void,
): Promise<number> {
  const { env, clock } = surroundings;
  const procfs = new Procfs();
  const task = new ProcessTask({
    family: options.name,
    ...(options.size && { size: options.size }),
    clock,
    systemCpu: () => procfs.systemCpu(),
  });
  const endpoint = await openProcessEndpoint({
    task,
    refreshMs: options.refreshMs,
    clock,
    onRefreshError: (error) => tell(`cannot measure the processes just now: ${error}`),
  });
  try {
    const taskRun = new TaskRun({ ...surroundings, options, procfs, task, endpoint, tell });
    const output = openLineOutput(options.output, streams);
    const exitCode = await taskRun.toEnd(output);
    if (streams.stderr.isTTY) {
      streams.stderr.write(renderSummary(taskRun.endLines, options.name, { colour: !env.NO_COLOR }));
    }
    return exitCode;
  } finally {
    await endpoint.close();
  }
}
