import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { tokensUpTo } from '../../../ranking/order/order.ts';
import { orderedBits, scoreOf } from '../../../ranking/order/ordered-bits.ts';
import { orderScores } from '../../../ranking/order/sort-scores.ts';
import { bitsAt } from '../../../ranking/order/cut-order.ts';

const float32 = fc.float({ noNaN: true, noDefaultInfinity: true });
const documents = fc.array(
  fc.record({
    score: fc.oneof(float32, fc.constantFrom(-0, 0, 0.5, -1.25, Math.fround(1e-40))),
    tokens: fc.integer({ min: 0, max: 9 }),
  }),
  { maxLength: 300 },
);

describe('an order', () => {
  it('has the documents as a plain sort has them, and knows the tokens before every place', () => {
    fc.assert(
      fc.property(documents, (rows) => {
        const order = orderScores(
          Float32Array.from(rows, ({ score }) => score),
          Uint32Array.from(rows, ({ tokens }) => tokens),
        );
        const sorted = [...rows.keys()].sort(
          (a, b) => (rows[b]?.score ?? 0) - (rows[a]?.score ?? 0) || a - b,
        );
        expect([...order.positions]).toEqual(sorted);
        let tokens = 0;
        for (const [place, position] of sorted.entries()) {
          expect(scoreOf(bitsAt(order, place))).toBe((rows[position]?.score ?? 0) + 0);
          expect(tokensUpTo(order, place)).toBe(tokens);
          tokens += rows[position]?.tokens ?? 0;
        }
        expect(tokensUpTo(order, sorted.length)).toBe(tokens);
      }),
    );
  });

  it('sorts large bins by counting', () => {
    const scores = Float32Array.from({ length: 5000 }, (_, i) => 1 + (((i * 7919) % 997) - 500) * 2 ** -20);
    const order = orderScores(scores, new Uint32Array(5000).fill(1));
    const sorted = [...scores.keys()].sort((a, b) => (scores[b] ?? 0) - (scores[a] ?? 0) || a - b);
    expect([...order.positions]).toEqual(sorted);
  });

  it('keeps the order of the numbers in their bits', () => {
    const bits = (score: number): number =>
      orderedBits(new Uint32Array(Float32Array.of(score).buffer)[0] ?? 0);
    fc.assert(
      fc.property(float32, float32, (a, b) => {
        expect(Math.sign(bits(a) - bits(b))).toBe(Math.sign(a - b) + 0);
        expect(scoreOf(bits(a))).toBe(a + 0);
      }),
    );
  });
});
