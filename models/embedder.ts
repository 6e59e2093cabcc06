// What an embedder is: texts in, unit vectors out.

import type { EmbedNotes } from './open.ts';

export interface Embedder {
  name: string;
  /**
   * Changes with everything that a vector depends on: the model's bytes or endpoint, pooling, numbers' type,
   * text limit.
   */
  fingerprint: string;
  dimensions: number;
  /** Where it really runs. */
  device: string;
  /** Where the model's bytes came from. */
  source: string;
  /** One unit vector for each text, row by row (texts.length × dimensions), in the order given. */
  embed(texts: readonly string[], notes?: EmbedNotes): Promise<Float32Array>;
  close(): Promise<void>;
}

/** Makes each row of `vectors` a unit vector, in place; a row of zeros stays. */
export function normalizeRows(vectors: Float32Array, dimensions: number): void {
  for (let start = 0; start < vectors.length; start += dimensions) {
    let sum = 0;
    for (let d = start; d < start + dimensions; d++) sum += (vectors[d] ?? 0) ** 2;
    const scale = sum > 0 ? 1 / Math.sqrt(sum) : 0;
    for (let d = start; d < start + dimensions; d++) vectors[d] = (vectors[d] ?? 0) * scale;
  }
}

/** Whatever gives each text so many numbers. */
export interface TextVectors extends Pick<Embedder, 'fingerprint' | 'dimensions' | 'embed'> {
  /** Whether the numbers are a vector of length 1. */
  isUnit?: boolean;
}
