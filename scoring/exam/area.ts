// The area under the ROC curve with a 95% interval: DeLong's (1988), or Newcombe's score interval (2006, method
// 5) where DeLong's variance is 0 or unknown. If every pair is in the right order, DeLong's interval is a single
// point even for two texts; for a single text on a side, it does not exist.

import { type Bounds, type Interval, z95 } from '../../data/statistics.ts';

/** How often a positive has the higher score; ties count half. Null without scores on one side. */
export function areaUnderCurve(positives: readonly number[], negatives: readonly number[]): Interval | null {
  const [m, n] = [positives.length, negatives.length];
  if (m === 0 || n === 0) return null;
  const ofPositives = sharesBelow(positives, negatives);
  const ofNegatives = sharesBelow(negatives, positives).map((share) => 1 - share);
  return withInterval(mean(ofPositives), variance(ofPositives) / m + variance(ofNegatives) / n, m, n);
}

/** For each value, the share of the others that are below it; ties count half. */
function sharesBelow(values: readonly number[], others: readonly number[]): number[] {
  const sorted = Float64Array.from(others).sort();
  return values.map(
    (value) => (firstAt(sorted, value, false) + firstAt(sorted, value, true)) / 2 / sorted.length,
  );
}

/** The number of sorted values below `value`, or up to it. */
function firstAt(sorted: Float64Array, value: number, includes: boolean): number {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    const other = sorted[middle] ?? 0;
    if (other < value || (includes && other === value)) low = middle + 1;
    else high = middle;
  }
  return low;
}

function withInterval(value: number, squaredError: number, m: number, n: number): Interval {
  // Rounding leaves a little variance where there is none.
  if (!(squaredError > 1e-12)) return { value, ...scoreInterval(value, m, n) };
  const margin = z95 * Math.sqrt(squaredError);
  return { value, low: Math.max(0, value - margin), high: Math.min(1, value + margin) };
}

/** Newcombe's interval: the areas that lie within z standard errors (Hanley and McNeil's) of the value. */
function scoreInterval(value: number, m: number, n: number): Bounds {
  const isWithin = (area: number): boolean => {
    const more = ((m + n) / 2 - 1) * ((1 - area) / (2 - area) + area / (1 + area));
    return (value - area) ** 2 <= (z95 ** 2 * area * (1 - area) * (1 + more)) / (m * n);
  };
  return { low: bound(value, 0, isWithin), high: bound(value, 1, isWithin) };
}

/** The last area from `value` towards `end` that is within the interval. */
function bound(value: number, end: 0 | 1, isWithin: (area: number) => boolean): number {
  if (value === end) return end;
  // At 0 and 1 the standard error is 0, so start a little inside.
  let inside = Math.min(1 - 1e-9, Math.max(1e-9, value));
  let outside: number = end;
  for (let step = 0; step < 60; step++) {
    const middle = (inside + outside) / 2;
    if (isWithin(middle)) inside = middle;
    else outside = middle;
  }
  return inside;
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** The sample variance; NaN for a single value. */
function variance(values: readonly number[]): number {
  const center = mean(values);
  return values.reduce((sum, value) => sum + (value - center) ** 2, 0) / (values.length - 1);
}
