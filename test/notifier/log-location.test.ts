import { describe, expect, it } from 'vitest';
import { logStreamUrl, taskUrl } from '../../src/notifier/console-links.ts';
import { type DefinedContainer, logsOf } from '../../src/notifier/log-location.ts';
import { parseEvent } from '../../src/notifier/stopped-task.ts';
import { readEvent } from './recorded-events.ts';

const parsed = parseEvent(readEvent('fargate-out-of-memory'));
if (parsed.kind !== 'task') throw new Error('the event has no task');
const { task } = parsed;
const { taskId } = task;
const region = 'us-east-1';

function container(name: string, changes: Partial<DefinedContainer> = {}): DefinedContainer {
  return {
    name,
    isEssential: true,
    environment: new Map(),
    awslogs: { region, logGroupName: '/ecs/nightly', streamPrefix: 'ecs' },
    ...changes,
  };
}

function sidecar(variables: Readonly<Record<string, string>> = {}): DefinedContainer {
  return container('fargauge', { isEssential: false, environment: new Map(Object.entries(variables)) });
}

const stream = (name: string) => ({
  region,
  logGroupName: '/ecs/nightly',
  logStreamName: `ecs/${name}/${taskId}`,
});

describe('where a run’s REPORT may stand', () => {
  it('is the batch’s own log, then those of the others, the sidecar’s last', () => {
    const proxy = container('proxy', { isEssential: false });
    expect(logsOf(task, { containers: [sidecar(), proxy, container('batch')] })).toEqual({
      hasSidecar: true,
      batch: stream('batch'),
      report: [stream('batch'), stream('proxy'), stream('fargauge')],
    });
  });

  it('is the log of the batch that FARGAUGE_BATCH names', () => {
    const containers = [container('web'), container('batch'), sidecar({ FARGAUGE_BATCH: 'batch' })];
    expect(logsOf(task, { containers }).batch).toEqual(stream('batch'));
  });

  it.each([
    [{ FARGAUGE_LOG_GROUP: '/usage' }, { logGroupName: '/usage', logStreamName: `fargauge/batch/${taskId}` }],
    [
      { FARGAUGE_LOG_GROUP: '/usage', FARGAUGE_LOG_STREAM: 'all', AWS_REGION: 'eu-west-1' },
      { region: 'eu-west-1', logGroupName: '/usage', logStreamName: 'all' },
    ],
    [{ FARGAUGE_LOG_STREAM: 'all' }, { logGroupName: '/ecs/nightly', logStreamName: 'all' }],
  ])('is first what the sidecar is told: %j', (variables, expected) => {
    const { report, batch } = logsOf(task, { containers: [container('batch'), sidecar(variables)] });
    expect(report[0]).toEqual({ region, ...expected });
    expect(batch).toEqual(stream('batch'));
  });

  it('is a stream named by Docker’s id on EC2 without a prefix', () => {
    const awslogs = { region, logGroupName: '/ecs/nightly', streamPrefix: undefined };
    const { report } = logsOf(task, { containers: [container('nightly-batch', { awslogs })] });
    expect(report).toEqual([{ region, logGroupName: '/ecs/nightly', logStreamName: `${taskId}-2171104572` }]);
  });

  it('is nowhere without awslogs', () => {
    const containers = [container('batch', { awslogs: undefined })];
    expect(logsOf(task, { containers })).toEqual({ hasSidecar: false, batch: undefined, report: [] });
    expect(logsOf(task, { containers: [] })).toEqual({ hasSidecar: false, batch: undefined, report: [] });
  });

  it.each(['evil.example', 'evil.example/x|Log stream>', 'evil.example/#', 'US-EAST-1', ''])(
    'is nowhere in a region %j',
    (named) => {
      const awslogs = { region: named, logGroupName: '/ecs/nightly', streamPrefix: 'ecs' };
      const containers = [container('batch', { awslogs }), sidecar({ FARGAUGE_LOG_STREAM: 'all' })];
      const { batch, report } = logsOf(task, { containers });
      expect(batch).toBeUndefined();
      expect(report).toEqual([stream('fargauge')]);
    },
  );

  it('knows a sidecar of another name by its variables', () => {
    const renamed = { ...sidecar({ FARGAUGE_STOP_TIMEOUT_SECONDS: '30' }), name: 'usage' };
    expect(logsOf(task, { containers: [container('batch'), renamed] }).hasSidecar).toBe(true);
  });
});

describe('links to the console', () => {
  const log = { region: 'eu-west-1', logGroupName: '/ecs/a#b', logStreamName: `ecs/c d/${taskId}` };

  it.each([
    ['aws', 'us-east-1', 'https://us-east-1.console.aws.amazon.com'],
    ['aws-cn', 'cn-north-1', 'https://cn-north-1.console.amazonaws.cn'],
    ['aws-us-gov', 'us-gov-west-1', 'https://us-gov-west-1.console.amazonaws-us-gov.com'],
  ])('of partition %s', (partition, taskRegion, base) => {
    expect(taskUrl({ ...task, partition, region: taskRegion })).toBe(
      `${base}/ecs/v2/clusters/batch/tasks/${taskId}/configuration?region=${taskRegion}`,
    );
    expect(logStreamUrl(partition, { ...log, region: taskRegion })).toBe(
      `${base}/cloudwatch/home?region=${taskRegion}#logsV2:log-groups/log-group/$252Fecs$252Fa$2523b/log-events/ecs$252Fc$2520d$252F${taskId}`,
    );
  });

  it('are left out where the console is not known, or the cluster', () => {
    expect(taskUrl({ ...task, partition: 'aws-iso' })).toBeUndefined();
    expect(logStreamUrl('aws-iso', log)).toBeUndefined();
    expect(logStreamUrl('aws', { ...log, region: 'evil.example/x|Log stream>' })).toBeUndefined();
    expect(taskUrl({ ...task, cluster: undefined })).toBeUndefined();
  });
});
