// Whether the weights predict the order of held-out models better than the mean loss and chance do.

import { openRandom, shuffle } from '../data/seeded-random.ts';
import { estimateRows, foldModels, type EstimateSettings, leaveOut } from './draws.ts';
import { prepareDraw } from './estimate.ts';
import { openSorted, ranksOf, sortModels } from './sorted.ts';
import { quantile } from '../data/statistics.ts';
import type { RowSample } from './row-sample.ts';
import { capsOf, weigh } from './weights.ts';

export interface Prediction {
  folds: number;
  /** Domains measured, and the number of permutations of the errors. */
  domains: number;
  permutations: number;
  /**
   * R² of the held-out models' ranks as predicted by the weights, by the mean loss, and by weights for
   * permuted errors (mean and 95% quantile).
   */
  rSquared: number;
  meanLoss: number;
  permutedMean: number;
  permutedHigh: number;
}

const folds = 5;
const fewestModels = 10;
const permutations = 100;
/** sign_sign takes about ten times as long as the others. */
const pairPermutations = 20;
/** Maximum number of estimates to hold for all folds and permutations. */
const estimatesAtOnce = 4e6;

/**
 * Predicts each fifth of the models from the others: their weights times the held-out models' ranks in each
 * domain (over N), summed; R² of the order within the fold, averaged over folds (arXiv 2409.05816; R² of
 * ranks as in the authors' held_out_r2_score.py). Null with fewer than 10 models, or if all errors are
 * equal.
 */
export function predictHeldOut(
  sample: RowSample,
  errors: Float64Array,
  settings: EstimateSettings,
): Prediction | null {
  const models = errors.length;
  if (models < fewestModels) return null;
  const held = foldModels(models, folds, settings.seed);
  const rounds = settings.estimator === 'sign_sign' ? pairPermutations : permutations;
  const orders = [errors, ...permuteErrors(errors, rounds, settings.seed)];
  const ranks = rankRows(sample, models);
  const rSquared: number[] = [];
  // Only some permutations at a time, because each needs an estimate for every fold and domain.
  const together = Math.max(1, Math.floor(estimatesAtOnce / (folds * sample.names.length)));
  for (let from = 0; from < orders.length; from += together) {
    const part = orders.slice(from, from + together);
    const draws = part.flatMap((order) =>
      held.map((left) => prepareDraw(settings.estimator, settings.ties, order, leaveOut(models, left))),
    );
    const estimates = estimateRows(sample, draws, models, settings);
    for (const [at, order] of part.entries()) {
      const scores = held.map((left, fold) =>
        scoreModels(
          sample,
          estimates[at * folds + fold] ?? new Float64Array(),
          ranks,
          left,
          models,
          settings,
        ),
      );
      rSquared.push(meanRSquared(held, scores, order));
    }
  }
  const [observed = Number.NaN, ...permuted] = rSquared;
  const meanLosses = meanRSquared(
    held,
    held.map((left) => left.map((model) => meanLoss(sample, model, models))),
    errors,
  );
  if (!Number.isFinite(observed) || permuted.some((value) => !Number.isFinite(value))) return null;
  const sorted = Float64Array.from(permuted).sort();
  return {
    folds,
    domains: sample.names.length,
    permutations: rounds,
    rSquared: observed,
    meanLoss: meanLosses,
    permutedMean: permuted.reduce((sum, value) => sum + value, 0) / rounds,
    permutedHigh: quantile(sorted, 0.95),
  };
}

function permuteErrors(errors: Float64Array, rounds: number, seed: number): Float64Array[] {
  const random = openRandom(seed + 1);
  return Array.from({ length: rounds }, () => {
    const order = Uint32Array.from(errors.keys());
    shuffle(order, random);
    return Float64Array.from(order, (model) => errors[model] ?? 0);
  });
}

/** Each model's mid-rank within each domain, divided by the number of models; row by row. */
function rankRows({ names, losses }: RowSample, models: number): Float32Array {
  const ranks = new Float32Array(losses.length);
  const sorted = openSorted(models);
  const ones = new Float64Array(models).fill(1);
  for (let domain = 0; domain < names.length; domain++) {
    sorted.values.set(losses.subarray(domain * models, (domain + 1) * models));
    sortModels(sorted, 'mid');
    ranks.set(
      ranksOf(sorted, ones).map((rank) => rank / models),
      domain * models,
    );
  }
  return ranks;
}

/** Predictions for the models `left` by the weights of these estimates: higher means a higher error. */
function scoreModels(
  { names, tokens }: RowSample,
  estimates: Float64Array,
  ranks: Float32Array,
  left: readonly number[],
  models: number,
  settings: EstimateSettings,
): number[] {
  const weights = weigh(
    settings.weights,
    estimates,
    capsOf(tokens, settings.keepRate, settings.repeat),
    names,
  );
  const scores = left.map(() => 0);
  for (const [domain, weight] of weights.entries()) {
    if (weight === 0) continue;
    for (const [at, model] of left.entries())
      scores[at] = (scores[at] ?? 0) + weight * (ranks[domain * models + model] ?? 0);
  }
  return scores;
}

function meanLoss({ tokens, losses }: RowSample, model: number, models: number): number {
  return tokens.reduce((sum, count, domain) => sum + count * (losses[domain * models + model] ?? 0), 0);
}

function meanRSquared(held: readonly number[][], scores: readonly number[][], errors: Float64Array): number {
  const values = held.flatMap((left, fold) => {
    const truth = midRanks(left.map((model) => errors[model] ?? 0));
    const predicted = midRanks(scores[fold] ?? []);
    const middle = (left.length + 1) / 2;
    const off = truth.reduce((sum, rank, at) => sum + (rank - (predicted[at] ?? 0)) ** 2, 0);
    const all = truth.reduce((sum, rank) => sum + (rank - middle) ** 2, 0);
    // If all errors in a fold are equal, there is no order to predict.
    return all === 0 ? [] : [1 - off / all];
  });
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function midRanks(values: readonly number[]): Float64Array {
  const sorted = openSorted(values.length);
  sorted.values.set(values);
  sortModels(sorted, 'mid');
  return ranksOf(sorted, new Float64Array(values.length).fill(1));
}
