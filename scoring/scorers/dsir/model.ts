// A DSIR model: the log ratios of hashed n-grams, from their counts in the target and in the pool.

import { z } from 'zod';
import { keyHash } from '../../../data/files/hash.ts';
import type { CorpusScorer } from '../kind.ts';
import { openHasher } from './hasher.ts';
import { buckets } from './ngrams.ts';

export const floor = 1e-8;

export const modelSchema = z.strictObject({
  version: z.literal(1),
  smoothing: z.number(),
  targetNgrams: z.number(),
  poolNgrams: z.number(),
  ratios: z.array(z.number()).length(buckets),
});
export type Model = z.output<typeof modelSchema>;

/** log w of a text with n-grams in these buckets, added in order. */
export function logWeight(ratios: Float64Array, ngrams: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < ngrams.length; i++) sum += ratios[ngrams[i] ?? 0] ?? 0;
  return sum;
}

/**
 * ln(p + 1e-8) − ln(q + 1e-8) of every bucket, from n-gram counts; `smoothing` is added to each target count.
 */
export function compareCounts(target: Float64Array, pool: Float64Array, smoothing: number): Model {
  const targetNgrams = sum(target);
  const poolNgrams = sum(pool);
  const share = (counts: Float64Array, bucket: number, added: number, all: number): number =>
    ((counts[bucket] ?? 0) + added) / Math.max(1, all + added * buckets);
  const ratios = Array.from(
    { length: buckets },
    (_, bucket) =>
      Math.log(share(target, bucket, smoothing, targetNgrams) + floor) -
      Math.log(share(pool, bucket, 0, poolNgrams) + floor),
  );
  return { version: 1, smoothing, targetNgrams, poolNgrams, ratios };
}

/** Scores texts by one of the models; with a seed, adds noise. */
export function openModels(
  models: readonly Model[],
  seed: number,
  modelOf: (text: Uint8Array, start: number, end: number) => number,
): CorpusScorer['scoreTexts'] {
  const ratios = models.map((model) => Float64Array.from(model.ratios));
  const listBuckets = openHasher();
  const decoder = new TextDecoder();
  return (text, textEnds, count, out, documents) => {
    for (let i = 0; i < count; i++) {
      const [start, end] = [textEnds[i - 1] ?? 0, textEnds[i] ?? 0];
      const own = ratios[modelOf(text, start, end)] ?? new Float64Array();
      const score = logWeight(own, listBuckets(decoder.decode(text.subarray(start, end))));
      out[i] = Math.fround(score + (seed === 0 ? 0 : gumbel(documents[i] ?? '', seed))) + 0;
    }
  };
}

/** Gumbel noise of a document, the same for the same key and seed. */
function gumbel(document: string, seed: number): number {
  const uniform = (Number(keyHash(`gumbel\n${document}`, seed) >> 11n) + 0.5) / 2 ** 53;
  return -Math.log(-Math.log(uniform));
}

export function sum(counts: Float64Array): number {
  return counts.reduce((all, count) => all + count, 0);
}
