// Spearman's rank correlation of two lists.

import { prepareJudged, spearman } from '../../classifier/metrics.ts';

/** Null for fewer than two values, or if one list is constant. */
export function spearmanOf(a: readonly number[], b: readonly number[]): number | null {
  if (a.length < 2 || isConstant(a) || isConstant(b)) return null;
  // Places are exact in float32, scores may not be.
  const judged = prepareJudged(
    Float32Array.from(placesOf(a)),
    Float64Array.from(b),
    new Uint8Array(a.length),
  );
  return spearman(judged, new Uint32Array(a.length).fill(1));
}

function isConstant(values: readonly number[]): boolean {
  return values.every((value) => value === values[0]);
}

/** The place of each value among the different values. */
function placesOf(values: readonly number[]): number[] {
  const places = new Map(
    Array.from(
      [...new Set(values)].sort((a, b) => a - b),
      (value, place) => [value, place],
    ),
  );
  return values.map((value) => places.get(value) ?? 0);
}
