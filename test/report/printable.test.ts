import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { printable, printableJson } from '../../src/report/printable.ts';

/** Any UTF-16 at all, halves of characters too. */
const anyText = fc.string({ unit: fc.nat(0xffff).map((unit) => String.fromCharCode(unit)) });

/** What a terminal obeys or does not show. */
const HARMFUL = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u;

describe('text out of a log', () => {
  it.each([
    ['colours', '\u001b[31mred\u001b[0m', '\\u001b[31mred\\u001b[0m'],
    ['the eight-bit escape', '\u009b2J', '\\u009b2J'],
    ['a line break', 'a\r\nb', 'a\\u000d\\u000ab'],
    ['a title for the terminal', '\u001b]0;title\u0007', '\\u001b]0;title\\u0007'],
    ['text turned round', 'a\u202egnp.exe', 'a\\u202egnp.exe'],
    ['characters of no width', 'a\u200bb', 'a\\u200bb'],
    ['characters beyond the first plane', '\u{e0041}', '\\udb40\\udc41'],
    ['half a character', '\ud83d', '\\ud83d'],
    ['words of any script', 'héllo 日本 😀', 'héllo 日本 😀'],
  ])('is harmless: %s', (_, text, shown) => {
    expect(printable(text)).toBe(shown);
  });

  it('is harmless whatever it is', () => {
    fc.assert(
      fc.property(anyText, (text) => {
        expect(printable(text)).not.toMatch(HARMFUL);
      }),
    );
  });
});

it('JSON is harmless, and says the same', () => {
  fc.assert(
    fc.property(fc.dictionary(anyText, anyText), (value) => {
      const json = printableJson(value);
      expect(json.replaceAll('\n', '')).not.toMatch(HARMFUL);
      expect(JSON.parse(json)).toEqual(JSON.parse(JSON.stringify(value)));
    }),
  );
});
