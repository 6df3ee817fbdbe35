import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseTaskDefinition, TaskDefinitionError } from '../../src/local/docker-task-definition.ts';

const FOLDER = join(import.meta.dirname, '../../task-definitions');
const FILES = globSync('*.json', { cwd: FOLDER }).filter((file) => !file.endsWith('-policy.json'));

const batch = { name: 'batch', image: 'image' };
const definition = (container: object, task: object = {}, others: readonly object[] = []) =>
  JSON.stringify({
    family: 'nightly',
    containerDefinitions: [{ ...batch, ...container }, ...others],
    ...task,
  });

const parse = (json: string, mayLeaveOut = false) => parseTaskDefinition(json, mayLeaveOut);

function problems(json: string, mayLeaveOut = false): readonly string[] {
  try {
    parse(json, mayLeaveOut);
    return [];
  } catch (error) {
    if (!(error instanceof TaskDefinitionError)) throw error;
    return error.problems;
  }
}

describe('a task definition', () => {
  it.each(FILES)('of this repository, %s, can be run as it is', (file) => {
    const json = readFileSync(join(FOLDER, file), 'utf8');
    const { definition, leftOut } = parse(json);
    expect(leftOut).toEqual([]);
    expect(definition.containers.map(({ name }) => name).toSorted()).toEqual(['fargauge', 'nightly-batch']);
    expect(definition.hasTaskRole).toBe(true);
  });

  it('has the defaults of ECS', () => {
    expect(parse(definition({})).definition).toEqual({
      family: 'nightly',
      launchType: 'EC2',
      networkMode: 'bridge',
      cpuArchitecture: 'X86_64',
      hasTaskRole: false,
      volumes: [],
      containers: [
        {
          ...batch,
          essential: true,
          dependsOn: [],
          stopTimeout: 30,
          environment: [],
          ulimits: [],
          mountPoints: [],
          portMappings: [],
        },
      ],
    });
  });

  it.each([
    [
      { cpu: '1024', memory: '2048' },
      { cpuUnits: 1024, memoryMiB: 2048 },
    ],
    [
      { cpu: '.25 vCPU', memory: '0.5GB' },
      { cpuUnits: 256, memoryMiB: 512 },
    ],
    [
      { cpu: '2 vcpu', memory: '4 GB' },
      { cpuUnits: 2048, memoryMiB: 4096 },
    ],
    [{ memory: 512 }, { memoryMiB: 512 }],
  ])('of the size %o', (size, expected) => {
    expect(parse(definition({}, size)).definition.size).toEqual(expected);
  });

  it('is taken as describe-task-definition answers it, with its nulls and empty lists', () => {
    const taskDefinition = {
      ...JSON.parse(definition({ secrets: [], links: null, environmentFiles: [] })),
      taskDefinitionArn: 'arn',
      revision: 7,
      status: 'ACTIVE',
      requiresAttributes: [],
      compatibilities: ['EC2'],
      registeredAt: 1,
      registeredBy: 'arn',
      volumes: [],
      placementConstraints: [],
      ipcMode: null,
    };
    expect(parse(JSON.stringify({ taskDefinition, tags: [] })).definition.family).toBe('nightly');
  });
});

describe('a file that is no task definition is refused', () => {
  it.each([
    ['{"family"', /^it is not JSON: .*position/],
    ['[]', /^the task definition is \[\]: must be object$/],
    ['{"Resources":{}}', /^it is in the form of CloudFormation: must be in that of the API/],
    ['{"Family":"nightly","ContainerDefinitions":[]}', /^it is in the form of CloudFormation/],
    ['{"containerDefinitions":[]}', /^family is absent: must be string$/],
  ])('%s', (json, problem) => {
    expect(problems(json)[0]).toMatch(problem);
  });
});

