// From estimates to the share of the tokens that each domain gets (arXiv 2409.05816): no domain more than its
// cap, all of them together 1.

import { fail } from '../run/errors/errors.ts';

export const projections = ['linear', 'l2'] as const;
export type Projection = (typeof projections)[number];

/** Caps are many rounded fractions: what comes to 1 in exact arithmetic must pass. */
const tolerance = 1e-9;
/** What rounding may leave over where in exact arithmetic nothing is left: no weight. */
const rounding = 1e-12;

/**
 * The cap τ of every domain: its share of the tokens over the keep rate (a domain used once), times `repeat`
 * where it may be used so often.
 */
export function capsOf(tokens: Float64Array, keepRate: number, repeat: number): Float64Array {
  const sum = tokens.reduce((total, count) => total + count, 0);
  return tokens.map((count) => (count / sum / keepRate) * repeat);
}

/** Errors: CAPS_TOO_LOW where the caps do not come to 1. */
export function checkCaps(caps: Float64Array): void {
  const sum = caps.reduce((total, cap) => total + cap, 0);
  if (!(sum >= 1 - tolerance)) throw fail('CAPS_TOO_LOW', { sum: Number(sum.toPrecision(6)) });
}

/**
 * The weights for estimates (one for each domain), under feasible caps. `names` decide between equal
 * estimates. linear: the domains by estimate, each filled to its cap, until 1: the maximum of Σ w·estimate.
 * l2: the nearest point to the estimates, clip(estimate + c, 0, τ).
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
 * Only the domains of one bin of estimates, the one where the sum reaches 1, have to be sorted: that counts
 * with a million domains and many draws.
 */
function fillByEstimate(
  estimates: Float64Array | Float32Array,
  caps: Float64Array,
  names: readonly string[],
): Float64Array {
  const { low, high } = rangeOf(estimates);
  const perUnit = (bins - 1) / (high - low);
  // Estimates that are (all but) equal share a bin.
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

/** Bisection for c, down to neighbouring numbers. */
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
