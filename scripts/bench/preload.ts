/**
 * A word of NODE_OPTIONS that loads a module of this folder before a program.
 * @param parameters what the module reads in its own address
 */
export function preload(file: string, parameters: Readonly<Record<string, number>>): string {
  const module = new URL(file, import.meta.url);
  for (const [name, value] of Object.entries(parameters)) module.searchParams.set(name, `${value}`);
  return `--import=${module}`;
}
