// Spearman's rank correlation of two lists.

import { prepareJudged, spearman } from '../../classifier/metrics.ts';

/** Null for fewer than two values, or if one list is constant. */
export function spearmanOf(a: readonly number[], b: readonly number[]): number | null {
  if (a.length < 2 || isConstant(a) || isConstant(b)) return null;
  const judged = prepareJudged(Float32Array.from(a), Float64Array.from(b), new Uint8Array(a.length));
  return spearman(judged, new Uint32Array(a.length).fill(1));
}

function isConstant(values: readonly number[]): boolean {
  return values.every((value) => value === values[0]);
}
