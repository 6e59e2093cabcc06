// An embedder turns texts into unit vectors.

/**
 * How much of a text is in its vector, in UTF-16 code units: the text within embedding.maxTokens, and what
 * was left of it.
 */
export interface Truncation {
  from: number;
  to: number;
}

/** Callbacks for individual texts, by their index among those given. */
export interface EmbedNotes {
  /** It is longer than the embedder accepts. */
  cut?: (text: number, cut: Truncation) => void;
  /** The embedder rejects it at any length; its row is zeros. Without this callback, `embed` throws. */
  refused?: (text: number, reason: string) => void;
}

export interface Embedder {
  name: string;
  /**
   * Changes with everything a vector depends on: the model's bytes or endpoint, pooling, number type, text
   * limit.
   */
  fingerprint: string;
  dimensions: number;
  /** The device it actually runs on. */
  device: string;
  /** Origin of the model's bytes. */
  source: string;
  /** One unit vector per text, row by row (texts.length × dimensions), in order. */
  embed(texts: readonly string[], notes?: EmbedNotes): Promise<Float32Array>;
  close(): Promise<void>;
}

/** Scales each row of `vectors` to length 1, in place; a row of zeros stays. */
export function normalizeRows(vectors: Float32Array, dimensions: number): void {
  for (let start = 0; start < vectors.length; start += dimensions) {
    let sum = 0;
    for (let d = start; d < start + dimensions; d++) sum += (vectors[d] ?? 0) ** 2;
    const scale = sum > 0 ? 1 / Math.sqrt(sum) : 0;
    for (let d = start; d < start + dimensions; d++) vectors[d] = (vectors[d] ?? 0) * scale;
  }
}

/** Anything that turns each text into a fixed number of numbers. */
export interface TextVectors extends Pick<Embedder, 'fingerprint' | 'dimensions' | 'embed'> {
  /** Whether each row is a vector of length 1. */
  isUnit?: boolean;
}
