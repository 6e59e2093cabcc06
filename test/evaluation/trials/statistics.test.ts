import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { openRandom } from '../../../data/seeded-random.ts';
import { compareOrders } from '../../../evaluation/trials/cheap-measures.ts';
import { boundMultiplier, findMultiplier } from '../../../evaluation/trials/multiplier.ts';
import { poolNoise, signalToNoise, smallestDifference } from '../../../evaluation/trials/noise.ts';
import { findFlips } from '../../../evaluation/trials/order-flips.ts';
import {
  type ArmRuns,
  estimateArms,
  estimateGains,
  meanOverSets,
  resampleItems,
} from '../../../evaluation/trials/resample.ts';

/** A standard normal number (Box and Muller). */
function openNormal(random: () => number): () => number {
  return () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}

interface Simulated {
  arms: ArmRuns[];
  runs: { bits: Float64Array; bytes: Float64Array }[][];
}

/** Runs whose items and seeds have known noise: arm a is better than arm 0 by a * step bits per byte. */
function simulate(
  seed: number,
  { arms = 4, seeds = 3, items = 100, step = 0, ofSeeds = 0.02 } = {},
): Simulated {
  const normal = openNormal(openRandom(seed));
  const hard = Array.from({ length: items }, () => 2 + 0.5 * normal());
  const made: Simulated = { arms: [], runs: [] };
  for (let arm = 0; arm < arms; arm++) {
    // How an arm's data suit single items; this is what the items of a larger test would average out.
    const suits = Array.from({ length: items }, () => 0.1 * normal());
    const own = new Map<number, number[]>();
    for (let s = 0; s < seeds; s++) {
      own.set(s, [made.runs.length]);
      const shift = ofSeeds * normal() - arm * step;
      const bytes = new Float64Array(items).fill(10);
      const bits = Float64Array.from(hard, (value, item) => 10 * (value + (suits[item] ?? 0) + shift));
      made.runs.push([{ bits, bytes }]);
    }
    made.arms.push(own);
  }
  return made;
}

describe('resampleItems', () => {
  it('gives the bits per byte of all items, and of the same draws for every run', () => {
    const bits = Float64Array.from([1, 2, 6]);
    const [set] = resampleItems(
      [
        [{ bits, bytes: Float64Array.from([1, 1, 2]) }],
        [{ bits: bits.map((value) => 2 * value), bytes: Float64Array.from([1, 1, 2]) }],
      ],
      7,
    );
    expect([...(set?.plain ?? [])]).toEqual([9 / 4, 18 / 4]);
    for (const [one = 0, two = 0] of set?.samples ?? []) expect(two).toBeCloseTo(2 * one, 12);
    // Every draw of three items of these.
    const possible = [1, 2, 3, 4 / 3, 5 / 3, 9 / 4, 8 / 4, 10 / 4, 13 / 5, 14 / 5].map((value) =>
      value.toFixed(6),
    );
    expect([...new Set((set?.samples ?? []).map(([one = 0]) => one.toFixed(6)))].sort()).toEqual(
      [...new Set(possible)].sort(),
    );
  });

  it('weighs sets equally', () => {
    const run = [2, 4].map((value) => ({
      bits: new Float64Array(value).fill(value),
      bytes: new Float64Array(value).fill(1),
    }));
    expect([...meanOverSets(resampleItems([run], 1)).plain]).toEqual([3]);
  });
});

describe('intervals over items and seeds', () => {
  it('contain the true difference about as often as they say', () => {
    const trials = 120;
    let inside = 0;
    let detected = 0;
    for (let trial = 0; trial < trials; trial++) {
      const { arms, runs } = simulate(trial, { step: 0.01, items: 40 });
      const [first = new Map()] = arms;
      const gains = estimateGains(meanOverSets(resampleItems(runs, 1, 200)), arms, first, 1);
      const { low, high } = gains[2] ?? { low: 0, high: 0 };
      inside += low <= 0.02 && 0.02 <= high ? 1 : 0;
      detected += low > 0 ? 1 : 0;
    }
    // 95% of 120 are 114, with a standard deviation of 2.4.
    expect(inside).toBeGreaterThanOrEqual(106);
    expect(inside).toBeLessThanOrEqual(120);
    expect(detected).toBeLessThan(trials);
  });

  it('are wider than those of the items alone if seeds differ, and pair the seeds', () => {
    const { arms, runs } = simulate(3, { ofSeeds: 0.2 });
    const values = meanOverSets(resampleItems(runs, 1));
    const one = arms.map((arm) => new Map([...arm].slice(0, 1)));
    const width = ({ low, high }: { low: number; high: number } = { low: 0, high: 0 }): number => high - low;
    expect(width(estimateArms(values, arms, 1)[1])).toBeGreaterThan(
      1.5 * width(estimateArms(values, one, 1)[1]),
    );
    // A shift that all runs of a seed share leaves the differences alone.
    const shifted = runs.map((run, index) =>
      run.map(({ bits, bytes }) => ({
        bytes,
        bits: bits.map((value, i) => value + (bytes[i] ?? 0) * (index % 3)),
      })),
    );
    const [base = new Map()] = arms;
    const gains = (of: Simulated['runs']): number[] =>
      estimateGains(meanOverSets(resampleItems(of, 1)), arms, base, 1).flatMap(({ value, low, high }) => [
        value,
        low,
        high,
      ]);
    const [plain, moved] = [gains(runs), gains(shifted)];
    for (const [index, value] of moved.entries()) expect(value).toBeCloseTo(plain[index] ?? NaN, 9);
  });

  it('compare only seeds that both arms have', () => {
    const { arms, runs } = simulate(5, { arms: 2 });
    const [base = new Map(), other = new Map()] = arms;
    const less = new Map([...other].slice(1));
    const values = meanOverSets(resampleItems(runs, 1));
    const [, gain] = estimateGains(values, [base, less], base, 1);
    const at = (run = 0): number => values.plain[run] ?? NaN;
    expect(gain?.seeds).toBe(2);
    expect(gain?.value).toBeCloseTo((at(1) - at(4) + at(2) - at(5)) / 2, 12);
  });
});

