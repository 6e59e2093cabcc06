import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { capsOf, checkCaps, type Projection, weigh } from '../../domains/weights.ts';
import { fillSlowly } from './slow.ts';

const names = (count: number): string[] =>
  Array.from({ length: count }, (_, i) => `d${String(i).padStart(3, '0')}`);
const weighList = (
  projection: Projection,
  estimates: readonly number[],
  caps: readonly number[],
): number[] => [
  ...weigh(projection, Float64Array.from(estimates), Float64Array.from(caps), names(caps.length)),
];

const close = (got: readonly number[], expected: readonly number[]): void => {
  expect(got).toHaveLength(expected.length);
  for (const [i, value] of expected.entries())
    expect(Math.abs((got[i] ?? Number.NaN) - value)).toBeLessThan(1e-11);
};

describe('weights', () => {
  const estimates = [-0.3, 4, 1, 0.9, 0];
  it.each<[Projection, number[], number[]]>([
    ['linear', [0.2, 0.5, 0.9, 0.4, 1], [0, 0.5, 0.5, 0, 0]],
    ['l2', [0.2, 0.5, 0.9, 0.4, 1], [0, 0.5, 0.3, 0.2, 0]],
    ['linear', [2, 1, 1, 1, 1], [0, 1, 0, 0, 0]],
    ['l2', [2, 1, 1, 1, 1], [0, 1, 0, 0, 0]],
    ['linear', [0.2, 0.2, 0.2, 0.2, 0.2], [0.2, 0.2, 0.2, 0.2, 0.2]],
    ['l2', [0.2, 0.2, 0.2, 0.2, 0.2], [0.2, 0.2, 0.2, 0.2, 0.2]],
    ['linear', [0.1, 0.2, 0.3, 0.2, 0.2], [0.1, 0.2, 0.3, 0.2, 0.2]],
    ['l2', [0.1, 0.2, 0.3, 0.2, 0.2], [0.1, 0.2, 0.3, 0.2, 0.2]],
  ])('%s under the caps %j is %j', (projection, caps, expected) => {
    checkCaps(Float64Array.from(caps));
    const weights = weighList(projection, estimates, caps);
    close(weights, expected);
    expect(weights.map((weight) => weight > 0)).toEqual(expected.map((weight) => weight > 0));
  });

  it('has the golden caps and weights for a keep rate', () => {
    const caps = capsOf(Float64Array.of(400, 300, 200, 100), 0.5, 1);
    close([...caps], [0.8, 0.6, 0.4, 0.2]);
    close(weighList('linear', [1, -0.2, 0.1, -0.9], [...caps]), [0.8, 0, 0.2, 0]);
    close([...capsOf(Float64Array.of(400, 300, 200, 100), 0.5, 2)], [1.6, 1.2, 0.8, 0.4]);
  });

  it('accepts caps that sum to 1 except for rounding, and refuses lower ones', () => {
    checkCaps(Float64Array.of(0.4, 0.3, 0.2, 0.1));
    checkCaps(new Float64Array(1_000_000).fill(1e-6));
    expect(() => checkCaps(Float64Array.of(0.4, 0.3, 0.2))).toThrow(/caps add up to 0\.9,.*--keep-rate/);
  });

  const problems = fc.integer({ min: 1, max: 60 }).chain((n) =>
    fc.record({
      estimates: fc.array(fc.oneof(fc.double({ min: -2, max: 2, noNaN: true }), fc.constantFrom(0, 0.5, 1)), {
        minLength: n,
        maxLength: n,
      }),
      tokens: fc.array(fc.integer({ min: 1, max: 1000 }), { minLength: n, maxLength: n }),
      keepRate: fc.double({ min: 0.01, max: 1, noNaN: true }),
    }),
  );

  it('linear equals filling after a full sort', () => {
    fc.assert(
      fc.property(problems, ({ estimates: list, tokens, keepRate }) => {
        const caps = [...capsOf(Float64Array.from(tokens), keepRate, 1)];
        close(weighList('linear', list, caps), fillSlowly(list, caps, names(list.length)));
      }),
    );
  });

  it('l2 sums to 1 within the caps, and no other feasible weights are nearer to the estimates', () => {
    fc.assert(
      fc.property(
        problems,
        fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 60, maxLength: 60 }),
        ({ estimates: list, tokens, keepRate }, chance) => {
          const caps = [...capsOf(Float64Array.from(tokens), keepRate, 1)];
          const weights = weighList('l2', list, caps);
          expect(weights.reduce((sum, weight) => sum + weight, 0)).toBeCloseTo(1, 9);
          for (const [i, weight] of weights.entries()) {
            expect(weight).toBeGreaterThanOrEqual(0);
            expect(weight).toBeLessThanOrEqual((caps[i] ?? 0) + 1e-12);
          }
          // Any other feasible point: fill in a random order, then interpolate with the answer.
          const other = fillSlowly(chance.slice(0, list.length), caps, names(list.length));
          const distance = (point: readonly number[]): number =>
            point.reduce((sum, value, i) => sum + (value - (list[i] ?? 0)) ** 2, 0);
          expect(distance(weights)).toBeLessThanOrEqual(distance(other) + 1e-9);
        },
      ),
    );
  });
});
