// Arbitrary texts, as UTF-8, for property tests.

import fc from 'fast-check';

export const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);
export const anyText = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 300 }).map(utf8),
  fc.string({ unit: 'grapheme', maxLength: 300 }).map(utf8),
  fc
    .array(
      fc.constantFrom(
        'The',
        'the',
        'x_1',
        "don't",
        '3.14',
        'naïve',
        '漢字',
        '\u0000',
        '\u007f',
        ' ',
        '\n',
        '\t',
        '--',
        '{[@',
        'a'.repeat(70),
      ),
      { maxLength: 80 },
    )
    .map((parts) => utf8(parts.join(''))),
  fc.uint8Array({ maxLength: 300 }),
  fc
    .string({ unit: fc.constantFrom(...Array.from('!"#$%&\'()*+,-./:;<=>?@[\\]^_`{|}~ ')), maxLength: 300 })
    .map(utf8),
);
