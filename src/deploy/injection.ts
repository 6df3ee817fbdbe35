import { type Choice, chooseBatch, earlierBatch } from './batch-choice.ts';
import {
  type ContainerDefinition,
  dependenciesOf,
  dependsOn,
  ecrRegistryOf,
  objectsIn,
  same,
  variableOf,
} from './container-definition.ts';
import { firstCycle } from './cycle.ts';
import { isEquivalent } from './equivalence.ts';
import { isObject, type Json, type JsonObject, type Path } from './json-text.ts';
import {
  BATCH_VARIABLE,
  type LogConfiguration,
  MAX_CONTAINERS,
  type Order,
  PROC_VARIABLE,
  SHARP_PID_MODE,
  SHARP_PROC,
  SIDECAR_CPU_UNITS,
  SIDECAR_NAME,
  STOP_TIMEOUT_SECONDS,
  STOP_TIMEOUT_VARIABLE,
  sidecarContainer,
  sidecarLogConfiguration,
  startOf,
} from './sidecar-container.ts';
import { DocumentError, show, TaskDefinitionDocument } from './task-definition-document.ts';
import { warningsOf } from './warnings.ts';

/** What is not given stays as an earlier injection left it; the defaults are for a new sidecar. */
export interface InjectOptions {
  /** The batch. Default: the only essential container. */
  readonly batch?: string;
  /** Default: the image `fargauge` of this version in the ECR registry of the batch's image. */
  readonly image?: string;
  /** 2 to 120; default 30. */
  readonly stopTimeoutSeconds?: number;
  /** Default: batch-first. */
  readonly order?: Order;
  /** The containers share a PID namespace from now on, so that the sidecar sees their processes. */
  readonly isSharp?: boolean;
  /** Of the default image. */
  readonly version: string;
}

export interface Injection {
  /** The task definition afterwards, as register-task-definition or CloudFormation takes it. */
  readonly text: string;
  /** The same before the sidecar was touched. */
  readonly before: string;
  /** What will not work as it is, in words. */
  readonly warnings: readonly string[];
}

/**
 * What the sidecar's description decides; a further key of an existing sidecar, such as `secrets`, is kept. So are sizes
 * and a log that no injection has given it.
 */
const DESCRIBED_KEYS = [
  'name',
  'image',
  'essential',
  'dependsOn',
  'cpu',
  'memory',
  'memoryReservation',
  'stopTimeout',
  'environment',
  'user',
  'privileged',
  'readonlyRootFilesystem',
  'linuxParameters',
  'logConfiguration',
];

/**
 * The task definition with the sidecar: added, or brought up to date. Doing it twice gives the same as doing it once.
 * @throws DocumentError
 */
export function inject(source: string, options: InjectOptions): Injection {
  const original = TaskDefinitionDocument.parse(source);
  const { definition } = original;
  refuseWindows(original);
  const present = definition.containerDefinitions.find(isSidecar);
  if (present) refuseForeign(present, original);
  if (options.isSharp) refuseOtherPidMode(original);
  if (!present && definition.containerDefinitions.length >= MAX_CONTAINERS) {
    throw new DocumentError(
      `${original.placeOf(['containerDefinitions'])} holds ${definition.containerDefinitions.length} containers: ` +
        `ECS allows ${MAX_CONTAINERS}, the sidecar included`,
    );
  }
  const choice = chooseBatch(original, present, options.batch);
  const earlier = present && earlierBatch(definition, present);
  const order =
    options.order ?? (dependsOn(earlier ?? choice.batch, SIDECAR_NAME) ? 'sidecar-first' : 'batch-first');
  // One that was there before is the user's, and stays when the sidecar goes.
  const isPidModeOurs = options.isSharp && (!definition.pidMode || hasOurPidMode(original, present));
  const sidecar = describe(
    original,
    { choice, present, earlier },
    { ...options, order },
    isPidModeOurs ?? false,
  );
  const placed = placeSidecar(original, sidecar, { order, batch: choice.batch, earlier });
  const document = options.isSharp && !definition.pidMode ? placed.set(['pidMode'], SHARP_PID_MODE) : placed;
  refuseCycle(document);
  const guess = choice.isGuess
    ? [
        `${show(choice.batch.name)} is taken as the batch, the first of several essential containers: ` +
          `--container names another (${choice.others.map(({ name }) => show(name)).join(', ')})`,
      ]
    : [];
  return {
    text: document.text,
    before: original.text,
    warnings: [...guess, ...warningsOf(document, choice.batch)],
  };
}

