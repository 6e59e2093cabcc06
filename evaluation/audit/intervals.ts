// Confidence intervals of shares (95 %), alone and combined over strata.

const z = 1.959963984540054;

export interface Share {
  /** Estimate and 95 % interval, as fractions. */
  value: number;
  low: number;
  high: number;
}

/**
 * Wilson's score interval for `yes` of `of` (Wilson 1927; Newcombe 1998, method 3). Both may be fractions: an
 * effective sample size, or documents on which people disagree. `of` must be above 0.
 */
export function wilson(yes: number, of: number): Share {
  const value = yes / of;
  const middle = (value + (z * z) / (2 * of)) / (1 + (z * z) / of);
  const half = (z * Math.sqrt((value * (1 - value)) / of + (z * z) / (4 * of * of))) / (1 + (z * z) / of);
  // The exact limits at 0 and 1; rounding would leave a trace.
  return {
    value,
    low: value === 0 ? 0 : Math.max(0, middle - half),
    high: value === 1 ? 1 : Math.min(1, middle + half),
  };
}

/**
 * A weighted sum of independent shares: each share's Wilson interval gives its distance from the estimate on
 * either side, and these add as squares (Zou, Huang and Zhang 2009, "A note on confidence interval estimation
 * for a linear function of binomial proportions"; for a difference it is Newcombe's method 10). Unlike Wald's
 * interval it keeps a width when every answer is the same. Weights may be negative.
 */
export function combine(parts: readonly { weight: number; share: Share }[]): Share {
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
export function weightedShare(answers: readonly { yes: number; weight: number }[]): Share | undefined {
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
