import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { listNgrams } from '../../classifier/features.ts';
import { openKernel } from '../../classifier/kernel.ts';
import { rounds } from '../long.ts';
import { anyText, utf8 } from './any-text.ts';

describe('the features', () => {
  it('are the tokens and every two in a row', () => {
    expect(listNgrams(utf8("Don't  panic!"), 20).map(({ ngram }) => ngram)).toEqual([
      'Don',
      "Don '",
      "'",
      "' t",
      't',
      't panic',
      'panic',
      'panic !',
      '!',
    ]);
    expect(listNgrams(utf8(''), 20)).toEqual([]);
    expect(listNgrams(utf8(' \n\u0000\u007f'), 20)).toEqual([]);
  });

  it('are the same in either case, and beyond the eighth byte', () => {
    const bins = (text: string): number[] => listNgrams(utf8(text), 20).map(({ bin }) => bin);
    expect(bins('The CAT')).toEqual(bins('tHe cat'));
    expect(bins('abcdefgh')).toEqual(bins('abcdefghijkl'));
    expect(bins('abcdefg')).not.toEqual(bins('abcdefgh'));
    expect(bins('a b')).not.toEqual(bins('b a'));
  });

  it('are hashed to the same bins by the fast loop', () => {
    const kernel = openKernel(18, 0);
    fc.assert(
      fc.property(anyText, (text) => {
        kernel.beginDocument();
        const count = kernel.hashPiece(text, 0, text.length);
        expect([...kernel.bins.subarray(0, count)]).toEqual(listNgrams(text, 18).map(({ bin }) => bin));
      }),
      { numRuns: rounds(500) },
    );
  });

  it('spread over the table', () => {
    const words = Array.from({ length: 20_000 }, (_, i) => `w${i}`);
    const unigrams = new Set(words.map((word) => listNgrams(utf8(word), 20)[0]?.bin));
    // 20,000 of chance over 2^20 bins meet 189 times.
    expect(unigrams.size).toBeGreaterThan(19_700);
  });
});
