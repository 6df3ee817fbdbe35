import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type InjectOptions, inject, remove } from '../../src/deploy/injection.ts';
import type { Json, JsonObject } from '../../src/deploy/json-text.ts';
import { ORDERS } from '../../src/deploy/sidecar-container.ts';
import { problems } from '../support/task-definition-rules.ts';
import {
  anyTaskDefinition,
  awslogs,
  container,
  described,
  ECR,
  fileOf,
  pascalCased,
  taskDefinition,
} from './task-definitions.ts';

const version = '0.1.0';

function text(definition: Json): string {
  return `${JSON.stringify(definition, null, 2)}\n`;
}

function injected(source: string, options: Omit<InjectOptions, 'version'> = {}): JsonObject {
  return JSON.parse(inject(source, { version, ...options }).text);
}

function containersOf(definition: JsonObject): readonly JsonObject[] {
  return (definition.containerDefinitions ?? definition.ContainerDefinitions) as readonly JsonObject[];
}

function sidecarOf(definition: JsonObject): JsonObject | undefined {
  return containersOf(definition).find((each) => (each.name ?? each.Name) === 'fargauge');
}

function refusal(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    return (error as Error).message;
  }
  return 'not refused';
}

describe('the sidecar in a task definition', () => {
  it('is the one of the task definitions to start from', () => {
    for (const file of ['fargate-batch.json', 'ec2-bridge.json', 'ec2-awsvpc.json']) {
      const source = fileOf(file);
      expect(injected(remove(source).text), file).toEqual(JSON.parse(source));
      expect(inject(source, { version }).text, file).toBe(source);
    }
    const sharp = fileOf('fargate-batch-sharp.json');
    expect(injected(remove(sharp).text, { isSharp: true })).toEqual(JSON.parse(sharp));
    expect(inject(sharp, { version, isSharp: true }).text).toBe(sharp);
    expect(inject(sharp, { version }).text).toBe(sharp);
    const spot = fileOf('fargate-spot-sidecar-first.json');
    expect(inject(spot, { version }).text).toBe(spot);
    const again = injected(remove(spot).text, { order: 'sidecar-first' });
    expect(sidecarOf(again)).toEqual(sidecarOf(JSON.parse(spot)));
    expect(containersOf(again)[0]?.dependsOn).toEqual(containersOf(JSON.parse(spot))[1]?.dependsOn);
  });

  it('breaks no rule for it in either order', () => {
    const source = remove(fileOf('fargate-batch.json')).text;
    for (const order of ORDERS) expect(problems(injected(source, { order }))).toEqual([]);
  });

  it('has a CPU weight only beside a batch that has one', () => {
    const weighing = taskDefinition([container('batch', { cpu: 512 })]);
    const notWeighing = taskDefinition([container('batch', { cpu: 0 })]);
    expect(sidecarOf(injected(text(weighing)))).toMatchObject({ cpu: 64 });
    expect(sidecarOf(injected(text(notWeighing)))).not.toHaveProperty('cpu');
  });

  it('is told the batch where several containers could be meant', () => {
    const two = taskDefinition([container('batch'), container('proxy', { essential: false })]);
    expect(sidecarOf(injected(text(two)))?.environment).toContainEqual({
      name: 'FARGAUGE_BATCH',
      value: 'batch',
    });
    const one = taskDefinition([container('batch')]);
    expect(JSON.stringify(injected(text(one)))).not.toContain('FARGAUGE_BATCH');
  });

  it("is added beside variables of the batch's that only a template's function knows", () => {
    const properties = {
      ContainerDefinitions: [
        { Name: 'batch', Image: 'x', Environment: { 'Fn::If': ['Live', [], { Ref: 'AWS::NoValue' }] } },
      ],
    };
    const [batch, sidecar] = containersOf(injected(text(properties), { image: 'fargauge:1' }));
    expect(batch).toEqual(properties.ContainerDefinitions[0]);
    expect(sidecar).toMatchObject({ Name: 'fargauge' });
  });

  it("logs where the batch does, without the batch's ways of splitting and buffering", () => {
    const log = awslogs('/g', {
      mode: 'non-blocking',
      'max-buffer-size': '4m',
      'awslogs-create-group': 'true',
      'awslogs-multiline-pattern': '^x',
    });
    const definition = taskDefinition([container('batch', { logConfiguration: log })]);
    expect(sidecarOf(injected(text(definition)))?.logConfiguration).toEqual(
      awslogs('/g', { 'awslogs-create-group': 'true', mode: 'blocking' }),
    );
  });

  it('takes the log configuration of another driver as it is', () => {
    const log = {
      logDriver: 'splunk',
      options: { 'splunk-url': 'u' },
      secretOptions: [{ name: 'a', valueFrom: 'b' }],
    };
    const definition = taskDefinition([container('batch', { logConfiguration: log })]);
    expect(sidecarOf(injected(text(definition)))?.logConfiguration).toEqual(log);
  });

  it('is spelled as CloudFormation spells it in a template, a resource or its Properties', () => {
    const wanted = pascalCased(sidecarOf(injected(text(taskDefinition([container('batch')])))) ?? null);
    const properties = pascalCased(taskDefinition([container('batch')])) as JsonObject;
    const resource = { Type: 'AWS::ECS::TaskDefinition', Properties: properties };
    const template = { Resources: { Cluster: { Type: 'AWS::ECS::Cluster' }, Task: resource } };
    const inProperties = injected(text(properties));
    const inResource = injected(text(resource));
    const inTemplate = injected(text(template));
    expect(sidecarOf(inProperties)).toEqual(wanted);
    expect(inResource).toEqual({ ...resource, Properties: inProperties });
    expect(inTemplate).toEqual({ Resources: { ...template.Resources, Task: inResource } });
    expect(remove(inject(text(template), { version }).text).text).toBe(text(template));
  });

  it("takes a template's functions for names, images and options", () => {
    const group = { Ref: 'LogGroup' };
    const name = { 'Fn::Join': ['-', [{ Ref: 'Job' }, 'batch']] };
    const properties = {
      ContainerDefinitions: [
        {
          Name: name,
          Image: { Ref: 'Image' },
          Cpu: { Ref: 'Cpu' },
          LogConfiguration: { LogDriver: 'awslogs', Options: { 'awslogs-group': group } },
        },
      ],
    };
    expect(sidecarOf(injected(text(properties), { image: 'fargauge:1' }))).toMatchObject({
      DependsOn: [{ ContainerName: name, Condition: 'START' }],
      Cpu: 64,
      LogConfiguration: { LogDriver: 'awslogs', Options: { 'awslogs-group': group, mode: 'blocking' } },
    });
  });

  it("takes a template's function for all options of the log as it is, because it may not be looked into", () => {
    const log = { LogDriver: 'awslogs', Options: { 'Fn::If': ['Live', { 'awslogs-group': '/a' }, {}] } };
    const properties = { ContainerDefinitions: [{ Name: 'a', Image: 'a', LogConfiguration: log }] };
    const result = injected(text(properties), { image: 'fargauge:1' });
    expect(sidecarOf(result)?.LogConfiguration).toEqual(log);
    expect(injected(text(result))).toEqual(result);
  });
});

