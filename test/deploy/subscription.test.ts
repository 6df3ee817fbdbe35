import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Json, JsonObject } from '../../src/deploy/json-text.ts';
import { VARIABLES } from '../../src/subscription/settings.ts';
import { parseFilterPattern } from '../support/filter-pattern.ts';
import { SHAPES } from '../support/fixtures.ts';
import { permitsOf } from '../support/iam-policy.ts';
import { FUNCTION_TIMEOUT_MS } from '../support/lambda-function.ts';
import { readTemplate } from './cloudformation-template.ts';

const { Resources, Parameters } = readTemplate('subscription.yaml');

const ARNS: Readonly<Record<string, string>> = {
  'FailureQueue.Arn': 'arn:aws:sqs:eu-west-1:123456789012:failures',
  'FunctionLogGroup.Arn': 'arn:aws:logs:eu-west-1:123456789012:log-group:/aws/lambda/forwarder:*',
  DomainArn: 'arn:aws:es:eu-west-1:123456789012:domain/logs',
  SecretArn: 'arn:aws:secretsmanager:eu-west-1:123456789012:secret:engine-AbCdEf',
};

const NO_VALUE = { Ref: 'AWS::NoValue' };

/** A part of the template as it is deployed where these conditions hold and no other. */
function deployed(value: Json, holding: readonly string[]): Json {
  if (Array.isArray(value)) {
    return value.map((each) => deployed(each, holding)).filter((each) => !isNoValue(each));
  }
  if (typeof value !== 'object' || value === null) return value;
  const { 'Fn::If': choice, 'Fn::GetAtt': attribute, 'Fn::Sub': text, Ref: name } = value as JsonObject;
  if (Array.isArray(choice)) {
    const [condition, then = null, otherwise = null] = choice;
    return deployed(holding.includes(String(condition)) ? then : otherwise, holding);
  }
  if (typeof attribute === 'string') return ARNS[attribute] ?? attribute;
  if (typeof text === 'string') return text.replace(/\$\{(\w+)\}/g, (_, each: string) => ARNS[each] ?? each);
  if (typeof name === 'string' && ARNS[name] !== undefined) return ARNS[name];
  const entries = Object.entries(value).map(([key, each]) => [key, deployed(each as Json, holding)]);
  return Object.fromEntries(entries);
}

function isNoValue(value: Json): boolean {
  return JSON.stringify(value) === JSON.stringify(NO_VALUE);
}

function propertiesOf(name: string, holding: readonly string[] = []): JsonObject {
  return deployed(Resources[name]?.Properties ?? null, holding) as JsonObject;
}

describe('the subscription’s filter', () => {
  const pattern = String(propertiesOf('Subscription').FilterPattern);
  const passes = parseFilterPattern(pattern);
  const lines = SHAPES.flatMap((shape) =>
    readFileSync(new URL(`../fixtures/${shape}/expected.golden.jsonl`, import.meta.url), 'utf8')
      .trimEnd()
      .split('\n'),
  );

  it('lets START, SUMMARY, CONTAINER and REPORT lines pass', () => {
    const types = lines.filter(passes).map((line) => JSON.parse(line).type);
    expect(new Set(types)).toEqual(new Set(['START', 'SUMMARY', 'CONTAINER', 'REPORT']));
    expect(lines.filter((line) => !passes(line)).map((line) => JSON.parse(line).type)).toEqual(
      lines.map((line) => JSON.parse(line).type).filter((type) => type === 'SAMPLE' || type === 'RECORD'),
    );
  });

  it.each([
    '{"type":"REPORT","durationMs":1}',
    '{"type":"SAMPLE","fargaugeVersion":"0.1.0"}',
    '{"type":"RECORD","fargaugeVersion":"0.1.0"}',
    'REPORT RequestId: 1',
    '',
  ])('leaves what is not of them out: %s', (message) => {
    expect(passes(message)).toBe(false);
  });

  it('is as long as CloudWatch Logs takes one, and the same for further log groups', () => {
    expect(pattern.length).toBeLessThanOrEqual(1_024);
    const further = readTemplate('subscription-filter.yaml').Resources.Subscription?.Properties;
    expect(further?.FilterPattern).toBe(pattern);
  });

  it('is none where others’ log events are kept as well', () => {
    expect(propertiesOf('Subscription', ['KeepsOthers']).FilterPattern).toBe('');
  });
});

