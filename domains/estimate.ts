// How well a domain's losses correlate with the benchmark errors across models: the five estimators of
// "Improving Pretraining Data Using Perplexity Correlations" (arXiv 2409.05816; docs/method.md, "Domain
// weights") in closed form. Each domain's models are sorted once; each draw of models (all, a bootstrap
// resample, all but a family) then takes one pass. test/domains/slow.ts has the sums over pairs that these
// forms derive from.

import { openSorted, ranksOf, type Sorted, sortModels, type Ties } from './sorted.ts';

export const estimators = ['product', 'sign', 'sign_cdf', 'sign_sign', 'spearman'] as const;
export type Estimator = (typeof estimators)[number];

/**
 * How often each model counts, and what the estimator needs to know about the errors under those counts.
 * Arrays are by model.
 */
export interface Draw {
  counts: Float64Array;
  /** The estimate is Σ weight · (value or rank) + Σ count · squareWeight · rank² + offset. */
  weights: Float64Array;
  squareWeight: number;
  offset: number;
  /** Each model's position among the distinct errors, from 1, and the number of distinct errors. */
  levels: Int32Array;
  levelCount: number;
}

/** How equal losses are ranked. sign_sign uses no ranks, only which of two losses is lower. */
export function lossTies(estimator: Estimator, ties: Ties): Ties {
  return estimator === 'sign_sign' ? 'mid' : ties;
}

/** Prepares a draw. `errors` are by model (lower is better); `counts` is how often each model counts. */
export function prepareDraw(
  estimator: Estimator,
  ties: Ties,
  errors: Float64Array,
  counts: Float64Array,
): Draw {
  const total = counts.reduce((sum, count) => sum + count, 0);
  const { ranks, levels, levelCount } = rankErrors(errors, counts, estimator === 'spearman' ? ties : 'mid');
  const pairs = (total * (total - 1)) / 2;
  // spearman: 1 − 6 Σ(R − r)² / (N(N² − 1)) with the square expanded, so only Σ R·r and Σ r² depend on the
  // domain.
  const six = estimator === 'spearman' ? 6 / (total * (total * total - 1)) : 0;
  const weightOf: Record<Estimator, (count: number, rank: number, error: number) => number> = {
    product: (count, _rank, error) => (count * error) / total,
    sign: (count, rank) => (count * (2 * rank - total - 1)) / pairs,
    sign_cdf: (count, rank) => (count * (2 * rank - total - 1)) / pairs / total,
    sign_sign: (count) => count / pairs,
    spearman: (count, rank) => 2 * six * count * rank,
  };
  const weights = counts.map((count, model) =>
    weightOf[estimator](count, ranks[model] ?? 0, errors[model] ?? 0),
  );
  const rankSquares = counts.reduce((sum, count, model) => sum + count * (ranks[model] ?? 0) ** 2, 0);
  return {
    counts,
    weights,
    squareWeight: -six,
    offset: estimator === 'spearman' ? 1 - six * rankSquares : 0,
    levels,
    levelCount,
  };
}

function rankErrors(
  errors: Float64Array,
  counts: Float64Array,
  ties: Ties,
): { ranks: Float64Array; levels: Int32Array; levelCount: number } {
  const sorted = openSorted(errors.length);
  sorted.values.set(errors);
  const levels = new Int32Array(errors.length);
  sortModels(sorted, 'mid');
  let levelCount = 0;
  for (const [place, model] of sorted.order.entries())
    levels[model] = levelCount += sorted.starts[place] ?? 0;
  sortModels(sorted, ties);
  return { ranks: ranksOf(sorted, counts), levels, levelCount };
}

/** The estimate of a sorted domain under a draw. Higher means that lower losses go with lower errors. */
export function estimate(estimator: Estimator, sorted: Sorted, draw: Draw): number {
  if (estimator === 'product' || estimator === 'sign') return sumValues(sorted.values, draw.weights);
  return estimator === 'sign_sign' ? sumPairs(sorted, draw) : draw.offset + sumRanks(sorted, draw);
}

function sumValues(values: Float64Array, weights: Float64Array): number {
  let sum = 0;
  for (let model = 0; model < weights.length; model++) sum += (weights[model] ?? 0) * (values[model] ?? 0);
  return sum;
}

/** Σ weight · r + count · squareWeight · r² over the models, where r is the rank by loss. */
function sumRanks({ order, starts }: Sorted, { counts, weights, squareWeight }: Draw): number {
  let sum = 0;
  // Number of models with a lower rank, and the counts and weights of the models that share the current rank.
  let before = 0;
  let group = 0;
  let groupWeight = 0;
  for (let i = 0; i < order.length; i++) {
    const model = order[i] ?? 0;
    if (starts[i] === 1) {
      const rank = before + (group + 1) / 2;
      sum += rank * (groupWeight + rank * group * squareWeight);
      before += group;
      group = 0;
      groupWeight = 0;
    }
    group += counts[model] ?? 0;
    groupWeight += weights[model] ?? 0;
  }
  const rank = before + (group + 1) / 2;
  return sum + rank * (groupWeight + rank * group * squareWeight);
}

/**
 * Σ sgn(Δ error) · sgn(Δ loss) over pairs of models, divided by the number of pairs: concordant minus
 * discordant.
 */
function sumPairs({ order, starts, tree }: Sorted, { counts, weights, levels, levelCount }: Draw): number {
  tree.fill(0, 0, levelCount + 1);
  let sum = 0;
  let before = 0;
  for (let start = 0; start < order.length;) {
    let end = start;
    // Models with equal losses form no pair: look all of them up before adding any.
    do {
      const model = order[end] ?? 0;
      const level = levels[model] ?? 0;
      const lower = sumBelow(tree, level - 1);
      const higher = before - sumBelow(tree, level);
      sum += (weights[model] ?? 0) * (lower - higher);
      end++;
    } while (end < order.length && starts[end] === 0);
    for (let i = start; i < end; i++) {
      const model = order[i] ?? 0;
      const count = counts[model] ?? 0;
      before += count;
      for (let level = levels[model] ?? 0; level <= levelCount; level += level & -level)
        tree[level] = (tree[level] ?? 0) + count;
    }
    start = end;
  }
  return sum;
}

function sumBelow(tree: Float64Array, level: number): number {
  let sum = 0;
  for (let at = level; at > 0; at -= at & -at) sum += tree[at] ?? 0;
  return sum;
}
