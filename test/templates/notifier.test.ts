import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { matchEvents } from '../../scripts/event-ruler.ts';
import { NOTIFIER_VARIABLES } from '../../src/notifier/settings.ts';
import { parseEvent } from '../../src/notifier/stopped-task.ts';
import { EVENTS, readEvent } from '../notifier/recorded-events.ts';
import {
  cloudFormationActions,
  cloudFormationFunction,
  cloudFormationPattern,
  cloudFormationPatternText,
} from './notifier-stack.ts';

/** The names of the recorded events that EventBridge would deliver. */
function delivered(families: readonly string[]): readonly string[] {
  const matches = matchEvents(cloudFormationPattern(families), EVENTS.map(readEvent));
  expect(matches).toHaveLength(EVENTS.length);
  return EVENTS.filter((_, index) => matches[index]);
}

/** In characters, by default: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-quota.html */
const MAX_PATTERN_LENGTH = 2_048;

/** With the spaces of the template: nothing says that CloudFormation takes them out. */
function patternLength(families: readonly string[]): number {
  return cloudFormationPatternText(families).length;
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

  it('may list many families, as long as EventBridge takes the pattern', () => {
    const families = Array.from({ length: 35 }, (_, index) => `family-${index + 10}`);
    expect(delivered([...families, 'engine'])).toEqual(['ec2-success']);
    expect(patternLength([...families, 'engine'])).toBeLessThanOrEqual(MAX_PATTERN_LENGTH);
  });

  it('has room for as many families as docs/slack.md says', () => {
    const docs = readFileSync(join(import.meta.dirname, '../../docs/slack.md'), 'utf8');
    const [, count, length] = /room for (\d+) families with names of (\d+) characters/.exec(docs) ?? [];
    const families = (extra: number) =>
      Array.from({ length: Number(count) + extra }, () => 'x'.repeat(Number(length)));
    expect(patternLength(families(0))).toBeLessThanOrEqual(MAX_PATTERN_LENGTH);
    expect(patternLength(families(1))).toBeGreaterThan(MAX_PATTERN_LENGTH);
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
