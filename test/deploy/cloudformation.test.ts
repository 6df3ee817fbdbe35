import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { REPORT_FIELDS } from '../../src/core/fields.ts';
import { inject, remove } from '../../src/deploy/injection.ts';
import type { JsonObject } from '../../src/deploy/json-text.ts';
import { LOG_ACTIONS } from '../../src/deploy/sidecar-container.ts';
import { policyStatement } from '../../src/sinks/policy.ts';
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
    .map(({ Properties }) => JSON.stringify(Properties));

  it('read fields that a REPORT has', () => {
    const fields: readonly string[] = REPORT_FIELDS.filter((field) =>
      (field.lines as readonly string[]).includes('REPORT'),
    ).map(({ name }) => name);
    expect(filters).toHaveLength(5);
    for (const filter of filters) {
      const read = [...filter.matchAll(/\$\.(\w+)/g)].map(([, name]) => name);
      expect(read.filter((name) => !fields.includes(name ?? ''))).toEqual([]);
    }
  });

  it('count REPORT lines of fargauge only, by job', () => {
    for (const filter of filters) {
      expect(filter).toContain('($.type = \\"REPORT\\") && ($.fargaugeVersion = *)');
      expect(filter).toContain('"Dimensions":[{"Key":"Job","Value":"$.job"}]');
    }
  });
});