describe('what is wrong is told with its place, its value and what is allowed', () => {
  const waitFor = (condition: string) => ({ dependsOn: [{ containerName: 'other', condition }] });
  const other = (more: object = {}) => ({ name: 'other', image: 'image', essential: false, ...more });

  it.each<[string, string, string]>([
    [
      'a value of another type',
      definition({ cpu: '256' }),
      'containerDefinitions[0].cpu is "256": must be a whole number',
    ],
    [
      'a name with a slip',
      definition({ entrypoint: ['sh'] }),
      'containerDefinitions[0]: "entrypoint" is no parameter that ECS knows there',
    ],
    [
      'a condition that is none',
      definition(waitFor('READY'), {}, [other()]),
      'containerDefinitions[0].dependsOn[0].condition is "READY": must be one of START, COMPLETE, SUCCESS, HEALTHY',
    ],
    [
      'a number out of its range',
      definition({ restartPolicy: { enabled: true, restartAttemptPeriod: 10 } }),
      'containerDefinitions[0].restartPolicy.restartAttemptPeriod is 10: must be 60 to 1800',
    ],
    [
      'a name twice',
      definition({}, {}, [batch]),
      'containerDefinitions[1].name is "batch": it is the name of containerDefinitions[0]',
    ],
    [
      'nothing essential',
      definition({ essential: false }),
      'containerDefinitions: essential is false in every container; one must be essential',
    ],
    [
      'a dependency on nobody',
      definition(waitFor('START')),
      'containerDefinitions[0].dependsOn[0] is {"containerName":"other","condition":"START"}: there is no such container; there are batch',
    ],
    [
      'waiting for the end of an essential container',
      definition(waitFor('COMPLETE'), {}, [other({ essential: true })]),
      'containerDefinitions[0].dependsOn[0] is {"containerName":"other","condition":"COMPLETE"}: other is essential: the task would end with it',
    ],
    [
      'waiting for the health of a container without a check',
      definition(waitFor('HEALTHY'), {}, [other()]),
      'containerDefinitions[0].dependsOn[0] is {"containerName":"other","condition":"HEALTHY"}: other has no healthCheck',
    ],
    [
      'a circle',
      definition(waitFor('START'), {}, [
        other({ dependsOn: [{ containerName: 'batch', condition: 'START' }] }),
      ]),
      'containerDefinitions: dependsOn leads back to its start: batch -> other -> batch',
    ],
    [
      'a volume that is not there',
      definition({ mountPoints: [{ sourceVolume: 'data', containerPath: '/data' }] }),
      'containerDefinitions[0].mountPoints[0].sourceVolume is "data": volumes has none of that name',
    ],
    [
      'a size that is none',
      definition({}, { cpu: '1 core' }),
      'cpu is "1 core": must be CPU units or vCPUs, such as "256" or ".25 vCPU"',
    ],
    [
      'Fargate without its network mode',
      definition(
        {},
        { requiresCompatibilities: ['FARGATE'], cpu: '256', memory: '512', networkMode: 'bridge' },
      ),
      'networkMode is "bridge": Fargate needs "awsvpc"',
    ],
    [
      'Fargate without a size',
      definition({}, { requiresCompatibilities: ['FARGATE'], cpu: '256', networkMode: 'awsvpc' }),
      'memory is absent: Fargate needs it',
    ],
    [
      'a size that Fargate does not sell',
      definition(
        {},
        { requiresCompatibilities: ['FARGATE'], cpu: '256', memory: '4 GB', networkMode: 'awsvpc' },
      ),
      'cpu is "256" and memory is "4 GB": Fargate sells no such pair; the nearest are "256" with "2048", "512" with "4096", "512" with "3072"',
    ],
  ])('%s', (_, json, problem) => {
    expect(problems(json)).toEqual([problem]);
    expect(problems(json, true)).toEqual([problem]);
  });

  it('all of it at once', () => {
    const json = definition({ essential: false }, { cpu: 'x', memory: 'y' });
    expect(problems(json)).toHaveLength(3);
  });
});

describe('what a local engine cannot do is refused by name, or left out and told', () => {
  it.each<[string, string]>([
    [
      definition({ secrets: [{ name: 'A', valueFrom: 'arn' }] }),
      'containerDefinitions[0].secrets is [{"name":"A","valueFrom":"arn"}]',
    ],
    [
      definition({ environmentFiles: [{ type: 's3', value: 'arn' }] }),
      'containerDefinitions[0].environmentFiles is [{"type":"s3","value":"arn"}]',
    ],
    [
      definition({ firelensConfiguration: { type: 'fluentbit' } }),
      'containerDefinitions[0].firelensConfiguration is {"type":"fluentbit"}',
    ],
    [
      definition({ logConfiguration: { logDriver: 'awsfirelens' } }),
      'containerDefinitions[0].logConfiguration.logDriver is "awsfirelens"',
    ],
    [
      definition({ logConfiguration: { logDriver: 'splunk', secretOptions: [{ name: 'a' }] } }),
      'containerDefinitions[0].logConfiguration.secretOptions is [{"name":"a"}]',
    ],
    [
      definition({ resourceRequirements: [{ type: 'GPU', value: '1' }] }),
      'containerDefinitions[0].resourceRequirements is [{"type":"GPU","value":"1"}]',
    ],
    [
      definition({ linuxParameters: { swappiness: 60 } }),
      'containerDefinitions[0].linuxParameters.swappiness is 60',
    ],
    [
      definition({ portMappings: [{ containerPortRange: '80-90' }] }),
      'containerDefinitions[0].portMappings[0].containerPortRange is "80-90"',
    ],
    [
      definition({}, { volumes: [{ name: 'v', efsVolumeConfiguration: { fileSystemId: 'fs-1' } }] }),
      'volumes[0].efsVolumeConfiguration is {"fileSystemId":"fs-1"}',
    ],
    [
      definition({}, { volumes: [{ name: 'v', dockerVolumeConfiguration: { driver: 'nfs' } }] }),
      'volumes[0].dockerVolumeConfiguration is {"driver":"nfs"}',
    ],
    [definition({}, { proxyConfiguration: { type: 'APPMESH' } }), 'proxyConfiguration is {"type":"APPMESH"}'],
    [definition({}, { networkMode: 'none' }), 'networkMode is "none"'],
    [
      definition({}, { runtimePlatform: { operatingSystemFamily: 'WINDOWS_SERVER_2022_CORE' } }),
      'runtimePlatform.operatingSystemFamily is "WINDOWS_SERVER_2022_CORE"',
    ],
  ])('%s', (json, limitation) => {
    expect(problems(json)).toEqual([`${limitation}: not possible here`]);
    expect(parse(json, true).leftOut).toEqual([`${limitation}: not possible here`]);
  });

  it('without the whole of a long value', () => {
    const secrets = Array.from({ length: 9 }, (_, index) => ({ name: `NAME_${index}`, valueFrom: 'arn' }));
    expect(problems(definition({ secrets }))[0]?.length).toBeLessThan(150);
  });
});
