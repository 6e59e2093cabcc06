// Projects estimates onto each domain's share of the tokens (docs/method.md, "Domain weights"): no domain
// gets more than its cap, and the weights sum to 1.

import { fail } from '../run/errors/errors.ts';

export const projections = ['linear', 'l2'] as const;
export type Projection = (typeof projections)[number];

/** Caps are sums of rounded fractions: a sum of exactly 1 must pass despite rounding. */
const tolerance = 1e-9;
/** A remainder this small is a rounding error, not a weight. */
const rounding = 1e-12;

/**
 * The cap τ of every domain: its share of the tokens divided by the keep rate (the domain used once), times
 * `repeat`.
 */
export function capsOf(tokens: Float64Array, keepRate: number, repeat: number): Float64Array {
  const sum = tokens.reduce((total, count) => total + count, 0);
  return tokens.map((count) => (count / sum / keepRate) * repeat);
}

/** Errors: CAPS_TOO_LOW if the caps sum to less than 1. */
export function checkCaps(caps: Float64Array): void {
  const sum = caps.reduce((total, cap) => total + cap, 0);
  if (!(sum >= 1 - tolerance)) throw fail('CAPS_TOO_LOW', { sum: Number(sum.toPrecision(6)) });
}

/**
 * The weights for the estimates (one per domain), given feasible caps. `names` break ties. linear fills
 * domains to their caps, best estimate first, until the sum is 1, which maximizes Σ w·estimate. l2 gives the
 * point nearest to the estimates, clip(estimate + c, 0, τ).
 */
export function weigh(
  projection: Projection,
  estimates: Float64Array | Float32Array,
  caps: Float64Array,
  names: readonly string[],
): Float64Array {
  return projection === 'linear' ? fillByEstimate(estimates, caps, names) : clipShifted(estimates, caps);
}

const bins = 4096;

/**
 * Sorts only the domains in the bin of estimates where the sum reaches 1, which matters with a million
 * domains and many draws.
 */
function fillByEstimate(
  estimates: Float64Array | Float32Array,
  caps: Float64Array,
  names: readonly string[],
): Float64Array {
  const { low, high } = rangeOf(estimates);
  const perUnit = (bins - 1) / (high - low);
  // Estimates that are equal, or nearly so, share a bin.
  const scale = Number.isFinite(perUnit) ? perUnit : 0;
  const sums = new Float64Array(bins);
  const binOf = (domain: number): number => Math.floor(((estimates[domain] ?? 0) - low) * scale);
  for (let domain = 0; domain < caps.length; domain++)
    sums[binOf(domain)] = (sums[binOf(domain)] ?? 0) + (caps[domain] ?? 0);
  let last = bins - 1;
  let left = 1;
  for (; last > 0 && (sums[last] ?? 0) < left; last--) left -= sums[last] ?? 0;
  const weights = new Float64Array(caps.length);
  const within: number[] = [];
  for (let domain = 0; domain < caps.length; domain++) {
    if (binOf(domain) > last) weights[domain] = caps[domain] ?? 0;
    else if (binOf(domain) === last) within.push(domain);
  }
  within.sort((a, b) => (estimates[b] ?? 0) - (estimates[a] ?? 0) || compare(names[a] ?? '', names[b] ?? ''));
  for (const domain of within) {
    if (left <= rounding) break;
    weights[domain] = Math.min(left, caps[domain] ?? 0);
    left -= weights[domain] ?? 0;
  }
  return weights;
}

/** Bisects for c down to adjacent numbers. */
function clipShifted(estimates: Float64Array | Float32Array, caps: Float64Array): Float64Array {
  const range = rangeOf(estimates);
  let low = -range.high;
  let high = caps.reduce((most, cap) => Math.max(most, cap), 0) - range.low;
  for (let middle = (low + high) / 2; middle > low && middle < high; middle = (low + high) / 2) {
    if (sumClipped(estimates, caps, middle) < 1) low = middle;
    else high = middle;
  }
  const weights = new Float64Array(caps.length);
  for (let domain = 0; domain < caps.length; domain++) {
    const shifted = (estimates[domain] ?? 0) + high;
    if (shifted > rounding) weights[domain] = Math.min(shifted, caps[domain] ?? 0);
  }
  return weights;
}

function sumClipped(estimates: Float64Array | Float32Array, caps: Float64Array, shift: number): number {
  let sum = 0;
  for (let domain = 0; domain < caps.length; domain++)
    sum += Math.max(0, Math.min((estimates[domain] ?? 0) + shift, caps[domain] ?? 0));
  return sum;
}

function rangeOf(values: Float64Array | Float32Array): { low: number; high: number } {
  let low = Infinity;
  let high = -Infinity;
  for (const value of values) {
    if (value < low) low = value;
    if (value > high) high = value;
  }
  return { low, high };
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
