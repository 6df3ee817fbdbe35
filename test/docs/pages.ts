import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

export const ROOT = join(import.meta.dirname, '../..');
const DOCS = join(ROOT, 'docs');

export const PAGES: readonly string[] = readdirSync(DOCS).filter((file) => file.endsWith('.md'));

export function readPage(page: string): string {
  return readFileSync(join(DOCS, page), 'utf8');
}

/** The blocks of one language in a page, in order. */
export function blocksOf(page: string, language: string): readonly string[] {
  const blocks = readPage(page).matchAll(/^```(\w+)\n([\s\S]*?)^```$/gm);
  return [...blocks].flatMap(([, marked, block = '']) => (marked === language ? [block] : []));
}
