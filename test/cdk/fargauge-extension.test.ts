import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { App, Duration, Lazy, Stack } from 'aws-cdk-lib';
import { Match, Template } from 'aws-cdk-lib/assertions';
import {
  type ContainerDefinitionOptions,
  ContainerImage,
  CpuArchitecture,
  Ec2TaskDefinition,
  FargateTaskDefinition,
  FirelensLogRouterType,
  LogDrivers,
  OperatingSystemFamily,
  PidMode,
  type TaskDefinition,
} from 'aws-cdk-lib/aws-ecs';
import { LogGroup } from 'aws-cdk-lib/aws-logs';
import { afterAll, describe, expect, it } from 'vitest';
import { FargaugeExtension, type FargaugeExtensionProps } from '../../src/cdk/fargauge-extension.ts';
import { inject } from '../../src/deploy/injection.ts';
import type { JsonObject } from '../../src/deploy/json-text.ts';
import { ORDERS } from '../../src/deploy/sidecar-container.ts';

const IMAGE = '123456789012.dkr.ecr.us-east-1.amazonaws.com/fargauge:0.1.0';
const image = ContainerImage.fromRegistry(IMAGE);
const env = { account: '123456789012', region: 'us-east-1' };

/** Else each app leaves a folder of its own behind. */
const folder = mkdtempSync(join(tmpdir(), 'fargauge-cdk-'));
afterAll(() => rmSync(folder, { recursive: true }));

function newStack(): Stack {
  const outdir = mkdtempSync(join(folder, 'app-'));
  return new Stack(new App({ analyticsReporting: false, outdir }), 'Stack', { env });
}

function fargate(stack: Stack): TaskDefinition {
  return new FargateTaskDefinition(stack, 'Task', { family: 'nightly', cpu: 1024, memoryLimitMiB: 2048 });
}

function batch(stack: Stack, options: Partial<ContainerDefinitionOptions> = {}): ContainerDefinitionOptions {
  const logGroup = LogGroup.fromLogGroupName(
    stack,
    `Group${stack.node.children.length}`,
    '/ecs/nightly-batch',
  );
  return {
    image: ContainerImage.fromRegistry('batch'),
    cpu: 128,
    logging: LogDrivers.awsLogs({ logGroup, streamPrefix: 'ecs' }),
    ...options,
  };
}

function propertiesOf(stack: Stack): JsonObject {
  const [resource] = Object.values(Template.fromStack(stack).findResources('AWS::ECS::TaskDefinition'));
  return resource?.Properties;
}

function containersOf(stack: Stack): readonly JsonObject[] {
  return propertiesOf(stack).ContainerDefinitions as readonly JsonObject[];
}

