/**
 * Slack's own markup: https://docs.slack.dev/messaging/formatting-message-text. Three characters are special in it,
 * and everything that mentions or links is written between two of them.
 */
const ENTITIES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;' };

/** Control characters, line breaks and what reorders text (bidirectional controls): one space stands for a run of them. */
const UNSEEN = /[\p{Cc}\p{Zl}\p{Zp}\s\u061C\u200E\u200F\u202A-\u202E\u2066-\u2069]+/gu;

const ELLIPSIS = '…';

/**
 * Text from outside: it is shown as it stands, on one line, and can neither mention nor link.
 * @param maxLength in UTF-16 units, entities counted as Slack gets them. What is longer ends in an ellipsis; no entity
 *   and no surrogate pair is cut.
 */
export function literal(text: string, maxLength: number): string {
  // What lies beyond can not be shown, and an event may hold 256 KB.
  const clean = text
    .slice(0, 4 * maxLength)
    .toWellFormed()
    .replaceAll(UNSEEN, ' ')
    .trim();
  let shown = '';
  let cutAt = 0;
  for (const character of clean) {
    shown += ENTITIES[character] ?? character;
    if (shown.length <= maxLength - ELLIPSIS.length) cutAt = shown.length;
    if (shown.length > maxLength) return shown.slice(0, cutAt) + ELLIPSIS;
  }
  return text.length > 4 * maxLength ? shown.slice(0, cutAt) + ELLIPSIS : shown;
}

/** Text from outside in a code span: no emoji and no formatting in it either. */
export function code(text: string, maxLength: number): string {
  const shown = literal(text.replaceAll('`', "'"), maxLength - 2);
  return shown === '' ? '' : `\`${shown}\``;
}

/** @param label our own words */
export function link(url: string, label: string): string {
  return `<${url.replaceAll(/[&<>]/g, (character) => ENTITIES[character] ?? '')}|${label}>`;
}