/**
 * The task definition without the sidecar and without what depended on it.
 * @throws DocumentError
 */
export function remove(source: string): Injection {
  const original = TaskDefinitionDocument.parse(source);
  const { containerDefinitions } = original.definition;
  const index = containerDefinitions.findIndex(isSidecar);
  const present = containerDefinitions[index];
  if (present === undefined) return { text: original.text, before: original.text, warnings: [] };
  refuseForeign(present, original);
  if (containerDefinitions.length === 1) {
    throw new DocumentError(
      `${original.placeOf(['containerDefinitions'])} holds nothing but ${SIDECAR_NAME}: nothing would be left`,
    );
  }
  const alone = containerDefinitions.reduce(
    (document, _, each) => withoutDependency(document, each),
    original,
  );
  const withPidMode = alone.remove(['containerDefinitions', index]);
  const { text } = hasOurPidMode(original, present) ? withPidMode.remove(['pidMode']) : withPidMode;
  return { text, before: original.text, warnings: [] };
}

function isSidecar({ name }: ContainerDefinition): boolean {
  return name === SIDECAR_NAME;
}

function refuseWindows(document: TaskDefinitionDocument): void {
  const { runtimePlatform } = document.definition;
  const family = isObject(runtimePlatform) ? runtimePlatform.operatingSystemFamily : undefined;
  if (typeof family === 'string' && /^windows/i.test(family)) {
    throw new DocumentError(
      `${document.placeOf(['runtimePlatform', 'operatingSystemFamily'])} is ${show(family)}: ` +
        "the sidecar's image is for LINUX only",
    );
  }
}

function refuseOtherPidMode(document: TaskDefinitionDocument): void {
  const { pidMode } = document.definition;
  if (!pidMode || pidMode === SHARP_PID_MODE) return;
  throw new DocumentError(
    `${document.placeOf(['pidMode'])} is ${show(pidMode)}: with --sharp it must be absent or ${show(SHARP_PID_MODE)}`,
  );
}

/** Whether an earlier injection has set the task's `pidMode`. */
function hasOurPidMode(
  { definition }: TaskDefinitionDocument,
  present: ContainerDefinition | undefined,
): boolean {
  return (
    definition.pidMode === SHARP_PID_MODE &&
    present !== undefined &&
    variableOf(present, PROC_VARIABLE) === SHARP_PROC
  );
}

/** Ours sets the variable that no other program reads, or its image is called like it. */
function refuseForeign(container: ContainerDefinition, document: TaskDefinitionDocument): void {
  const { image } = container;
  const repository = typeof image === 'string' ? (image.split('/').at(-1) ?? '') : '';
  if (variableOf(container, STOP_TIMEOUT_VARIABLE) !== undefined) return;
  if (/^fargauge(?:[:@-]|$)/.test(repository)) return;
  const index = document.definition.containerDefinitions.findIndex(isSidecar);
  throw new DocumentError(
    `${document.placeOf(['containerDefinitions', index, 'name'])} is ${show(container.name)}, but it is another ` +
      `program: its image is ${show(image)} and it does not set ${STOP_TIMEOUT_VARIABLE}. Rename it`,
  );
}

interface Found {
  readonly choice: Choice;
  /** The sidecar, where there is one already. */
  readonly present: ContainerDefinition | undefined;
  /** The batch that it names. */
  readonly earlier: ContainerDefinition | undefined;
}

