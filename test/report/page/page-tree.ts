/** A page as a browser's parser sees it, and what to ask of its tree. */
import { defaultTreeAdapter as adapter, type DefaultTreeAdapterTypes, parse } from 'parse5';

export type Element = DefaultTreeAdapterTypes.Element;
type Node = DefaultTreeAdapterTypes.ParentNode;

export interface Page {
  readonly root: Node;
  /** Where the text is not HTML as it should be: codes of the HTML standard. */
  readonly errors: readonly string[];
}

export function pageOf(html: string): Page {
  const errors: string[] = [];
  const root = parse(html, {
    onParseError: ({ code, startLine }) => errors.push(`${code} in line ${startLine}`),
  });
  return { root, errors };
}

/** Every element below, in the order of the document. */
export function elements(node: Node): Element[] {
  return node.childNodes.flatMap((child) =>
    adapter.isElementNode(child) ? [child, ...elements(child)] : [],
  );
}

export function all(node: Node, isWanted: (element: Element) => boolean): Element[] {
  return elements(node).filter(isWanted);
}

export function named(node: Node, ...names: readonly string[]): Element[] {
  return all(node, ({ tagName }) => names.includes(tagName));
}

export function byId(node: Node, id: string): Element {
  const [found] = all(node, (element) => attribute(element, 'id') === id);
  if (found === undefined) throw new Error(`no element #${id}`);
  return found;
}

export function attribute({ attrs }: Element, name: string): string | undefined {
  return attrs.find((each) => each.name === name)?.value;
}

export function textOf(node: Node): string {
  return node.childNodes
    .map((child) => {
      if (adapter.isTextNode(child)) return child.value;
      return adapter.isElementNode(child) ? textOf(child) : '';
    })
    .join('');
}

/** Of each row of a table its cells, headings too. */
export function rowsOf(table: Element): Element[][] {
  return named(table, 'tr').map((row) => named(row, 'th', 'td'));
}

/** Names of elements and of their attributes, without any text: what a name of a job must not change. */
export function skeleton(node: Node): string {
  return elements(node)
    .map(({ tagName, attrs }) => `${tagName}[${attrs.map(({ name }) => name).join(' ')}]`)
    .join('\n');
}
