/**
 * The first containers found that wait for each other in a circle, the first of them again at the end; ECS refuses
 * them.
 * @param dependencies of each container by its name: the names of those that it waits for
 */
export function firstCycle(
  dependencies: ReadonlyMap<string, readonly string[]>,
): readonly string[] | undefined {
  const wayBack = (path: readonly [string, ...string[]]): readonly string[] | undefined => {
    for (const next of dependencies.get(path.at(-1) ?? path[0]) ?? []) {
      if (next === path[0]) return [...path, next];
      const found = path.includes(next) ? undefined : wayBack([...path, next]);
      if (found) return found;
    }
    return undefined;
  };
  for (const name of dependencies.keys()) {
    const cycle = wayBack([name]);
    if (cycle) return cycle;
  }
  return undefined;
}
