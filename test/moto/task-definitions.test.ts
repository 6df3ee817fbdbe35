import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { inject, remove } from '../../src/deploy/injection.ts';
import type { JsonObject } from '../../src/deploy/json-text.ts';
import { ORDERS } from '../../src/deploy/sidecar-container.ts';
import { parseTemplate, type Template } from '../deploy/cloudformation-template.ts';
import { synthesiseExample } from '../docs/cdk-example.ts';

const { MOTO_URL } = process.env;
if (MOTO_URL === undefined) throw new Error('MOTO_URL is not set: run these tests with npm run test:moto');

const TEMPLATES = new URL('../../deploy/cloudformation/', import.meta.url);
const FOLDER = new URL('../../task-definitions/', import.meta.url);
const FILES = readdirSync(FOLDER).filter(
  (file) => file.endsWith('.json') && file !== 'task-role-policy.json',
);

/** moto takes the service from the credential's scope, and checks no signature. */
function authorization(service: string): string {
  return `AWS4-HMAC-SHA256 Credential=AKID/20261121/us-east-1/${service}/aws4_request, SignedHeaders=host, Signature=0`;
}

async function ecs(action: string, parameters: unknown): Promise<{ status: number; answer: string }> {
  const response = await fetch(MOTO_URL ?? '', {
    method: 'POST',
    headers: {
      'content-type': 'application/x-amz-json-1.1',
      'x-amz-target': `AmazonEC2ContainerServiceV20141113.${action}`,
      authorization: authorization('ecs'),
    },
    body: JSON.stringify(parameters),
  });
  return { status: response.status, answer: await response.text() };
}

/**
 * For EC2, moto asks every container for a hard limit, where ECS is content with a soft one ("If a task-level memory
 * value is not specified, you must specify a non-zero integer for one or both of memory or memoryReservation": ECS API
 * reference, ContainerDefinition). Without requiresCompatibilities it does not.
 */
function asMotoTakesIt(definition: Record<string, unknown>): Record<string, unknown> {
  const { requiresCompatibilities: _, ...rest } = definition;
  return definition.memory === undefined ? rest : definition;
}

describe('task definitions with the sidecar', () => {
  it.each(FILES)('%s is registered, described, and up to date as it comes back', async (file) => {
    const definition = JSON.parse(readFileSync(new URL(file, FOLDER), 'utf8'));
    expect(await ecs('RegisterTaskDefinition', asMotoTakesIt(definition))).toMatchObject({ status: 200 });
    const { status, answer } = await ecs('DescribeTaskDefinition', { taskDefinition: definition.family });
    expect(status).toBe(200);
    const { text, before } = inject(answer, { version: '' });
    expect(text).toBe(before);
    expect(JSON.parse(text)).toMatchObject({ containerDefinitions: definition.containerDefinitions });
    expect(await ecs('RegisterTaskDefinition', asMotoTakesIt(JSON.parse(text)))).toMatchObject({
      status: 200,
    });
  });

  it.each(ORDERS)('are registered after fargauge inject, %s', async (order) => {
    const source = remove(readFileSync(new URL('fargate-batch.json', FOLDER), 'utf8')).text;
    const { text } = inject(source, { order, version: '0.1.0' });
    expect(await ecs('RegisterTaskDefinition', JSON.parse(text))).toMatchObject({ status: 200 });
  });
});

/** Has moto make the stack of a template. */
async function createStack(
  stackName: string,
  templateBody: string,
  parameters: Readonly<Record<string, string>>,
): Promise<void> {
  const body = new URLSearchParams({
    Action: 'CreateStack',
    Version: '2010-05-15',
    StackName: stackName,
    TemplateBody: templateBody,
    'Capabilities.member.1': 'CAPABILITY_IAM',
  });
  for (const [index, [name, value]] of Object.entries(parameters).entries()) {
    body.set(`Parameters.member.${index + 1}.ParameterKey`, name);
    body.set(`Parameters.member.${index + 1}.ParameterValue`, value);
  }
  const headers = { authorization: authorization('cloudformation') };
  const response = await fetch(MOTO_URL ?? '', { method: 'POST', headers, body });
  expect({ status: response.status, answer: await response.text() }).toMatchObject({ status: 200 });
}

/** What moto has registered of a stack, and its task-level parameters, of which moto leaves some out. */
async function registeredBy(family: string, properties: JsonObject | undefined): Promise<JsonObject> {
  const { answer } = await ecs('DescribeTaskDefinition', { taskDefinition: family });
  const { containerDefinitions } = JSON.parse(answer).taskDefinition;
  const { RequiresCompatibilities, NetworkMode, Cpu, Memory } = properties ?? {};
  return {
    family,
    requiresCompatibilities: RequiresCompatibilities ?? null,
    networkMode: NetworkMode ?? null,
    cpu: Cpu ?? null,
    memory: Memory ?? null,
    taskRoleArn: 'arn:aws:iam::123456789012:role/task',
    executionRoleArn: 'arn:aws:iam::123456789012:role/execution',
    containerDefinitions,
  };
}

function taskDefinitionIn({ Resources }: Template): JsonObject {
  const found = Object.values(Resources).find(({ Type }) => Type === 'AWS::ECS::TaskDefinition');
  if (found === undefined) throw new Error('the template has no task definition');
  return found.Properties;
}

describe('the stacks', () => {
  const image = '123456789012.dkr.ecr.us-east-1.amazonaws.com/fargauge:0.1.0';

  it.each<[string, string, () => string, Record<string, string>]>([
    [
      'of the CloudFormation example',
      'scheduled-batch',
      () => readFileSync(new URL('scheduled-batch.yaml', TEMPLATES), 'utf8'),
      {
        JobName: 'scheduled-batch',
        BatchImage: 'batch',
        FargaugeImage: image,
        Subnets: 'subnet-11111111,subnet-22222222',
        SecurityGroups: 'sg-11111111',
      },
    ],
    ['of the CDK example', 'NightlyBatchTask', synthesisedText, {}],
  ])('%s registers a task definition with the sidecar, up to date', async (_, name, read, parameters) => {
    const template = read();
    await createStack(name, template, parameters);
    const { answer } = await ecs('ListTaskDefinitionFamilies', {});
    const families: string[] = JSON.parse(answer).families;
    const family = families.find((each) => each.startsWith(name)) ?? '';
    const registered = await registeredBy(family, taskDefinitionIn(parseTemplate(template)));
    expect(await ecs('RegisterTaskDefinition', registered)).toMatchObject({ status: 200 });
    const { text, before, warnings } = inject(JSON.stringify(registered), { version: '' });
    expect({ text, warnings }).toEqual({ text: before, warnings: [] });
    expect(text).toContain(`"image":"${image}"`);
  });
});

/** Without what asks whether the account is bootstrapped for CDK: moto's is not. */
function synthesisedText(): string {
  const { Parameters: _, Rules: __, ...template } = synthesiseExample();
  return JSON.stringify(template);
}
