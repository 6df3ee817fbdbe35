/** What a reader who does not see it is told of a page: headings, pictures in words, tables. */
import { attribute, type Element, elements, named, type Page, rowsOf, textOf } from './page-tree.ts';

const INDENT: Readonly<Record<string, string>> = { h1: '', h2: '  ', h3: '      ' };

export function outlineOf({ root }: Page): string {
  return `${elements(root).flatMap(lineOf).join('\n')}\n`;
}

function lineOf(element: Element): string[] {
  const { tagName } = element;
  const label = attribute(element, 'aria-label');
  if (tagName === 'title' && element.namespaceURI.endsWith('xhtml')) return [`title: ${textOf(element)}`];
  if (tagName in INDENT) return [`${INDENT[tagName]}${tagName}: ${textOf(element)}`];
  if (['header', 'nav', 'main', 'footer'].includes(tagName))
    return [`${tagName}${label ? `: ${label}` : ''}`];
  if (tagName === 'figcaption') return named(element, 'p', 'li').map((part) => `    ${textOf(part)}`);
  if (tagName === 'svg' && label) return [`      picture: ${label}`];
  if (tagName === 'table') return [tableLine(element)];
  return tagName === 'dt' ? [`    ${textOf(element)}`] : tagName === 'dd' ? [`      ${textOf(element)}`] : [];
}

function tableLine(table: Element): string {
  const [caption] = named(table, 'caption');
  const [headings = [], ...rows] = rowsOf(table);
  const titles = headings.map((heading) => textOf(heading).trim());
  const shown = titles.length > 20 ? [...titles.slice(0, 3), `… ${titles.length - 3} more`] : titles;
  return `    table${caption ? ` (${textOf(caption)})` : ''}, ${rows.length} rows: ${shown.join(' | ')}`;
}
