import { type ContainerDefinition, same, variableOf } from './container-definition.ts';
import { BATCH_VARIABLE } from './sidecar-container.ts';
import {
  DocumentError,
  show,
  type TaskDefinition,
  type TaskDefinitionDocument,
} from './task-definition-document.ts';

/** The container that the report is about, and how sure that is. */
export interface Choice {
  readonly batch: ContainerDefinition;
  readonly others: readonly ContainerDefinition[];
  /** Several could be meant, and nothing says which. */
  readonly isGuess: boolean;
}

/**
 * @param present the sidecar, where there is one already
 * @param wanted the name that the user gave
 * @throws DocumentError when there is none of that name, or no essential container
 */
export function chooseBatch(
  document: TaskDefinitionDocument,
  present: ContainerDefinition | undefined,
  wanted: string | undefined,
): Choice {
  const candidates = document.definition.containerDefinitions.filter((container) => container !== present);
  const choose = (batch: ContainerDefinition, isGuess = false): Choice => ({
    batch,
    others: candidates.filter((candidate) => candidate !== batch),
    isGuess,
  });
  const named = candidates.find(({ name }) => name === wanted);
  if (named) return choose(named);
  const place = document.placeOf(['containerDefinitions']);
  if (wanted !== undefined) {
    const names = candidates.map(({ name }) => show(name)).join(', ') || 'none besides the sidecar';
    throw new DocumentError(`--container ${wanted} is none of ${place}: there are ${names}`);
  }
  const told = present && variableOf(present, BATCH_VARIABLE);
  const earlier = candidates.find(({ name }) => told !== undefined && same(name, told));
  if (earlier) return choose(earlier);
  const essential = candidates.filter(isEssential);
  const programs = essential.filter(({ firelensConfiguration }) => firelensConfiguration === undefined);
  const [first, ...more] = programs.length > 0 ? programs : essential;
  if (first) return choose(first, more.length > 0);
  throw new DocumentError(
    candidates.length === 0
      ? `${place} holds nothing but the sidecar: there is no container to report of`
      : `${place} holds no essential container besides the sidecar; ECS needs one`,
  );
}

function isEssential({ essential }: ContainerDefinition): boolean {
  // A template may spell it as text.
  return String(essential ?? true) !== 'false';
}

/** The batch that an earlier injection named; it names none where only one could be meant. */
export function earlierBatch(
  { containerDefinitions }: TaskDefinition,
  present: ContainerDefinition,
): ContainerDefinition | undefined {
  const told = variableOf(present, BATCH_VARIABLE);
  return told === undefined ? undefined : containerDefinitions.find(({ name }) => same(name, told));
}
