import { describe, expect, it } from 'vitest';
import { matchEvents } from '../../scripts/event-ruler.ts';
import { NOTIFIER_VARIABLES } from '../../src/notifier/settings.ts';
import { parseEvent } from '../../src/notifier/stopped-task.ts';
import { EVENTS, readEvent } from '../notifier/recorded-events.ts';
import { cloudFormationActions, cloudFormationFunction, cloudFormationPattern } from './notifier-stack.ts';

/** The names of the recorded events that EventBridge would deliver. */
function delivered(families: readonly string[]): readonly string[] {
  const matches = matchEvents(cloudFormationPattern(families), EVENTS.map(readEvent));
  expect(matches).toHaveLength(EVENTS.length);
  return EVENTS.filter((_, index) => matches[index]);
}

describe('the rule of the notifier', () => {
  it('lets stopped tasks through, whatever stopped them, but not those of services', () => {
    expect(delivered(['*'])).toEqual([
      'ec2-failed-to-start',
      'ec2-success',
      'fargate-exit-code',
      'fargate-out-of-memory',
      'fargate-pull-failure',
      'fargate-scheduled-success',
      'fargate-spot-interruption',
      'fargate-stopped-by-user',
    ]);
  });

  it('lets through the families that are listed alone', () => {
    expect(delivered(['engine', 'crossfeed-*'])).toEqual(['ec2-success', 'fargate-exit-code']);
    expect(delivered(['nightly-batch']).length).toBeGreaterThan(3);
    expect(delivered(['nightly'])).toEqual([]);
  });

  it('lets nothing through that the notifier would skip', () => {
    const skipped = delivered(['*']).filter((name) => parseEvent(readEvent(name)).kind === 'skip');
    expect(skipped).toEqual([]);
  });

  it('may list many families', () => {
    const families = Array.from({ length: 50 }, (_, index) => `family-${index}`);
    expect(delivered([...families, 'engine'])).toEqual(['ec2-success']);
  });
});

describe('the function of the notifier', () => {
  it('is called by its name, and told all but the address of Slack', () => {
    const { slackApiUrl, ...told } = NOTIFIER_VARIABLES;
    expect(slackApiUrl.defaultText).toBe('https://slack.com/api/');
    expect(cloudFormationFunction()).toMatchObject({
      Handler: 'notifier.notify',
      variables: Object.values(told)
        .map(({ name }) => name)
        .toSorted(),
    });
  });

  it('may do what it does, and no more', () => {
    expect(cloudFormationActions().flatMap(({ Action }) => Action)).toEqual([
      'logs:CreateLogStream',
      'logs:PutLogEvents',
      'secretsmanager:GetSecretValue',
      'ssm:GetParameter',
      'ecs:DescribeTaskDefinition',
      'logs:GetLogEvents',
      'sqs:SendMessage',
    ]);
  });
});
