import { describe, expect, it } from '@jest/globals';
import { compareOrders } from '../../../evaluation/trials/cheap-measures.ts';
import { findFlips } from '../../../evaluation/trials/order-flips.ts';

describe('compareOrders', () => {
  it('counts the pairs that differ, as a loop over all of them does', () => {
    const arms = Array.from({ length: 14 }, (_, i) => ({
      loss: 2 - 0.1 * i,
      seeds: 3,
      measure: i === 3 ? 100 : i,
    }));
    const noise = { deviation: 0.1, freedom: 20 };
    const found = compareOrders(arms, noise, 1);
    const least = 1.959964 * 0.1 * Math.sqrt(2 / 3);
    let pairs = 0;
    let agreeing = 0;
    for (let a = 0; a < 14; a++)
      for (let b = 0; b < a; b++) {
        if (0.1 * (a - b) <= least) continue;
        pairs++;
        agreeing += b === 3 ? 0 : 1;
      }
    expect(found.pairs).toBe(pairs);
    expect(found.share?.value).toBeCloseTo(agreeing / pairs, 12);
    expect(found.share?.low).toBeLessThan(agreeing / pairs);
    expect(found.share?.high).toBe(1);
    expect(compareOrders(arms.slice(0, 1), noise, 1)).toEqual({ arms: 1, pairs: 0, share: undefined });
  });
});

describe('findFlips', () => {
  it('names the pairs that change places by more than the noise', () => {
    const arms = (losses: Record<string, number>): { arm: string; loss: number; seeds: number }[] =>
      Object.entries(losses).map(([arm, loss]) => ({ arm, loss, seeds: 2 }));
    const noise = { deviation: 0.01, freedom: 4 };
    expect(
      findFlips(
        { arms: arms({ a: 1, b: 2, c: 2.001, d: 5 }), noise },
        { arms: arms({ a: 2, b: 1, c: 3, e: 0 }), noise },
      ),
    ).toEqual({ pairs: 2, flipped: [['a', 'b']] });
  });
});