function describe(
  document: TaskDefinitionDocument,
  { choice, present, earlier }: Found,
  options: InjectOptions & { readonly order: Order },
  isPidModeOurs: boolean,
): ContainerDefinition {
  const { batch, others } = choice;
  const { logConfiguration } = batch;
  const described = sidecarContainer<Json>({
    image: options.image ?? present?.image ?? defaultImage(document, batch, options.version),
    batch: {
      name: batch.name,
      hasCpu: batch.cpu !== undefined && Number(batch.cpu) !== 0,
      ...(isObject(logConfiguration) && {
        logConfiguration: logConfiguration as unknown as LogConfiguration<Json>,
      }),
    },
    isBatchAmbiguous: others.length > 0,
    order: options.order,
    isSharp: isPidModeOurs,
    stopTimeoutSeconds: options.stopTimeoutSeconds ?? stopTimeoutOf(present) ?? STOP_TIMEOUT_SECONDS.default,
  }) as unknown as ContainerDefinition;
  const decided = [STOP_TIMEOUT_VARIABLE, BATCH_VARIABLE, ...(options.isSharp ? [PROC_VARIABLE] : [])];
  return present ? withKept(described, { present, batch, earlier, others }, decided) : described;
}

interface Kept {
  readonly present: ContainerDefinition;
  readonly batch: ContainerDefinition;
  readonly earlier: ContainerDefinition | undefined;
  readonly others: readonly ContainerDefinition[];
}

/** Of an existing sidecar, the user's own: keys, variables, and containers that it waits for. */
function withKept(
  described: ContainerDefinition,
  { present, batch, earlier, others }: Kept,
  decidedVariables: readonly string[],
): ContainerDefinition {
  const keys = Object.entries(present).filter(([key, value]) => isUsersOwn(key, value, [batch, ...others]));
  const variables = objectsIn(present.environment).filter(
    ({ name }) => !decidedVariables.some((decided) => decided === name),
  );
  const waitsFor = dependenciesOf(present).filter(
    ({ containerName }) => !same(batch.name, containerName) && !same(earlier?.name, containerName),
  );
  const dependencies = [...dependenciesOf(described), ...waitsFor];
  const { memoryReservation = null, ...rest } = described;
  return {
    ...rest,
    // A limit reserves as much as it allows where no reservation stands beside it.
    ...(!keys.some(([key]) => key === 'memory') && { memoryReservation }),
    ...(dependencies.length > 0 && { dependsOn: dependencies }),
    environment: [...objectsIn(described.environment), ...variables],
    ...Object.fromEntries(keys),
  };
}

/** Whether it is the user's, because no injection sets it, or none sets it so. */
function isUsersOwn(key: string, value: Json, containers: readonly ContainerDefinition[]): boolean {
  if (!DESCRIBED_KEYS.includes(key)) return true;
  if (isEquivalent(value, undefined)) return false;
  switch (key) {
    case 'memory':
    case 'memoryReservation':
      return true;
    case 'cpu':
      return Number(value) !== SIDECAR_CPU_UNITS;
    case 'logConfiguration':
      return !containers.some(({ logConfiguration: log }) => isEquivalent(value, sidecarLogOf(log)));
    default:
      return false;
  }
}

function sidecarLogOf(log: Json | undefined): Json | undefined {
  if (!isObject(log)) return undefined;
  return sidecarLogConfiguration(log as unknown as LogConfiguration<Json>) as unknown as Json;
}

function defaultImage(document: TaskDefinitionDocument, batch: ContainerDefinition, version: string): string {
  const { image } = batch;
  const registry = ecrRegistryOf(image);
  if (registry !== undefined) return `${registry}/fargauge:${version}`;
  const index = document.definition.containerDefinitions.indexOf(batch);
  const place = document.placeOf(['containerDefinitions', index, 'image']);
  throw new DocumentError(
    `--image is needed: ${place} is ${show(image)}, which does not tell an ECR registry of yours`,
  );
}

