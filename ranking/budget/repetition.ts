// What repeated tokens are worth.

/** Muennighoff et al. 2023 (arXiv 2305.16264): how fast repeated tokens lose value. */
const repetitionDecay = 15.387756;

export interface Repetition {
  /** Passes over the kept tokens; 1 if the model does not even see all of them once. */
  epochs: number;
  /** What the seen tokens are worth in unique tokens. */
  effectiveTokens: number;
}

/** Repetition when D tokens are drawn from the `rate` best of the pool. */
export function countRepetition(tokens: number, rate: number, poolTokens: number): Repetition {
  const unique = Math.min(tokens, rate * poolTokens);
  return { epochs: tokens / unique, effectiveTokens: effectiveTokens(unique, tokens) };
}

/** D_eff = U + U·R*·(1 − exp(−(D/U − 1)/R*)) for D tokens seen of which U differ (Muennighoff 2023). */
export function effectiveTokens(unique: number, seen: number): number {
  return unique + unique * repetitionDecay * -Math.expm1(-(seen / unique - 1) / repetitionDecay);
}
