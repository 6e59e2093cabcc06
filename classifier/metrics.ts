// How well scores separate the best 10% from the rest. Every document has a weight (how often a bootstrap
// resample drew it, else 1), so each resample costs one pass and no sort. The tests have slow versions.

export const keepRates = [0.01, 0.03, 0.1, 0.3] as const;

/**
 * Scores to evaluate, sorted once. In `scores` and `targets` higher is better; `top` is 1 for the best 10%
 * by target.
 */
export interface Judged {
  scores: Float32Array;
  targets: Float64Array;
  top: Uint8Array;
  /** Documents by score and by target, best first. */
  byScore: Uint32Array;
  byTarget: Uint32Array;
}

export function prepareJudged(scores: Float32Array, targets: Float64Array, top: Uint8Array): Judged {
  return { scores, targets, top, byScore: sortDown(scores), byTarget: sortDown(targets) };
}

function sortDown(values: Float32Array | Float64Array): Uint32Array {
  return Uint32Array.from(values.keys()).sort((a, b) => (values[b] ?? 0) - (values[a] ?? 0) || a - b);
}

/**
 * Share of (top, other) pairs in which the top document has the higher score; ties count half. 0.5 without
 * pairs.
 */
export function rocAuc({ scores, top, byScore }: Judged, weights: Uint32Array): number {
  let positives = 0;
  let negatives = 0;
  let wins = 0;
  for (let start = 0; start < byScore.length;) {
    const score = scores[byScore[start] ?? 0];
    let end = start;
    let tiedPositives = 0;
    let tiedNegatives = 0;
    for (; end < byScore.length; end++) {
      const document = byScore[end] ?? 0;
      if (scores[document] !== score) break;
      if (top[document] === 1) tiedPositives += weights[document] ?? 0;
      else tiedNegatives += weights[document] ?? 0;
    }
    wins += tiedNegatives * (positives + tiedPositives / 2);
    positives += tiedPositives;
    negatives += tiedNegatives;
    start = end;
  }
  return positives === 0 || negatives === 0 ? 0.5 : wins / (positives * negatives);
}

/**
 * Mean of the shares of top documents with scores above 0 and of other documents with scores up to 0; 0.5 if
 * a class is empty.
 */
export function balancedAccuracy({ scores, top }: Judged, weights: Uint32Array): number {
  const all = [0, 0];
  const right = [0, 0];
  for (let document = 0; document < top.length; document++) {
    const label = top[document] ?? 0;
    const weight = weights[document] ?? 0;
    all[label] = (all[label] ?? 0) + weight;
    if ((scores[document] ?? 0) > 0 === (label === 1)) right[label] = (right[label] ?? 0) + weight;
  }
  const [others = 0, tops = 0] = all;
  return others === 0 || tops === 0 ? 0.5 : ((right[0] ?? 0) / others + (right[1] ?? 0) / tops) / 2;
}

/**
 * Spearman's rank correlation of score and target; ties share their mean rank. 0 if either is constant.
 */
export function spearman({ scores, targets, byScore, byTarget }: Judged, weights: Uint32Array): number {
  const a = meanRanks(scores, byScore, weights);
  const b = meanRanks(targets, byTarget, weights);
  let count = 0;
  for (let i = 0; i < weights.length; i++) count += weights[i] ?? 0;
  const mean = (count + 1) / 2;
  let ab = 0;
  let aa = 0;
  let bb = 0;
  for (let i = 0; i < weights.length; i++) {
    const x = (a[i] ?? 0) - mean;
    const y = (b[i] ?? 0) - mean;
    const weight = weights[i] ?? 0;
    ab += weight * x * y;
    aa += weight * x * x;
    bb += weight * y * y;
  }
  return aa === 0 || bb === 0 ? 0 : ab / Math.sqrt(aa * bb);
}

function meanRanks(
  values: Float32Array | Float64Array,
  order: Uint32Array,
  weights: Uint32Array,
): Float64Array {
  const ranks = new Float64Array(values.length);
  let before = 0;
  for (let start = 0; start < order.length;) {
    const value = values[order[start] ?? 0];
    let end = start;
    let tied = 0;
    for (; end < order.length && values[order[end] ?? 0] === value; end++)
      tied += weights[order[end] ?? 0] ?? 0;
    for (let i = start; i < end; i++) ranks[order[i] ?? 0] = before + (tied + 1) / 2;
    before += tied;
    start = end;
  }
  return ranks;
}

export interface PrecisionRecall {
  /** Share of kept documents that are top documents; `recall`: share of top documents that are kept. */
  precision: number;
  recall: number;
}

/** Keeps the best `rate` of the documents by score (at least one; ties keep the documents' order). */
export function measureBest({ top, byScore }: Judged, weights: Uint32Array, rate: number): PrecisionRecall {
  let documents = 0;
  let positives = 0;
  for (let i = 0; i < top.length; i++) {
    documents += weights[i] ?? 0;
    positives += (weights[i] ?? 0) * (top[i] ?? 0);
  }
  const wanted = Math.max(1, Math.round(documents * rate));
  let kept = 0;
  let hits = 0;
  for (let i = 0; i < byScore.length && kept < wanted; i++) {
    const document = byScore[i] ?? 0;
    const taken = Math.min(weights[document] ?? 0, wanted - kept);
    kept += taken;
    hits += taken * (top[document] ?? 0);
  }
  return { precision: kept === 0 ? 0 : hits / kept, recall: positives === 0 ? 0 : hits / positives };
}
