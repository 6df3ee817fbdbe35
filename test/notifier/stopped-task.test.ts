import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseEvent } from '../../src/notifier/stopped-task.ts';
import { EVENTS, readEvent } from './recorded-events.ts';

const stopped = readEvent('fargate-out-of-memory');

function parsed(detail: Record<string, unknown>) {
  return parseEvent({ ...stopped, detail: { ...stopped.detail, ...detail } });
}

describe('an event', () => {
  it('gives the task with what the notice needs', () => {
    expect(parseEvent(stopped)).toEqual({
      kind: 'task',
      task: {
        taskArn: 'arn:aws:ecs:us-east-1:123456789012:task/batch/5b64c49eb10e4b4bbeb051b02a02c58a',
        taskId: '5b64c49eb10e4b4bbeb051b02a02c58a',
        partition: 'aws',
        region: 'us-east-1',
        cluster: 'batch',
        taskDefinitionArn: 'arn:aws:ecs:us-east-1:123456789012:task-definition/nightly-batch:7',
        family: 'nightly-batch',
        revision: '7',
        containers: [
          {
            name: 'nightly-batch',
            exitCode: 137,
            reason: 'OutOfMemoryError: Container killed due to memory usage',
            runtimeId: '5b64c49eb10e4b4bbeb051b02a02c58a-2171104572',
          },
          {
            name: 'fargauge',
            exitCode: 0,
            reason: undefined,
            runtimeId: '5b64c49eb10e4b4bbeb051b02a02c58a-0527074092',
          },
        ],
        stopCode: 'EssentialContainerExited',
        stoppedReason: 'Essential container in task exited',
        startedBy: 'chronos-schedule/nightly-batch',
        createdAtMs: Date.parse('2024-11-13T20:55:49.725Z'),
        startedAtMs: Date.parse('2024-11-13T20:56:36.540Z'),
        endedAtMs: Date.parse('2024-11-13T21:22:46.710Z'),
      },
    });
  });

  it.each<[string, unknown, string]>([
    ['nothing', undefined, 'other-event'],
    ['text', 'ECS Task State Change', 'other-event'],
    ['another source', { ...stopped, source: 'my.app' }, 'other-event'],
    ['another type', { ...stopped, 'detail-type': 'ECS Service Action' }, 'other-event'],
    ['no detail', { ...stopped, detail: null }, 'malformed'],
    ['not even an empty detail', { source: 'aws.ecs', 'detail-type': 'ECS Task State Change' }, 'malformed'],
    ['no status', { ...stopped, detail: { ...stopped.detail, lastStatus: 7 } }, 'malformed'],
    ['no task', { ...stopped, detail: { ...stopped.detail, taskArn: 'task/1' } }, 'malformed'],
    [
      'markup for a task',
      { ...stopped, detail: { ...stopped.detail, taskArn: 'arn:aws:ecs:x:123456789012:task/<!channel>' } },
      'malformed',
    ],
  ])('with %s is skipped', (_, event, reason) => {
    expect(parseEvent(event)).toEqual({ kind: 'skip', reason });
  });

  it('of the account’s old short form has the task, too', () => {
    const taskArn = 'arn:aws-us-gov:ecs:us-gov-west-1:123456789012:task/eeccdb34-d8cf-49e7-b379-1cf4f123c0ee';
    expect(parsed({ taskArn })).toMatchObject({
      kind: 'task',
      task: {
        taskId: 'eeccdb34-d8cf-49e7-b379-1cf4f123c0ee',
        partition: 'aws-us-gov',
        region: 'us-gov-west-1',
      },
    });
  });

  it('with something of the wrong kind loses that alone', () => {
    const containers = [{ name: 'batch', exitCode: '1', reason: 5 }, { exitCode: 0 }, null, 'x'];
    const detail = { containers, startedAt: 'yesterday', stopCode: {}, startedBy: '', clusterArn: '<!here>' };
    expect(parsed(detail)).toMatchObject({
      kind: 'task',
      task: {
        family: 'nightly-batch',
        cluster: undefined,
        containers: [{ name: 'batch', exitCode: undefined, reason: undefined, runtimeId: undefined }],
        startedAtMs: undefined,
        stopCode: undefined,
        startedBy: undefined,
        stoppedReason: 'Essential container in task exited',
      },
    });
    expect(parsed({ containers: { batch: 1 } })).toMatchObject({ kind: 'task', task: { containers: [] } });
  });

  it('can be anything at all without an exception', () => {
    const [name] = EVENTS;
    expect(name).toBeDefined();
    fc.assert(
      fc.property(
        fc.jsonValue(),
        fc.dictionary(fc.constantFrom(...Object.keys(stopped.detail)), fc.jsonValue()),
        (any, detail) => {
          expect(parseEvent(any).kind).toBe('skip');
          expect(['task', 'skip']).toContain(parsed(detail).kind);
        },
      ),
    );
  });

  it('names no task definition of a region that cannot be', () => {
    const taskDefinitionArn = 'arn:aws:ecs:evil.example/#:123456789012:task-definition/nightly-batch:7';
    expect(parsed({ taskDefinitionArn })).toMatchObject({ task: { taskDefinitionArn: undefined } });
  });
});