describe("describe-task-definition's answer", () => {
  const registered = taskDefinition([container('batch', { cpu: 512 })]);

  it('becomes what register-task-definition takes', () => {
    const result = injected(described(registered, [{ key: 'team', value: 'data' }]));
    const { taskDefinitionArn, revision, status, ...rest } = result;
    expect([taskDefinitionArn, revision, status]).toEqual([undefined, undefined, undefined]);
    expect(rest.tags).toEqual([{ key: 'team', value: 'data' }]);
    expect(problems(result)).toEqual([]);
  });

  it('of a task definition with the sidecar has it up to date, whatever ECS adds to it', () => {
    const once = injected(text(registered));
    const { text: after, before } = inject(described(once), { version });
    expect(after).toBe(before);
  });
});

describe('an existing sidecar', () => {
  const two = taskDefinition([container('batch', { cpu: 512 }), container('proxy')]);
  const options = {
    batch: 'proxy',
    image: `${ECR}/tools/fargauge:9`,
    stopTimeoutSeconds: 45,
    order: 'sidecar-first',
  } as const;

  it('keeps image, stop timeout, batch and order where no option names others', () => {
    const once = inject(text(two), { version, ...options }).text;
    expect(inject(once, { version }).text).toBe(once);
  });

  it('keeps variables and keys of the user, and what it waits for', () => {
    const once = injected(text(two));
    const own = {
      ...sidecarOf(once),
      environment: [
        { name: 'FARGAUGE_JOB', value: 'nightly' },
        { name: 'FARGAUGE_STOP_TIMEOUT_SECONDS', value: '30' },
        { name: 'FARGAUGE_BATCH', value: 'batch' },
      ],
      dependsOn: [
        { containerName: 'proxy', condition: 'START' },
        { containerName: 'batch', condition: 'START' },
      ],
      dockerLabels: { team: 'data' },
    };
    const mine = { ...once, containerDefinitions: [...containersOf(two), own] };
    expect(injected(text(mine))).toEqual(mine);
    expect(sidecarOf(injected(text(mine), { stopTimeoutSeconds: 40 }))).toMatchObject({
      dockerLabels: { team: 'data' },
      stopTimeout: 40,
      environment: expect.arrayContaining([{ name: 'FARGAUGE_JOB', value: 'nightly' }]),
    });
  });

  it('is made right where it differs, and only there', () => {
    const once = injected(text(two));
    const loose = { ...sidecarOf(once), essential: true, user: '0', privileged: true };
    const wrong = { ...once, containerDefinitions: [...containersOf(two), loose] };
    expect(injected(text(wrong))).toEqual(once);
  });

  it.each<[string, JsonObject]>([
    ['a weight', { cpu: 32 }],
    ['a limit', { memory: 128, memoryReservation: undefined as unknown as Json }],
    ['a limit and a reservation', { memory: 256, memoryReservation: 128 }],
    ['a log', { logConfiguration: awslogs('/sidecars', { mode: 'non-blocking' }) }],
  ])('keeps %s that the user gave it', (_, own) => {
    const once = injected(text(two));
    const mine = { ...once, containerDefinitions: [...containersOf(two), { ...sidecarOf(once), ...own }] };
    expect(inject(text(mine), { version }).text).toBe(text(mine));
    for (const order of ORDERS) {
      const moved = injected(text(mine), { batch: 'proxy', order });
      expect(sidecarOf(moved)).toMatchObject(JSON.parse(JSON.stringify(own)));
      expect(injected(text(moved))).toEqual(moved);
    }
  });

  it('has the log and the weight that go with another batch, where they went with the one before', () => {
    const log = awslogs('/proxy', { mode: 'blocking' });
    const other = container('proxy', { logConfiguration: awslogs('/proxy') });
    const definition = taskDefinition([container('batch', { cpu: 512 }), other]);
    const moved = injected(text(injected(text(definition))), { batch: 'proxy' });
    expect(sidecarOf(moved)).toMatchObject({ logConfiguration: log });
    expect(sidecarOf(moved)).not.toHaveProperty('cpu');
  });

  it('moves to another batch and another order without leaving a trace', () => {
    for (const first of ORDERS) {
      for (const second of ORDERS) {
        const moved = injected(inject(text(two), { version, batch: 'batch', order: first }).text, {
          batch: 'proxy',
          order: second,
        });
        expect(moved.containerDefinitions).toEqual(
          expect.arrayContaining(
            [...containersOf(injected(text(two), { batch: 'proxy', order: second }))].map(withoutCpu),
          ),
        );
      }
    }
  });
});

