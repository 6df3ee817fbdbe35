import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { inject, remove } from '../../src/deploy/injection.ts';
import type { Json, JsonObject } from '../../src/deploy/json-text.ts';
import { LOG_ACTIONS } from '../../src/deploy/sidecar-container.ts';
import { policyStatement } from '../../src/sinks/policy.ts';
import { type Filter, parseFilterPattern } from '../support/filter-pattern.ts';
import { SHAPES } from '../support/fixtures.ts';
import { readTemplate } from './cloudformation-template.ts';

const { Resources } = readTemplate('scheduled-batch.yaml');

function propertiesOf(name: string): JsonObject {
  const properties = Resources[name]?.Properties;
  if (properties === undefined) throw new Error(`there is no ${name}`);
  return properties;
}

describe('the CloudFormation example', () => {
  it('has the sidecar that fargauge inject adds, and nothing to be warned of', () => {
    const source = JSON.stringify(propertiesOf('TaskDefinition'));
    const { text, warnings } = inject(remove(source).text, { image: 'IMAGE', version: '' });
    const expected = text.replace('"IMAGE"', JSON.stringify({ Ref: 'FargaugeImage' }));
    expect(JSON.parse(source)).toEqual(JSON.parse(expected));
    expect(warnings).toEqual([]);
  });

  it('lets the task role write into that log group, and no more', () => {
    expect(propertiesOf('TaskRole').Policies).toEqual([
      {
        PolicyName: 'fargauge',
        PolicyDocument: {
          Version: '2012-10-17',
          Statement: [
            {
              Sid: 'FargaugeWritesItsLines',
              Effect: 'Allow',
              Action: [...LOG_ACTIONS],
              Resource: {
                'Fn::Sub': [
                  'arn',
                  ...['Partition', 'Region', 'AccountId']
                    .map((name) => `\${AWS::${name}}`)
                    .toSpliced(1, 0, 'logs'),
                  'log-group',
                  `\${LogGroup}`,
                  '*',
                ].join(':'),
              },
            },
          ],
        },
      },
    ]);
  });
});

describe('the schedule of the CloudFormation example', () => {
  const { Target } = propertiesOf('Schedule') as { readonly Target: JsonObject };

  it('tries again to start a run, and keeps what could not be started', () => {
    expect(Target).toMatchObject({
      RetryPolicy: { MaximumRetryAttempts: 5 },
      DeadLetterConfig: { Arn: { 'Fn::GetAtt': 'NotStarted.Arn' } },
    });
  });

  it('may start this task in this cluster with these roles and write to that queue, and no more', () => {
    const [policy] = propertiesOf('ScheduleRole').Policies as readonly [JsonObject];
    const { Statement } = policy.PolicyDocument as { readonly Statement: readonly JsonObject[] };
    const arnOf = (name: string) => ({ 'Fn::GetAtt': `${name}.Arn` });
    expect(Statement.map(({ Action, Resource }) => [Action, Resource])).toEqual([
      ['ecs:RunTask', { Ref: 'TaskDefinition' }],
      ['iam:PassRole', [arnOf('TaskRole'), arnOf('ExecutionRole')]],
      ['sqs:SendMessage', arnOf('NotStarted')],
    ]);
    expect(Statement.slice(0, 2).map(({ Condition }) => Condition)).toEqual([
      { ArnEquals: { 'ecs:cluster': arnOf('Cluster') } },
      { StringEquals: { 'iam:PassedToService': 'ecs-tasks.amazonaws.com' } },
    ]);
  });
});

describe('the policy', () => {
  it('is the same in the task definitions to start from and in what the sidecar tells', () => {
    const file = new URL('../../task-definitions/task-role-policy.json', import.meta.url);
    const [statement] = JSON.parse(readFileSync(file, 'utf8')).Statement;
    const told = JSON.parse(
      policyStatement({
        region: 'r',
        accountId: 'a',
        target: { logGroupName: 'g', logStreamName: 's' },
        createLogGroup: false,
      }),
    );
    expect(statement.Action).toEqual(LOG_ACTIONS);
    expect(told.Action).toEqual(LOG_ACTIONS);
  });
});

