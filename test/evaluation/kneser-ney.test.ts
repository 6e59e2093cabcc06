import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { estimateDiscounts, openTrainer } from '../../evaluation/kneser-ney.ts';
import { trainSlowly } from './kneser-ney-slowly.ts';

const symbols = 4;
const sequence = fc.array(fc.nat(symbols - 1), { maxLength: 25 });
const even = (): number => 1 / symbols;

function train(
  sequences: readonly number[][],
  order: number,
): ReturnType<ReturnType<typeof openTrainer>['finish']> {
  const trainer = openTrainer(order);
  for (const each of sequences) trainer.add(each);
  return trainer.finish();
}

describe('the language model', () => {
  it('agrees with the slow, obvious version', () => {
    fc.assert(
      fc.property(
        fc.array(sequence, { maxLength: 6 }),
        sequence,
        fc.integer({ min: 1, max: 4 }),
        (sequences, asked, order) => {
          expect(train(sequences, order).sumLog2(asked, even)).toBeCloseTo(
            trainSlowly(sequences, order).sumLog2(asked, even),
            9,
          );
        },
      ),
    );
  });

  it('has probabilities that sum to one in any context', () => {
    fc.assert(
      fc.property(
        fc.array(sequence, { maxLength: 6 }),
        sequence,
        fc.integer({ min: 1, max: 4 }),
        (sequences, history, order) => {
          const model = train(sequences, order);
          const known = model.sumLog2(history, even);
          const sum = Array.from(
            { length: symbols },
            (_, symbol) => 2 ** (model.sumLog2([...history, symbol], even) - known),
          ).reduce((a, b) => a + b, 0);
          expect(sum).toBeCloseTo(1, 9);
        },
      ),
    );
  });

  it(
    'computes its discounts from the n-grams that occur one to four times (Chen and ' +
      'Goodman 1999, equation 17)',
    () => {
      // Y = 100 / (100 + 2 · 40) = 5/9
      const [one, two, more] = estimateDiscounts([0, 100, 40, 20, 12]);
      expect(one).toBeCloseTo(1 - (2 * (5 / 9) * 40) / 100, 12);
      expect(two).toBeCloseTo(2 - (3 * (5 / 9) * 20) / 40, 12);
      expect(more).toBeCloseTo(3 - (4 * (5 / 9) * 12) / 20, 12);
      expect(estimateDiscounts([0, 5, 0, 0, 0])).toEqual([0.5, 1, 1.5]);
    },
  );

  it('predicts text it was trained on better than other text', () => {
    const model = train([Array.from({ length: 60 }, (_, i) => i % 3)], 3);
    expect(model.sumLog2([0, 1, 2, 0, 1, 2], even)).toBeGreaterThan(
      model.sumLog2([2, 1, 0, 2, 1, 0], even) + 6,
    );
    expect(model.sumLog2([3, 3], even)).toBeGreaterThan(-20);
  });
});
