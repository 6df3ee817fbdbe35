import type { CloudWatchServer, LogStreamName } from '../../test/support/cloudwatch-server.ts';
import type { SimulatedContainer } from '../../test/support/simulated-task.ts';

export const REGION = 'us-east-1';
const LOG_GROUP_NAME = '/ecs/nightly-batch';

/** The log stream of one run's batch. */
export function batchLog(run: number): LogStreamName {
  return { logGroupName: LOG_GROUP_NAME, logStreamName: `nightly/batch/${run}` };
}

/** A task of three whose batch logs there. */
export function taskContainers({ logGroupName, logStreamName }: LogStreamName): SimulatedContainer[] {
  const options = {
    'awslogs-group': logGroupName,
    'awslogs-stream': logStreamName,
    'awslogs-region': REGION,
  };
  return [
    { name: 'batch', logConfiguration: { driver: 'awslogs', options } },
    { name: 'proxy' },
    { name: 'fargauge' },
  ];
}

/** What leads a sidecar to that server. */
export function cloudWatchEnvironment({ url }: CloudWatchServer): Record<string, string> {
  return {
    AWS_REGION: REGION,
    AWS_ACCESS_KEY_ID: 'AKIDEXAMPLE',
    AWS_SECRET_ACCESS_KEY: 'example',
    AWS_ENDPOINT_URL_CLOUDWATCH_LOGS: url,
  };
}
