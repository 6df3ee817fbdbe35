import { describe, expect, it } from 'vitest';
import { matchEvents } from '../../scripts/event-ruler.ts';
import { NOTIFIER_VARIABLES } from '../../src/notifier/settings.ts';
import { parseEvent } from '../../src/notifier/stopped-task.ts';
import { EVENTS, readEvent } from '../notifier/recorded-events.ts';
import { cloudFormationActions, cloudFormationFunction, cloudFormationPattern } from './notifier-stack.ts';

const RECORDED = EVENTS.map(readEvent);

/** Where EventBridge begins to refuse is not told; patterns of more than ten were refused. */
const MAX_COMPLEXITY = 10;

describe('the rule of the notifier', () => {
  it('lets stopped tasks through, whatever stopped them, but not those of services', () => {
    const { areMatched } = matchEvents(cloudFormationPattern(), RECORDED);
    const delivered = EVENTS.filter((_, index) => areMatched[index]);
    expect(delivered).toEqual([
      'ec2-failed-to-start',
      'ec2-success',
      'fargate-exit-code',
      'fargate-out-of-memory',
      'fargate-pull-failure',
      'fargate-scheduled-success',
      'fargate-spot-interruption',
      'fargate-stopped-by-user',
    ]);
    const skipped = delivered.filter((name) => parseEvent(readEvent(name)).kind === 'skip');
    expect(skipped).toEqual([]);
  });

  it('is simple enough for EventBridge, as a pattern for each family is not', () => {
    expect(matchEvents(cloudFormationPattern(), []).complexity).toBeLessThanOrEqual(MAX_COMPLEXITY);
    const taskDefinitionArn = ['a', 'b', 'c', 'd'].map((family) => ({
      wildcard: `*:task-definition/${family}:*`,
    }));
    expect(matchEvents({ detail: { taskDefinitionArn } }, []).complexity).toBeGreaterThan(MAX_COMPLEXITY);
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
