/** Task definitions for the tests of what is added to them. */
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import type { Json, JsonObject } from '../../src/deploy/json-text.ts';

export const ECR = '123456789012.dkr.ecr.us-east-1.amazonaws.com';

export function awslogs(group = '/ecs/nightly-batch', options: Record<string, string> = {}): JsonObject {
  return {
    logDriver: 'awslogs',
    options: {
      'awslogs-group': group,
      'awslogs-region': 'us-east-1',
      'awslogs-stream-prefix': 'ecs',
      ...options,
    },
  };
}

/** A container that logs as it should. */
export function container(name: string, parameters: Record<string, Json> = {}): JsonObject {
  return { name, image: `${ECR}/${name}:1`, essential: true, logConfiguration: awslogs(), ...parameters };
}

/** A task definition without the sidecar, of which nothing is to be warned. */
export function taskDefinition(
  containers: readonly JsonObject[],
  parameters: Record<string, Json> = {},
): JsonObject {
  return {
    family: 'nightly',
    taskRoleArn: 'arn:aws:iam::123456789012:role/task',
    cpu: '1024',
    memory: '2048',
    containerDefinitions: containers,
    ...parameters,
  };
}

/** What `aws ecs describe-task-definition` prints of it, with what it adds of its own. */
export function described(registered: JsonObject, tags: readonly Json[] = []): string {
  const containers = registered.containerDefinitions as readonly JsonObject[];
  const taskDefinition = {
    taskDefinitionArn: 'arn:aws:ecs:us-east-1:123456789012:task-definition/nightly:7',
    ...registered,
    containerDefinitions: containers.map((each) => ({
      cpu: 0,
      portMappings: [],
      mountPoints: [],
      volumesFrom: [],
      systemControls: [],
      ...each,
    })),
    revision: 7,
    volumes: [],
    status: 'ACTIVE',
    requiresAttributes: [{ name: 'com.amazonaws.ecs.capability.task-iam-role' }],
    placementConstraints: [],
    compatibilities: ['EC2', 'FARGATE'],
    registeredAt: '2026-11-20T10:00:00.123000+00:00',
    registeredBy: 'arn:aws:iam::123456789012:user/ci',
  };
  return `${JSON.stringify({ taskDefinition, tags }, null, 4)}\n`;
}

export function fileOf(name: string): string {
  return readFileSync(new URL(`../../task-definitions/${name}`, import.meta.url), 'utf8');
}

const name = fc.stringMatching(/^[a-z][a-z0-9-]{0,8}$/).filter((each) => each !== 'fargauge');
const extras = fc.record(
  {
    cpu: fc.integer({ min: 0, max: 512 }),
    memory: fc.integer({ min: 6, max: 512 }),
    environment: fc.array(fc.record({ name, value: fc.string() }), { maxLength: 2 }),
    command: fc.array(fc.string(), { maxLength: 2 }),
    dockerLabels: fc.dictionary(fc.stringMatching(/^[a-zA-Z.]{1,5}$/), fc.string(), {
      noNullPrototype: true,
    }),
    logConfiguration: fc.constantFrom<Json>(
      awslogs(),
      awslogs('/other', { mode: 'non-blocking', 'max-buffer-size': '4m' }),
      { logDriver: 'awsfirelens' },
      { logDriver: 'splunk', secretOptions: [{ name: 'splunk-token', valueFrom: 'arn' }] },
    ),
    essential: fc.boolean(),
  },
  { requiredKeys: [] },
);

/** Any that ECS might hold, without the sidecar; dependencies lead back in the list, so that there is no cycle. */
export const anyTaskDefinition: fc.Arbitrary<JsonObject> = fc
  .record({
    names: fc.uniqueArray(name, { minLength: 1, maxLength: 4 }),
    parameters: fc.array(extras, { minLength: 4, maxLength: 4 }),
    waits: fc.array(fc.boolean(), { minLength: 4, maxLength: 4 }),
    task: fc.record(
      {
        cpu: fc.constantFrom('256', '1024', '1 vCPU'),
        memory: fc.constantFrom('512', '2048', '2 GB'),
        taskRoleArn: fc.constant('arn:aws:iam::123456789012:role/task'),
        networkMode: fc.constantFrom('awsvpc', 'bridge'),
        volumes: fc.constant([]),
      },
      { requiredKeys: [] },
    ),
  })
  .map(({ names, parameters, waits, task }) =>
    taskDefinition(
      names.map((each, index) => ({
        ...container(each),
        ...parameters[index],
        // At least one is essential.
        ...(index === 0 && { essential: true }),
        ...(index > 0 &&
          waits[index] && { dependsOn: [{ containerName: names[index - 1] ?? '', condition: 'START' }] }),
      })),
      { family: 'any', ...(task as Record<string, Json>) },
    ),
  );

/** The same task definition as CloudFormation spells it. */
export function pascalCased(value: Json): Json {
  if (Array.isArray(value)) return value.map(pascalCased);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, each]) => [
      key.slice(0, 1).toUpperCase() + key.slice(1),
      ['options', 'dockerLabels'].includes(key) ? each : pascalCased(each),
    ]),
  );
}
