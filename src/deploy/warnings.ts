import { type ContainerDefinition, ecrRegistryOf, same } from './container-definition.ts';
import { isObject, type Json } from './json-text.ts';
import { SIDECAR_NAME } from './sidecar-container.ts';
import { show, type TaskDefinitionDocument } from './task-definition-document.ts';

/** What of a task definition with the sidecar will not work, or not as meant: one sentence each. */
export function warningsOf(document: TaskDefinitionDocument, batch: ContainerDefinition): readonly string[] {
  return [
    ...roomWarning(document, batch, 'cpu'),
    ...roomWarning(document, batch, 'memory'),
    ...logWarnings(document, batch),
    ...roleWarning(document),
    ...executionRoleWarning(document),
    ...networkWarning(document),
  ];
}

/**
 * ECS refuses containers that together claim more than the task has (developer guide, "Task size"). What a container
 * claims of the memory is its reservation, else its limit.
 */
function roomWarning(
  document: TaskDefinitionDocument,
  batch: ContainerDefinition,
  resource: 'cpu' | 'memory',
): readonly string[] {
  const { definition } = document;
  const size = amount(definition[resource]);
  if (size === undefined) return [];
  const claimed = definition.containerDefinitions.map(
    (container) =>
      amount(resource === 'cpu' ? container.cpu : (container.memoryReservation ?? container.memory)) ?? 0,
  );
  const excess = claimed.reduce((sum, each) => sum + each, 0) - size;
  if (excess <= 0) return [];
  const index = definition.containerDefinitions.findIndex(({ name }) => same(name, batch.name));
  const field = resource === 'cpu' || batch.memoryReservation === undefined ? resource : 'memoryReservation';
  const place = document.placeOf(['containerDefinitions', index, field]);
  const left = (claimed[index] ?? 0) - excess;
  const remedy =
    left > 0
      ? field === 'memory'
        ? `give the batch a memoryReservation of ${left} or less beside its memory`
        : `lower it to ${left}`
      : 'take a larger task size';
  return [
    `${document.placeOf([resource])} is ${size}, and the containers claim ${size + excess} with the sidecar: ECS refuses ` +
      `that. ${place} is ${show(batch[field])}; ${remedy}`,
  ];
}

/** CPU units or MiB, from `1024`, `"1024"`, `"1 vCPU"` or `"2 GB"`; undefined for what is only known when deployed. */
function amount(value: Json | undefined): number | undefined {
  const text = typeof value === 'number' || typeof value === 'string' ? String(value) : '';
  const [, digits, unit] = text.match(/^\s*(\d*\.?\d+)\s*(vcpu|gb)?\s*$/i) ?? [];
  return digits === undefined ? undefined : Number(digits) * (unit ? 1024 : 1);
}

function logWarnings(document: TaskDefinitionDocument, batch: ContainerDefinition): readonly string[] {
  const { containerDefinitions } = document.definition;
  const index = containerDefinitions.findIndex(({ name }) => same(name, batch.name));
  const placeOf = (...path: string[]) =>
    document.placeOf(['containerDefinitions', index, 'logConfiguration', ...path]);
  const log = batch.logConfiguration;
  if (!isObject(log)) {
    return [
      `${placeOf()} is ${show(log)}: the sidecar has no log either, and no log group is known. Give the batch the ` +
        `awslogs driver, or set FARGAUGE_LOG_GROUP in ${SIDECAR_NAME}`,
    ];
  }
  const warnings: string[] = [];
  if (log.logDriver !== 'awslogs') {
    warnings.push(
      `${placeOf('logDriver')} is ${show(log.logDriver)}, not "awslogs": lines go to the sidecar's stdout, which this ` +
        `driver carries, unless FARGAUGE_LOG_GROUP is set in ${SIDECAR_NAME}`,
    );
  }
  if (isObject(log.options) && log.options.mode === 'non-blocking') {
    warnings.push(
      `${placeOf('options', 'mode')} is "non-blocking": lines that go through the log driver are dropped without a ` +
        'word when its buffer is full',
    );
  }
  return warnings;
}

function roleWarning(document: TaskDefinitionDocument): readonly string[] {
  if (document.definition.taskRoleArn !== undefined) return [];
  return [
    `${document.placeOf(['taskRoleArn'])} is absent: without a task role nothing can be written into CloudWatch Logs ` +
      "directly, and lines go to the sidecar's own log",
  ];
}

/** ECS checks it when the task definition is registered, but only of one that requires FARGATE. */
function executionRoleWarning(document: TaskDefinitionDocument): readonly string[] {
  const { requiresCompatibilities, executionRoleArn, containerDefinitions } = document.definition;
  const isFargate = Array.isArray(requiresCompatibilities) && requiresCompatibilities.includes('FARGATE');
  if (!isFargate || executionRoleArn !== undefined) return [];
  const sidecar = containerDefinitions.find(({ name }) => name === SIDECAR_NAME);
  const log = sidecar?.logConfiguration;
  const asksForIt =
    ecrRegistryOf(sidecar?.image) !== undefined || (isObject(log) && log.logDriver === 'awslogs');
  if (!asksForIt) return [];
  return [
    `${document.placeOf(['executionRoleArn'])} is absent: on Fargate ECS refuses an image of ECR and the awslogs ` +
      `driver without it, and ${SIDECAR_NAME} has one of them`,
  ];
}

/** Without a network a container has neither the metadata endpoint nor credentials. */
function networkWarning(document: TaskDefinitionDocument): readonly string[] {
  const { networkMode } = document.definition;
  if (networkMode !== 'none') return [];
  return [
    `${document.placeOf(['networkMode'])} is "none": the sidecar cannot reach the task metadata endpoint, so there is ` +
      'nothing to report',
  ];
}
