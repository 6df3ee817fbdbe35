/**
 * Everything made on an engine carries two labels: whose task it is of, and which process is to remove it. What a
 * process did not live to remove, the next one does. Labels alone prove nothing: `docker commit` copies a container's
 * to the image, and whatever runs that image has them too. So the name that was given counts as well.
 */
import { hostname } from 'node:os';
import { Procfs } from '../proc/procfs.ts';
import type { Engine, Labels, Resource, ResourceKind } from './docker-engine.ts';

const TASK_LABEL = 'fargauge.task';
const OWNER_LABEL = 'fargauge.owner';

/** Containers first: they hold the rest. */
const KINDS: readonly ResourceKind[] = ['containers', 'networks', 'volumes', 'images'];

export function ownLabels(taskId: string): Labels {
  return { [TASK_LABEL]: taskId, [OWNER_LABEL]: ownerText(process.pid) };
}

/** What a container, a network, a volume or an image of a task is called on the engine. */
export function nameOnEngine(taskId: string, name: string): string {
  return `fargauge-${taskId.slice(0, 8)}-${name}`;
}

/** Removes everything of a task, however far it came. */
export async function removeTask(engine: Engine, taskId: string): Promise<void> {
  for (const kind of KINDS) {
    const resources = await engine.list(kind, [`${TASK_LABEL}=${taskId}`]);
    const made = resources.filter((resource) => taskOf(resource) === taskId);
    await Promise.all(made.map(({ id }) => engine.remove(kind, id)));
  }
}

/** Undefined for what was not made here. */
function taskOf({ labels, names }: Resource): string | undefined {
  const taskId = labels[TASK_LABEL];
  return taskId !== undefined && names.some((name) => name.startsWith(nameOnEngine(taskId, '')))
    ? taskId
    : undefined;
}

/**
 * Removes what processes of this machine left behind that are no more.
 * @returns the ids of their tasks.
 */
export async function removeLeftovers(engine: Engine): Promise<readonly string[]> {
  const taskIds = new Set<string>();
  for (const kind of KINDS) {
    for (const resource of await engine.list(kind, [OWNER_LABEL])) {
      const taskId = taskOf(resource);
      const owner = resource.labels[OWNER_LABEL];
      if (taskId !== undefined && owner !== undefined && isDead(owner)) taskIds.add(taskId);
    }
  }
  for (const taskId of taskIds) await removeTask(engine, taskId);
  return [...taskIds];
}

/** `HOST PID START`: pids are reused, and an engine may have users on several machines. */
function ownerText(pid: number): string {
  return `${hostname()} ${pid} ${startOf(pid) ?? ''}`;
}

function isDead(owner: string): boolean {
  const [host, pid, start] = owner.split(' ');
  if (host !== hostname() || !Number(pid)) return false;
  if (!exists(Number(pid))) return true;
  const present = startOf(Number(pid));
  return Boolean(start) && present !== undefined && `${present}` !== start;
}

function exists(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    // Another user's process may be asked for nothing, and is there.
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** In clock ticks since boot; undefined where there is no /proc, or it hides the process. */
function startOf(pid: number): number | undefined {
  return new Procfs().stat(pid)?.startTicks;
}