/** The batch's weight decides the sidecar's, which is not the point here. */
function withoutCpu({ cpu: _, ...rest }: JsonObject): JsonObject {
  return expect.objectContaining(rest);
}

describe('any task definition', () => {
  const anyOptions = fc.record(
    {
      image: fc.constant('fargauge:1'),
      order: fc.constantFrom(...ORDERS),
      stopTimeoutSeconds: fc.integer({ min: 2, max: 120 }),
    },
    { requiredKeys: ['image'] },
  );
  const anySource = fc.oneof(
    fc.tuple(anyTaskDefinition, fc.constantFrom(undefined, 2, 4, '\t')).map(([definition, space]) => ({
      registered: definition,
      source: JSON.stringify(definition, null, space),
    })),
    anyTaskDefinition.map((definition) => {
      const source = described(definition);
      return { registered: JSON.parse(remove(source).text) as JsonObject, source };
    }),
  );

  it('with the sidecar twice is as with it once, to the character', () => {
    fc.assert(
      fc.property(anySource, anyOptions, ({ source }, options) => {
        const once = inject(source, { version, ...options }).text;
        expect(inject(once, { version, ...options }).text).toBe(once);
        expect(inject(once, { version }).text).toBe(once);
      }),
    );
  });

  it('keeps all else', () => {
    fc.assert(
      fc.property(anySource, anyOptions, ({ source, registered }, options) => {
        const result = injected(source, options);
        expect({ ...result, containerDefinitions: [] }).toEqual({ ...registered, containerDefinitions: [] });
        const others = containersOf(result).filter(({ name }) => name !== 'fargauge');
        const withoutOrder = ({ dependsOn = [], ...rest }: JsonObject) => ({
          ...rest,
          dependsOn: (dependsOn as readonly JsonObject[]).filter(
            ({ containerName }) => containerName !== 'fargauge',
          ),
        });
        expect(others.map(withoutOrder)).toEqual(containersOf(registered).map(withoutOrder));
      }),
    );
  });

  it('without the sidecar again is what register-task-definition takes of the original, to the character', () => {
    fc.assert(
      fc.property(anySource, anyOptions, ({ source }, options) => {
        expect(remove(inject(source, { version, ...options }).text).text).toBe(remove(source).text);
      }),
    );
  });

  it('says the same in CloudFormation', () => {
    fc.assert(
      fc.property(anyTaskDefinition, anyOptions, (definition, options) => {
        expect(injected(text(pascalCased(definition)), options)).toEqual(
          pascalCased(injected(text(definition), options)),
        );
      }),
    );
  });
});

