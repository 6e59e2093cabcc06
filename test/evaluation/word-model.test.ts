import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { openVocabulary, trainWordModel } from '../../evaluation/word-model.ts';

describe('words', () => {
  it('concatenate to the text, whatever it is', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const vocabulary = openVocabulary();
        const { words, bytes } = vocabulary.encode(text);
        expect([...words].map((word) => vocabulary.wordOf(word)).join('')).toBe(text);
        expect(bytes).toBe(Buffer.byteLength(text));
      }),
    );
  });

  it('keep the space before them, and separate punctuation and numbers', () => {
    const vocabulary = openVocabulary();
    expect(
      [...vocabulary.encode("It's  12 o'clock.\n").words].map((word) => vocabulary.wordOf(word)),
    ).toEqual(['It', "'", 's', ' ', ' 12', ' o', "'", 'clock', '.', '\n']);
  });
});

describe('the word model', () => {
  const bitsPerByte = (training: readonly string[], text: string): number => {
    const vocabulary = openVocabulary();
    const model = trainWordModel(
      training.map((each) => vocabulary.encode(each).words),
      vocabulary,
    );
    const encoded = vocabulary.encode(text);
    return model.countBits(encoded) / encoded.bytes;
  };
  const sums = Array.from(
    { length: 200 },
    (_, i) => `If Tom has ${i} apples and buys ${i % 7} more, he has ${i + (i % 7)} apples.`,
  );
  const tales = Array.from(
    { length: 200 },
    (_, i) =>
      `Once upon a time, ${i} years ago, a king lived in a castle by the ${i % 2 === 0 ? 'sea' : 'woods'}.`,
  );

  it('needs fewer bits for text like its training text', () => {
    const asked = 'If Ann has 31 apples and buys 3 more, she has 34 apples.';
    expect(bitsPerByte(sums, asked)).toBeLessThan(0.6 * bitsPerByte(tales, asked));
  });

  it('gives unknown words a finite number of bits, and likely spellings fewer than unlikely ones', () => {
    const likely = bitsPerByte(tales, ' woodcastle');
    const unlikely = bitsPerByte(tales, ' zqxj漢kqv');
    expect(likely).toBeLessThan(unlikely);
    expect(unlikely).toBeLessThan(16);
    expect(bitsPerByte([], 'anything')).toBeGreaterThan(8);
    expect(bitsPerByte(tales, `${'acgt'.repeat(500)} and more`)).toBeLessThan(16);
  });
});
