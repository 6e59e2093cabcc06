// The noise of seeds, what a trial can see in spite of it, and the signal to noise of each benchmark.

import { z95 } from '../../data/statistics.ts';
import { mean } from './resample.ts';

/** The standard deviation of runs that differ only in their seed, pooled over the arms. */
export interface SeedNoise {
  deviation: number;
  /** Degrees of freedom: runs less arms. */
  freedom: number;
}

/** Undefined if no arm has two seeds. */
export function poolNoise(arms: readonly (readonly number[])[]): SeedNoise | undefined {
  const repeated = arms.filter((values) => values.length > 1);
  const freedom = repeated.reduce((sum, values) => sum + values.length - 1, 0);
  if (freedom === 0) return undefined;
  const squares = repeated.reduce((sum, values) => {
    const middle = mean(values);
    return sum + values.reduce((own, value) => own + (value - middle) ** 2, 0);
  }, 0);
  return { deviation: Math.sqrt(squares / freedom), freedom };
}

/** Standard normal quantiles at .975 and at .8: two-sided tests at 5%, found four times out of five. */
const quantiles = z95 + 0.8416212335729143;

/** The smallest difference between two arms that is found with a probability of 80%, over the seeds' noise alone. */
export function smallestDifference({ deviation }: SeedNoise, seeds: number): number {
  return quantiles * deviation * Math.sqrt(2 / seeds);
}

/**
 * How far the arms are apart on a benchmark, as a multiple of the noise of seeds: the range of the arms' means over the
 * pooled standard deviation. Undefined without noise or with fewer than two arms.
 */
export function signalToNoise(arms: readonly (readonly number[])[]): number | undefined {
  const noise = poolNoise(arms);
  const means = arms.filter((values) => values.length > 0).map(mean);
  if (noise === undefined || noise.deviation === 0 || means.length < 2) return undefined;
  return (Math.max(...means) - Math.min(...means)) / noise.deviation;
}
