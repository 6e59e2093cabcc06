// The rule of percentile intervals. Wilson's interval is tested in test/evaluation/audit/statistics.test.ts.

import { expect, it } from '@jest/globals';
import { percentileBounds } from '../../data/statistics.ts';

it.each([
  [1000, 25, 974],
  [200, 5, 194],
  [41, 1, 39],
  [39, 0, 38],
  [1, 0, 0],
])('leaves out the same number of %d samples at either end', (count, low, high) => {
  // Each whole number from 0 once, in another order: 7 divides no count.
  const samples = Array.from({ length: count }, (_, at) => (7 * at) % count);
  expect(percentileBounds(samples, 0)).toEqual({ low, high });
});

it('has no width without samples', () => {
  expect(percentileBounds([], 0.5)).toEqual({ low: 0.5, high: 0.5 });
});
