// The noise of seeds, what a trial can see in spite of it, and the signal to noise of each benchmark.

import { studentQuantile } from './student.ts';

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

/**
 * The margin of a two-sided t test at 5% with the pooled deviation: arms of n₁ and n₂ seeds differ if their means are
 * more than this times √(1/n₁ + 1/n₂) apart.
 */
export function noiseMargin({ deviation, freedom }: SeedNoise): number {
  return studentQuantile(0.975, freedom) * deviation;
}

/**
 * The smallest difference between two of `arms` arms that is found with a probability of 80%, over the noise of seeds
 * alone, by an interval of 95%. Undefined with one arm or seed.
 */
export function smallestDifference(
  { deviation }: SeedNoise,
  { arms, seeds }: { arms: number; seeds: number },
): number | undefined {
  const freedom = (arms - 1) * (seeds - 1);
  if (freedom < 1) return undefined;
  const quantiles = studentQuantile(0.975, freedom) + studentQuantile(0.8, freedom);
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

export function mean(values: readonly number[]): number {
  return values.length === 0 ? 0 : values.reduce((sum, value) => sum + value, 0) / values.length;
}
