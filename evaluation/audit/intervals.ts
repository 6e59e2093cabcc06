// Confidence intervals of shares (95%) over strata and over answers with weights.

import { type Interval, wilson } from '../../data/statistics.ts';

/**
 * A weighted sum of independent shares: each share's Wilson interval gives its distance from the estimate on
 * either side, and these add as squares (Zou, Huang and Zhang 2009, "A note on confidence interval estimation
 * for a linear function of binomial proportions"; for a difference it is Newcombe's method 10). Unlike Wald's
 * interval it keeps a width when every answer is the same. Weights may be negative.
 */
export function combine(parts: readonly { weight: number; share: Interval }[]): Interval {
  let value = 0;
  let below = 0;
  let above = 0;
  for (const { weight, share } of parts) {
    value += weight * share.value;
    const [worst, best] = weight < 0 ? [share.high, share.low] : [share.low, share.high];
    below += (weight * (share.value - worst)) ** 2;
    above += (weight * (best - share.value)) ** 2;
  }
  return { value, low: value - Math.sqrt(below), high: value + Math.sqrt(above) };
}

/**
 * A share over answers with unequal weights: Wilson's interval for Kish's effective sample size. Undefined
 * without answers.
 */
export function weightedShare(answers: readonly { yes: number; weight: number }[]): Interval | undefined {
  let weights = 0;
  let squares = 0;
  let yes = 0;
  for (const { yes: own, weight } of answers) {
    weights += weight;
    squares += weight * weight;
    yes += weight * own;
  }
  if (weights === 0) return undefined;
  const effective = (weights * weights) / squares;
  // Rounding must not push a unanimous share beyond 1.
  return wilson(Math.min(1, yes / weights) * effective, effective);
}
