// The compute multiplier of an arm: how many times the compute no filter needs for the same loss. It is read where
// both curves have the loss, at the worse of their two final losses; outside of that, only a bound is known.

import { percentileBounds } from '../../data/statistics.ts';

/** A finished reading: its compute in FLOPs, and its loss. */
export interface CurvePoint {
  flops: number;
  loss: number;
}

/**
 * `is`: the ratio of the compute. `above`: no filter needs more than `times`, because the arm is better from its first
 * reading on than no filter ever gets. `below`: the arm never gets as good as no filter's first reading.
 */
export interface Multiplier {
  kind: 'is' | 'above' | 'below';
  times: number;
}

/** Undefined without a reading of both. Curves are sorted by compute. */
export function findMultiplier(
  arm: readonly CurvePoint[],
  base: readonly CurvePoint[],
): Multiplier | undefined {
  const [armEnd, baseEnd] = [arm.at(-1), base.at(-1)];
  const [armStart, baseStart] = [arm[0], base[0]];
  if (armEnd === undefined || baseEnd === undefined || armStart === undefined || baseStart === undefined)
    return undefined;
  const target = Math.max(armEnd.loss, baseEnd.loss);
  const [ofArm, ofBase] = [computeAt(arm, target), computeAt(base, target)];
  // The worse curve has its own final loss; the better one may start below it.
  if (ofArm === undefined) return { kind: 'above', times: baseEnd.flops / armStart.flops };
  if (ofBase === undefined) return { kind: 'below', times: baseStart.flops / armEnd.flops };
  return { kind: 'is', times: ofBase / ofArm };
}

/**
 * The compute at which a curve first reaches a loss, on straight lines between its points in log compute; undefined if
 * it is below from the start, or never reaches it.
 */
function computeAt(curve: readonly CurvePoint[], loss: number): number | undefined {
  const first = curve[0];
  if (first === undefined || first.loss < loss) return undefined;
  for (const [at, point] of curve.entries()) {
    if (point.loss > loss) continue;
    const before = curve[at - 1];
    if (before === undefined || before.loss === point.loss) return point.flops;
    const share = (before.loss - loss) / (before.loss - point.loss);
    return before.flops * (point.flops / before.flops) ** share;
  }
  return undefined;
}

/** The limits of an interval; null where the curves of a resample do not overlap. */
export interface MultiplierBounds {
  low: number | null;
  high: number | null;
}

/** The 95% interval of a multiplier from the curves of every resample. */
export function boundMultiplier(samples: readonly (Multiplier | undefined)[]): MultiplierBounds {
  const values = samples.map((found) =>
    found === undefined || found.kind === 'below' ? 0 : found.kind === 'above' ? Infinity : found.times,
  );
  const { low, high } = percentileBounds(values, 0);
  return {
    low: low === 0 || low === Infinity ? null : low,
    high: high === 0 || high === Infinity ? null : high,
  };
}