describe('the metrics', () => {
  const filters = Object.values(readTemplate('report-metrics.yaml').Resources)
    .filter(({ Type }) => Type === 'AWS::Logs::MetricFilter')
    .map(({ Properties }) => metricOf(Properties));
  const lines = SHAPES.flatMap((shape) =>
    readFileSync(new URL(`../fixtures/${shape}/expected.golden.jsonl`, import.meta.url), 'utf8')
      .trimEnd()
      .split('\n'),
  );

  /** What CloudWatch would count of one log event. */
  function counted(message: string): Record<string, Json> {
    const matching = filters.filter(({ matches }) => matches(message));
    return Object.fromEntries(matching.map(({ name, valueIn }) => [name, valueIn(message)]));
  }

  it('are the figures of each REPORT, and those of what happened where it happened', () => {
    for (const line of lines.filter((each) => each.includes('"REPORT"'))) {
      const { durationMs, maxMemoryUtilizationPercent, avgCpuUtilizationPercent, status, errorType } =
        JSON.parse(line);
      const expected = {
        Duration: durationMs,
        MemoryUtilization: maxMemoryUtilizationPercent,
        CpuUtilization: avgCpuUtilizationPercent,
        ...(status === 'failure' && { Failures: 1 }),
        ...(errorType === 'OutOfMemory' && { OutOfMemory: 1 }),
      };
      expect(counted(line)).toEqual(JSON.parse(JSON.stringify(expected)));
    }
  });

  it('count runs that failed, for want of memory or otherwise, and runs without samples', () => {
    const names = lines.flatMap((line) => Object.keys(counted(line)));
    const times = (name: string) => names.filter((each) => each === name).length;
    const runs = lines.filter((line) => line.includes('"REPORT"')).length;
    expect(times('Duration')).toBe(runs);
    for (const rare of ['Failures', 'OutOfMemory', 'MemoryUtilization']) {
      expect(times(rare)).toBeGreaterThan(0);
      expect(times(rare)).toBeLessThan(runs);
    }
  });

  it.each([
    ["fargauge's other lines", lines.filter((line) => !line.includes('"REPORT"'))],
    ["the batch's own JSON", ['{"type":"REPORT","durationMs":1,"status":"failure"}', '{"status":"failure"}']],
    ['other text', ['REPORT RequestId: 1 Duration: 3 ms', '']],
  ])('count nothing of %s', (_, messages) => {
    expect(messages).not.toEqual([]);
    expect(messages.map(counted)).toEqual(messages.map(() => ({})));
  });

  it('are by job alone', () => {
    for (const { dimensions } of filters) expect(dimensions).toEqual([{ Key: 'Job', Value: '$.job' }]);
  });

  it('stand in the docs, each with the field that it is of', () => {
    const page = readFileSync(new URL('../../docs/metrics.md', import.meta.url), 'utf8');
    const rows = [...page.matchAll(/^\| `(\w+)` \| (\w+) \| [^`]*`(\w+)`/gm)].map(
      ([, name, unit, field]) => ({
        name,
        unit: unit?.toLowerCase(),
        field,
      }),
    );
    const expected = filters.map(({ name, unit, field }) => ({ name, unit: unit.toLowerCase(), field }));
    expect(rows).toEqual(expected);
  });
});

interface Metric {
  readonly name: string;
  readonly unit: string;
  readonly dimensions: Json;
  /** Of the REPORT, that the filter's last condition is about. */
  readonly field: string;
  matches: Filter;
  /** @throws when the value is no number: CloudWatch would take no value */
  valueIn(message: string): number;
}

function metricOf(properties: JsonObject): Metric {
  const [transformation] = properties.MetricTransformations as readonly Record<string, string>[];
  const { MetricName = '', MetricValue = '', Unit = '', Dimensions = null } = transformation ?? {};
  const pattern = String(properties.FilterPattern);
  return {
    name: MetricName,
    unit: Unit,
    dimensions: Dimensions,
    field: [...pattern.matchAll(/\$\.(\w+)/g)].at(-1)?.[1] ?? '',
    matches: parseFilterPattern(pattern),
    valueIn: (message) => {
      const value = Number(
        MetricValue.startsWith('$.') ? JSON.parse(message)[MetricValue.slice(2)] : MetricValue,
      );
      if (Number.isNaN(value)) throw new Error(`${MetricName} has no value of ${message}`);
      return value;
    },
  };
}
