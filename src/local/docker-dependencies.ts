/**
 * When a container may start and when it may be stopped, as the ECS agent decides it
 * (amazon-ecs-agent, agent/engine/dependencygraph/graph.go).
 */
import type { Condition, ContainerDefinition } from './docker-task-definition.ts';

/** How far a container has come. */
export interface Progress {
  /** `starting`: its turn has come, and the engine is at work. */
  readonly status: 'waiting' | 'starting' | 'running' | 'stopped';
  readonly exitCode?: number;
  readonly isHealthy?: boolean;
  /** Its `startTimeout` is over: nobody waits for it any longer. */
  readonly isLate?: boolean;
}

export type Readiness =
  | { readonly state: 'ready' | 'waiting' }
  /** What it waits for will not come. */
  | { readonly state: 'never'; readonly reason: string };

type Dependent = Pick<ContainerDefinition, 'name' | 'dependsOn'>;
type ProgressOf = (name: string) => Progress;

export function readiness({ dependsOn }: Dependent, progressOf: ProgressOf): Readiness {
  let isWaiting = false;
  for (const { containerName, condition } of dependsOn) {
    const progress = progressOf(containerName);
    if (isMet(condition, progress)) continue;
    const reason = whyNever(condition, progress);
    if (reason !== undefined) return { state: 'never', reason: `${containerName} ${reason}` };
    isWaiting = true;
  }
  return { state: isWaiting ? 'waiting' : 'ready' };
}

/** Nothing that depends on it is left, whatever the condition of its dependence. */
export function mayStop(name: string, containers: readonly Dependent[], progressOf: ProgressOf): boolean {
  return containers
    .filter(({ dependsOn }) => dependsOn.some(({ containerName }) => containerName === name))
    .every((dependent) => progressOf(dependent.name).status === 'stopped');
}

/** A container that has stopped has started. */
function isMet(condition: Condition, { status, exitCode, isHealthy }: Progress): boolean {
  if (condition === 'START') return status === 'running' || status === 'stopped';
  if (condition === 'HEALTHY') return status === 'running' && isHealthy === true;
  return status === 'stopped' && (condition === 'COMPLETE' || exitCode === 0);
}

function whyNever(condition: Condition, { status, exitCode, isLate }: Progress): string | undefined {
  if (status === 'stopped') {
    const how = exitCode === undefined ? 'stopped' : `stopped with exit code ${exitCode}`;
    return condition === 'HEALTHY' ? `${how} before it was healthy` : how;
  }
  return isLate ? `did not reach ${condition} within its startTimeout` : undefined;
}