describe('findMultiplier', () => {
  const curve = (scale: number): { flops: number; loss: number }[] =>
    [1, 2, 4, 8].map((flops) => ({ flops, loss: 4 * (scale * flops) ** -0.1 }));

  it('finds how much more compute no filter needs', () => {
    fc.assert(
      fc.property(fc.double({ min: 0.3, max: 3, noNaN: true }), (scale) => {
        const found = findMultiplier(curve(scale), curve(1));
        // On a power law, straight lines in log compute are near the curve.
        expect(found?.kind).toBe('is');
        expect(Math.abs(Math.log((found?.times ?? NaN) / scale))).toBeLessThan(0.02);
      }),
    );
  });

  it('equals a walk along both curves in small steps', () => {
    const decreasing = fc
      .array(fc.double({ min: 0.01, max: 1, noNaN: true }), { minLength: 2, maxLength: 5 })
      .map((drops) =>
        drops.reduce<{ flops: number; loss: number }[]>(
          (points, drop, i) => [...points, { flops: 2 ** i, loss: (points.at(-1)?.loss ?? 5) - drop }],
          [],
        ),
      );
    const walk = (points: readonly { flops: number; loss: number }[], loss: number): number => {
      for (let step = 0; step <= 4000; step++) {
        const at = ((points.length - 1) * step) / 4000;
        const [from, to] = [points[Math.floor(at)], points[Math.min(points.length - 1, Math.floor(at) + 1)]];
        const share = at - Math.floor(at);
        if ((from?.loss ?? 0) * (1 - share) + (to?.loss ?? 0) * share <= loss + 1e-12)
          return step === 0 && (from?.loss ?? 0) < loss - 1e-12 ? NaN : 2 ** at;
      }
      return NaN;
    };
    fc.assert(
      fc.property(decreasing, decreasing, (arm, base) => {
        const target = Math.max(arm.at(-1)?.loss ?? 0, base.at(-1)?.loss ?? 0);
        const found = findMultiplier(arm, base);
        const slow = walk(base, target) / walk(arm, target);
        if (found?.kind === 'is') expect(Math.abs(Math.log(found.times / slow))).toBeLessThan(0.01);
        else expect(slow).toBeNaN();
      }),
    );
  });

  it('says where one curve is better from the start', () => {
    const better = curve(1).map(({ flops, loss }) => ({ flops, loss: loss - 2 }));
    expect(findMultiplier(better, curve(1))).toEqual({ kind: 'above', times: 8 });
    expect(findMultiplier(curve(1), better)).toEqual({ kind: 'below', times: 1 / 8 });
    expect(findMultiplier([], better)).toBeUndefined();
    expect(boundMultiplier([{ kind: 'above', times: 8 }])).toEqual({ low: null, high: null });
    expect(boundMultiplier([{ kind: 'is', times: 2 }])).toEqual({ low: 2, high: 2 });
  });
});

describe('noise', () => {
  it('is pooled over the arms', () => {
    // Squares from the means: 2 with one degree of freedom, and 8 with two.
    const noise = poolNoise([[1, 3], [2, 4, 0], [7]]);
    expect(noise).toEqual({ deviation: Math.sqrt((2 + 8) / 3), freedom: 3 });
    expect(poolNoise([[1], [2]])).toBeUndefined();
    // 2.8016 standard errors of a difference between two means of 8 runs.
    expect(smallestDifference({ deviation: 1, freedom: 9 }, 8)).toBeCloseTo(2.8016 / 2, 4);
    expect(
      signalToNoise([
        [1, 3],
        [11, 13],
      ]),
    ).toBeCloseTo(10 / Math.sqrt(2), 12);
    expect(
      signalToNoise([
        [1, 1],
        [2, 2],
      ]),
    ).toBeUndefined();
  });

  it('finds the smallest difference four times out of five', () => {
    const normal = openNormal(openRandom(11));
    const difference = smallestDifference({ deviation: 1, freedom: 99 }, 5);
    let found = 0;
    for (let i = 0; i < 4000; i++) {
      let gap = 0;
      for (let s = 0; s < 5; s++) gap += (normal() - normal() + difference) / 5;
      found += Math.abs(gap) > 1.959964 * Math.sqrt(2 / 5) ? 1 : 0;
    }
    expect(found / 4000).toBeCloseTo(0.8, 1);
  });
});

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
