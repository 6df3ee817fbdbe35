import { BATCH_VARIABLE, SIDECAR_NAME } from '../deploy/sidecar-container.ts';
import type { StoppedTask } from './stopped-task.ts';

/** A log stream of CloudWatch Logs. */
export interface LogLocation {
  readonly region: string;
  readonly logGroupName: string;
  readonly logStreamName: string;
}

/** A region is a part of addresses, of the console's and of AWS's own: nothing else may stand in one. */
export const REGION = /^[a-z0-9-]{1,32}$/;

/** What the notifier needs of a task definition. */
export interface TaskDefinition {
  readonly containers: readonly DefinedContainer[];
}

export interface DefinedContainer {
  readonly name: string;
  readonly isEssential: boolean;
  readonly environment: ReadonlyMap<string, string>;
  /** Of the awslogs driver; absent where another one is used. */
  readonly awslogs: Awslogs | undefined;
}

export interface Awslogs {
  readonly region: string;
  readonly logGroupName: string;
  /** Optional on EC2, where Docker's id of the container then names the stream. */
  readonly streamPrefix: string | undefined;
}

/** Where a task's lines may stand. */
export interface TaskLogs {
  /** Whether the sidecar is among the containers: else no REPORT can come. */
  readonly hasSidecar: boolean;
  /** The batch's own log. */
  readonly batch: LogLocation | undefined;
  /** Where the REPORT may stand, the likeliest first, no two the same. */
  readonly report: readonly LogLocation[];
}

export function logsOf(task: StoppedTask, { containers }: TaskDefinition): TaskLogs {
  const sidecar = containers.find(isSidecar);
  const others = containers.filter((container) => container !== sidecar);
  const batch =
    others.find(({ name }) => name === sidecar?.environment.get(BATCH_VARIABLE)) ??
    others.find(({ isEssential }) => isEssential) ??
    others[0];
  const batchLog = batch && ownLog(task, batch);
  const candidates = [
    sidecar && batch && namedLog(task, sidecar, batch),
    batchLog,
    // The sidecar takes the first container that started for the batch when it is not told which it is.
    ...others.map((container) => ownLog(task, container)),
    // What it prints instead, when CloudWatch Logs refuses or FARGAUGE_OUTPUT says so.
    sidecar && ownLog(task, sidecar),
  ];
  const report = new Map(
    candidates.flatMap((location) => (location ? [[Object.values(location).join('\n'), location]] : [])),
  );
  return { hasSidecar: sidecar !== undefined, batch: batchLog, report: [...report.values()] };
}

/** By the name that fargauge inject gives it, or by its variables. */
function isSidecar({ name, environment }: DefinedContainer): boolean {
  return name === SIDECAR_NAME || [...environment.keys()].some((key) => key.startsWith('FARGAUGE_'));
}

/**
 * `prefix/container/task-id`.
 * https://docs.aws.amazon.com/AmazonECS/latest/developerguide/using_awslogs.html
 */
function ownLog(task: StoppedTask, { name, awslogs }: DefinedContainer): LogLocation | undefined {
  if (awslogs === undefined) return undefined;
  const { region, logGroupName, streamPrefix } = awslogs;
  const runtimeId = task.containers.find((container) => container.name === name)?.runtimeId;
  const logStreamName = streamPrefix === undefined ? runtimeId : `${streamPrefix}/${name}/${task.taskId}`;
  return logStreamName === undefined ? undefined : located({ region, logGroupName, logStreamName });
}

/** Where FARGAUGE_LOG_GROUP and FARGAUGE_LOG_STREAM send the lines (src/sinks/route.ts has the rule). */
function namedLog(
  task: StoppedTask,
  sidecar: DefinedContainer,
  batch: DefinedContainer,
): LogLocation | undefined {
  const group = sidecar.environment.get('FARGAUGE_LOG_GROUP');
  const stream = sidecar.environment.get('FARGAUGE_LOG_STREAM');
  if (!group && !stream) return undefined;
  const logGroupName = group || batch.awslogs?.logGroupName;
  if (logGroupName === undefined) return undefined;
  const region =
    (group ? undefined : batch.awslogs?.region) ?? sidecar.environment.get('AWS_REGION') ?? task.region;
  return located({ region, logGroupName, logStreamName: stream || `fargauge/${batch.name}/${task.taskId}` });
}

/** Undefined where no such region can be: the region is whatever a task definition says. */
function located(location: LogLocation): LogLocation | undefined {
  return REGION.test(location.region) ? location : undefined;
}
