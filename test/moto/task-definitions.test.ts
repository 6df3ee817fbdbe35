import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { inject, remove } from '../../src/deploy/injection.ts';
import { ORDERS } from '../../src/deploy/sidecar-container.ts';

const { MOTO_URL } = process.env;
if (MOTO_URL === undefined) throw new Error('MOTO_URL is not set: run these tests with npm run test:moto');

const FOLDER = new URL('../../task-definitions/', import.meta.url);
const FILES = readdirSync(FOLDER).filter(
  (file) => file.endsWith('.json') && file !== 'task-role-policy.json',
);

async function ecs(action: string, parameters: unknown): Promise<{ status: number; answer: string }> {
  const response = await fetch(MOTO_URL ?? '', {
    method: 'POST',
    headers: {
      'content-type': 'application/x-amz-json-1.1',
      'x-amz-target': `AmazonEC2ContainerServiceV20141113.${action}`,
      // moto takes the service from the credential's scope, and checks no signature.
      authorization:
        'AWS4-HMAC-SHA256 Credential=AKID/20261121/us-east-1/ecs/aws4_request, SignedHeaders=host, Signature=0',
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
