/**
 * A task definition as a document of JSON: what `aws ecs describe-task-definition` prints, what
 * `register-task-definition` takes, or a CloudFormation template, resource or Properties.
 */
import { type ContainerDefinition, same } from './container-definition.ts';
import { extract, isObject, type Json, type JsonObject, type Path, removeAt, setAt } from './json-text.ts';
import { SIDECAR_NAME } from './sidecar-container.ts';

/** The document is no task definition, or one that the sidecar cannot be added to; the message says where and why. */
export class DocumentError extends Error {
  override readonly name = 'DocumentError';
}

export interface TaskDefinition extends JsonObject {
  readonly containerDefinitions: readonly ContainerDefinition[];
}

/** What describe-task-definition adds and register-task-definition does not take (ECS API reference). */
const READ_ONLY_FIELDS = [
  'taskDefinitionArn',
  'revision',
  'status',
  'requiresAttributes',
  'compatibilities',
  'registeredAt',
  'deregisteredAt',
  'deleteRequestedAt',
  'registeredBy',
];

const TASK_DEFINITION_TYPE = 'AWS::ECS::TaskDefinition';

/** Objects whose keys are the user's, not the API's. */
const FREE_KEYED = ['options', 'dockerLabels', 'driverOpts', 'labels'];

/** Where a document has its task definition. */
interface Location {
  /** Keys that lead to it in the text. */
  readonly root: Path;
  /** Keys that led to it in what was given, for messages. */
  readonly givenRoot: Path;
  readonly spelling: 'camelCase' | 'PascalCase';
}

export class TaskDefinitionDocument {
  readonly text: string;
  /** The task definition in the API's spelling, whatever the document's. */
  readonly definition: TaskDefinition;
  readonly #location: Location;

  private constructor(text: string, location: Location) {
    this.text = text;
    this.#location = location;
    const value = location.root.reduce<Json | undefined>(
      (at, key) => (isObject(at) ? at[key] : undefined),
      JSON.parse(text) as Json,
    );
    this.definition = (
      location.spelling === 'camelCase' ? value : respelled(value ?? null, lowerFirst)
    ) as TaskDefinition;
  }

  /**
   * Of describe-task-definition's answer, only what register-task-definition takes is kept.
   * @throws DocumentError
   */
  static parse(text: string): TaskDefinitionDocument {
    const root = parseJson(text);
    refuseDepth(root);
    if (!isObject(root))
      throw new DocumentError(`it is ${kindOf(root)}: must be the object of a task definition`);
    const document = TaskDefinitionDocument.#locate(text, root);
    checkContainers(document);
    return document;
  }

  static #locate(text: string, root: JsonObject): TaskDefinitionDocument {
    if ('containerDefinitions' in root) {
      return new TaskDefinitionDocument(withoutReadOnlyFields(text), CAMEL_CASE);
    }
    if (isObject(root.taskDefinition) && 'containerDefinitions' in root.taskDefinition) {
      const location = { ...CAMEL_CASE, givenRoot: ['taskDefinition'] };
      return new TaskDefinitionDocument(registrable(text, root), location);
    }
    if ('ContainerDefinitions' in root) return new TaskDefinitionDocument(text, pascalCase([]));
    if (isObject(root.Properties) && 'ContainerDefinitions' in root.Properties) {
      return new TaskDefinitionDocument(text, pascalCase(['Properties']));
    }
    if (isObject(root.Resources)) {
      const name = onlyTaskDefinition(root.Resources);
      return new TaskDefinitionDocument(text, pascalCase(['Resources', name, 'Properties']));
    }
    throw new DocumentError(
      'it is no task definition: there is no containerDefinitions, taskDefinition.containerDefinitions, ' +
        'ContainerDefinitions, Properties.ContainerDefinitions or Resources',
    );
  }

  /** The document with one value set; path and value are in the API's spelling. */
  set(path: Path, value: Json): TaskDefinitionDocument {
    const own = this.#location.spelling === 'camelCase' ? value : respelled(value, upperFirst);
    return this.#with(setAt(this.text, this.#pathOf(path), own));
  }

  /** The document without one value. */
  remove(path: Path): TaskDefinitionDocument {
    return this.#with(removeAt(this.text, this.#pathOf(path)));
  }

  /** A place in what was given, as it is spelled there, for messages. */
  placeOf(path: Path): string {
    return [...this.#location.givenRoot, ...this.#spelled(path)]
      .map((key) => (typeof key === 'number' ? `[${key}]` : `.${key}`))
      .join('')
      .replace(/^\./, '');
  }

  #pathOf(path: Path): Path {
    return [...this.#location.root, ...this.#spelled(path)];
  }

  #spelled(path: Path): Path {
    return this.#location.spelling === 'camelCase' ? path : path.map(upperFirst);
  }

  #with(text: string): TaskDefinitionDocument {
    return text === this.text ? this : new TaskDefinitionDocument(text, this.#location);
  }
}

