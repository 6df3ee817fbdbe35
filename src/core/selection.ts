import type { Container } from './types.ts';

/** Patterns out of a variable: names with `*`; an empty `include` means all. */
export interface Selection {
  readonly include: readonly string[];
  readonly exclude: readonly string[];
}

export const ALL_CONTAINERS: Selection = { include: [], exclude: [] };

/** @param text patterns separated by commas; `!` before one leaves out what it fits */
export function parseSelection(text: string): Selection {
  const patterns = text.split(',');
  return {
    include: patterns.filter((pattern) => !pattern.startsWith('!')),
    exclude: patterns.filter((pattern) => pattern.startsWith('!')).map((pattern) => pattern.slice(1)),
  };
}

export function isSelected({ include, exclude }: Selection, name: string): boolean {
  const isIncluded = include.length === 0 || include.some((pattern) => matches(pattern, name));
  return isIncluded && !exclude.some((pattern) => matches(pattern, name));
}

/** Containers that AWS adds to a task of its own accord. */
export const HELPERS: readonly string[] = ['~internal~*', 'aws-guardduty-agent*', 'ecs-service-connect-*'];

/** What can be observed: the task definition's own containers but for the sidecar. */
function isCandidate({ name, type }: Container, selfName: string | undefined): boolean {
  if (name === selfName) return false;
  if (type !== undefined && type !== 'NORMAL') return false;
  return !HELPERS.some((pattern) => matches(pattern, name));
}

/** Whether a container gets lines of its own, and counts for the end of the run. */
export function isObserved(
  { settings, self }: { settings: { containers: Selection }; self: { name: string } | undefined },
  container: Container,
): boolean {
  return isCandidate(container, self?.name) && isSelected(settings.containers, container.name);
}

/** Whole-name match; `*` stands for any characters, everything else for itself. */
export function matches(pattern: string, name: string): boolean {
  const [first = '', ...rest] = pattern.split('*');
  if (rest.length === 0) return name === pattern;
  const last = rest.pop() ?? '';
  if (!name.startsWith(first)) return false;
  let position = first.length;
  for (const part of rest) {
    const found = name.indexOf(part, position);
    if (found < 0) return false;
    position = found + part.length;
  }
  return name.length - last.length >= position && name.endsWith(last);
}
