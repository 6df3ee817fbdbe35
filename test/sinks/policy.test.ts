import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { policyStatement } from '../../src/sinks/policy.ts';
import { permitsOf } from '../support/iam-policy.ts';

const target = { logGroupName: '/ecs/nightly', logStreamName: 's' };
const asked = { region: 'eu-central-1', accountId: '123456789012', target, createLogGroup: false };

describe('the policy statement that a refusal names', () => {
  it('is the one of the shipped policy file', () => {
    const file = readFileSync(
      new URL('../../task-definitions/task-role-policy.json', import.meta.url),
      'utf8',
    )
      .replace('REGION', asked.region)
      .replace('ACCOUNT', asked.accountId)
      .replace('LOG_GROUP', target.logGroupName);
    const [{ Sid: _, ...statement }] = (JSON.parse(file) as { Statement: [{ Sid: string }] }).Statement;
    expect(JSON.parse(policyStatement(asked))).toEqual(statement);
  });

  it('allows to create the group only where that was asked for', () => {
    expect(policyStatement(asked)).not.toContain('CreateLogGroup');
    expect(policyStatement({ ...asked, createLogGroup: true })).toContain('logs:CreateLogGroup');
  });

  it.each([
    ['eu-central-1', 'arn:aws:logs:eu-central-1:'],
    ['cn-north-1', 'arn:aws-cn:logs:cn-north-1:'],
    ['us-gov-west-1', 'arn:aws-us-gov:logs:us-gov-west-1:'],
    ['us-iso-east-1', 'arn:aws-iso:logs:us-iso-east-1:'],
    ['us-isob-east-1', 'arn:aws-iso-b:logs:us-isob-east-1:'],
  ])('in %s its ARN begins with %s', (region, prefix) => {
    expect(policyStatement({ ...asked, region })).toContain(`"${prefix}`);
  });

  it('is for any account where the account is not known', () => {
    expect(policyStatement({ ...asked, accountId: undefined })).toContain(
      'eu-central-1:*:log-group:/ecs/nightly:*',
    );
  });

  it('allows what it names and nothing beside', () => {
    const permits = permitsOf({ Statement: [JSON.parse(policyStatement(asked))] });
    const group = 'arn:aws:logs:eu-central-1:123456789012:log-group:/ecs/nightly';
    expect(permits('logs:PutLogEvents', `${group}:log-stream:s`)).toBe(true);
    expect(permits('logs:CreateLogStream', `${group}:log-stream:s`)).toBe(true);
    expect(permits('logs:CreateLogGroup', `${group}:log-stream:`)).toBe(false);
    expect(permits('logs:PutLogEvents', `${group}-other:log-stream:s`)).toBe(false);
    expect(permits('logs:DescribeLogStreams', group)).toBe(false);
  });
});
