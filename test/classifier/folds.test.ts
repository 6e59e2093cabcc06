import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { openBags } from '../../classifier/bag.ts';
import { foldCount, foldOf, foldSlowly, openFolds, splitFolds } from '../../classifier/folds.ts';
import { anyText, utf8 } from './any-text.ts';

const bits = 12;

describe('the fold of a text', () => {
  it('is that of the definition, in the sample and in the corpus', () => {
    const { bags, add } = openBags(1, bits);
    fc.assert(
      fc.property(fc.array(anyText, { maxLength: 4 }), fc.nat(3), (texts, seed) => {
        const foldOfText = openFolds(bits, seed);
        const all = Buffer.concat(texts);
        let start = 0;
        for (const text of texts) {
          const fold = foldSlowly(text, bits, seed);
          expect(foldOfText(all, start, (start += text.length))).toBe(fold);
          add(0, text);
          expect(foldOf(bags.ngrams[0] ?? 0, bags.sums[0] ?? 0, seed)).toBe(fold);
        }
      }),
    );
  });

  it('is the same for texts that the classifier cannot tell apart', () => {
    const foldOfText = openFolds(20, 1);
    const fold = (text: string): number => foldOfText(utf8(text), 0, utf8(text).length);
    for (let i = 0; i < 50; i++) {
      const text = `Document ${i} is about number ${i * i}`;
      expect(fold(`  ${text.toUpperCase().replaceAll(' ', '\n\t')} `)).toBe(fold(text));
    }
  });

  it('spreads texts evenly, by the seed', () => {
    const texts = Array.from({ length: 5000 }, (_, i) => utf8(`text number ${i}`));
    const foldsBy = (seed: number): number[] => {
      const foldOfText = openFolds(20, seed);
      return texts.map((text) => foldOfText(text, 0, text.length));
    };
    const folds = foldsBy(1);
    for (let fold = 0; fold < foldCount; fold++)
      expect(Math.abs(folds.filter((each) => each === fold).length - 1000)).toBeLessThan(120);
    const others = foldsBy(2);
    expect(Math.abs(folds.filter((fold, i) => fold === others[i]).length - 1000)).toBeLessThan(120);
  });
});

describe('the splits of folds', () => {
  it("never give a fold's documents to its model, neither to train on nor to stop by", () => {
    fc.assert(
      fc.property(fc.array(fc.nat(foldCount - 1), { maxLength: 60 }), fc.nat(3), (assigned, seed) => {
        const splits = splitFolds(
          Uint8Array.from(assigned),
          assigned.map((_, i) => `key-${i}`),
          seed,
        );
        expect(splits).toHaveLength(foldCount);
        for (const [fold, { training, heldOut }] of splits.entries()) {
          const used = [...training, ...heldOut];
          expect(used.toSorted((a, b) => a - b)).toEqual(
            assigned.flatMap((each, i) => (each === fold ? [] : [i])),
          );
        }
      }),
    );
  });
});