const CAMEL_CASE: Location = { root: [], givenRoot: [], spelling: 'camelCase' };

function pascalCase(root: Path): Location {
  return { root, givenRoot: root, spelling: 'PascalCase' };
}

/** A value for a message: cut. */
export function show(value: Json | undefined): string {
  if (value === undefined) return 'absent';
  const text = JSON.stringify(value);
  return text.length > 80 ? `${text.slice(0, 80)}…` : text;
}

function parseJson(text: string): Json {
  if (text.trim() === '') throw new DocumentError('it is empty');
  const problem = syntaxProblem(text);
  if (problem === undefined) return JSON.parse(text) as Json;
  const hint = isYaml(text) ? '. YAML is not read: see docs/cloudformation.md' : '';
  throw new DocumentError(`it is not JSON: ${placed(problem, text)}${hint}`);
}

/** A first key, or the first of a list, where JSON would begin with a bracket. */
function isYaml(text: string): boolean {
  return !/^\s*[{[]/.test(text) && /^(?:- +)?[\w-]+:(?:\s|$)/m.test(text);
}

/** What V8 says of the text, with the place where it says none. */
function placed(problem: string, text: string): string {
  if (/\(line \d+ column \d+\)$/.test(problem)) return problem;
  const at = UNEXPECTED_TOKEN.test(problem) ? placeOfToken(text) : text.trimEnd().length;
  const lines = text.slice(0, at).split('\n');
  // What V8 cites of the text may hold line breaks.
  const reason = problem.replace(/(?<=^Unexpected token '.+?'),.*/su, '');
  const place = `(line ${lines.length} column ${(lines.at(-1)?.length ?? 0) + 1})`;
  return `${reason} ${place}`;
}

function syntaxProblem(text: string): string | undefined {
  try {
    JSON.parse(text);
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}

const UNEXPECTED_TOKEN = /^Unexpected token /;

/** V8 does not say where the token stands: it is the last character of the shortest beginning that has it. */
function placeOfToken(text: string): number {
  let [without, having] = [0, text.length];
  while (having - without > 1) {
    const middle = Math.floor((without + having) / 2);
    if (UNEXPECTED_TOKEN.test(syntaxProblem(text.slice(0, middle)) ?? '')) having = middle;
    else without = middle;
  }
  return without;
}

/** Levels; templates have some 20. Each is a level of calls here. */
const MAX_DEPTH = 200;

function refuseDepth(root: Json): void {
  let [level, depth]: [readonly Json[], number] = [[root], 0];
  while (level.length > 0) {
    if (depth > MAX_DEPTH) throw new DocumentError(`it is nested deeper than ${MAX_DEPTH} levels`);
    level = level.flatMap((value) =>
      typeof value === 'object' && value !== null ? Object.values(value) : [],
    );
    depth += 1;
  }
}

function withoutReadOnlyFields(text: string): string {
  return READ_ONLY_FIELDS.reduce((rest, field) => removeAt(rest, [field]), text);
}

/** describe-task-definition prints tags beside the task definition, register-task-definition takes them inside it. */
function registrable(text: string, { tags }: JsonObject): string {
  const inner = withoutReadOnlyFields(extract(text, ['taskDefinition']));
  const hasTags = Array.isArray(tags) && tags.length > 0;
  return `${hasTags ? setAt(inner, ['tags'], tags) : inner}\n`;
}

function onlyTaskDefinition(resources: JsonObject): string {
  const names = Object.entries(resources).flatMap(([name, resource]) =>
    isObject(resource) && resource.Type === TASK_DEFINITION_TYPE ? [name] : [],
  );
  const [name] = names;
  if (name !== undefined && names.length === 1) return name;
  throw new DocumentError(
    name === undefined
      ? `Resources holds no ${TASK_DEFINITION_TYPE}`
      : `Resources holds ${names.length} of ${TASK_DEFINITION_TYPE} (${names.join(', ')}): give one of them as a file of its own`,
  );
}

function checkContainers(document: TaskDefinitionDocument): void {
  const containers = document.definition?.containerDefinitions as Json | undefined;
  const place = document.placeOf(['containerDefinitions']);
  if (!Array.isArray(containers)) {
    throw new DocumentError(`${place} is ${show(containers)}: must be a list of containers`);
  }
  if (containers.length === 0) {
    throw new DocumentError(`${place} is empty: there is no container to report of`);
  }
  containers.forEach((_, index) => {
    checkContainer(document, containers, index);
  });
}

function checkContainer(document: TaskDefinitionDocument, containers: readonly Json[], index: number): void {
  const placeOf = (...keys: readonly string[]) => document.placeOf(['containerDefinitions', index, ...keys]);
  const container = containers[index];
  if (!isObject(container))
    throw new DocumentError(`${placeOf()} is ${show(container)}: must be a container`);
  if (isIntrinsic(container)) {
    const [called] = Object.keys(container);
    throw new DocumentError(
      `${placeOf()} is a template's function, ${called}: must be a container, because its name is needed`,
    );
  }
  const { name } = container;
  if (!isObject(name) && (typeof name !== 'string' || name === '')) {
    throw new DocumentError(`${placeOf('name')} is ${show(name)}: must be the container's name`);
  }
  const first = containers.findIndex((other) => isObject(other) && same(other.name, name));
  if (first !== index) {
    const other = document.placeOf(['containerDefinitions', first]);
    throw new DocumentError(`${placeOf('name')} is ${show(name)}, the name of ${other}`);
  }
  // Of another container's variables nothing is read.
  for (const list of name === SIDECAR_NAME ? ['dependsOn', 'environment'] : ['dependsOn']) {
    const value = container[list];
    if (value !== undefined && !(Array.isArray(value) && value.every(isObject))) {
      throw new DocumentError(`${placeOf(list)} is ${show(value)}: must be a list of objects`);
    }
  }
}

function respelled(value: Json, spell: (key: string) => string): Json {
  if (Array.isArray(value)) return value.map((each: Json) => respelled(each, spell));
  if (!isObject(value) || isIntrinsic(value)) return value;
  const properties = Object.entries(value).map(([key, each]): [string, Json] => [
    spell(key),
    FREE_KEYED.includes(lowerFirst(key)) ? each : respelled(each, spell),
  ]);
  return Object.fromEntries(properties);
}

/** A function of CloudFormation: `{ "Ref": … }`, `{ "Fn::Sub": … }`. */
export function isIntrinsic(value: JsonObject): boolean {
  const [key = '', ...others] = Object.keys(value);
  return others.length === 0 && (key === 'Ref' || key.startsWith('Fn::'));
}

function lowerFirst(key: string): string {
  return key.slice(0, 1).toLowerCase() + key.slice(1);
}

function upperFirst<Key extends string | number>(key: Key): Key | string {
  return typeof key === 'string' ? key.slice(0, 1).toUpperCase() + key.slice(1) : key;
}

function kindOf(value: Json): string {
  if (value === null) return 'null';
  return Array.isArray(value) ? 'a list' : `a ${typeof value}`;
}
