import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { cutByWeight, type Weighted } from '../../../server/page/highlight.ts';

/** The slow and obvious way: a weight for every character. */
function weightAt(ngrams: readonly Weighted[], at: number): number {
  let sum = 0;
  for (const { contribution, count, places } of ngrams)
    for (const {
      characters: [from, to],
    } of places)
      if (at >= from && at < to) sum += contribution / count;
  return sum;
}

const length = 30;
const place = fc
  .tuple(fc.nat(length - 1), fc.nat(length - 1))
  .map(([a, b]): Weighted['places'][number] => ({ characters: [Math.min(a, b), Math.max(a, b) + 1] }));
const ngram = fc.record({
  contribution: fc.integer({ min: -8, max: 8 }),
  count: fc.integer({ min: 1, max: 4 }),
  places: fc.array(place, { maxLength: 4 }),
});

describe('cutByWeight', () => {
  it('cuts a text into stretches of the weight that its characters have, and loses none of it', () => {
    fc.assert(
      fc.property(
        fc.array(ngram, { maxLength: 6 }),
        fc
          .string({ minLength: length, maxLength: length, unit: fc.constantFrom('a', ' ', 'é', '🙂', '\n') })
          .map((text) => text.padEnd(length, 'x').slice(0, length)),
        (ngrams, text) => {
          const stretches = cutByWeight(text, ngrams);
          expect(stretches.map((stretch) => stretch.text).join('')).toBe(text);
          const weights = stretches.flatMap((stretch) =>
            Array.from({ length: stretch.text.length }, () => stretch.weight),
          );
          expect(weights.filter((weight, at) => Math.abs(weight - weightAt(ngrams, at)) > 1e-9)).toEqual([]);
        },
      ),
    );
  });

  it('marks nothing where nothing is to be marked', () => {
    expect(cutByWeight('a text', [])).toEqual([{ text: 'a text', weight: 0 }]);
    expect(cutByWeight('', [])).toEqual([]);
  });

  it('leaves out places beyond the part of the text that is shown', () => {
    expect(
      cutByWeight('abc', [
        { contribution: 1, count: 1, places: [{ characters: [1, 2] }, { characters: [10, 12] }] },
      ]),
    ).toEqual([
      { text: 'a', weight: 0 },
      { text: 'b', weight: 1 },
      { text: 'c', weight: 0 },
    ]);
  });
});
