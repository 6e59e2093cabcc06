// Slow, obvious versions that the closed forms must agree with: the estimators as sums over pairs of models
// (arXiv 2409.05816), and the linear weights by sorting everything.

import type { Estimator } from '../../domains/estimate.ts';
import type { Ties } from '../../domains/sorted.ts';

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

/** Ranks from 1, by counting; ties by the policy. */
export function rankSlowly(values: readonly number[], ties: Ties): number[] {
  return values.map((value, at) => {
    const lower = values.filter((other) => other < value).length;
    const equal = [...values.keys()].filter((other) => values[other] === value);
    if (ties === 'mid') return lower + (equal.length + 1) / 2;
    return lower + 1 + equal.filter((other) => (ties === 'ordinal' ? other < at : other > at)).length;
  });
}

/** Estimate of one domain from its losses x and the errors y of the same models. */
export function estimateSlowly(
  estimator: Estimator,
  ties: Ties,
  x: readonly number[],
  y: readonly number[],
): number {
  const n = x.length;
  const r = rankSlowly(x, ties);
  const R = rankSlowly(y, ties);
  const at = (list: readonly number[], k: number): number => list[k] ?? Number.NaN;
  const pairs = (of: (k: number, l: number) => number): number =>
    (2 / (n * (n - 1))) * sum([...x.keys()].flatMap((k) => [...x.keys()].slice(k + 1).map((l) => of(k, l))));
  const difference = (list: readonly number[], k: number, l: number): number => at(list, l) - at(list, k);
  switch (estimator) {
    case 'product':
      return sum(x.map((value, k) => value * at(y, k))) / n;
    case 'sign':
      return pairs((k, l) => Math.sign(difference(y, k, l)) * difference(x, k, l));
    case 'sign_cdf':
      return pairs((k, l) => (Math.sign(difference(y, k, l)) * difference(r, k, l)) / n);
    case 'sign_sign':
      return pairs((k, l) => Math.sign(difference(y, k, l)) * Math.sign(difference(x, k, l)));
    case 'spearman':
      return 1 - (6 * sum(r.map((rank, k) => (at(R, k) - rank) ** 2))) / (n * (n * n - 1));
  }
}

/** Fills the domains to their caps by estimate (ties by name), until the sum is 1. */
export function fillSlowly(
  estimates: readonly number[],
  caps: readonly number[],
  names: readonly string[],
): number[] {
  const order = [...estimates.keys()].sort(
    (a, b) => (estimates[b] ?? 0) - (estimates[a] ?? 0) || ((names[a] ?? '') < (names[b] ?? '') ? -1 : 1),
  );
  const weights = estimates.map(() => 0);
  let left = 1;
  for (const domain of order) {
    const weight = Math.min(left, caps[domain] ?? 0);
    weights[domain] = weight;
    left -= weight;
  }
  return weights;
}
