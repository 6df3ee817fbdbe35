import { HELPERS, matches } from '../core/selection.ts';
import { known } from '../core/units.ts';
import { SIDECAR_NAME } from '../deploy/sidecar-container.ts';
import type { Report } from './run-lines.ts';
import type { StoppedContainer, StoppedTask } from './stopped-task.ts';

/** `stopped`: somebody wanted it to end; whether its work was done nobody can tell. */
export type Result = 'success' | 'failure' | 'stopped';

/** How a run ended, for a person. */
export interface RunEnding {
  readonly result: Result;
  /** What it did, after the name of the job: `succeeded`, `failed: OutOfMemory`, `did not start`. */
  readonly headline: string;
  /** Why, in plain words; our own, nothing from outside. Absent where there is nothing to explain. */
  readonly explanation: string | undefined;
}

interface Cause {
  /** In the headline, after "failed: " or "was ". */
  readonly name: string;
  readonly explanation: string;
}

const SPOT_INTERRUPTION: Cause = {
  name: 'Spot interruption',
  explanation: 'AWS took back the Spot capacity that the task ran on, or had none.',
};

/**
 * The words that ECS puts before the text of an error, in `stoppedReason` and in the reason of a container. The first
 * that fits holds.
 * https://docs.aws.amazon.com/AmazonECS/latest/developerguide/stopped-task-error-codes.html
 */
const ERRORS: readonly (readonly [words: RegExp, cause: Cause])[] = [
  [
    /^OutOfMemoryError\b/,
    { name: 'OutOfMemory', explanation: 'A container used more memory than its limit and was killed.' },
  ],
  [
    /^CannotPull\w*/,
    {
      name: 'image not pulled',
      explanation:
        'An image could not be pulled: look at its name and tag, the network and the execution role.',
    },
  ],
  [
    /^ResourceInitializationError\b/,
    {
      name: 'set-up failed',
      explanation: 'ECS could not set up what the task needs: its network, secrets, logs or storage.',
    },
  ],
  [
    /^ResourceNotFoundException\b|^Fetching secret/,
    {
      name: 'resource missing',
      explanation: 'Something that the task definition names could not be fetched.',
    },
  ],
  [
    /^CannotCreateVolumeError\b/,
    { name: 'volume not mounted', explanation: 'A volume could not be created or mounted.' },
  ],
  [
    /^(?:CannotStart|CannotCreate)ContainerError\b|^ContainerRuntimeError\b/,
    {
      name: 'container not started',
      explanation: 'A container could not be started: look at its command, its entry point and its mounts.',
    },
  ],
  [
    /^(?:ContainerRuntime|Docker)TimeoutError\b/,
    { name: 'container runtime time-out', explanation: 'A container did not start or stop in time.' },
  ],
  [
    /^Cannot(?:Stop|Inspect)ContainerError\b/,
    { name: 'container runtime error', explanation: 'ECS lost control of a container.' },
  ],
  [/^SpotInterruptionError\b|^Your Spot Task was interrupted/, SPOT_INTERRUPTION],
  [/^InternalError\b/, { name: 'internal error of ECS', explanation: 'ECS failed, not the task.' }],
];

/**
 * The values of `stopCode`; AWS may add others.
 * https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Task.html
 */
const STOP_CODES: ReadonlyMap<string, Cause> = new Map(
  Object.entries({
    TaskFailedToStart: { name: 'did not start', explanation: 'The task never ran.' },
    EssentialContainerExited: {
      name: 'essential container exited',
      explanation: 'An essential container exited, and so ECS stopped the task.',
    },
    UserInitiated: {
      name: 'stopped by a user',
      explanation: 'A person or a program stopped the task by StopTask.',
    },
    ServiceSchedulerInitiated: {
      name: 'stopped by its service',
      explanation: 'The service that the task belongs to stopped it.',
    },
    SpotInterruption: SPOT_INTERRUPTION,
    // Before it had a code of its own, a Spot interruption came by this one.
    TerminationNotice: {
      name: 'instance terminated',
      explanation: 'The instance that the task ran on was about to be terminated.',
    },
  }),
);

/** Whoever stops a task so wanted it to end. */
const WANTED_STOPS: readonly (string | undefined)[] = ['UserInitiated', 'ServiceSchedulerInitiated'];
/** What ends a run whatever its containers' exit codes say. */
const BROKEN_RUNS: readonly (string | undefined)[] = [
  'TaskFailedToStart',
  'SpotInterruption',
  'TerminationNotice',
];

/**
 * How a run ended. The REPORT has the last word where there is one: only the sidecar knows which container is the
 * batch. Without it a run is a success when nothing else stopped the task and each container that counts exited with
 * 0; a doubt is a failure, because a false alarm is better than silence.
 * @param essential names of the essential containers, where the task definition could be read; all but the sidecar and
 *   the helpers of AWS count where it could not
 */
export function endingOf(
  task: StoppedTask,
  report: Report | undefined,
  essential: ReadonlySet<string> | undefined,
): RunEnding {
  const containers = task.containers.filter(({ name }) => (essential ? essential.has(name) : isOwn(name)));
  const result = resultOf(task, report, containers);
  if (result === 'success') return { result, headline: 'succeeded', explanation: undefined };
  const stop = known(task.stopCode, (stopCode) => STOP_CODES.get(stopCode));
  if (result === 'stopped') return { result, headline: `was ${stop?.name}`, explanation: stop?.explanation };
  const error = errorOf(task, report, containers);
  const told = error ?? (BROKEN_RUNS.includes(task.stopCode) ? stop : undefined);
  return {
    result,
    headline:
      task.stopCode === 'TaskFailedToStart'
        ? ['did not start', error?.name].filter(Boolean).join(': ')
        : `failed: ${told?.name ?? exitOf(report, containers)}`,
    explanation: (error ?? stop)?.explanation,
  };
}

function resultOf(
  { stopCode }: StoppedTask,
  report: Report | undefined,
  containers: readonly StoppedContainer[],
): Result {
  const status = report?.status;
  if (status === 'success' || status === 'failure') return status;
  if (BROKEN_RUNS.includes(stopCode)) return 'failure';
  if (WANTED_STOPS.includes(stopCode)) return 'stopped';
  // The batch was stopped by the end of another container.
  if (status === 'stopped') return 'failure';
  return containers.length > 0 && containers.every(({ exitCode }) => exitCode === 0) ? 'success' : 'failure';
}

/** The error that the sidecar or ECS names. */
function errorOf(
  { stoppedReason }: StoppedTask,
  report: Report | undefined,
  containers: readonly StoppedContainer[],
): Cause | undefined {
  const isOutOfMemory = report?.errorType === 'OutOfMemory';
  const reasons = [isOutOfMemory ? 'OutOfMemoryError' : '', stoppedReason ?? ''];
  reasons.push(...containers.map(({ reason = '' }) => reason));
  return ERRORS.find(([words]) => reasons.some((reason) => words.test(reason)))?.[1];
}

function exitOf(report: Report | undefined, containers: readonly StoppedContainer[]): string {
  const failed = containers.find(({ exitCode }) => exitCode !== 0);
  const exitCode = report?.exitCode ?? failed?.exitCode;
  return exitCode === undefined ? 'no exit code' : `exit code ${exitCode}`;
}

/** Whether the user put the container there as part of the work. */
function isOwn(name: string): boolean {
  return ![SIDECAR_NAME, ...HELPERS].some((pattern) => matches(pattern, name));
}
