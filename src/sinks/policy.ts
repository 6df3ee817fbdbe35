import type { LogTarget } from './log-events.ts';

/** Regions outside the commercial partition, by prefix; the SDK's partitions.json. */
const PARTITION_OF_PREFIX: readonly (readonly [prefix: string, partition: string])[] = [
  ['cn-', 'aws-cn'],
  ['us-gov-', 'aws-us-gov'],
  ['us-iso-', 'aws-iso'],
  ['us-isob-', 'aws-iso-b'],
  ['us-isof-', 'aws-iso-f'],
  ['eu-isoe-', 'aws-iso-e'],
  ['eusc-', 'aws-eusc'],
];

export interface PolicyScope {
  readonly region: string;
  /** Absent where the task does not tell it: then `*`. */
  readonly accountId: string | undefined;
  readonly target: LogTarget;
  readonly createLogGroup: boolean;
}

/**
 * The policy statement that the task role needs to deliver to one log group, as JSON. These actions take the
 * group's ARN with a trailing `:*` (CloudWatch Logs user guide, "Overview of managing access permissions").
 */
export function policyStatement({ region, accountId = '*', target, createLogGroup }: PolicyScope): string {
  return JSON.stringify({
    Effect: 'Allow',
    Action: ['logs:CreateLogStream', 'logs:PutLogEvents', ...(createLogGroup ? ['logs:CreateLogGroup'] : [])],
    Resource: logGroupArn(region, accountId, target.logGroupName),
  });
}

/** A log group as policies name it for actions on its streams and events: with a trailing `:*`. */
export function logGroupArn(region: string, accountId: string, logGroupName: string): string {
  const partition = PARTITION_OF_PREFIX.find(([prefix]) => region.startsWith(prefix))?.[1] ?? 'aws';
  return `arn:${partition}:logs:${region}:${accountId}:log-group:${logGroupName}:*`;
}
