// Quantiles, and confidence intervals: 95%, two-sided.

import { z } from 'zod';

/** The limits of an interval. */
export const boundsSchema = z.strictObject({ low: z.number(), high: z.number() });
export type Bounds = z.output<typeof boundsSchema>;

/** An estimate and the limits of its interval. */
export const intervalSchema = z.strictObject({ value: z.number(), low: z.number(), high: z.number() });
export type Interval = z.output<typeof intervalSchema>;

/** The standard normal distribution's quantile at .975. */
export const z95 = 1.959963984540054;

/**
 * Wilson's score interval for `yes` of `of` (Wilson 1927; Newcombe 1998, method 3). Both may be fractions: an
 * effective sample size, or documents on which people disagree. `of` must be above 0.
 */
export function wilson(yes: number, of: number): Interval {
  const value = yes / of;
  const scale = 1 + z95 ** 2 / of;
  const middle = (value + z95 ** 2 / (2 * of)) / scale;
  const half = (z95 * Math.sqrt((value * (1 - value)) / of + z95 ** 2 / (4 * of * of))) / scale;
  // The exact limits at 0 and 1; rounding would leave a trace.
  return {
    value,
    low: value === 0 ? 0 : Math.max(0, middle - half),
    high: value === 1 ? 1 : Math.min(1, middle + half),
  };
}

/**
 * Efron's percentile interval of bootstrap samples: leaves out the same number at either end, 2.5% rounded down.
 * Without samples, both limits are `value`.
 */
export function percentileBounds(samples: readonly number[], value: number): Bounds {
  const sorted = samples.toSorted((a, b) => a - b);
  const tail = Math.floor(0.025 * sorted.length);
  return { low: sorted[tail] ?? value, high: sorted[sorted.length - 1 - tail] ?? value };
}

/**
 * The quantile at `share` of sorted numbers, interpolated linearly (Hyndman and Fan 1996, type 7); NaN if there are
 * none.
 */
export function quantile(sorted: Float64Array, share: number): number {
  const place = share * (sorted.length - 1);
  const below = sorted[Math.floor(place)] ?? Number.NaN;
  return below + ((sorted[Math.ceil(place)] ?? Number.NaN) - below) * (place - Math.floor(place));
}
