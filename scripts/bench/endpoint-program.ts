/**
 * What a sidecar needs around it, in a process of its own so that its cost is not the sidecar's: a task of three
 * containers, and CloudWatch Logs. Sends the sidecar's environment, and ends when it is disconnected.
 */
import { startCloudWatchServer } from '../../test/support/cloudwatch-server.ts';
import { startSimulatedTask } from '../../test/support/simulated-task.ts';
import { batchLog, cloudWatchEnvironment, REGION, taskContainers } from './batch-log.ts';

const log = batchLog(0);
const task = await startSimulatedTask({
  containers: taskContainers(log),
  launchType: 'EC2',
  // Docker takes a sample every second and a little.
  refreshMs: 1_020,
  size: { vcpu: 1, memoryMiB: 2_048 },
});
const cloudwatch = await startCloudWatchServer({ region: REGION });
cloudwatch.createLogStream(log);

process.send?.({ ...task.environment('v4'), ...cloudWatchEnvironment(cloudwatch) });
process.once('disconnect', () => process.exit(0));