describe('a shared PID namespace', () => {
  const variables = (definition: JsonObject) => sidecarOf(definition)?.environment as readonly JsonObject[];

  it('goes with the sidecar that it came for', () => {
    const plain = text(taskDefinition([container('batch')]));
    const sharp = inject(plain, { version, isSharp: true }).text;
    expect(JSON.parse(sharp)).toMatchObject({ pidMode: 'task' });
    expect(inject(sharp, { version, isSharp: true }).text).toBe(sharp);
    expect(JSON.parse(remove(sharp).text)).toEqual(JSON.parse(plain));
  });

  it('that the task had before stays', () => {
    const shared = text(taskDefinition([container('batch')], { pidMode: 'task' }));
    const sharp = injected(shared, { isSharp: true });
    expect(variables(sharp).map(({ name }) => name)).toEqual(['FARGAUGE_STOP_TIMEOUT_SECONDS']);
    expect(JSON.parse(remove(JSON.stringify(sharp)).text)).toMatchObject({ pidMode: 'task' });
  });

  it('takes the place of a variable that turned it off', () => {
    const off = injected(text(taskDefinition([container('batch')])));
    variables(off);
    (variables(off) as JsonObject[]).push({ name: 'FARGAUGE_PROC', value: 'off' });
    expect(variables(injected(JSON.stringify(off)))).toContainEqual({ name: 'FARGAUGE_PROC', value: 'off' });
    expect(variables(injected(JSON.stringify(off), { isSharp: true })).slice(1)).toEqual([
      { name: 'FARGAUGE_PROC', value: 'auto' },
    ]);
  });

  it('is not put in the place of the machine’s', () => {
    const host = text(taskDefinition([container('batch')], { pidMode: 'host' }));
    expect(() => inject(host, { version, isSharp: true })).toThrow(
      'pidMode is "host": with --sharp it must be absent or "task"',
    );
  });

  it('is spelled as CloudFormation does where the rest is', () => {
    const template = pascalCased(taskDefinition([container('batch')]));
    expect(injected(JSON.stringify(template), { isSharp: true })).toMatchObject({ PidMode: 'task' });
  });
});