describe('the construct', () => {
  const variants = ORDERS.flatMap((order) => [
    { order, others: 0, sharp: false },
    { order, others: 1, sharp: false },
    { order, others: 0, sharp: true },
  ]);

  it.each(variants)(
    'adds what fargauge inject adds ($order, $others other containers, sharp $sharp)',
    ({ order, others, sharp }) => {
      const stack = newStack();
      const plain = newStack();
      for (const each of [stack, plain]) {
        const task = fargate(each);
        task.addContainer('batch', batch(each));
        if (others > 0) task.addContainer('proxy', batch(each, { cpu: 1, essential: false }));
        if (each === stack) task.addExtension(new FargaugeExtension({ image, order, sharp }));
      }
      const options = { image: IMAGE, order, isSharp: sharp, version: '0.1.0' };
      const { text } = inject(JSON.stringify(propertiesOf(plain)), options);
      expect(containersOf(stack)).toEqual(JSON.parse(text).ContainerDefinitions);
      expect(propertiesOf(stack).PidMode).toEqual(JSON.parse(text).PidMode);
    },
  );

  it('takes its options', () => {
    const stack = newStack();
    const task = fargate(stack);
    task.addContainer('web', batch(stack, { cpu: 100 }));
    task.addContainer('job', batch(stack, { cpu: 100 }));
    const props: FargaugeExtensionProps = {
      image,
      batch: 'job',
      stopTimeout: Duration.minutes(1),
      environment: { FARGAUGE_JOB: 'nightly' },
    };
    task.addExtension(new FargaugeExtension(props));
    expect(containersOf(stack)[2]).toMatchObject({
      StopTimeout: 60,
      DependsOn: [{ ContainerName: 'job', Condition: 'START' }],
      Environment: [
        { Name: 'FARGAUGE_STOP_TIMEOUT_SECONDS', Value: '60' },
        { Name: 'FARGAUGE_BATCH', Value: 'job' },
        { Name: 'FARGAUGE_JOB', Value: 'nightly' },
      ],
    });
  });

  it("lets the task role write into the batch's log group, and nothing else", () => {
    const stack = newStack();
    const task = fargate(stack);
    task.addContainer('batch', batch(stack));
    task.addExtension(new FargaugeExtension({ image }));
    Template.fromStack(stack).hasResourceProperties('AWS::IAM::Policy', {
      Roles: [{ Ref: Match.stringLikeRegexp('TaskRole') }],
      PolicyDocument: {
        Version: '2012-10-17',
        Statement: [
          {
            Effect: 'Allow',
            Action: ['logs:CreateLogStream', 'logs:PutLogEvents'],
            Resource: {
              'Fn::Join': [
                '',
                [
                  'arn:',
                  { Ref: 'AWS::Partition' },
                  ':logs:us-east-1:123456789012:log-group:/ecs/nightly-batch:*',
                ],
              ],
            },
          },
        ],
      },
    });
  });

  it('works on EC2 and with a log group of the stack', () => {
    const stack = newStack();
    const task = new Ec2TaskDefinition(stack, 'Task');
    const logGroup = new LogGroup(stack, 'Logs');
    const logging = LogDrivers.awsLogs({ logGroup, streamPrefix: 'ecs' });
    task.addContainer('batch', batch(stack, { logging, memoryLimitMiB: 512 }));
    task.addExtension(new FargaugeExtension({ image }));
    const group = { Ref: Match.stringLikeRegexp('Logs') };
    Template.fromStack(stack).hasResourceProperties('AWS::ECS::TaskDefinition', {
      ContainerDefinitions: [
        Match.anyValue(),
        Match.objectLike({
          LogConfiguration: { Options: Match.objectLike({ 'awslogs-group': group, mode: 'blocking' }) },
        }),
      ],
    });
    expect(JSON.stringify(Template.fromStack(stack).findResources('AWS::IAM::Policy'))).toMatch(
      /:log-group:",\{"Ref":"Logs[^"]*"\},":\*"/,
    );
  });

  interface Granted {
    readonly actions: readonly string[];
    readonly group: string;
    readonly warnings: string;
  }

  /** What the task role of a batch with such a log is granted for a sidecar with such variables. */
  function granted(
    logging: ContainerDefinitionOptions['logging'] | 'awslogs',
    environment: Readonly<Record<string, string>>,
  ): Granted {
    const stack = newStack();
    const task = fargate(stack);
    task.addContainer('batch', logging === 'awslogs' ? batch(stack) : { image, ...(logging && { logging }) });
    task.addExtension(new FargaugeExtension({ image, environment }));
    // FireLens adds a role policy of its own.
    const policies = Object.values(Template.fromStack(stack).findResources('AWS::IAM::Policy'));
    const [statement] = policies
      .filter(({ Properties }) => JSON.stringify(Properties.Roles).includes('TaskRole'))
      .flatMap(({ Properties }) => Properties.PolicyDocument.Statement);
    return {
      actions: statement?.Action ?? [],
      group: statement?.Resource['Fn::Join'][1].at(-1) ?? '',
      warnings: task.node.metadata.map(({ data }) => String(data)).join(),
    };
  }

  const write = ['logs:CreateLogStream', 'logs:PutLogEvents'];
  const firelens = LogDrivers.firelens({ options: { Name: 'null' } });

  it.each<[string, ...Parameters<typeof granted>, Omit<Granted, 'warnings'>]>([
    [
      'the log group that the sidecar is told',
      'awslogs',
      { FARGAUGE_LOG_GROUP: '/mine' },
      { actions: write, group: ':logs:us-east-1:123456789012:log-group:/mine:*' },
    ],
    [
      'the one that it is told beside FireLens, in the region that it is told',
      firelens,
      { FARGAUGE_LOG_GROUP: '/mine', AWS_REGION: 'eu-west-1' },
      { actions: write, group: ':logs:eu-west-1:123456789012:log-group:/mine:*' },
    ],
    [
      'to create it, where it shall',
      'awslogs',
      { FARGAUGE_LOG_GROUP: '', FARGAUGE_CREATE_LOG_GROUP: 'true' },
      {
        actions: [...write, 'logs:CreateLogGroup'],
        group: ':logs:us-east-1:123456789012:log-group:/ecs/nightly-batch:*',
      },
    ],
    [
      'nothing where lines go to stdout',
      'awslogs',
      { FARGAUGE_OUTPUT: 'stdout' },
      { actions: [], group: '' },
    ],
    [
      'nothing there without a log either',
      undefined,
      { FARGAUGE_OUTPUT: 'stdout' },
      { actions: [], group: '' },
    ],
  ])('grants %s, and warns of nothing', (_, logging, environment, expected) => {
    expect(granted(logging, environment)).toEqual({ ...expected, warnings: '' });
  });

  it.each([
    ['no log', undefined],
    ['a log by FireLens', firelens],
  ])('warns where the batch has %s and no log group is told, and grants nothing', (_, logging) => {
    const { warnings, ...rest } = granted(logging, {});
    expect(rest).toEqual({ actions: [], group: '' });
    expect(warnings).toContain("The batch's log driver is not awslogs, and FARGAUGE_LOG_GROUP is not set");
  });

  it.each([
    [
      { image, ...JSON.parse('{ "order": "first" }') },
      'order is first; it must be batch-first or sidecar-first',
    ],
    [
      { image, stopTimeout: Duration.seconds(Lazy.number({ produce: () => 30 })) },
      'stopTimeout is a token; it must be known when the template is made',
    ],
    [{ image, stopTimeout: Duration.seconds(1) }, 'stopTimeout is 1 s; it must be 2 to 120 s'],
    [{ image, environment: { FARGAUGE_BATCH: 'x' } }, 'environment sets FARGAUGE_BATCH'],
    [{ image, sharp: true, environment: { FARGAUGE_PROC: 'off' } }, 'environment sets FARGAUGE_PROC'],
    [{ image, batch: 'job' }, 'has no container job; there are batch'],
  ])('refuses what cannot work', (props, message) => {
    const stack = newStack();
    const task = fargate(stack);
    task.addContainer('batch', batch(stack));
    expect(() => task.addExtension(new FargaugeExtension(props))).toThrow(message);
  });

  it('keeps a shared PID namespace that the task has, and refuses the machine’s', () => {
    const stack = newStack();
    const [shared, host] = [PidMode.TASK, PidMode.HOST].map((pidMode, index) => {
      const task = new Ec2TaskDefinition(stack, `Task${index}`, { pidMode });
      task.addContainer('batch', batch(stack, { memoryLimitMiB: 512 }));
      return task;
    });
    shared?.addExtension(new FargaugeExtension({ image, sharp: true }));
    expect(JSON.stringify(Template.fromStack(stack).toJSON())).not.toContain('FARGAUGE_PROC');
    expect(() => host?.addExtension(new FargaugeExtension({ image, sharp: true }))).toThrow(
      'has pidMode host; with sharp it must be task or none',
    );
  });

  it('refuses a Windows task', () => {
    const stack = newStack();
    const task = new FargateTaskDefinition(stack, 'Task', {
      cpu: 1024,
      memoryLimitMiB: 2048,
      runtimePlatform: {
        cpuArchitecture: CpuArchitecture.X86_64,
        operatingSystemFamily: OperatingSystemFamily.WINDOWS_SERVER_2022_CORE,
      },
    });
    expect(() => task.addExtension(new FargaugeExtension({ image }))).toThrow('Stack/Task is a Windows task');
  });

  it('refuses a second container of its name, and to be the eleventh', () => {
    const stack = newStack();
    const task = fargate(stack);
    task.addContainer('batch', batch(stack));
    task.addExtension(new FargaugeExtension({ image }));
    expect(() => task.addExtension(new FargaugeExtension({ image }))).toThrow(
      'Stack/Task has a container called fargauge already',
    );
    const full = new FargateTaskDefinition(stack, 'Full', { cpu: 1024, memoryLimitMiB: 2048 });
    for (let each = 0; each < 10; each += 1) full.addContainer(`c${each}`, { image });
    expect(() => full.addExtension(new FargaugeExtension({ image }))).toThrow(
      'Stack/Full has 10 containers; ECS allows 10, the sidecar included',
    );
  });

  it('refuses dependencies that lead back to their start, even those added later', () => {
    const synthesised = (isCircle: boolean) => {
      const stack = newStack();
      const task = fargate(stack);
      const program = task.addContainer('batch', batch(stack));
      const proxy = task.addContainer('proxy', batch(stack, { essential: false }));
      task.addExtension(new FargaugeExtension({ image }));
      const sidecar = task.findContainer('fargauge');
      if (sidecar) proxy.addContainerDependencies({ container: sidecar });
      if (isCircle) program.addContainerDependencies({ container: proxy });
      return Template.fromStack(stack);
    };
    expect(() => synthesised(false)).not.toThrow();
    expect(() => synthesised(true)).toThrow('batch -> proxy -> fargauge -> batch');
  });

  it('takes no log router of FireLens for the batch, and logs through it', () => {
    const stack = newStack();
    const task = fargate(stack);
    task.addFirelensLogRouter('router', {
      image,
      essential: true,
      firelensConfig: { type: FirelensLogRouterType.FLUENTBIT },
    });
    task.addContainer('batch', { image, logging: LogDrivers.firelens({ options: { Name: 'null' } }) });
    task.addExtension(new FargaugeExtension({ image }));
    expect(containersOf(stack).find(({ Name }) => Name === 'fargauge')).toMatchObject({
      DependsOn: [{ ContainerName: 'batch', Condition: 'START' }],
      LogConfiguration: { LogDriver: 'awsfirelens', Options: { Name: 'null' } },
    });
  });

  it('bears the log router that CDK adds by itself', () => {
    const stack = newStack();
    const task = fargate(stack);
    task.addContainer('batch', { image, logging: LogDrivers.firelens({ options: { Name: 'null' } }) });
    task.addExtension(new FargaugeExtension({ image }));
    const containers = containersOf(stack);
    expect(containers.map(({ Name }) => Name)).toEqual(['batch', 'fargauge', 'log-router']);
    expect(containers[1]?.Environment).toContainEqual({ Name: 'FARGAUGE_BATCH', Value: 'batch' });
  });

  it('refuses to come before the containers', () => {
    const stack = newStack();
    const task = fargate(stack);
    expect(() => task.addExtension(new FargaugeExtension({ image }))).toThrow(
      'Stack/Task has no essential container; there are none. Add the extension after the containers',
    );
    task.addContainer('batch', batch(stack));
    task.addExtension(new FargaugeExtension({ image }));
    task.addContainer('late', batch(stack));
    expect(() => Template.fromStack(stack)).toThrow('container late was added after FargaugeExtension');
  });
});
