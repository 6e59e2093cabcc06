// The fidelity of one output on documents that the model did not learn from, with bootstrap intervals
// (Efron's percentile method).

import { type Interval, percentileBounds } from '../data/statistics.ts';
import type { Fidelity } from './classifier-card.ts';
import { balancedAccuracy, type Judged, keepRates, measureBest, rocAuc, spearman } from './metrics.ts';
import { openRandom } from '../data/seeded-random.ts';

const resamples = 200;

/** All metrics of the card with their 95% intervals; the same seed gives the same intervals. */
export function measureFidelity(judged: Judged, seed: number): Fidelity {
  const estimates = measure(judged, new Uint32Array(judged.scores.length).fill(1));
  const random = openRandom(seed);
  const samples = Array.from({ length: resamples }, () =>
    measure(judged, drawWeights(judged.scores.length, random)),
  );
  const next = estimates
    .map((value, metric): Interval => {
      const ofMetric = samples.map((sample) => sample[metric] ?? value);
      return { value, ...percentileBounds(ofMetric, value) };
    })
    .values();
  const take = (): Interval => next.next().value ?? { value: 0, low: 0, high: 0 };
  return {
    rocAuc: take(),
    balancedAccuracy: take(),
    spearman: take(),
    kept: keepRates.map((keep) => ({ keep, precision: take(), recall: take() })),
  };
}

/** The metrics in the order that `measureFidelity` takes them. */
function measure(judged: Judged, weights: Uint32Array): number[] {
  const kept = keepRates.map((rate) => measureBest(judged, weights, rate));
  return [
    rocAuc(judged, weights),
    balancedAccuracy(judged, weights),
    spearman(judged, weights),
    ...kept.flatMap(({ precision, recall }) => [precision, recall]),
  ];
}

/** How often a resample of so many documents, with replacement, draws each. */
export function drawWeights(documents: number, random: () => number): Uint32Array {
  const weights = new Uint32Array(documents);
  for (let i = 0; i < documents; i++) {
    const drawn = Math.floor(random() * documents);
    weights[drawn] = (weights[drawn] ?? 0) + 1;
  }
  return weights;
}