function stopTimeoutOf(present: ContainerDefinition | undefined): number | undefined {
  const seconds = Number(present?.stopTimeout);
  const { min, max } = STOP_TIMEOUT_SECONDS;
  return Number.isInteger(seconds) && seconds >= min && seconds <= max ? seconds : undefined;
}

interface Placement {
  readonly order: Order;
  readonly batch: ContainerDefinition;
  readonly earlier: ContainerDefinition | undefined;
}

function placeSidecar(
  original: TaskDefinitionDocument,
  sidecar: ContainerDefinition,
  { order, batch, earlier }: Placement,
): TaskDefinitionDocument {
  const { containerDefinitions } = original.definition;
  const found = containerDefinitions.findIndex(isSidecar);
  const index = found < 0 ? containerDefinitions.length : found;
  const present = containerDefinitions[found];
  const path = ['containerDefinitions', index];
  const placed = present ? update(original, path, present, sidecar) : original.set(path, sidecar);
  return containerDefinitions.reduce((document, container, each) => {
    if (container === batch && order === 'sidecar-first') return withDependency(document, each);
    return container === batch || container === earlier ? withoutDependency(document, each) : document;
  }, placed);
}

/** Only what differs is written anew. */
function update(
  original: TaskDefinitionDocument,
  path: Path,
  present: ContainerDefinition,
  wanted: ContainerDefinition,
): TaskDefinitionDocument {
  const superfluous = Object.keys(present).filter(
    (key) => !(key in wanted) && present[key] !== false && !isEquivalent(present[key], undefined),
  );
  const differing = Object.entries(wanted).filter(([key, value]) => !isEquivalent(present[key], value));
  const rest = superfluous.reduce((document, key) => document.remove([...path, key]), original);
  return differing.reduce((document, [key, value]) => document.set([...path, key], value), rest);
}

/** The container at this index waits for the sidecar's start. */
function withDependency(document: TaskDefinitionDocument, index: number): TaskDefinitionDocument {
  const container = document.definition.containerDefinitions[index];
  if (container === undefined) return document;
  const wanted = startOf(SIDECAR_NAME) as unknown as JsonObject;
  const path = ['containerDefinitions', index, 'dependsOn'];
  const dependencies = dependenciesOf(container);
  if (dependencies.some((dependency) => isEquivalent(dependency, wanted))) return document;
  const others = dependencies.filter(({ containerName }) => containerName !== SIDECAR_NAME);
  if (others.length < dependencies.length || container.dependsOn === undefined) {
    return document.set(path, [...others, wanted]);
  }
  return document.set([...path, dependencies.length], wanted);
}

/** The container at this index does not wait for the sidecar. */
function withoutDependency(document: TaskDefinitionDocument, index: number): TaskDefinitionDocument {
  const container = document.definition.containerDefinitions[index];
  if (container === undefined || !dependsOn(container, SIDECAR_NAME)) return document;
  const path = ['containerDefinitions', index, 'dependsOn'];
  const dependencies = dependenciesOf(container);
  if (dependencies.every(({ containerName }) => containerName === SIDECAR_NAME)) return document.remove(path);
  return dependencies.reduceRight<TaskDefinitionDocument>(
    (rest, { containerName }, each) => (containerName === SIDECAR_NAME ? rest.remove([...path, each]) : rest),
    document,
  );
}

function refuseCycle(document: TaskDefinitionDocument): void {
  const { containerDefinitions } = document.definition;
  const nameOf = (name: Json | undefined) => (typeof name === 'string' ? name : show(name));
  const cycle = firstCycle(
    new Map(
      containerDefinitions.map((container) => [
        nameOf(container.name),
        dependenciesOf(container).map(({ containerName }) => nameOf(containerName)),
      ]),
    ),
  );
  if (cycle === undefined) return;
  const index = containerDefinitions.findIndex(({ name }) => nameOf(name) === cycle[0]);
  const place = document.placeOf(['containerDefinitions', index, 'dependsOn']);
  throw new DocumentError(`${place} would lead back to its start: ${cycle.join(' -> ')}`);
}
