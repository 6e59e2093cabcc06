// Samples the next token from a row of logits.

import type { Sampling } from '../language-model.ts';

/**
 * The most likely token at temperature 0, otherwise a sample from the most likely tokens that together reach
 * the probability `topP`.
 */
export function sampleToken(
  logits: Float32Array,
  { temperature = 0, topP = 1 }: Pick<Sampling, 'temperature' | 'topP'>,
  random: () => number,
): number {
  let best = 0;
  for (let i = 1; i < logits.length; i++) if ((logits[i] ?? 0) > (logits[best] ?? 0)) best = i;
  if (temperature === 0) return best;
  const most = logits[best] ?? 0;
  const weights = Float64Array.from(logits, (logit) => Math.exp((logit - most) / temperature));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const order = Uint32Array.from(weights.keys()).sort(
    (a, b) => (weights[b] ?? 0) - (weights[a] ?? 0) || a - b,
  );
  let kept = 0;
  let count = 0;
  while (count < order.length && kept < topP * total) kept += weights[order[count++] ?? 0] ?? 0;
  let left = random() * kept;
  for (const token of order.subarray(0, count)) {
    left -= weights[token] ?? 0;
    if (left < 0) return token;
  }
  return order[Math.max(0, count - 1)] ?? best;
}
