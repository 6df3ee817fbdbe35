import { execFileSync, spawnSync } from 'node:child_process';
import {
  cpSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { inject } from '../../src/deploy/injection.ts';
import type { JsonObject } from '../../src/deploy/json-text.ts';
import {
  CREATE_LOG_GROUP_ACTION,
  LOG_ACTIONS,
  ORDERS,
  type Order,
} from '../../src/deploy/sidecar-container.ts';
import { readTemplate } from '../deploy/cloudformation-template.ts';
import { awslogs, container, ECR, fileOf, taskDefinition } from '../deploy/task-definitions.ts';
import { blocksOf } from '../docs/pages.ts';
import {
  actionsOf,
  cloudFormationActions,
  cloudFormationFunction,
  cloudFormationPattern,
  FAMILIES,
  LOG_GROUP_ARN,
  SECRET_ARN,
} from './notifier-stack.ts';

const { CFN_LINT, TERRAFORM_PLUGIN_DIR } = process.env;
if (CFN_LINT === undefined)
  throw new Error('CFN_LINT is not set: run these tests with npm run test:templates');

const DEPLOY = join(import.meta.dirname, '../../deploy');
const folder = mkdtempSync(join(tmpdir(), 'fargauge-terraform-'));
afterAll(() => rmSync(folder, { recursive: true }));

describe('cfn-lint', () => {
  it('finds nothing in the CloudFormation templates', () => {
    const templates = globSync(join(DEPLOY, 'cloudformation/*.yaml'));
    expect(templates.length).toBeGreaterThan(1);
    const { status, stdout, stderr } = spawnSync(CFN_LINT, ['--include-checks', 'I', '--', ...templates], {
      encoding: 'utf8',
    });
    expect({ status, output: stdout + stderr }).toEqual({ status: 0, output: '' });
  });
});

const MIRROR = TERRAFORM_PLUGIN_DIR ? `-plugin-dir=${TERRAFORM_PLUGIN_DIR}` : '';

/** Those that make resources, each for itself. */
const MODULES = ['report-metrics', 'queries', 'dashboard', 'notifier', 'subscription'];

/** Made-up keys, and a provider that does not ask AWS whose they are. */
const OFFLINE_PROVIDER = `provider "aws" {
  skip_credentials_validation = true
  skip_requesting_account_id  = true
  skip_metadata_api_check     = true
}
`;

const IMAGE = `${ECR}/fargauge:0.1.0`;

/** The module as one calls it from a module of one's own. */
const TYPED_CALL = `variable "order" { type = string }
variable "containers" {
  type = list(object({
    name             = string
    image            = string
    essential        = optional(bool)
    cpu              = optional(number)
    dependsOn        = optional(list(object({ containerName = string, condition = string })))
    logConfiguration = optional(object({
      logDriver     = string
      options       = optional(object({
        awslogs-group         = optional(string)
        awslogs-region        = optional(string)
        awslogs-stream-prefix = optional(string)
        awslogs-create-group  = optional(string)
      }))
      secretOptions = optional(list(object({ name = string, valueFrom = string })))
    }))
    firelensConfiguration = optional(object({ type = string }))
  }))
}
module "fargauge" {
  source                = "../terraform"
  container_definitions = var.containers
  order                 = var.order
  image                 = "${IMAGE}"
  log_group_arn         = "${LOG_GROUP_ARN}"
}
output "container_definitions" { value = module.fargauge.container_definitions }
`;

function terraform(workingFolder: string, ...args: readonly string[]): string {
  const { TF_CLI_CONFIG_FILE: _, ...env } = process.env;
  return execFileSync('terraform', [...args], {
    cwd: join(folder, workingFolder),
    env: {
      ...env,
      AWS_ACCESS_KEY_ID: 'none',
      AWS_SECRET_ACCESS_KEY: 'none',
      AWS_REGION: 'us-east-1',
      TF_IN_AUTOMATION: '1',
      TF_INPUT: '0',
      TF_CLI_ARGS_init: MIRROR,
    },
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

function planOf(workingFolder: string, ...args: readonly string[]) {
  terraform(workingFolder, 'plan', '-out=plan', ...args);
  return JSON.parse(terraform(workingFolder, 'show', '-json', 'plan'));
}

interface Variables {
  readonly containers: readonly JsonObject[];
  readonly order?: Order;
  readonly batch?: string;
  readonly stopTimeout?: number;
}

/** @param others the module's own, by their names */
function planSidecar(
  { containers, order, batch, stopTimeout }: Variables,
  others: Readonly<Record<string, unknown>> = {},
): readonly JsonObject[] {
  const variables = {
    container_definitions: containers,
    image: IMAGE,
    log_group_arn: 'arn:aws:logs:us-east-1:123456789012:log-group:/ecs/nightly-batch',
    ...(order && { order }),
    ...(batch && { batch }),
    ...(stopTimeout && { stop_timeout: stopTimeout }),
    ...others,
  };
  writeFileSync(join(folder, 'terraform/variables.tfvars.json'), JSON.stringify(variables));
  const plan = planOf('terraform', '-var-file=variables.tfvars.json');
  return JSON.parse(plan.planned_values.outputs.container_definitions.value);
}

function injected({ containers, order, batch, stopTimeout }: Variables): readonly JsonObject[] {
  const { text } = inject(JSON.stringify(taskDefinition(containers)), {
    image: IMAGE,
    version: '',
    ...(order && { order }),
    ...(batch && { batch }),
    ...(stopTimeout && { stopTimeoutSeconds: stopTimeout }),
  });
  return JSON.parse(text).containerDefinitions;
}

/** Deeper than a container's own attributes the module leaves nulls to the provider. */
function withoutNulls(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value), (_, each) => each ?? undefined);
}

describe('terraform', () => {
  beforeAll(() => {
    cpSync(join(DEPLOY, 'terraform'), join(folder, 'terraform'), { recursive: true });
    for (const each of ['example', ...MODULES]) {
      writeFileSync(
        join(folder, 'terraform', each, `${each === 'example' ? 'offline_override' : 'offline'}.tf`),
        OFFLINE_PROVIDER,
      );
    }
    terraform('terraform', 'init');
    for (const each of ['example', ...MODULES]) {
      terraform(`terraform/${each}`, 'init');
    }
  });

  it('finds the modules valid and formatted', () => {
    for (const each of ['terraform', 'terraform/example', ...MODULES.map((name) => `terraform/${name}`)]) {
      expect(JSON.parse(terraform(each, 'validate', '-json'))).toMatchObject({
        valid: true,
        diagnostics: [],
      });
    }
    expect(terraform('terraform', 'fmt', '-recursive', '-check', '-diff')).toBe('');
  });

  const weighing = container('batch', { cpu: 512 });
  const proxy = container('proxy', { essential: false, environment: [] });
  const splunk = {
    logDriver: 'splunk',
    options: { 'splunk-url': 'u' },
    secretOptions: [{ name: 'a', valueFrom: 'b' }],
  };

  it.each<[string, Variables]>([
    ['a batch', { containers: [weighing] }],
    ['a batch that comes after the sidecar', { containers: [weighing], order: 'sidecar-first' }],
    [
      'one that waits for another already',
      {
        containers: [proxy, { ...weighing, dependsOn: [{ containerName: 'proxy', condition: 'START' }] }],
        order: 'sidecar-first',
        stopTimeout: 60,
      },
    ],
    ['one of several', { containers: [weighing, container('web', { memory: 9 })], batch: 'web' }],
    [
      'one of nine that start one after the other',
      {
        containers: Array.from({ length: 9 }, (_, each) =>
          container(
            `c${each}`,
            each > 0 ? { dependsOn: [{ containerName: `c${each - 1}`, condition: 'START' }] } : {},
          ),
        ),
        batch: 'c8',
      },
    ],
    [
      'one beside the log router of FireLens',
      {
        containers: [
          container('router', { firelensConfiguration: { type: 'fluentbit' } }),
          container('batch', { logConfiguration: { logDriver: 'awsfirelens' } }),
        ],
      },
    ],
    ['one with a log of another kind', { containers: [container('batch', { logConfiguration: splunk })] }],
    [
      'one whose log has no group yet',
      { containers: [container('batch', { logConfiguration: { logDriver: 'awslogs', options: {} } })] },
    ],
    [
      'one with further log options',
      {
        containers: [
          container('batch', { logConfiguration: awslogs('/g', { 'max-buffer-size': '4m' }), cpu: 0 }),
        ],
      },
    ],
  ])('adds what fargauge inject adds, for %s', (_, variables) => {
    expect(planSidecar(variables)).toEqual(injected(variables));
  });

  it('takes what a typed variable leaves out, which is null, as not there', () => {
    mkdirSync(join(folder, 'typed'));
    writeFileSync(join(folder, 'typed/main.tf'), TYPED_CALL);
    terraform('typed', 'init');
    const { logConfiguration = null } = container('batch');
    const containers = [
      { name: 'proxy', image: 'proxy', essential: false },
      { name: 'batch', image: 'batch', logConfiguration },
    ];
    for (const order of ORDERS) {
      writeFileSync(join(folder, 'typed/v.tfvars.json'), JSON.stringify({ containers, order }));
      const plan = planOf('typed', '-var-file=v.tfvars.json');
      const planned = JSON.parse(plan.planned_values.outputs.container_definitions.value);
      expect(JSON.stringify(planned.at(-1))).not.toContain('null');
      expect(withoutNulls(planned)).toEqual(injected({ containers, order }));
    }
  });

  it('lets the task role write into the log group, and create it where the sidecar shall', () => {
    const actions = (environment: JsonObject) => {
      planSidecar({ containers: [weighing] }, { environment });
      const plan = JSON.parse(terraform('terraform', 'show', '-json', 'plan'));
      return JSON.parse(plan.planned_values.outputs.task_role_policy.value).Statement[0].Action;
    };
    expect(actions({ FARGAUGE_JOB: 'a' })).toEqual([...LOG_ACTIONS]);
    expect(actions({ FARGAUGE_CREATE_LOG_GROUP: 'true' })).toEqual([...LOG_ACTIONS, CREATE_LOG_GROUP_ACTION]);
  });

  it.each<[string, Variables, string]>([
    [
      'a batch that is not there',
      { containers: [weighing], batch: 'job' },
      'The batch is none of the containers',
    ],
    [
      'ten containers',
      { containers: Array.from({ length: 10 }, (_, each) => container(`c${each}`)) },
      '1 to 9',
    ],
    ['two containers of one name', { containers: [weighing, weighing] }, 'have the same name'],
    ['a container called fargauge', { containers: [container('fargauge')] }, 'called fargauge already'],
    [
      'dependencies that the sidecar closes to a circle',
      {
        containers: [
          container('proxy', { dependsOn: [{ containerName: 'fargauge', condition: 'START' }] }),
          { ...weighing, dependsOn: [{ containerName: 'proxy', condition: 'START' }] },
        ],
        batch: 'batch',
      },
      'among these containers: batch, fargauge,',
    ],
    ['a stop timeout out of range', { containers: [weighing], stopTimeout: 121 }, 'from 2 to 120'],
  ])('refuses %s', (_, variables, message) => {
    expect(() => planSidecar(variables)).toThrow(message);
  });

  it.each([
    ['JSON text', { container_definitions: '[{"name":"batch"}]' }, 'JSON text, give jsondecode(TEXT)'],
    ['a container without a name', { container_definitions: [{ image: 'x' }] }, 'each with a name'],
    ['a variable that it sets itself', { environment: { FARGAUGE_BATCH: 'b' } }, 'environment sets'],
  ])('refuses %s', (_, others, message) => {
    expect(() => planSidecar({ containers: [weighing] }, others)).toThrow(message);
  });

  it('plans the example', () => {
    const plan = planOf('terraform/example');
    const resources = plan.planned_values.root_module.resources as readonly {
      type: string;
      values: JsonObject;
    }[];
    const task = resources.find(({ type }) => type === 'aws_ecs_task_definition');
    const planned = JSON.parse(String(task?.values.container_definitions));
    // The provider sorts the containers by name.
    const expected = JSON.parse(fileOf('fargate-batch.json')).containerDefinitions;
    expect(planned).toEqual(expected.toReversed());
    const metrics = plan.planned_values.root_module.child_modules[0].resources as typeof resources;
    expect(metrics.filter(({ type }) => type === 'aws_cloudwatch_log_metric_filter')).toHaveLength(5);
  });

  it('runs the commands of docs/terraform.md', () => {
    const docs = join(folder, 'docs');
    mkdirSync(docs);
    symlinkSync(DEPLOY, join(docs, 'deploy'));
    writeFileSync(join(docs, 'main.tf'), blocksOf('terraform.md', 'hcl').join('\n'));
    writeFileSync(join(docs, 'offline.tf'), OFFLINE_PROVIDER);
    expect(terraform('docs', 'fmt', '-check', '-diff')).toBe('');
    const commands = blocksOf('terraform.md', 'sh').join('').trim().split('\n');
    expect(commands.every((command) => command.startsWith('terraform '))).toBe(true);
    const outputs = commands.map((command) => terraform('docs', ...command.split(' ').slice(1)));
    expect(outputs.at(-1)).toContain('"fargauge"');
  });

  it('plans the metrics and the alarm of the CloudFormation template', () => {
    const plan = planOf('terraform/report-metrics', '-var=log_group_name=/ecs/nightly-batch');
    const resources = plan.planned_values.root_module.resources as readonly {
      type: string;
      values: JsonObject;
    }[];
    const planned = resources
      .filter(({ type }) => type === 'aws_cloudwatch_log_metric_filter')
      .map(({ values }) => {
        const [{ name, value, unit, dimensions }] = values.metric_transformation as [Record<string, string>];
        return { name, value, unit, dimensions, pattern: values.pattern };
      });
    const templates = Object.values(readTemplate('report-metrics.yaml').Resources)
      .filter(({ Type }) => Type === 'AWS::Logs::MetricFilter')
      .map(({ Properties }) => {
        const [{ MetricName, MetricValue, Unit }] = Properties.MetricTransformations as [
          Record<string, string>,
        ];
        return {
          name: MetricName,
          value: MetricValue,
          unit: Unit,
          dimensions: { Job: '$.job' },
          pattern: Properties.FilterPattern,
        };
      });
    expect(planned).toEqual(expect.arrayContaining(templates));
    expect(planned).toHaveLength(templates.length);
    const alarm = resources.find(({ type }) => type === 'aws_cloudwatch_metric_alarm')?.values;
    const { Properties } = readTemplate('report-metrics.yaml').Resources.FailureAlarm ?? {};
    expect(alarm).toMatchObject({
      metric_name: Properties?.MetricName,
      threshold: Properties?.Threshold,
      period: Properties?.Period,
      comparison_operator: Properties?.ComparisonOperator,
      treat_missing_data: Properties?.TreatMissingData,
    });
  });

  const groups = ['/ecs/nightly-batch', '/ecs/other'];

  it('plans the saved queries of the CloudFormation template', () => {
    const plan = planOf('terraform/queries', `-var=log_group_names=${JSON.stringify(groups)}`);
    const planned = (plan.planned_values.root_module.resources as readonly { values: JsonObject }[]).map(
      ({ values }) => values,
    );
    const templates = Object.values(readTemplate('queries.yaml').Resources).map(({ Properties }) => ({
      name: (Properties.Name as Record<string, string>)['Fn::Sub']?.replace(`\${Folder}`, 'fargauge'),
      query_string: Properties.QueryString,
      log_group_names: groups,
    }));
    expect(planned).toHaveLength(templates.length);
    expect(planned).toEqual(templates.map((template) => expect.objectContaining(template)));
  });

  it('plans the dashboard of the CloudFormation template', () => {
    const plan = planOf(
      'terraform/dashboard',
      `-var=log_group_names=${JSON.stringify(groups)}`,
      '-var=region=eu-west-1',
    );
    const [dashboard] = plan.planned_values.root_module.resources as readonly { values: JsonObject }[];
    const { Properties } = readTemplate('dashboard.yaml').Resources.Dashboard ?? {};
    const made = Properties?.DashboardBody as Record<string, [string]> | undefined;
    const [body] = made?.['Fn::Sub'] ?? [''];
    const filled = body
      .replaceAll(`\${Sources}`, groups.join("' | SOURCE '"))
      .replaceAll(`\${Region}`, 'eu-west-1');
    expect(dashboard?.values.dashboard_name).toBe('fargauge');
    expect(JSON.parse(String(dashboard?.values.dashboard_body))).toEqual(JSON.parse(filled));
  });

  it('plans the notifier of the CloudFormation template', () => {
    const notifierPackage = join(folder, 'notifier.zip');
    writeFileSync(notifierPackage, 'a zip');
    const plan = planOf(
      'terraform/notifier',
      `-var=package_file=${notifierPackage}`,
      `-var=secret_arn=${SECRET_ARN}`,
      `-var=families=${JSON.stringify(FAMILIES)}`,
      `-var=log_group_arns=${JSON.stringify([`${LOG_GROUP_ARN}:*`])}`,
    );
    const resources = plan.planned_values.root_module.resources as readonly {
      type: string;
      values: JsonObject;
    }[];
    const planned = (type: string) => resources.find((resource) => resource.type === type)?.values;
    expect(JSON.parse(String(planned('aws_cloudwatch_event_rule')?.event_pattern))).toEqual(
      cloudFormationPattern(),
    );
    const { Runtime, Handler, Timeout, MemorySize, variables } = cloudFormationFunction();
    const lambda = planned('aws_lambda_function');
    expect(lambda).toMatchObject({
      runtime: Runtime,
      handler: Handler,
      timeout: Timeout,
      memory_size: MemorySize,
    });
    const told = lambda?.environment as readonly { variables: JsonObject }[] | undefined;
    expect(Object.keys(told?.[0]?.variables ?? {}).toSorted()).toEqual(variables);
    expect(told?.[0]?.variables.FARGAUGE_SLACK_FAMILIES).toBe('nightly-batch,import-*');
    expect(planned('aws_sqs_queue')).toMatchObject({ message_retention_seconds: 1_209_600 });
    // Names that AWS gives are not known before: the policy is compared as it is written.
    const source = readFileSync(join(DEPLOY, 'terraform/notifier/main.tf'), 'utf8');
    const written = [
      ...source.matchAll(/Sid\s+= "(\w+)"\s+Effect\s+= "Allow"[^}]*?Action\s+= (\[[^\]]*\]|"[^"]*")/g),
    ]
      .map(([, Sid = '', Action = '']) => actionsOf({ Sid, Action: JSON.parse(Action) }))
      .filter(({ Sid }) => Sid !== 'RuleKeepsWhatCouldNotBeDelivered' && Sid !== 'DecryptsTheSecret');
    expect(written).toEqual(cloudFormationActions());
  });

  it('refuses families and waits that the function would refuse', () => {
    const options = [
      '-var=package_file=x',
      `-var=secret_arn=${SECRET_ARN}`,
      '-var=log_group_arns=[]',
      '-var=families=["two words"]',
      '-var=report_wait_seconds=0.5',
    ];
    expect(() => planOf('terraform/notifier', ...options)).toThrow(
      /Each must be the name of a family.*It must be a whole number from 0 to 40/s,
    );
  });

  it('plans the forwarder of the CloudFormation template', () => {
    const file = join(folder, 'subscription.zip');
    writeFileSync(file, 'PK');
    const variables = {
      log_group_names: groups,
      package_file: file,
      opensearch_url: 'https://search-logs-abc.eu-west-1.es.amazonaws.com',
      domain_arn: 'arn:aws:es:eu-west-1:123456789012:domain/logs',
      secret_arn: 'arn:aws:secretsmanager:eu-west-1:123456789012:secret:engine-AbCdEf',
      subnet_ids: ['subnet-1'],
      security_group_ids: ['sg-1'],
    };
    writeFileSync(join(folder, 'terraform/subscription/variables.tfvars.json'), JSON.stringify(variables));
    const plan = planOf('terraform/subscription', '-var-file=variables.tfvars.json');
    const resources = plan.planned_values.root_module.resources as readonly {
      type: string;
      name: string;
      values: JsonObject;
    }[];
    const planned = (type: string) =>
      resources.filter((each) => each.type === type).map(({ values }) => values);
    const template = readTemplate('subscription.yaml').Resources;
    const properties = (name: string) => template[name]?.Properties ?? {};

    const filters = planned('aws_cloudwatch_log_subscription_filter');
    const [, , pattern] = (properties('Subscription').FilterPattern as { 'Fn::If': string[] })['Fn::If'];
    expect(filters.map(({ log_group_name }) => log_group_name)).toEqual(groups);
    for (const filter of filters) expect(filter.filter_pattern).toBe(pattern);
    expect(planned('aws_lambda_permission')).toHaveLength(groups.length);

    const [lambda] = planned('aws_lambda_function');
    const made = properties('Function');
    expect(lambda).toMatchObject({
      handler: made.Handler,
      memory_size: made.MemorySize,
      timeout: made.Timeout,
      architectures: made.Architectures,
      vpc_config: [{ subnet_ids: ['subnet-1'], security_group_ids: ['sg-1'] }],
    });
    expect(planned('aws_sqs_queue')[0]).toMatchObject({
      message_retention_seconds: properties('FailureQueue').MessageRetentionPeriod,
      visibility_timeout_seconds: properties('FailureQueue').VisibilityTimeout,
    });
    expect(planned('aws_lambda_event_source_mapping')[0]).toMatchObject({
      enabled: false,
      batch_size: properties('ReplayOfFailures').BatchSize,
      function_response_types: properties('ReplayOfFailures').FunctionResponseTypes,
    });
    expect(planned('aws_lambda_function_event_invoke_config')[0]).toMatchObject({
      maximum_retry_attempts: properties('Failures').MaximumRetryAttempts,
      maximum_event_age_in_seconds: properties('Failures').MaximumEventAgeInSeconds,
    });
    const alarms = planned('aws_cloudwatch_metric_alarm').map(({ namespace, metric_name }) => [
      namespace,
      metric_name,
    ]);
    expect(alarms.toSorted()).toEqual(
      ['FailureAlarm', 'LossAlarm', 'NewFailureAlarm']
        .map((name) => [properties(name).Namespace, properties(name).MetricName])
        .toSorted(),
    );
  });
});
