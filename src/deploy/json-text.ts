/**
 * Edits of JSON text that leave every character outside of the edit as it was: key order, indentation, numbers as
 * they were written. The text must be valid JSON (JSON.parse took it), so nothing is checked here again.
 */

export type Json = null | boolean | number | string | readonly Json[] | JsonObject;
export type JsonObject = { readonly [key: string]: Json };
/** Keys and indexes that lead to a value. */
export type Path = readonly (string | number)[];

export function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A value's place in the text. */
interface Node {
  readonly start: number;
  /** After its last character. */
  readonly end: number;
  /** Of an object or an array. */
  readonly members: readonly Member[];
}

interface Member {
  readonly key: string | number;
  /** Where its key stands, in an array its value. */
  readonly start: number;
  readonly value: Node;
}

const SPACE = /\s*/y;
const SCALAR = /"(?:[^"\\]|\\.)*"|[^\s,\]}]+/y;

function match(pattern: RegExp, text: string, at: number): string {
  pattern.lastIndex = at;
  return pattern.exec(text)?.[0] ?? '';
}

function afterSpace(text: string, at: number): number {
  return at + match(SPACE, text, at).length;
}

function scan(text: string, from: number): Node {
  const start = afterSpace(text, from);
  const opening = text[start];
  if (opening !== '{' && opening !== '[') {
    return { start, end: start + match(SCALAR, text, start).length, members: [] };
  }
  const members: Member[] = [];
  let at = afterSpace(text, start + 1);
  while (text[at] !== '}' && text[at] !== ']') {
    const member = opening === '{' ? scanProperty(text, at) : scanItem(text, at, members.length);
    members.push(member);
    at = afterSpace(text, member.value.end);
    if (text[at] === ',') at = afterSpace(text, at + 1);
  }
  return { start, end: at + 1, members };
}

function scanProperty(text: string, start: number): Member {
  const key = match(SCALAR, text, start);
  const colon = afterSpace(text, start + key.length);
  return { key: JSON.parse(key), start, value: scan(text, colon + 1) };
}

function scanItem(text: string, start: number, index: number): Member {
  return { key: index, start, value: scan(text, start) };
}

function find(text: string, path: Path): Node | undefined {
  let node: Node | undefined = scan(text, 0);
  // Of a key that stands twice, JSON.parse takes the last.
  for (const key of path) node = node?.members.findLast((member) => member.key === key)?.value;
  return node;
}

/** The text of one value, its lines moved to the left as far as its own place goes. */
export function extract(text: string, path: Path): string {
  const node = find(text, path);
  if (node === undefined) throw new RangeError(`${path.join('.')} is not in the text`);
  const indentation = indentationAt(text, node.start);
  return text.slice(node.start, node.end).replaceAll(`\n${indentation}`, '\n');
}

/** Replaces a value, or adds it as the last member of its object or array. */
export function setAt(text: string, path: Path, value: Json): string {
  const node = find(text, path);
  if (node) {
    const isOnOneLine = !text.slice(node.start, node.end).includes('\n') && node.members.length > 0;
    const rendered = render(value, isOnOneLine, text, indentationAt(text, node.start));
    return `${text.slice(0, node.start)}${rendered}${text.slice(node.end)}`;
  }
  const parent = find(text, path.slice(0, -1));
  const key = path.at(-1);
  if (parent === undefined || key === undefined)
    throw new RangeError(`${path.join('.')} has no place in the text`);
  return addMember(text, parent, key, value);
}

/** Removes a member of an object or an array; one that is not there is left out already. */
export function removeAt(text: string, path: Path): string {
  const parent = find(text, path.slice(0, -1));
  const index = parent?.members.findLastIndex(({ key }) => key === path.at(-1)) ?? -1;
  const member = parent?.members[index];
  if (parent === undefined || member === undefined) return text;
  const [before, after] = [parent.members[index - 1], parent.members[index + 1]];
  if (after) return text.slice(0, member.start) + text.slice(after.start);
  if (before) return text.slice(0, before.value.end) + text.slice(member.value.end);
  return text.slice(0, parent.start + 1) + text.slice(parent.end - 1);
}

function addMember(text: string, parent: Node, key: string | number, value: Json): string {
  const { newline, unit } = layout(text);
  const last = parent.members.at(-1);
  const [first] = parent.members;
  const own = indentationAt(text, parent.start);
  const spread = first ? text.slice(parent.start, first.start).includes('\n') : newline !== '';
  const indentation = last && spread ? indentationAt(text, last.start) : own + (spread ? unit : '');
  const isOnOneLine = first !== undefined && !text.slice(parent.start, parent.end).includes('\n');
  const colon = newline === '' ? ':' : ': ';
  const name = typeof key === 'string' ? JSON.stringify(key) + colon : '';
  const rendered = name + render(value, isOnOneLine, text, indentation);
  if (last) {
    const separator = spread ? `,${newline}${indentation}` : newline === '' ? ',' : ', ';
    return `${text.slice(0, last.value.end)}${separator}${rendered}${text.slice(last.value.end)}`;
  }
  const [lead, tail] = spread ? [newline + indentation, newline + own] : ['', ''];
  return `${text.slice(0, parent.start + 1)}${lead}${rendered}${tail}${text.slice(parent.end - 1)}`;
}

/** How the text is laid out; a text without line breaks has neither. */
function layout(text: string): { readonly newline: string; readonly unit: string } {
  const [, newline = '', unit = '  '] = text.trim().match(/(\r?\n)([ \t]+)?/) ?? [];
  return { newline, unit };
}

/** The white space that begins the line of a place. */
function indentationAt(text: string, at: number): string {
  const line = text.slice(text.lastIndexOf('\n', at) + 1, at);
  return line.match(/^[ \t]*/)?.[0] ?? '';
}

function render(value: Json, isOnOneLine: boolean, text: string, indentation: string): string {
  const { newline, unit } = layout(text);
  if (newline === '') return JSON.stringify(value);
  if (isOnOneLine) return renderOnOneLine(value);
  return JSON.stringify(value, null, unit).replaceAll('\n', newline + indentation);
}

function renderOnOneLine(value: Json): string {
  if (Array.isArray(value)) return `[${value.map(renderOnOneLine).join(', ')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const properties = Object.entries(value).map(
    ([key, each]) => `${JSON.stringify(key)}: ${renderOnOneLine(each)}`,
  );
  return properties.length === 0 ? '{}' : `{ ${properties.join(', ')} }`;
}
