import { type ContainerDefinition, ecrRegistryOf, same, variableOf } from './container-definition.ts';
import { isObject, type Json } from './json-text.ts';
import { LOG_GROUP_VARIABLE, OUTPUT_VARIABLE, SIDECAR_NAME } from './sidecar-container.ts';
import { isIntrinsic, show, type TaskDefinitionDocument } from './task-definition-document.ts';

/** What of a task definition with the sidecar will not work, or not as meant: one sentence each. */
export function warningsOf(document: TaskDefinitionDocument, batch: ContainerDefinition): readonly string[] {
  return [
    ...roomWarning(document, batch, 'cpu'),
    ...roomWarning(document, batch, 'memory'),
    ...logGroupWarning(document, batch),
    ...logModeWarning(document),
    ...fireLensWarning(document),
    ...restartWarning(document),
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

/** Where the sidecar knows no log group (sinks/route.ts). What a template's function makes is not known here. */
function logGroupWarning(document: TaskDefinitionDocument, batch: ContainerDefinition): readonly string[] {
  const sidecar = sidecarIn(document);
  if (isSet(sidecar, LOG_GROUP_VARIABLE) || isStdoutWanted(sidecar)) return [];
  const log = batch.logConfiguration;
  const driver = isObject(log) ? log.logDriver : undefined;
  if (driver === 'awslogs' || [log, driver].some((value) => isObject(value) && isIntrinsic(value))) return [];
  const index = document.definition.containerDefinitions.findIndex(({ name }) => same(name, batch.name));
  const path = ['containerDefinitions', index, 'logConfiguration', ...(isObject(log) ? ['logDriver'] : [])];
  const shown = isObject(log) ? `${show(driver)}, not "awslogs"` : show(log);
  const keeper = sidecar?.logConfiguration === undefined ? ', which nothing keeps' : '';
  return [
    `${document.placeOf(path)} is ${shown}: no log group is known, and lines go to the sidecar's stdout${keeper}. ` +
      `Give the batch the awslogs driver, or set ${LOG_GROUP_VARIABLE} in ${SIDECAR_NAME}`,
  ];
}

/** In the mode that ECS takes by default since June 2025, a full buffer drops lines. */
function logModeWarning(document: TaskDefinitionDocument): readonly string[] {
  const log = sidecarIn(document)?.logConfiguration;
  if (!isObject(log) || (isObject(log.options) && isIntrinsic(log.options))) return [];
  const mode = isObject(log.options) ? log.options.mode : undefined;
  // Of another driver's default nothing was asked for.
  const isDropping = mode === 'non-blocking' || (mode === undefined && log.logDriver === 'awslogs');
  if (!isDropping) return [];
  return [
    `${placeInSidecar(document, 'logConfiguration', 'options', 'mode')} is ${show(mode)}: what goes to the sidecar's ` +
      `stdout may be dropped without a word when the log driver's buffer is full; "blocking" keeps it`,
  ];
}

/** Fluent Bit makes the line a text inside an object of its own, in which neither a query nor a filter finds fields. */
function fireLensWarning(document: TaskDefinitionDocument): readonly string[] {
  const sidecar = sidecarIn(document);
  const log = sidecar?.logConfiguration;
  if (!isObject(log) || log.logDriver !== 'awsfirelens') return [];
  if (isSet(sidecar, LOG_GROUP_VARIABLE) && !isStdoutWanted(sidecar)) return [];
  const options = isObject(log.options) ? log.options : {};
  if (isIntrinsic(options) || options.log_key !== undefined) return [];
  return [
    `${placeInSidecar(document, 'logConfiguration', 'logDriver')} is "awsfirelens": Fluent Bit must send the bare line ` +
      '(`log_key log`), or neither queries nor subscription filters find it',
  ];
}

function restartWarning(document: TaskDefinitionDocument): readonly string[] {
  const policy = sidecarIn(document)?.restartPolicy;
  // A template may spell it as text.
  if (!isObject(policy) || String(policy.enabled) !== 'true') return [];
  return [
    `${placeInSidecar(document, 'restartPolicy')} is set: a restarted sidecar counts its lines (seq) from 1 again, and ` +
      'its REPORT may be taken for a copy of another line',
  ];
}

function sidecarIn({ definition }: TaskDefinitionDocument): ContainerDefinition | undefined {
  return definition.containerDefinitions.find(({ name }) => name === SIDECAR_NAME);
}

function placeInSidecar(document: TaskDefinitionDocument, ...path: readonly string[]): string {
  const index = document.definition.containerDefinitions.findIndex(({ name }) => name === SIDECAR_NAME);
  return document.placeOf(['containerDefinitions', index, ...path]);
}

/** An empty variable counts as unset. */
function isSet(sidecar: ContainerDefinition | undefined, variable: string): boolean {
  const value = sidecar && variableOf(sidecar, variable);
  return value !== undefined && value !== '';
}

function isStdoutWanted(sidecar: ContainerDefinition | undefined): boolean {
  return sidecar !== undefined && variableOf(sidecar, OUTPUT_VARIABLE) === 'stdout';
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
  const { requiresCompatibilities, executionRoleArn } = document.definition;
  const isFargate = Array.isArray(requiresCompatibilities) && requiresCompatibilities.includes('FARGATE');
  if (!isFargate || executionRoleArn !== undefined) return [];
  const sidecar = sidecarIn(document);
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