describe('what will not work', () => {
  const batch = container('batch', { cpu: 1024 });
  const warnings = (definition: JsonObject) => inject(text(definition), { version }).warnings.join('\n');

  /** A task definition whose sidecar has something of the user's. */
  function withSidecar(own: JsonObject, logDriver?: string): JsonObject {
    const plain = taskDefinition([
      container('batch', logDriver === undefined ? {} : { logConfiguration: { logDriver } }),
    ]);
    const once = injected(text(plain));
    return { ...once, containerDefinitions: [...containersOf(plain), { ...sidecarOf(once), ...own }] };
  }

  const told = { environment: [{ name: 'FARGAUGE_LOG_GROUP', value: '/g' }] };

  it.each<[string, JsonObject]>([
    [
      'the log of the batch alone may drop lines',
      taskDefinition([container('batch', { logConfiguration: awslogs('/g', { mode: 'non-blocking' }) })]),
    ],
    ['the log driver is another, but the log group is told', withSidecar(told, 'splunk')],
    ['lines go to CloudWatch Logs, not through FireLens', withSidecar(told, 'awsfirelens')],
    [
      'lines go to stdout as they shall',
      withSidecar({ environment: [{ name: 'FARGAUGE_OUTPUT', value: 'stdout' }] }, 'splunk'),
    ],
    [
      'Fluent Bit sends the bare line',
      withSidecar(
        {
          ...told,
          logConfiguration: { logDriver: 'awsfirelens', options: { log_key: 'log' } },
        },
        'awsfirelens',
      ),
    ],
    ['a restart policy is off', withSidecar({ restartPolicy: { enabled: false } })],
  ])('is nothing where %s', (_, definition) => {
    expect(warnings(definition)).toBe('');
  });

  it.each<[string, JsonObject]>([
    [
      'the log',
      { LogConfiguration: { 'Fn::If': ['Live', { LogDriver: 'awslogs' }, { Ref: 'AWS::NoValue' }] } },
    ],
    ['its driver', { LogConfiguration: { LogDriver: { Ref: 'Driver' } } }],
    ['its options', { LogConfiguration: { LogDriver: 'awslogs', Options: { 'Fn::If': ['Live', {}, {}] } } }],
  ])("is not told of %s where a template's function makes it", (_, properties) => {
    const template = {
      TaskRoleArn: 'arn',
      ContainerDefinitions: [{ Name: 'a', Image: `${ECR}/a`, ...properties }],
    };
    expect(warnings(template)).toBe('');
  });

  it('of FireLens without a log group is that lines go through it, and how', () => {
    expect(
      warnings(taskDefinition([container('batch', { logConfiguration: { logDriver: 'awsfirelens' } })])),
    ).toMatch(/logDriver is "awsfirelens", not "awslogs": no log group is known.*\n.*log_key log/);
  });

  it('is nothing for the task definitions to start from', () => {
    expect(inject(fileOf('fargate-batch.json'), { version }).warnings).toEqual([]);
  });

  it.each([
    ['no CPU is left', taskDefinition([batch]), 'containerDefinitions[0].cpu is 1024; lower it to 960'],
    [
      'no CPU is left, in vCPU',
      taskDefinition([batch], { cpu: '1 vCPU' }),
      'cpu is 1024, and the containers claim 1088',
    ],
    [
      'no memory is left',
      taskDefinition([container('batch', { memory: 2048 })], { memory: '2GB' }),
      'containerDefinitions[0].memory is 2048; give the batch a memoryReservation of 1984 or less',
    ],
    [
      'no memory is left beside a reservation',
      taskDefinition([container('batch', { memoryReservation: 2048 })]),
      'containerDefinitions[0].memoryReservation is 2048; lower it to 1984',
    ],
    [
      'nothing is left for the batch',
      taskDefinition([batch, container('other', { cpu: 1024, essential: false })]),
      'take a larger task size',
    ],
    [
      "the sidecar's log may drop lines",
      withSidecar({ logConfiguration: awslogs('/g', { mode: 'non-blocking' }) }),
      'containerDefinitions[1].logConfiguration.options.mode is "non-blocking"',
    ],
    [
      "the sidecar's log may drop lines, as ECS has it by default",
      withSidecar({ logConfiguration: awslogs('/g') }),
      'containerDefinitions[1].logConfiguration.options.mode is absent',
    ],
    [
      'the log driver is another',
      taskDefinition([container('batch', { logConfiguration: { logDriver: 'splunk' } })]),
      'containerDefinitions[0].logConfiguration.logDriver is "splunk", not "awslogs"',
    ],
    [
      'FireLens packs the line into another',
      withSidecar({ environment: [{ name: 'FARGAUGE_OUTPUT', value: 'stdout' }] }, 'awsfirelens'),
      'Fluent Bit must send the bare line (`log_key log`)',
    ],
    [
      'the sidecar is restarted',
      withSidecar({ restartPolicy: { enabled: true } }),
      'containerDefinitions[1].restartPolicy is set',
    ],
    [
      'there is no log',
      taskDefinition([{ name: 'batch', image: `${ECR}/batch` }]),
      'containerDefinitions[0].logConfiguration is absent',
    ],
    [
      'there is no task role',
      { family: 'nightly', containerDefinitions: [container('batch')] },
      'taskRoleArn is absent',
    ],
    [
      'Fargate has no role to fetch the image with',
      taskDefinition([container('batch')], { requiresCompatibilities: ['FARGATE'] }),
      'executionRoleArn is absent: on Fargate ECS refuses an image of ECR and the awslogs driver without it',
    ],
    [
      'the batch is a guess',
      taskDefinition([container('batch'), container('web')]),
      '"batch" is taken as the batch, the first of several essential containers',
    ],
  ])('is told when %s', (_, definition, warning) => {
    expect(warnings(definition)).toContain(warning);
    expect(warnings(definition).split('\n')).toHaveLength(1);
  });

  it('is not told of a missing execution role where the sidecar asks for none', () => {
    const elsewhere = { name: 'batch', image: 'registry/batch:1', logConfiguration: { logDriver: 'splunk' } };
    const fargate = { requiresCompatibilities: ['FARGATE'] };
    const options = { version, image: 'registry/fargauge:1' };
    const { warnings: told } = inject(text(taskDefinition([elsewhere], fargate)), options);
    expect(told.join()).not.toContain('executionRoleArn');
    const { warnings: onEc2 } = inject(text(taskDefinition([batch], { requiresCompatibilities: ['EC2'] })), {
      version,
    });
    expect(onEc2.join()).not.toContain('executionRoleArn');
  });

  it('is told of a task without a network', () => {
    const alone = taskDefinition([container('batch')], { networkMode: 'none' });
    expect(warnings(alone)).toMatch(/^networkMode is "none": the sidecar cannot reach/);
  });

  it('is not told of a guess where the other essential container is the log router of FireLens', () => {
    const router = container('router', { firelensConfiguration: { type: 'fluentbit' } });
    for (const containers of [
      [router, container('batch')],
      [container('batch'), router],
    ]) {
      const definition = taskDefinition(containers);
      expect(warnings(definition)).toBe('');
      expect(sidecarOf(injected(text(definition)))).toMatchObject({
        dependsOn: [{ containerName: 'batch', condition: 'START' }],
        environment: expect.arrayContaining([{ name: 'FARGAUGE_BATCH', value: 'batch' }]),
      });
    }
  });

  it('is told with the places as a template spells them', () => {
    const template = pascalCased(taskDefinition([batch])) as JsonObject;
    expect(warnings({ Type: 'AWS::ECS::TaskDefinition', Properties: template })).toContain(
      'Properties.ContainerDefinitions[0].Cpu is 1024',
    );
  });
});

