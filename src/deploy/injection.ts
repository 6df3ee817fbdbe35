import type { Json, JsonObject, Path } from './json-text.ts';
import {
  BATCH_VARIABLE,
  type LogConfiguration,
  MAX_CONTAINERS,
  type Order,
  SIDECAR_NAME,
  STOP_TIMEOUT_SECONDS,
  STOP_TIMEOUT_VARIABLE,
  sidecarContainer,
  startOf,
} from './sidecar-container.ts';
import {
  type ContainerDefinition,
  DocumentError,
  isObject,
  same,
  show,
  type TaskDefinition,
  TaskDefinitionDocument,
} from './task-definition-document.ts';
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

/** What the sidecar's description decides; a further key of an existing sidecar, such as `secrets`, is kept. */
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
  refuseWindows(definition);
  const present = definition.containerDefinitions.find(isSidecar);
  if (present) refuseForeign(present, original);
  if (!present && definition.containerDefinitions.length >= MAX_CONTAINERS) {
    throw new DocumentError(
      `${original.placeOf(['containerDefinitions'])} holds ${definition.containerDefinitions.length} containers: ` +
        `ECS allows ${MAX_CONTAINERS}, the sidecar included`,
    );
  }
  const choice = chooseBatch(definition, present, options.batch);
  const earlier = present && earlierBatch(definition, present);
  const order =
    options.order ?? (dependsOn(earlier ?? choice.batch, SIDECAR_NAME) ? 'sidecar-first' : 'batch-first');
  const sidecar = describe(choice, present, earlier, { ...options, order });
  const document = placeSidecar(original, sidecar, { order, batch: choice.batch, earlier });
  refuseCycle(document.definition);
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
  const { text } = alone.remove(['containerDefinitions', index]);
  return { text, before: original.text, warnings: [] };
}

function isSidecar({ name }: ContainerDefinition): boolean {
  return name === SIDECAR_NAME;
}

