import type { ChildProcess } from 'node:child_process';
import type { Clock } from '../clock.ts';
import { type Config, parseConfig } from '../config.ts';
import { SIDECAR_NAME } from '../deploy/sidecar-container.ts';
import type { ProcessEndpoint } from '../local/process-endpoint.ts';
import type { ProcessTask } from '../local/process-task.ts';
import { ProcessGroup } from '../proc/process-group.ts';
import type { Procfs } from '../proc/procfs.ts';
import { processTree } from '../proc/selection.ts';
import { type Child, endWithUs, inheritable, startChild, stopChild } from './child.ts';
import { copyLines, type LineOutput } from './line-output.ts';
import type { RunOptions } from './run-options.ts';
import { SIDECAR_ENVIRONMENT } from './sidecar-program.ts';
import { listenForStop, type StopSignal } from './stop-signals.ts';
import { isSummarized } from './summary.ts';

export interface TaskRunParts {
  readonly options: RunOptions;
  readonly env: NodeJS.ProcessEnv;
  readonly signals: Pick<NodeJS.Process, 'on' | 'off'>;
  readonly clock: Clock;
  readonly isInForeground: () => boolean;
  readonly sidecarCommand: readonly string[];
  readonly procfs: Procfs;
  readonly task: ProcessTask;
  readonly endpoint: ProcessEndpoint;
  /** Says something to the user. */
  readonly tell: (message: string) => void;
}

/** ECS's default stopTimeout: what the batch gets between SIGTERM and SIGKILL. */
const BATCH_STOP_TIMEOUT_MS = 30_000;

/**
 * A command as the batch of a task, and the sidecar beside it, from start to end in the order of ECS's default: the
 * batch starts first and, when the task is stopped, is stopped last.
 */
export class TaskRun {
  /** What the sidecar wrote of the end of the run. */
  readonly endLines: string[] = [];
  readonly #parts: TaskRunParts;
  readonly #config: Config;
  readonly #batchId: string;
  readonly #sidecarId: string;
  readonly #sidecarEnvironment: NodeJS.ProcessEnv;
  /** The sidecar may end from now on. */
  #isEnding = false;

  /** @throws ConfigError what the sidecar would say of its environment, but before a long batch ran without it. */
  constructor(parts: TaskRunParts) {
    this.#parts = parts;
    this.#batchId = parts.task.newContainerId();
    this.#sidecarId = parts.task.newContainerId();
    this.#sidecarEnvironment = sidecarEnvironment(parts, this.#sidecarId);
    this.#config = parseConfig(this.#sidecarEnvironment);
  }