describe('bad input', () => {
  const sidecar = (parameters: Record<string, Json>): JsonObject => ({ name: 'fargauge', ...parameters });

  it.each([
    ['nothing', ' \n', 'it is empty'],
    ['no JSON', '{\n  "family": nightly\n}', "it is not JSON: Unexpected token 'i' (line 2 column 14)"],
    [
      'YAML',
      'Resources:\n  Task:\n',
      "it is not JSON: Unexpected token 'R' (line 1 column 1). YAML is not read: see docs/cloudformation.md",
    ],
    [
      'YAML with a comment and a mark',
      '# ours\n---\nfamily: nightly\n',
      'YAML is not read: see docs/cloudformation.md',
    ],
    ['YAML that is a list', '- name: batch\n', 'YAML is not read: see docs/cloudformation.md'],
    [
      'JSON with a comment',
      '{\n  // why\n}',
      "Expected property name or '}' in JSON at position 4 (line 2 column 3)",
    ],
    ['JSON that is cut off', '{\n  "family": [', '(line 2 column 14)'],
    [
      'JSON that is nested without end',
      `{"containerDefinitions":[{"name":"a"}],"x":${'['.repeat(20_000)}${']'.repeat(20_000)}}`,
      'it is nested deeper than 200 levels',
    ],
    ['a list', '[]', 'it is a list: must be the object of a task definition'],
    ['something else', '{"services":{}}', 'it is no task definition: there is no containerDefinitions, '],
    ['no containers', text(taskDefinition([])), 'containerDefinitions is empty'],
    [
      'containers that are no list',
      '{"containerDefinitions":"[]"}',
      'containerDefinitions is "[]": must be a list',
    ],
    [
      'a container that is none',
      '{"containerDefinitions":[7]}',
      'containerDefinitions[0] is 7: must be a container',
    ],
    ['a container without a name', '{"containerDefinitions":[{}]}', 'containerDefinitions[0].name is absent'],
    [
      'two containers of one name',
      text(taskDefinition([container('a'), container('a')])),
      'containerDefinitions[1].name is "a", the name of containerDefinitions[0]',
    ],
    [
      'dependencies that are none',
      text(taskDefinition([container('a', { dependsOn: 'b' })])),
      'containerDefinitions[0].dependsOn is "b": must be a list of objects',
    ],
    [
      'a container called like the sidecar',
      text(taskDefinition([container('a'), sidecar({ image: 'prometheus' })])),
      'containerDefinitions[1].name is "fargauge", but it is another program: its image is "prometheus"',
    ],
    [
      'ten containers',
      text(taskDefinition(Array.from({ length: 10 }, (_, index) => container(`c${index}`)))),
      'containerDefinitions holds 10 containers: ECS allows 10',
    ],
    [
      'a Windows task',
      text(
        taskDefinition([container('a')], {
          runtimePlatform: { operatingSystemFamily: 'WINDOWS_SERVER_2022_CORE' },
        }),
      ),
      'runtimePlatform.operatingSystemFamily is "WINDOWS_SERVER_2022_CORE"',
    ],
    [
      'nothing essential',
      text(taskDefinition([container('a', { essential: false })])),
      'containerDefinitions holds no essential container besides the sidecar',
    ],
    [
      'the sidecar alone',
      text(taskDefinition([sidecar({ image: 'fargauge:1' })])),
      'containerDefinitions holds nothing but the sidecar',
    ],
    [
      'an image that tells no registry',
      text(taskDefinition([container('a', { image: 'busybox' })])),
      '--image is needed: containerDefinitions[0].image is "busybox", which does not tell an ECR registry',
    ],
    [
      'several task definitions',
      text({
        Resources: { A: { Type: 'AWS::ECS::TaskDefinition' }, B: { Type: 'AWS::ECS::TaskDefinition' } },
      }),
      'Resources holds 2 of AWS::ECS::TaskDefinition (A, B)',
    ],
    ['a template without one', '{"Resources":{}}', 'Resources holds no AWS::ECS::TaskDefinition'],
    [
      'a template whose task definition has no properties',
      '{"Resources":{"T":{"Type":"AWS::ECS::TaskDefinition"}}}',
      'Resources.T.Properties.ContainerDefinitions is absent: must be a list of containers',
    ],
    [
      'no containers in a template',
      '{"Properties":{"ContainerDefinitions":[]}}',
      'Properties.ContainerDefinitions is empty',
    ],
    [
      'a container without a name in a template',
      '{"ContainerDefinitions":[{"Image":"x"}]}',
      'ContainerDefinitions[0].Name is absent',
    ],
    [
      "a template's function where a container should be",
      text({
        ContainerDefinitions: [
          { Name: 'a', Image: 'a' },
          { 'Fn::If': ['C', { Name: 'b' }, { Ref: 'AWS::NoValue' }] },
        ],
      }),
      "ContainerDefinitions[1] is a template's function, Fn::If: must be a container, because its name is needed",
    ],
    [
      "nothing essential in describe-task-definition's answer",
      described(taskDefinition([container('a', { essential: false })])),
      'taskDefinition.containerDefinitions holds no essential container',
    ],
    [
      'a Windows task in a template',
      text({
        RuntimePlatform: { OperatingSystemFamily: 'WINDOWS_SERVER_2025_CORE' },
        ContainerDefinitions: [{ Name: 'a', Image: 'a' }],
      }),
      'RuntimePlatform.OperatingSystemFamily is "WINDOWS_SERVER_2025_CORE"',
    ],
    [
      "a template's function where the sidecar's own variables should be",
      text({
        ContainerDefinitions: [
          { Name: 'a', Image: 'a' },
          { Name: 'fargauge', Image: 'fargauge', Environment: { 'Fn::If': ['C', [], []] } },
        ],
      }),
      'ContainerDefinitions[1].Environment is {"Fn::If":["C",[],[]]}: must be a list of objects',
    ],
    [
      'a dependency that would go round',
      text(
        taskDefinition([
          container('a', { dependsOn: [{ containerName: 'b', condition: 'START' }] }),
          container('b', { dependsOn: [{ containerName: 'fargauge', condition: 'START' }] }),
        ]),
      ),
      'containerDefinitions[0].dependsOn would lead back to its start: a -> b -> fargauge -> a',
    ],
  ])('is refused: %s', (_, source, message) => {
    expect(refusal(() => inject(source, { version }))).toContain(message);
  });

  it('is refused when the batch that is asked for is not there', () => {
    const source = text(taskDefinition([container('a'), container('b')]));
    expect(refusal(() => inject(source, { version, batch: 'c' }))).toBe(
      '--container c is none of containerDefinitions: there are "a", "b"',
    );
  });

  it('is refused when taking the sidecar out would leave nothing, or would take a foreign container', () => {
    const alone = text(taskDefinition([sidecar({ image: 'fargauge:1' })]));
    expect(refusal(() => remove(alone))).toContain('holds nothing but fargauge: nothing would be left');
    const foreign = text(taskDefinition([container('a'), sidecar({ image: 'x' })]));
    expect(refusal(() => remove(foreign))).toContain('it is another program');
  });

  it('that is broken JSON is not taken for YAML', () => {
    for (const source of ['{\nfamily: nightly\n}', '// key: value\n{}', '"a": 1', 'nightly']) {
      const message = refusal(() => inject(source, { version }));
      expect(message).toContain('it is not JSON');
      expect(message).not.toContain('YAML');
    }
  });

  it('that is no JSON has the place of what is wrong', () => {
    const anywhere = fc.tuple(anyTaskDefinition, fc.constantFrom(undefined, 2, '\t'), fc.nat());
    fc.assert(
      fc.property(anywhere, ([definition, space, number]) => {
        const source = JSON.stringify(definition, null, space);
        const at = number % source.length;
        const broken = `${source.slice(0, at)}\u0007${source.slice(at)}`;
        const above = broken.slice(0, at).split('\n');
        const place = `(line ${above.length} column ${(above.at(-1)?.length ?? 0) + 1})`;
        expect(refusal(() => inject(broken, { version }))).toContain(place);
      }),
    );
  });

  it('ends in a message that says why, whatever the JSON', () => {
    fc.assert(
      fc.property(fc.json(), (source) => {
        expect(refusal(() => inject(source, { version }))).toMatch(
          /^it is |^(taskDefinition\.|Resources\b.*|Properties\.)?[cC]ontainerDefinitions|^Resources /,
        );
      }),
    );
  });
});
