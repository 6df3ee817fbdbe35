import { type LogLocation, REGION } from './log-location.ts';
import type { StoppedTask } from './stopped-task.ts';

/** Where the console of a partition is. Of others no address is known here. */
const CONSOLE_HOSTS: Readonly<Record<string, string>> = {
  aws: 'console.aws.amazon.com',
  'aws-cn': 'console.amazonaws.cn',
  'aws-us-gov': 'console.amazonaws-us-gov.com',
};

function consoleUrl(partition: string, region: string): string | undefined {
  const host = CONSOLE_HOSTS[partition];
  return host === undefined || !REGION.test(region) ? undefined : `https://${region}.${host}`;
}

/** The task's page in the console; ECS shows a stopped task for about an hour. Undefined where it is not known. */
export function taskUrl({ partition, region, cluster, taskId }: StoppedTask): string | undefined {
  const base = consoleUrl(partition, region);
  if (base === undefined || cluster === undefined) return undefined;
  return `${base}/ecs/v2/clusters/${cluster}/tasks/${taskId}/configuration?region=${region}`;
}

/** A log stream's page in the console. Undefined where it is not known. */
export function logStreamUrl(
  partition: string,
  { region, logGroupName, logStreamName }: LogLocation,
): string | undefined {
  const base = consoleUrl(partition, region);
  if (base === undefined) return undefined;
  const path = `log-groups/log-group/${inFragment(logGroupName)}/log-events/${inFragment(logStreamName)}`;
  return `${base}/cloudwatch/home?region=${region}#logsV2:${path}`;
}

/** The console's own way with names in a fragment: percent-encoded twice, `$` for the percent sign. */
function inFragment(name: string): string {
  return encodeURIComponent(encodeURIComponent(name)).replaceAll('%', '$');
}
