// Draws of models: bootstrap resamples, and leave-some-out. Each domain is sorted once, however many draws
// there are.

import { openRandom, shuffle } from '../data/seeded-random.ts';
import type { DomainSettings } from '../run/domain-settings.ts';
import { type Draw, estimate, type Estimator, lossTies } from './estimate.ts';
import type { RowSample } from './row-sample.ts';
import { openSorted, type Sorted, sortModels, type Ties } from './sorted.ts';

/** How often each model occurs in each of `resamples` draws with replacement. */
export function resampleModels(models: number, resamples: number, seed: number): Float64Array[] {
  const random = openRandom(seed);
  return Array.from({ length: resamples }, () => {
    const counts = new Float64Array(models);
    for (let i = 0; i < models; i++) {
      const model = Math.floor(random() * models);
      counts[model] = (counts[model] ?? 0) + 1;
    }
    return counts;
  });
}

/** 1 for every model except those in `left`, which get 0. */
export function leaveOut(models: number, left: readonly number[]): Float64Array {
  const counts = new Float64Array(models).fill(1);
  for (const model of left) counts[model] = 0;
  return counts;
}

/** Splits the models randomly into `folds` parts of about equal size. */
export function foldModels(models: number, folds: number, seed: number): number[][] {
  const order = Uint32Array.from({ length: models }, (_, model) => model);
  shuffle(order, openRandom(seed));
  return Array.from({ length: folds }, (_, fold) =>
    [...order].filter((_model, place) => place % folds === fold),
  );
}

/**
 * Estimates one domain, whose losses are in `sorted.values`, under every draw; writes the estimates to
 * `into`.
 */
export function estimateDraws(
  estimator: Estimator,
  ties: Ties,
  sorted: Sorted,
  draws: readonly Draw[],
  into: Float64Array,
): void {
  if (estimator !== 'product' && estimator !== 'sign') sortModels(sorted, lossTies(estimator, ties));
  for (let at = 0; at < draws.length; at++) {
    const draw = draws[at];
    if (draw !== undefined) into[at] = estimate(estimator, sorted, draw);
  }
}
export type EstimateSettings = Pick<
  DomainSettings,
  'estimator' | 'ties' | 'weights' | 'keepRate' | 'repeat' | 'seed'
>;
/** Estimates of every row under each draw. */
export function estimateRows(
  { names, losses }: RowSample,
  draws: readonly Draw[],
  models: number,
  { estimator, ties }: EstimateSettings,
): Float64Array[] {
  const estimates = draws.map(() => new Float64Array(names.length));
  const sorted = openSorted(models);
  const drawn = new Float64Array(draws.length);
  for (let domain = 0; domain < names.length; domain++) {
    sorted.values.set(losses.subarray(domain * models, (domain + 1) * models));
    estimateDraws(estimator, ties, sorted, draws, drawn);
    for (const [draw, column] of estimates.entries()) column[domain] = drawn[draw] ?? Number.NaN;
  }
  return estimates;
}
