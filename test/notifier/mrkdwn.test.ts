import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { code, link, literal } from '../../src/notifier/mrkdwn.ts';
import { mentionsIn, messageProblem } from '../support/slack-message.ts';

/** As Slack shows it. */
function shown(text: string): string {
  return text.replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&amp;', '&');
}

const anyText = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 60 }),
  fc.string({
    unit: fc.constantFrom('&', '<', '>', '😀', 'é', 'a', '`', '!', '@', '#', '|', ' '),
    maxLength: 60,
  }),
  // Halves of surrogate pairs, too.
  fc.array(fc.integer({ min: 0xd700, max: 0xe000 })).map((units) => String.fromCharCode(...units)),
);

describe('text from outside', () => {
  it.each([
    ['a & b', 'a &amp; b'],
    ['<!channel>', '&lt;!channel&gt;'],
    ['<@U012AB3CD> <#C012AB3CD> <http://x|y>', '&lt;@U012AB3CD&gt; &lt;#C012AB3CD&gt; &lt;http://x|y&gt;'],
    ['&amp;', '&amp;amp;'],
    ['one\r\n\ttwo\u2028three\u0000four', 'one two three four'],
    // What reverses the order of what follows.
    ['evil\u202Etxt', 'evil txt'],
  ])('%j is shown literally', (text, expected) => {
    expect(literal(text, 100)).toBe(expected);
  });

  it.each([
    ['exactly as long as it may be', 'abcdef', 6, 'abcdef'],
    ['one too long', 'abcdefg', 6, 'abcde…'],
    ['cut before an entity that does not fit', 'abc&def', 6, 'abc…'],
    ['cut before a pair that does not fit', 'abcd😀ef', 6, 'abcd…'],
    ['longer than what is looked at', ' '.repeat(1000), 6, '…'],
  ])('is %s', (_, text, maxLength, expected) => {
    expect(literal(text, maxLength)).toBe(expected);
  });

  it('keeps every limit, is whole, and is the text or a beginning of it', () => {
    fc.assert(
      fc.property(anyText, fc.integer({ min: 8, max: 60 }), (text, maxLength) => {
        const result = literal(text, maxLength);
        expect(result.length).toBeLessThanOrEqual(maxLength);
        const message = { text: `a${result}` };
        expect(messageProblem(message)).toBeUndefined();
        expect(mentionsIn(message)).toEqual([]);
        const whole = shown(literal(text, 100_000));
        const cut = shown(result);
        expect(cut === whole || whole.startsWith(cut.slice(0, -1))).toBe(true);
      }),
    );
  });

  it('in a code span cannot end it', () => {
    expect(code('a`b ``` <c>', 40)).toBe("`a'b ''' &lt;c&gt;`");
    expect(code(' ', 40)).toBe('');
  });

  it('a link’s address is escaped', () => {
    expect(link('https://x/?a=1&b=<2>', 'label')).toBe('<https://x/?a=1&amp;b=&lt;2&gt;|label>');
  });
});