describe('the function', () => {
  it('is where the file has it, with the time that it and its queue need', () => {
    const { Handler, Timeout } = propertiesOf('Function');
    const [file, name = ''] = String(Handler).split('.');
    const bundle = readFileSync(join(import.meta.dirname, `../../dist/${file}.cjs`), 'utf8');
    // What import() sees of a file of CommonJS.
    expect(bundle).toMatch(new RegExp(`0&&\\(module\\.exports=\\{${name}\\}\\)`));
    expect(Number(Timeout) * 1_000).toBe(FUNCTION_TIMEOUT_MS);
    expect(propertiesOf('FailureQueue').VisibilityTimeout).toBe(6 * Number(Timeout));
  });

  it('gets every variable that it reads, and no other', () => {
    const { Variables } = propertiesOf('Function').Environment as { Variables: JsonObject };
    expect(Object.keys(Variables).toSorted()).toEqual(Object.values(VARIABLES).toSorted());
    expect(Variables.OPENSEARCH_AUTH).toBe('none');
    const auth = (...holding: string[]) =>
      (propertiesOf('Function', holding).Environment as { Variables: JsonObject }).Variables.OPENSEARCH_AUTH;
    expect([auth('IsDomain'), auth('HasSecret'), auth('IsDomain', 'HasSecret')]).toEqual([
      'sigv4',
      'basic',
      'basic',
    ]);
  });

  it('is called for the log group of this account alone', () => {
    expect(propertiesOf('Permission')).toMatchObject({
      Principal: 'logs.amazonaws.com',
      Action: 'lambda:InvokeFunction',
      SourceAccount: { Ref: 'AWS::AccountId' },
    });
    expect(JSON.stringify(Resources.Permission)).toContain(`log-group:\${LogGroupName}:*`);
  });

  it('may be deployed with nothing but a log group, its code and an engine', () => {
    const required = Object.entries(Parameters as Record<string, { Default?: Json }>)
      .filter(([, { Default }]) => Default === undefined)
      .map(([name]) => name);
    expect(required).toEqual(['LogGroupName', 'CodeBucket', 'CodeKey', 'OpenSearchUrl']);
  });
});

interface Policy {
  readonly PolicyDocument: Parameters<typeof permitsOf>[0];
}

describe('the function’s role', () => {
  const permits = (...holding: string[]) => {
    const policies = propertiesOf('Role', holding).Policies as unknown as readonly Policy[];
    return permitsOf(policies[0]?.PolicyDocument ?? { Statement: [] });
  };
  const { DomainArn: domain = '', SecretArn: secret = '', 'FailureQueue.Arn': queue = '' } = ARNS;

  it('lets it do what it does', () => {
    const allows = permits('IsDomain', 'HasSecret', 'IsInVpc');
    for (const [action, resource] of [
      ['es:ESHttpPost', `${domain}/_bulk`],
      ['es:ESHttpHead', `${domain}/_index_template/fargauge`],
      ['es:ESHttpPut', `${domain}/_index_template/fargauge`],
      ['secretsmanager:GetSecretValue', secret],
      ['sqs:SendMessage', queue],
      ['sqs:ReceiveMessage', queue],
      ['sqs:DeleteMessage', queue],
      ['sqs:GetQueueAttributes', queue],
      [
        'logs:PutLogEvents',
        'arn:aws:logs:eu-west-1:123456789012:log-group:/aws/lambda/forwarder:log-stream:1',
      ],
      ['ec2:CreateNetworkInterface', '*'],
    ] as const) {
      expect({ action, allowed: allows(action, resource) }).toEqual({ action, allowed: true });
    }
  });

  it('lets it do no more, and nothing for what is not there', () => {
    const allows = permits('IsDomain', 'HasSecret', 'IsInVpc');
    for (const [action, resource] of [
      ['es:ESHttpDelete', `${domain}/fargauge-2026.03.02`],
      ['es:ESHttpPost', `${domain}/fargauge-2026.03.02/_search`],
      ['es:ESHttpPut', `${domain}/_cluster/settings`],
      ['secretsmanager:GetSecretValue', `${secret}x`],
      ['sqs:SendMessage', `${queue}-other`],
      ['logs:CreateLogGroup', '*'],
    ] as const) {
      expect({ action, allowed: allows(action, resource) }).toEqual({ action, allowed: false });
    }
    const little = permits();
    expect(little('es:ESHttpPost', `${domain}/_bulk`)).toBe(false);
    expect(little('secretsmanager:GetSecretValue', secret)).toBe(false);
    expect(little('ec2:CreateNetworkInterface', '*')).toBe(false);
  });
});

describe('what could not be indexed', () => {
  it('is kept for 14 days, and raises an alarm', () => {
    expect(propertiesOf('FailureQueue').MessageRetentionPeriod).toBe(14 * 24 * 60 * 60);
    expect(Resources.FailureAlarm?.Properties).toMatchObject({
      MetricName: 'ApproximateNumberOfMessagesVisible',
      Threshold: 0,
      ComparisonOperator: 'GreaterThanThreshold',
    });
  });

  it('raises an alarm anew while older failures still lie in the queue', () => {
    expect(propertiesOf('NewFailureAlarm')).toMatchObject({
      Namespace: 'AWS/SQS',
      MetricName: 'NumberOfMessagesSent',
      Dimensions: [{ Name: 'QueueName', Value: 'FailureQueue.QueueName' }],
      Statistic: 'Sum',
      Threshold: 0,
      ComparisonOperator: 'GreaterThanThreshold',
      TreatMissingData: 'notBreaching',
    });
  });

  it('is kept by Lambda where the function itself failed', () => {
    expect(propertiesOf('Failures').DestinationConfig).toEqual({
      OnFailure: { Destination: ARNS['FailureQueue.Arn'] },
    });
  });

  it('is replayed on demand, message by message', () => {
    expect(propertiesOf('ReplayOfFailures')).toMatchObject({
      Enabled: { Ref: 'Replay' },
      FunctionResponseTypes: ['ReportBatchItemFailures'],
    });
    expect((Parameters as Record<string, JsonObject>).Replay?.Default).toBe('false');
  });
});
