import { describe, expect, it } from '@jest/globals';
import { compareOrders, differs } from '../../../evaluation/trials/cheap-measures.ts';
import { poolNoise, noiseMargin } from '../../../evaluation/trials/noise.ts';
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
    const least = 2.085963 * 0.1 * Math.sqrt(2 / 3);
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

describe('differs', () => {
  it.each([
    // The second arm's lead over the first, and its two-sided p, by scipy.stats.ttest_ind (equal variances).
    { lead: 2.2, p: 0.05437 },
    { lead: 2.26, p: 0.05042 },
    { lead: 2.28, p: 0.04918 },
    { lead: 2.4, p: 0.04243 },
  ])('is a t test of the seeds: $lead gives p = $p', ({ lead, p }) => {
    const values = [
      [1, 2, 3],
      [1 + lead, 2 + lead, 3 + lead],
    ];
    const noise = poolNoise(values);
    if (noise === undefined) throw new Error('no noise');
    const [a, b] = [
      { loss: 2, seeds: 3 },
      { loss: 2 + lead, seeds: 3 },
    ];
    expect(differs(a, b, noiseMargin(noise))).toBe(p < 0.05);
  });

  it('weighs arms by their seeds', () => {
    // Deviations -1, 0, 1 and -1, 1: σ² = 4 / 3 with 3 degrees of freedom, t = 3.182446.
    const noise = poolNoise([
      [1, 2, 3],
      [6, 8],
    ]);
    const least = 3.182446 * Math.sqrt(4 / 3) * Math.sqrt(1 / 3 + 1 / 2);
    const is = (gap: number): boolean =>
      differs(
        { loss: 0, seeds: 3 },
        { loss: gap, seeds: 2 },
        noiseMargin(noise ?? { deviation: 0, freedom: 1 }),
      );
    expect([is(least - 1e-4), is(least + 1e-4)]).toEqual([false, true]);
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
