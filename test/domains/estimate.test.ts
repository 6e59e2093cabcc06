import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { estimate, type Estimator, estimators, lossTies, prepareDraw } from '../../domains/estimate.ts';
import { openSorted, sortModels, tiePolicies, type Ties } from '../../domains/sorted.ts';
import { estimateSlowly, rankSlowly } from './slow.ts';

function estimateFast(
  estimator: Estimator,
  ties: Ties,
  x: readonly number[],
  y: readonly number[],
  counts = y.map(() => 1),
): number {
  const sorted = openSorted(x.length);
  sorted.values.set(x);
  sortModels(sorted, lossTies(estimator, ties));
  return estimate(
    estimator,
    sorted,
    prepareDraw(estimator, ties, Float64Array.from(y), Float64Array.from(counts)),
  );
}

/** Losses and errors of the same models; every other time from few values, so many are equal. */
const models = fc.tuple(fc.integer({ min: 3, max: 70 }), fc.boolean()).chain(([n, coarse]) => {
  const value = coarse
    ? fc.integer({ min: 0, max: 6 }).map((step) => step / 4)
    : fc.double({ min: 0, max: 4, noNaN: true });
  return fc.tuple(
    fc.array(value, { minLength: n, maxLength: n }),
    fc.array(value, { minLength: n, maxLength: n }),
  );
});

describe('the estimators', () => {
  const X = [
    [0.8, 1.2, 0.9, 1.5],
    [0.9, 1.1, 1.3, 1.4],
    [1.0, 1.6, 0.7, 1.3],
    [1.3, 1.0, 1.1, 1.2],
    [1.1, 1.4, 1.2, 1.1],
  ];
  const y = [0.3, 0.35, 0.5, 0.7, 0.6];
  it.each<[Estimator, number[]]>([
    ['product', [0.525, 0.617, 0.513, 0.618]],
    ['sign', [0.24, -0.02, 0.06, -0.18]],
    ['sign_cdf', [0.4, -0.08, 0.04, -0.36]],
    ['sign_sign', [1, -0.2, 0, -0.8]],
    ['spearman', [1, -0.2, 0.1, -0.9]],
  ])('%s has the golden values', (estimator, expected) => {
    for (const [domain, value] of expected.entries()) {
      const x = X.map((row) => row[domain] ?? Number.NaN);
      expect(estimateFast(estimator, 'mid', x, y)).toBeCloseTo(value, 12);
      expect(estimateSlowly(estimator, 'mid', x, y)).toBeCloseTo(value, 12);
    }
  });

  it.each(estimators.flatMap((estimator) => tiePolicies.map((ties): [Estimator, Ties] => [estimator, ties])))(
    '%s with %s ranks equals the sum over pairs',
    (estimator, ties) => {
      fc.assert(
        fc.property(models, ([x, y]) => {
          expect(
            Math.abs(estimateFast(estimator, ties, x, y) - estimateSlowly(estimator, ties, x, y)),
          ).toBeLessThan(1e-11);
        }),
      );
    },
  );

  it.each(estimators)(
    '%s of a draw equals the estimate of a list that repeats each model as often as it was drawn',
    (estimator) => {
      fc.assert(
        fc.property(
          models,
          fc.array(fc.integer({ min: 0, max: 3 }), { minLength: 70, maxLength: 70 }),
          ([x, y], list) => {
            const counts = list.slice(0, x.length);
            const drawn = (values: readonly number[]): number[] =>
              values.flatMap((value, k) => Array.from({ length: counts[k] ?? 0 }, () => value));
            fc.pre(drawn(x).length >= 2);
            expect(
              Math.abs(
                estimateFast(estimator, 'mid', x, y, counts) -
                  estimateSlowly(estimator, 'mid', drawn(x), drawn(y)),
              ),
            ).toBeLessThan(1e-11);
          },
        ),
      );
    },
  );

  it('sign_cdf is (N+1)/(3N) of spearman without ties', () => {
    const distinct = fc.integer({ min: 3, max: 80 }).chain((n) =>
      fc.tuple(
        ...[0, 1].map(() =>
          fc.uniqueArray(
            fc.double({ min: -5, max: 5, noNaN: true }).map((value) => value + 0),
            { minLength: n, maxLength: n, comparator: (a, b) => a === b },
          ),
        ),
      ),
    );
    fc.assert(
      fc.property(distinct, ([x = [], y = []]) => {
        const n = x.length;
        expect(estimateFast('sign_cdf', 'mid', x, y)).toBeCloseTo(
          ((n + 1) / (3 * n)) * estimateFast('spearman', 'mid', x, y),
          11,
        );
      }),
    );
  });

  it('do not depend on the previous order of the models', () => {
    fc.assert(
      fc.property(
        fc.array(models, { minLength: 2, maxLength: 4 }),
        fc.constantFrom(...tiePolicies),
        (domains, ties) => {
          const n = Math.min(...domains.map(([x]) => x.length));
          const sorted = openSorted(n);
          for (const [x] of domains) {
            sorted.values.set(x.slice(0, n));
            sortModels(sorted, ties);
            const ranks = rankSlowly(x.slice(0, n), ties);
            const byRank = [...ranks.keys()].sort(
              (a, b) => (ranks[a] ?? 0) - (ranks[b] ?? 0) || (ties === 'ordinal-reversed' ? b - a : a - b),
            );
            expect([...sorted.order]).toEqual(byRank);
          }
        },
      ),
    );
  });
});
