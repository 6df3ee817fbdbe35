/**
 * What a terminal may act on, or what hides how a text reads: control characters, characters that only format (of no
 * width, or turning the direction of writing: Unicode TR 36, "Bidirectional Text Spoofing"), line and paragraph
 * separators, halves of characters.
 */
const HARMFUL = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu;

/** Text out of a log, harmless on a terminal: what is not seen, or is obeyed, stands there as `\u001b`. */
export function printable(text: string): string {
  return text.replace(HARMFUL, escaped);
}

/** JSON that says the same and is harmless on a terminal. */
export function printableJson(value: unknown): string {
  const json = JSON.stringify(value, undefined, 2);
  return json.replace(HARMFUL, (character) => (character === '\n' ? character : escaped(character)));
}

/** As JSON writes it: by UTF-16 units. */
function escaped(character: string): string {
  const units = Array.from({ length: character.length }, (_, index) => character.charCodeAt(index));
  return units.map((unit) => `\\u${unit.toString(16).padStart(4, '0')}`).join('');
}
