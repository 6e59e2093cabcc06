// The models that trials train from scratch: small Llamas, with the learning rate and the batch that suit each.

export interface ModelSize {
  /** Shape, as job.json names it. */
  shape: { hidden: number; layers: number; heads: number; mlp: number };
  sequenceLength: number;
  /** Tokens in a step. */
  batchTokens: number;
  learningRate: number;
}

/** By name, after the parameters beside the embeddings. */
export const modelSizes = {
  '1m': size([128, 6, 4, 344], [512, 8_192], 3e-3),
  '4m': size([256, 5, 4, 688], [512, 16_384], 2e-3),
  '14m': size([384, 8, 6, 1024], [512, 32_768], 1.5e-3),
  '60m': size([640, 12, 10, 1720], [1024, 131_072], 1e-3),
  '150m': size([768, 21, 12, 2048], [1024, 262_144], 8e-4),
} as const satisfies Record<string, ModelSize>;
export type ModelSizeName = keyof typeof modelSizes;

/** The order of arms by models below this size says little about large ones (Olmix, arXiv 2602.12237). */
export const tellingParameters = 15e6;

/** A learning rate at which small models order data more as large ones do (arXiv 2512.24503). */
export const smallLearningRate = 1e-4;

function size(
  [hidden, layers, heads, mlp]: [number, number, number, number],
  [sequenceLength, batchTokens]: [number, number],
  learningRate: number,
): ModelSize {
  return { shape: { hidden, layers, heads, mlp }, sequenceLength, batchTokens, learningRate };
}

/** Parameters of a Llama with tied embeddings and as many key-value heads as heads. */
export function countParameters(
  { hidden, layers, mlp }: ModelSize['shape'],
  vocabulary: number,
): { all: number; withoutEmbeddings: number } {
  const withoutEmbeddings = layers * (4 * hidden ** 2 + 3 * hidden * mlp + 2 * hidden) + hidden;
  return { all: withoutEmbeddings + vocabulary * hidden, withoutEmbeddings };
}
