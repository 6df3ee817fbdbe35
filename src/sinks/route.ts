import type { Container, Task } from '../core/types.ts';
import { type CredentialSource, credentialSource, type Environment } from './credential-source.ts';
import type { LogTarget } from './log-events.ts';

/** What the configuration says of where lines go. */
export interface RouteSettings {
  readonly output: 'auto' | readonly ('cloudwatch' | 'stdout')[];
  readonly logGroupName: string | undefined;
  readonly logStreamName: string | undefined;
}

/** What is needed to write into CloudWatch Logs. */
export interface CloudWatchRoute {
  readonly region: string;
  readonly target: LogTarget;
  readonly credentialSource: CredentialSource;
  /** Whether other containers' lines go to their own streams: not when the configuration names one for all. */
  readonly isBatchsOwn: boolean;
}

/** Where lines go; without CloudWatch, why. */
export interface Route {
  readonly cloudwatch: CloudWatchRoute | undefined;
  readonly stdout: boolean;
  readonly reason: string;
}

/**
 * Decides where lines go, once, when the batch is first seen: `auto` means CloudWatch Logs when a group is known and
 * the task has credentials. What cannot go there goes to stdout, whatever was asked for: a line in the wrong log is
 * better than none.
 */
export function chooseRoute(
  settings: RouteSettings,
  task: Task | undefined,
  batch: Container | undefined,
  env: Environment,
): Route {
  const { output } = settings;
  const isCloudwatchWanted = output === 'auto' || output.includes('cloudwatch');
  const isStdoutWanted = output !== 'auto' && output.includes('stdout');
  if (!isCloudwatchWanted)
    return { cloudwatch: undefined, stdout: true, reason: 'FARGAUGE_OUTPUT says stdout' };
  const found = findCloudWatch(settings, task, batch, env);
  if (typeof found === 'string') return { cloudwatch: undefined, stdout: true, reason: found };
  const { logGroupName, logStreamName } = found.target;
  return {
    cloudwatch: found,
    stdout: isStdoutWanted,
    reason: `log group ${logGroupName}, log stream ${logStreamName}, ${found.region}`,
  };
}

/** A string says why not. */
function findCloudWatch(
  { logGroupName, logStreamName }: RouteSettings,
  task: Task | undefined,
  batch: Container | undefined,
  env: Environment,
): CloudWatchRoute | string {
  const own = batch?.awslogs;
  const group = logGroupName ?? own?.logGroupName;
  if (group === undefined)
    return `no log group is known: ${whyNoGroup(batch)}; FARGAUGE_LOG_GROUP can name one`;

  const isBatchsOwn = logGroupName === undefined && logStreamName === undefined;
  const stream = logStreamName ?? (isBatchsOwn ? ownStream(batch) : namedStream(batch, task));
  const region =
    (logGroupName === undefined ? own?.region : undefined) ??
    env.AWS_REGION ??
    env.AWS_DEFAULT_REGION ??
    task?.region;
  if (region === undefined) return 'no region is known; AWS_REGION can name one';
  try {
    const source = credentialSource(env);
    if (source === undefined)
      return 'the task has no credentials: give it a task role with the policy for CloudWatch Logs';
    return {
      region,
      target: { logGroupName: group, logStreamName: stream },
      credentialSource: source,
      isBatchsOwn,
    };
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

function whyNoGroup(batch: Container | undefined): string {
  if (batch === undefined) return 'the batch was not seen';
  if (batch.logDriver === undefined)
    return `the endpoint shows no log configuration of ${batch.name} (v3 never does)`;
  return `${batch.name} logs by ${batch.logDriver}`;
}

/** Without `awslogs-stream-prefix` (possible on EC2) Docker names the stream by the container's id. */
export function ownStream(container: Container | undefined): string {
  return container?.awslogs?.logStreamName ?? (container?.id || 'fargauge');
}

/** In a group of the user's naming: as awslogs would name it, under our own prefix. */
function namedStream(batch: Container | undefined, task: Task | undefined): string {
  return ['fargauge', batch?.name, task?.taskId].filter((part) => part !== undefined).join('/');
}
