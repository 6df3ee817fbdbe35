import { describe, expect, it } from 'vitest';
import { endingOf } from '../../src/notifier/run-ending.ts';
import type { Report } from '../../src/notifier/run-lines.ts';
import { parseEvent, type StoppedContainer, type StoppedTask } from '../../src/notifier/stopped-task.ts';
import { readEvent } from './recorded-events.ts';

const parsed = parseEvent(readEvent('fargate-scheduled-success'));
if (parsed.kind !== 'task') throw new Error('the event has no task');
const { task } = parsed;

interface Case {
  readonly task?: Partial<StoppedTask>;
  /** Exit codes by container. */
  readonly exits?: Readonly<Record<string, number | undefined>>;
  readonly reason?: string;
  readonly report?: Report;
  readonly essential?: readonly string[];
}

function ending({ task: changes, exits = { batch: 0, fargauge: 0 }, reason, report, essential }: Case) {
  const containers: StoppedContainer[] = Object.entries(exits).map(([name, exitCode]) => ({
    name,
    exitCode,
    reason: name === 'batch' ? reason : undefined,
    runtimeId: undefined,
  }));
  return endingOf({ ...task, containers, ...changes }, report, essential && new Set(essential));
}

describe('how a run ended', () => {
  it.each<[string, Case, string, string]>([
    ['all exit codes are 0', {}, 'success', 'succeeded'],
    ['the batch failed', { exits: { batch: 3, fargauge: 0 } }, 'failure', 'failed: exit code 3'],
    ['only the sidecar failed', { exits: { batch: 0, fargauge: 137 } }, 'success', 'succeeded'],
    [
      'only a helper of AWS failed',
      { exits: { batch: 0, 'aws-guardduty-agent-x': 143, '~internal~ecs~pause': 137 } },
      'success',
      'succeeded',
    ],
    [
      'a container that is not essential failed',
      { exits: { batch: 0, proxy: 137 }, essential: ['batch'] },
      'success',
      'succeeded',
    ],
    [
      'any of them failed, and which is essential is not known',
      { exits: { batch: 0, proxy: 1 } },
      'failure',
      'failed: exit code 1',
    ],
    [
      'the batch succeeded and an essential proxy was killed after it, says the REPORT',
      {
        exits: { batch: 0, proxy: 137 },
        essential: ['batch', 'proxy'],
        report: { status: 'success', exitCode: 0 },
      },
      'success',
      'succeeded',
    ],
    [
      'the REPORT names an error that ECS does not',
      { exits: { batch: 9 }, report: { status: 'failure', errorType: 'OutOfMemory', exitCode: 9 } },
      'failure',
      'failed: OutOfMemory',
    ],
    [
      'ECS names OutOfMemoryError',
      { exits: { batch: 137 }, reason: 'OutOfMemoryError: Container killed due to memory usage' },
      'failure',
      'failed: OutOfMemory',
    ],
    [
      'another container ended and took the batch with it',
      { exits: { batch: 0, proxy: 0 }, report: { status: 'stopped' } },
      'failure',
      'failed: no exit code',
    ],
    [
      'the sidecar did not see it',
      { exits: { batch: 0 }, report: { status: 'unknown' } },
      'success',
      'succeeded',
    ],
    ['there is no exit code', { exits: { batch: undefined } }, 'failure', 'failed: no exit code'],
    ['there are no containers', { exits: {} }, 'failure', 'failed: no exit code'],
    [
      'there are essential containers that the event does not show',
      { essential: ['x'] },
      'failure',
      'failed: no exit code',
    ],
    [
      'a user stopped it',
      { task: { stopCode: 'UserInitiated' }, exits: { batch: 143 } },
      'stopped',
      'was stopped by a user',
    ],
    [
      'a user stopped it after the batch had succeeded',
      { task: { stopCode: 'UserInitiated' }, report: { status: 'success', exitCode: 0 } },
      'success',
      'succeeded',
    ],
    [
      'its service stopped it',
      { task: { stopCode: 'ServiceSchedulerInitiated' } },
      'stopped',
      'was stopped by its service',
    ],
    [
      'Spot took it, whatever the exit code',
      { task: { stopCode: 'SpotInterruption', stoppedReason: 'Your Spot Task was interrupted.' } },
      'failure',
      'failed: Spot interruption',
    ],
    [
      'Spot took it, in the words of earlier years',
      { task: { stopCode: 'TerminationNotice', stoppedReason: 'Your Spot Task was interrupted.' } },
      'failure',
      'failed: Spot interruption',
    ],
    [
      'its instance went',
      { task: { stopCode: 'TerminationNotice' } },
      'failure',
      'failed: instance terminated',
    ],
    [
      'no image was pulled',
      {
        task: { stopCode: 'TaskFailedToStart' },
        exits: { batch: undefined },
        reason: 'CannotPullContainerError: no',
      },
      'failure',
      'did not start: image not pulled',
    ],
    [
      'a secret is missing',
      {
        task: {
          stopCode: 'TaskFailedToStart',
          stoppedReason: 'ResourceInitializationError: unable to pull secrets',
        },
        exits: { batch: undefined },
      },
      'failure',
      'did not start: set-up failed',
    ],
    [
      'the stop code is one that AWS has yet to invent',
      { task: { stopCode: '<NewReason>' } },
      'success',
      'succeeded',
    ],
    [
      'the stop code is new and the batch failed',
      { task: { stopCode: 'constructor' }, exits: { batch: 1 } },
      'failure',
      'failed: exit code 1',
    ],
    [
      'there is no stop code',
      { task: { stopCode: undefined }, exits: { batch: 1 } },
      'failure',
      'failed: exit code 1',
    ],
  ])('when %s', (_, given, result, headline) => {
    expect(ending(given)).toMatchObject({ result, headline });
  });

  it('is explained in plain words unless all went well', () => {
    expect(ending({}).explanation).toBeUndefined();
    expect(ending({ exits: { batch: 3 } }).explanation).toBe(
      'An essential container exited, and so ECS stopped the task.',
    );
    expect(ending({ exits: { batch: 137 }, reason: 'OutOfMemoryError: x' }).explanation).toBe(
      'A container used more memory than its limit and was killed.',
    );
    expect(ending({ task: { stopCode: 'Unheard' }, exits: { batch: 3 } }).explanation).toBeUndefined();
  });
});
