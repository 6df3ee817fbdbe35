/**
 * What Slack's documentation says of a message: its keys, its lengths and its markup. Written from the documentation,
 * not from the notifier.
 *
 * https://docs.slack.dev/reference/block-kit/blocks
 * https://docs.slack.dev/messaging/formatting-message-text
 */
export interface Problem {
  /** Slack's word for it. */
  readonly error: string;
  readonly about: string;
}

const MAX_TEXT_LENGTH = 40_000;
const MAX_BLOCKS = 50;
/** Not documented: where refusals by msg_blocks_too_long begin (slackapi/bolt-js issue 2509). */
const MAX_ALL_BLOCKS_LENGTH = 13_000;
const MESSAGE_KEYS = ['channel', 'text', 'blocks', 'unfurl_links', 'unfurl_media'];

type Json = Readonly<Record<string, unknown>>;

/** Undefined for a message that Slack takes. */
export function messageProblem(message: Json): Problem | undefined {
  const unknown = Object.keys(message).find((key) => !MESSAGE_KEYS.includes(key));
  if (unknown !== undefined) return { error: 'invalid_arguments', about: `key ${unknown}` };
  const { text, blocks } = message;
  if (typeof text !== 'string' || text === '') return { error: 'no_text', about: 'text' };
  if (text.length > MAX_TEXT_LENGTH) return { error: 'msg_too_long', about: `${text.length} characters` };
  const inText = markupProblem(text);
  if (inText) return { error: 'invalid_markup', about: inText };
  if (blocks === undefined) return undefined;
  if (!Array.isArray(blocks) || blocks.length === 0 || blocks.length > MAX_BLOCKS) {
    return { error: 'invalid_blocks', about: 'blocks' };
  }
  for (const [index, block] of blocks.entries()) {
    const about = blockProblem(block as Json);
    if (about) return { error: 'invalid_blocks', about: `block ${index}: ${about}` };
  }
  const length = JSON.stringify(blocks).length;
  return length > MAX_ALL_BLOCKS_LENGTH
    ? { error: 'msg_blocks_too_long', about: `${length} characters` }
    : undefined;
}

function blockProblem(block: Json): string | undefined {
  const { type, block_id: _, ...rest } = block;
  switch (type) {
    case 'divider':
      return unknownKeys(rest, []);
    case 'header':
      return unknownKeys(rest, ['text']) ?? textProblem(rest.text, 150, ['plain_text']);
    case 'section':
      return sectionProblem(rest);
    case 'context':
      return unknownKeys(rest, ['elements']) ?? listProblem(rest.elements, 'elements', 10, 3000);
    default:
      return `type ${JSON.stringify(type)}`;
  }
}

function sectionProblem({ text, fields, ...rest }: Json): string | undefined {
  if (text === undefined && fields === undefined) return 'neither text nor fields';
  return (
    unknownKeys(rest, []) ??
    (text === undefined ? undefined : textProblem(text, 3000)) ??
    (fields === undefined ? undefined : listProblem(fields, 'fields', 10, 2000))
  );
}

function listProblem(list: unknown, name: string, maxItems: number, maxLength: number): string | undefined {
  if (!Array.isArray(list) || list.length === 0 || list.length > maxItems) {
    return `${name}: ${Array.isArray(list) ? list.length : 'no list'}`;
  }
  for (const [index, item] of list.entries()) {
    const problem = textProblem(item, maxLength);
    if (problem) return `${name}[${index}]: ${problem}`;
  }
  return undefined;
}

function textProblem(
  value: unknown,
  maxLength: number,
  types: readonly string[] = ['mrkdwn', 'plain_text'],
): string | undefined {
  if (typeof value !== 'object' || value === null) return 'no text object';
  const { type, text, ...rest } = value as Json;
  if (!types.includes(String(type))) return `text of type ${JSON.stringify(type)}`;
  if (typeof text !== 'string' || text.length < 1 || text.length > maxLength) {
    return `text of ${typeof text === 'string' ? text.length : 'no'} characters`;
  }
  return (
    unknownKeys(rest, type === 'mrkdwn' ? ['verbatim'] : ['emoji']) ??
    (type === 'mrkdwn' ? markupProblem(text) : undefined)
  );
}

function unknownKeys(value: Json, known: readonly string[]): string | undefined {
  const unknown = Object.keys(value).find((key) => !known.includes(key));
  return unknown === undefined ? undefined : `key ${unknown}`;
}

/** Everything between angle brackets that has a meaning. */
const CONTROL =
  /<(?:(?:https?:\/\/|mailto:)[^<>|\s]+(?:\|[^<>|]+)?|![a-z^A-Z0-9]+(?:\|[^<>]*)?|@[A-Z0-9]+|#[A-Z0-9]+)>/g;

/** Slack would show such text otherwise than it was meant. */
function markupProblem(text: string): string | undefined {
  if (!text.isWellFormed()) return 'half a surrogate pair';
  const rest = text.replaceAll(CONTROL, '').replaceAll(/&(?:amp|lt|gt);/g, '');
  const [special] = /.{0,20}[&<>].{0,20}/s.exec(rest) ?? [];
  return special === undefined ? undefined : `not escaped: ${JSON.stringify(special)}`;
}

/** Everybody that Slack would tell of the message: by markup, and by name where it looks for names. */
export function mentionsIn({ text, blocks }: Json): readonly string[] {
  const found: string[] = [];
  const look = (value: unknown): void => {
    if (Array.isArray(value)) for (const each of value) look(each);
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return;
    const object = value as Json;
    if (object.type === 'mrkdwn' && typeof object.text === 'string') {
      found.push(...mentionsInText(object.text, object.verbatim === true));
    }
    for (const each of Object.values(object)) look(each);
  };
  look(blocks);
  // Where there are blocks, the text is for notifications only. Names in it are not looked for: parse is "none".
  return blocks === undefined ? mentionsInText(String(text), true) : found;
}

function mentionsInText(text: string, isVerbatim: boolean): string[] {
  const marked = [...text.matchAll(/<([!@#][^>|]*)(?:\|[^>]*)?>/g)].map(([, mention = '']) => mention);
  const named = isVerbatim ? [] : [...text.matchAll(/(?<!\w)[@#][\w-]+/g)].map(([mention]) => mention);
  return [...marked, ...named];
}
