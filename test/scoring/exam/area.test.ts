// The area under the curve and its interval, against pairs counted one by one and figures from elsewhere.

import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { prepareJudged, rocAuc } from '../../../classifier/metrics.ts';
import { openRandom } from '../../../data/seeded-random.ts';
import { areaUnderCurve } from '../../../scoring/exam/area.ts';
import { preferenceFor } from '../../../scoring/exam/preference.ts';

const positives = [0.9, 0.8, 0.8, 0.55, 0.4, 0.35];
const negatives = [0.7, 0.55, 0.3, 0.2, 0.2, 0.1, 0.05];

describe('areaUnderCurve', () => {
  it("has DeLong's interval, as Python's exact fractions give it", () => {
    const { value, low, high } = areaUnderCurve(positives, negatives) ?? { value: 0, low: 0, high: 0 };
    expect(value).toBeCloseTo(0.8690476190476191, 12);
    expect(low).toBeCloseTo(0.6656360728192998, 10);
    expect(high).toBe(1);
  });

  it('has a wide interval for few texts in perfect order', () => {
    const many = areaUnderCurve(
      Array.from({ length: 10 }, (_, at) => 1 + at),
      Array.from({ length: 12 }, (_, at) => -at),
    );
    expect(many).toEqual({ value: 1, low: expect.closeTo(0.8159, 3), high: 1 });
    expect(areaUnderCurve([2, 3], [0, 1])).toEqual({ value: 1, low: expect.closeTo(0.3856, 3), high: 1 });
    expect(areaUnderCurve([1], [1])).toEqual({
      value: 0.5,
      low: expect.closeTo(0.0546, 3),
      high: expect.closeTo(0.9454, 3),
    });
    expect(areaUnderCurve([0, 1], [2, 3])).toEqual({ value: 0, low: 0, high: expect.closeTo(0.6144, 3) });
  });

  it('is unknown without scores on one side', () => {
    expect(areaUnderCurve([], [1])).toBeNull();
    expect(areaUnderCurve([1], [])).toBeNull();
  });

  it('equals the share of pairs in the right order', () => {
    const scores = fc.array(fc.integer({ min: 0, max: 9 }), { minLength: 1, maxLength: 20 });
    fc.assert(
      fc.property(scores, scores, (a, b) => {
        let wins = 0;
        for (const x of a) for (const y of b) wins += x > y ? 1 : x === y ? 0.5 : 0;
        const area = areaUnderCurve(a, b);
        expect(area?.value).toBeCloseTo(wins / (a.length * b.length), 12);
        expect(area?.low).toBeLessThanOrEqual((area?.value ?? 0) + 1e-9);
        expect(area?.high).toBeGreaterThanOrEqual((area?.value ?? 0) - 1e-9);
        const reversed = areaUnderCurve(b, a);
        expect(reversed?.low).toBeCloseTo(1 - (area?.high ?? 0), 9);
      }),
    );
  });

  it('covers the true area in about 95 of 100 samples', () => {
    const random = openRandom(3);
    // Uniform on [0, 1] and [-0.5, 0.5]: the true area is 1 - 0.5² / 2.
    const draw = (from: number): number[] => Array.from({ length: 40 }, () => from + random());
    const covered = Array.from({ length: 1000 }, () => areaUnderCurve(draw(0), draw(-0.5))).filter(
      (area) => area !== null && area.low <= 0.875 && area.high >= 0.875,
    ).length;
    expect(covered).toBeGreaterThan(915);
    expect(covered).toBeLessThan(975);
  });
});

describe('preferenceFor', () => {
  // Wilson's limits as Python gives them.
  it.each([
    ['every text is preferred', [5, 6, 7, 8, 9], [1, 2, 3, 4, 5], 1, 0.5655175352168251, 1],
    ['ties count half', [3, 3, 3, 3], [1, 3, 3, 3], 0.625, 0.21942652006536278, 0.908100770820988],
    [
      'a text is compared with its own copy alone',
      [1, 11, 21, 31],
      [0, 10, 20, 30],
      1,
      0.5101091635454027,
      1,
    ],
    [
      'pairs without a score are left out',
      [1, null, 3, 4],
      [null, 1, 2, 9],
      0.5,
      0.09453120573423824,
      0.9054687942657618,
    ],
  ])('%s', (_what, texts, copies, value, low, high) => {
    expect(preferenceFor(texts, copies)).toEqual({
      value,
      low: expect.closeTo(low, 10),
      high: expect.closeTo(high, 10),
    });
  });

  it('is unknown without a pair of scores', () => {
    expect(preferenceFor([], [])).toBeNull();
    expect(preferenceFor([1, null], [null, 1])).toBeNull();
  });
});

describe('the area of a classifier', () => {
  it('is the same', () => {
    const scores = fc.array(fc.integer({ min: 0, max: 9 }), { minLength: 1, maxLength: 20 });
    fc.assert(
      fc.property(scores, scores, (a, b) => {
        const all = Float32Array.from([...a, ...b]);
        const top = Uint8Array.from([...a.map(() => 1), ...b.map(() => 0)]);
        const judged = prepareJudged(all, Float64Array.from(top), top);
        expect(areaUnderCurve(a, b)?.value).toBeCloseTo(
          rocAuc(judged, new Uint32Array(all.length).fill(1)),
          12,
        );
      }),
    );
  });
});
