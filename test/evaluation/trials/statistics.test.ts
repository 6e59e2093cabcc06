import { describe, expect, it } from '@jest/globals';
import { openRandom } from '../../../data/seeded-random.ts';
import { poolNoise, signalToNoise, smallestDifference } from '../../../evaluation/trials/noise.ts';
import { studentQuantile } from '../../../evaluation/trials/student.ts';
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
  it.each([
    [2, 3],
    [3, 2],
    [4, 3],
  ])('contain the true difference of %i arms with %i seeds about as often as they say', (count, seeds) => {
    const trials = 100;
    let inside = 0;
    let detected = 0;
    for (let trial = 0; trial < trials; trial++) {
      const { arms, runs } = simulate(trial, { step: 0.02, items: 40, arms: count, seeds });
      const [first = new Map()] = arms;
      const gains = estimateGains(meanOverSets(resampleItems(runs, 1, 200)), arms, first, 1);
      const { low, high } = gains[1] ?? { low: 0, high: 0 };
      inside += low <= 0.02 && 0.02 <= high ? 1 : 0;
      detected += low > 0 ? 1 : 0;
    }
    // 95 of 100, with a standard deviation of 2.2.
    expect(inside).toBeGreaterThanOrEqual(88);
    expect(detected).toBeLessThan(trials);
  });

  it('are the paired t interval for two arms on one item', () => {
    // Scores of three seeds: differences .1, .2 and .6, mean .3, standard deviation .2646; t is 4.3027.
    const item = (bits: number): { bits: Float64Array; bytes: Float64Array }[] => [
      { bits: Float64Array.of(bits), bytes: Float64Array.of(1) },
    ];
    const runs = [2.1, 3.2, 2.6, 2, 3, 2].map(item);
    const [base, arm]: ArmRuns[] = [0, 3].map(
      (first) => new Map([0, 1, 2].map((seed) => [seed, [first + seed]])),
    );
    const [gain] = estimateGains(
      meanOverSets(resampleItems(runs, 1, 20_000)),
      [arm ?? new Map()],
      base ?? new Map(),
      1,
    );
    expect(gain?.value).toBeCloseTo(0.3, 12);
    const half = (4.3027 * 0.26458) / Math.sqrt(3);
    expect(Math.abs((gain?.low ?? NaN) - (0.3 - half))).toBeLessThan(0.05);
    expect(Math.abs((gain?.high ?? NaN) - (0.3 + half))).toBeLessThan(0.05);
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

describe('noise', () => {
  it('is pooled over the arms', () => {
    // Squares from the means: 2 with one degree of freedom, and 8 with two.
    const noise = poolNoise([[1, 3], [2, 4, 0], [7]]);
    expect(noise).toEqual({ deviation: Math.sqrt((2 + 8) / 3), freedom: 3 });
    expect(poolNoise([[1], [2]])).toBeUndefined();
    // t at .975 and .8 is 2.306 and .889 with 8 degrees of freedom.
    expect(smallestDifference({ deviation: 1, freedom: 9 }, { arms: 2, seeds: 9 })).toBeCloseTo(
      (2.306 + 0.8889) * Math.sqrt(2 / 9),
      3,
    );
    expect(smallestDifference({ deviation: 1, freedom: 9 }, { arms: 9, seeds: 1 })).toBeUndefined();
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
    const difference = smallestDifference({ deviation: 1, freedom: 8 }, { arms: 2, seeds: 5 }) ?? 0;
    let found = 0;
    for (let i = 0; i < 4000; i++) {
      // A paired t test of five seeds; t at .975 is 2.776 with 4 degrees of freedom.
      const gaps = Array.from({ length: 5 }, () => normal() - normal() + difference);
      const middle = gaps.reduce((sum, gap) => sum + gap / 5, 0);
      const variance = gaps.reduce((sum, gap) => sum + (gap - middle) ** 2 / 4, 0);
      found += Math.abs(middle) > 2.776 * Math.sqrt(variance / 5) ? 1 : 0;
    }
    expect(Math.abs(found / 4000 - 0.8)).toBeLessThan(0.04);
  });

  it('knows the quantiles of Student, as tables have them', () => {
    // Freedom, t at .975 and at .8 (Fisher and Yates).
    for (const [freedom = 1, high = 0, low = 0] of [
      [1, 12.706, 1.376],
      [2, 4.303, 1.061],
      [3, 3.182, 0.978],
      [8, 2.306, 0.889],
      [15, 2.131, 0.866],
      [60, 2.0, 0.848],
    ]) {
      expect(studentQuantile(0.975, freedom)).toBeCloseTo(high, 3);
      expect(studentQuantile(0.8, freedom)).toBeCloseTo(low, 3);
    }
  });
});
