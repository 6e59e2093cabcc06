// A part: the scores of one chunk as Parquet, and its card, which says what is in it.
// Columns: shard, row, document, source, tokens, score, and one `score_NAME` for each benchmark with an output of its own.

import { z } from 'zod';

/** Bins of the score histogram: the upper 16 bits of a float32, in the order of the numbers. */
export const binCount = 65_536;

const whole = z.number().int().nonnegative();

export const partSchema = z.strictObject({
  /** File name inside scores/. */
  file: z.string(),
  /** What the part was computed from: a change of any of it makes the part stale. */
  shard: z.string(),
  shardBytes: whole,
  shardModifiedMs: z.number(),
  scorer: z.string(),
  /** What is in it. Tokens are the sum over the documents, of which `estimatedDocuments` have estimated counts. */
  documents: whole,
  tokens: whole,
  estimatedDocuments: whole,
  textBytes: whole,
  quarantined: whole,
  sources: z.array(z.strictObject({ source: z.string(), documents: whole, tokens: whole })),
  /** [bin, documents, tokens] of every bin that is not empty, best bin first. */
  histogram: z.array(z.tuple([whole, whole, whole])),
  bytes: whole,
  sha256: z.string(),
});

export type Part = z.output<typeof partSchema>;

const float = new Float32Array(1);
const bits = new Uint32Array(float.buffer);

/** The histogram bin of a score (as float32): the upper half of its bits, ordered like the numbers. */
export function scoreBin(score: number): number {
  float[0] = score + 0; // -0 becomes 0, as both are the same score
  const raw = bits[0] ?? 0;
  return ((raw & 0x8000_0000) === 0 ? raw | 0x8000_0000 : ~raw) >>> 16;
}

/** The smallest score of a bin. */
export function binFloor(bin: number): number {
  const ordered = (bin << 16) >>> 0;
  bits[0] = (ordered & 0x8000_0000) === 0 ? ~ordered : ordered & 0x7fff_ffff;
  return float[0] ?? 0;
}