  /**
   * @returns the command's exit code, or 128 and the number of the signal that ended it.
   * @throws StartError when the command cannot be started; nothing was started then.
   */
  async toEnd(output: LineOutput): Promise<number> {
    const stop = listenForStop(this.#parts.signals);
    try {
      const batch = await this.#startBatch();
      const sidecar = await this.#startSidecar(output);
      stop.onRepeat(() => {
        batch.process.kill('SIGKILL');
        sidecar?.child.process.kill('SIGTERM');
      });
      const reason = await Promise.race([batch.exit, stop.first]);
      await this.#stop(batch, sidecar?.child, reason);
      await sidecar?.isCopied;
      return await batch.exit;
    } finally {
      stop.close();
    }
  }

  async #startBatch(): Promise<Child> {
    const { options, env, endpoint, task, procfs } = this.#parts;
    const { name, command, commandArguments } = options;
    const ownEnvironment = endpoint.environment(this.#batchId);
    const batch = await startChild(command, commandArguments, {
      stdio: ['inherit', inheritable(1), inheritable(2)],
      env: { ...env, ...ownEnvironment },
    });
    this.#tellOfErrors(batch.process, command);
    void batch.exit.then((exitCode) => {
      this.#isEnding = true;
      task.stopContainer(this.#batchId, exitCode);
    });
    // Its own endpoint is in the environment of all of its descendants and of nobody else.
    const marker = `ECS_CONTAINER_METADATA_URI_V4=${ownEnvironment.ECS_CONTAINER_METADATA_URI_V4}`;
    const group = new ProcessGroup(procfs, processTree(procfs, batch.pid, marker));
    task.startContainer({
      id: this.#batchId,
      name,
      image: command,
      isEssential: true,
      read: () => group.look(),
    });
    return batch;
  }

  /** A sidecar that cannot be started keeps no batch from running. */
  async #startSidecar(output: LineOutput): Promise<{ child: Child; isCopied: Promise<void> } | undefined> {
    const { sidecarCommand, task, procfs, tell } = this.#parts;
    const [program = '', ...args] = sidecarCommand;
    let child: Child;
    try {
      // A session of its own: a terminal's Ctrl-C is for the batch, and the sidecar is told of it as ECS tells it.
      child = await startChild(program, args, {
        stdio: ['ignore', 'pipe', inheritable(2)],
        env: this.#sidecarEnvironment,
        detached: true,
      });
    } catch (error) {
      tell(`${(error as Error).message}: the command runs without the sidecar`);
      return undefined;
    }
    this.#tellOfErrors(child.process, 'the sidecar');
    this.#tellOfErrors(endWithUs(child), 'the watch over the sidecar');
    const group = new ProcessGroup(procfs, processTree(procfs, child.pid));
    task.startContainer({
      id: this.#sidecarId,
      name: SIDECAR_NAME,
      image: SIDECAR_NAME,
      isEssential: false,
      read: () => group.look(),
    });
    void child.exit.then((exitCode) => {
      task.stopContainer(this.#sidecarId, exitCode);
      if (exitCode === 0 && this.#isEnding) return;
      tell(
        `the sidecar ended with exit code ${exitCode}; the command is not affected, its REPORT may be missing`,
      );
    });
    return { child, isCopied: this.#copyLines(child, output) };
  }

  async #copyLines({ process: { stdout } }: Child, output: LineOutput): Promise<void> {
    if (stdout === null) throw new Error('the sidecar was started without a pipe');
    await copyLines(stdout, output, {
      onLine: (line) => {
        if (isSummarized(line)) this.endLines.push(line);
      },
      onBroken: (error) =>
        this.#parts.tell(`lines to ${output.name} are lost from here on: ${error.message}`),
    });
  }

  /** @param reason the batch's exit code when it has ended by itself, else the signal that asks for the end. */
  async #stop(batch: Child, sidecar: Child | undefined, reason: number | StopSignal): Promise<void> {
    this.#isEnding = true;
    if (typeof reason === 'string') this.#parts.task.requestStop();
    if (sidecar) await this.#stopSidecar(sidecar);
    if (reason === 'SIGTERM') await stopChild(batch, BATCH_STOP_TIMEOUT_MS, this.#parts.clock);
    // A terminal's signals went to the batch as well: it has only to be waited for. Sent to this program alone, by a
    // supervisor or by kill, they are passed on.
    else if (typeof reason === 'string' && !this.#parts.isInForeground()) batch.process.kill(reason);
    await batch.exit;
  }

  async #stopSidecar(sidecar: Child): Promise<void> {
    const { clock, endpoint, tell } = this.#parts;
    const stopTimeoutMs = this.#config.stopTimeoutSeconds * 1000;
    // A signal before the program listens for it would end it without a REPORT. When it asks, it listens.
    const patience = new AbortController();
    const hasAsked = endpoint.asked(this.#sidecarId);
    await Promise.race([hasAsked, sidecar.exit, clock.sleep(stopTimeoutMs, patience.signal)]);
    patience.abort();
    if (await stopChild(sidecar, stopTimeoutMs, clock)) {
      tell(`the sidecar did not end within ${this.#config.stopTimeoutSeconds} s of SIGTERM and was killed`);
    }
  }

  /** Such as a signal that another user's process does not take from us. */
  #tellOfErrors(program: ChildProcess, name: string): void {
    program.on('error', (error) => this.#parts.tell(`${name}: ${error.message}`));
  }
}

/** What ECS would give the sidecar, with defaults that suit a terminal where the user has set nothing. */
function sidecarEnvironment({ env, endpoint, options }: TaskRunParts, id: string): NodeJS.ProcessEnv {
  const { name, job, output } = options;
  return {
    // stderr is the command's, and may carry the lines as well.
    FARGAUGE_LOG_LEVEL: output === undefined ? 'error' : 'warn',
    FARGAUGE_OUTPUT: 'stdout',
    // The endpoint's figures are of the very processes already.
    FARGAUGE_PROC: 'off',
    ...SIDECAR_ENVIRONMENT,
    ...env,
    FARGAUGE_BATCH: name,
    ...(job !== undefined && { FARGAUGE_JOB: job }),
    ...endpoint.environment(id),
  };
}
