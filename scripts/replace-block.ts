/**
 * A page with one of its generated blocks made anew.
 * @param command what makes the block, as the page says it
 * @throws Error when the page has no such block
 */
export function replaceBlock(page: string, name: string, command: string, content: string): string {
  const begin = `<!-- ${name}: made by ${command} -->`;
  const end = `<!-- /${name} -->`;
  const from = page.indexOf(begin);
  const to = page.indexOf(end);
  if (from < 0 || to < from) throw new Error(`the page lacks the block ${begin} … ${end}`);
  return `${page.slice(0, from)}${begin}\n${content}\n${page.slice(to)}`;
}