function refuseWindows({ runtimePlatform }: TaskDefinition): void {
  const family = isObject(runtimePlatform) ? runtimePlatform.operatingSystemFamily : undefined;
  if (typeof family === 'string' && /^windows/i.test(family)) {
    throw new DocumentError(
      `runtimePlatform.operatingSystemFamily is ${show(family)}: the sidecar's image is for LINUX only`,
    );
  }
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

interface Choice {
  readonly batch: ContainerDefinition;
  readonly others: readonly ContainerDefinition[];
  readonly isGuess: boolean;
}

function chooseBatch(
  { containerDefinitions }: TaskDefinition,
  present: ContainerDefinition | undefined,
  wanted: string | undefined,
): Choice {
  const candidates = containerDefinitions.filter((container) => container !== present);
  const choose = (batch: ContainerDefinition, isGuess = false): Choice => ({
    batch,
    others: candidates.filter((candidate) => candidate !== batch),
    isGuess,
  });
  const named = candidates.find(({ name }) => name === wanted);
  if (named) return choose(named);
  if (wanted !== undefined) {
    const names = candidates.map(({ name }) => show(name)).join(', ');
    throw new DocumentError(`--container ${wanted} is none of its containers; there are ${names || 'none'}`);
  }
  const told = present && variableOf(present, BATCH_VARIABLE);
  const earlier = candidates.find(({ name }) => told !== undefined && same(name, told));
  if (earlier) return choose(earlier);
  const [first, ...more] = candidates.filter(({ essential }) => String(essential ?? true) !== 'false');
  if (first) return choose(first, more.length > 0);
  throw new DocumentError(
    candidates.length === 0
      ? 'containerDefinitions holds nothing but the sidecar: there is no container to report of'
      : 'containerDefinitions holds no essential container besides the sidecar; ECS needs one',
  );
}

/** The batch that an earlier injection named; it names none where only one could be meant. */
function earlierBatch(
  { containerDefinitions }: TaskDefinition,
  present: ContainerDefinition,
): ContainerDefinition | undefined {
  const told = variableOf(present, BATCH_VARIABLE);
  return told === undefined ? undefined : containerDefinitions.find(({ name }) => same(name, told));
}

function describe(
  { batch, others }: Choice,
  present: ContainerDefinition | undefined,
  earlier: ContainerDefinition | undefined,
  options: InjectOptions & { readonly order: Order },
): ContainerDefinition {
  const { logConfiguration } = batch;
  const described = sidecarContainer<Json>({
    image: options.image ?? present?.image ?? defaultImage(batch, options.version),
    batch: {
      name: batch.name,
      hasCpu: batch.cpu !== undefined && Number(batch.cpu) !== 0,
      ...(isObject(logConfiguration) && {
        logConfiguration: logConfiguration as unknown as LogConfiguration<Json>,
      }),
    },
    isBatchAmbiguous: others.length > 0,
    order: options.order,
    stopTimeoutSeconds: options.stopTimeoutSeconds ?? stopTimeoutOf(present) ?? STOP_TIMEOUT_SECONDS.default,
  }) as unknown as ContainerDefinition;
  return present ? withKept(described, present, [batch, earlier]) : described;
}

/** Of an existing sidecar, the user's own: further keys, variables, and containers that it waits for. */
function withKept(
  described: ContainerDefinition,
  present: ContainerDefinition,
  batches: readonly (ContainerDefinition | undefined)[],
): ContainerDefinition {
  const keys = Object.entries(present).filter(([key]) => !DESCRIBED_KEYS.includes(key));
  const variables = objectsIn(present.environment).filter(
    ({ name }) => name !== STOP_TIMEOUT_VARIABLE && name !== BATCH_VARIABLE,
  );
  const waitsFor = dependenciesOf(present).filter(
    ({ containerName }) => !batches.some((batch) => same(batch?.name, containerName)),
  );
  const dependencies = [...dependenciesOf(described), ...waitsFor];
  return {
    ...described,
    ...(dependencies.length > 0 && { dependsOn: dependencies }),
    environment: [...objectsIn(described.environment), ...variables],
    ...Object.fromEntries(keys),
  };
}

const ECR_REGISTRY = /^\d{12}\.dkr[.-]ecr[.-][^/]+\.[^/]+(?=\/)/;

function defaultImage({ image }: ContainerDefinition, version: string): string {
  const registry = typeof image === 'string' ? image.match(ECR_REGISTRY)?.[0] : undefined;
  if (registry !== undefined) return `${registry}/fargauge:${version}`;
  throw new DocumentError(
    `--image is needed: the batch's image is ${show(image)}, which does not tell an ECR registry of yours`,
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

function refuseCycle({ containerDefinitions }: TaskDefinition): void {
  const wayBack = (path: readonly ContainerDefinition[]): readonly ContainerDefinition[] | undefined => {
    for (const { containerName } of path.slice(-1).flatMap(dependenciesOf)) {
      const next = containerDefinitions.find(({ name }) => same(name, containerName));
      if (next === undefined) continue;
      if (next === path[0]) return [...path, next];
      const found = path.includes(next) ? undefined : wayBack([...path, next]);
      if (found) return found;
    }
    return undefined;
  };
  for (const container of containerDefinitions) {
    const cycle = wayBack([container]);
    if (cycle) {
      const names = cycle.map(({ name }) => (typeof name === 'string' ? name : show(name)));
      throw new DocumentError(`dependsOn would lead back to its start: ${names.join(' -> ')}`);
    }
  }
}

function dependsOn(container: ContainerDefinition, name: string): boolean {
  return dependenciesOf(container).some(({ containerName }) => containerName === name);
}

function dependenciesOf(container: ContainerDefinition): readonly JsonObject[] {
  return objectsIn(container.dependsOn);
}

function variableOf(container: ContainerDefinition, wanted: string): Json | undefined {
  return objectsIn(container.environment).find(({ name }) => name === wanted)?.value;
}

function objectsIn(value: Json | undefined): readonly JsonObject[] {
  return Array.isArray(value) ? value.filter(isObject) : [];
}

/**
 * Whether two values mean the same to ECS, which answers with empty lists where there was nothing, with 0 where there
 * was no `cpu`, and with variables in an order of its own.
 */
function isEquivalent(a: Json | undefined, b: Json | undefined): boolean {
  return JSON.stringify(meaning(a)) === JSON.stringify(meaning(b));
}

function meaning(value: Json | undefined): Json {
  const same = canonical(value ?? null);
  const isNothing =
    same === 0 || (typeof same === 'object' && same !== null && Object.keys(same).length === 0);
  return isNothing ? null : same;
}

function canonical(value: Json): Json {
  if (Array.isArray(value)) {
    return value.map(canonical).toSorted((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
  }
  if (!isObject(value)) return value;
  const properties = Object.entries(value)
    .map(([key, each]): [string, Json] => [key, canonical(each)])
    .filter(([, each]) => typeof each !== 'object' || each === null || Object.keys(each).length > 0);
  return Object.fromEntries(properties.toSorted(([a], [b]) => (a < b ? -1 : 1)));
}
