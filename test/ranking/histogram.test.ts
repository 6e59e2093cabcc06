import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { scoreBin } from '../../scoring/part.ts';
import type { Ranking } from '../../ranking/generation.ts';
import { spreadHistogram } from '../../ranking/histogram.ts';

/** The fine histogram of scores, each a document of `tokens`. */
function fine(scores: readonly number[], tokens = 10): Ranking['histogram'] {
  const bins = new Map<number, number>();
  for (const score of scores) bins.set(scoreBin(score), (bins.get(scoreBin(score)) ?? 0) + 1);
  return [...bins].sort(([a], [b]) => b - a).map(([bin, documents]) => [bin, documents, documents * tokens]);
}

describe('spreadHistogram', () => {
  it('counts scores in equal steps', () => {
    const scores = Array.from({ length: 20_000 }, (_, index) => (index + 0.5) / 5000 - 2);
    const steps = spreadHistogram(fine(scores), 40);
    expect(steps).toHaveLength(40);
    const inside = steps.slice(1, -1);
    for (const { from, to, documents } of inside) {
      const counted = scores.filter((score) => score >= from && score < to).length;
      expect(Math.abs(documents - counted)).toBeLessThan(0.05 * counted);
    }
  });

  it('has equal steps that meet, and loses nothing', () => {
    fc.assert(
      fc.property(
        fc.array(fc.double({ min: -50, max: 50, noNaN: true }), { minLength: 1, maxLength: 300 }),
        fc.integer({ min: 1, max: 100 }),
        (scores, count) => {
          const steps = spreadHistogram(fine(scores), count);
          const sum = (of: (step: (typeof steps)[number]) => number): number =>
            steps.reduce((total, step) => total + of(step), 0);
          expect(sum(({ documents }) => documents)).toBeCloseTo(scores.length, 6);
          expect(sum(({ tokens }) => tokens)).toBeCloseTo(10 * scores.length, 5);
          for (const [index, { from, to, documents }] of steps.entries()) {
            expect(to).toBeGreaterThan(from);
            expect(documents).toBeGreaterThanOrEqual(0);
            if (index > 0) expect(from).toBe(steps[index - 1]?.to);
          }
        },
      ),
    );
  });

  it('does not let a few outliers squeeze the rest', () => {
    const scores = [...Array.from({ length: 5000 }, (_, index) => index / 5000), 1e6];
    expect(spreadHistogram(fine(scores), 10).at(-1)?.to).toBeLessThan(1.1);
  });

  it('has no steps without documents', () => {
    expect(spreadHistogram([], 10)).toEqual([]);
  });
});
