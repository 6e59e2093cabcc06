// Writes fastText model files of chance, of any shape, without the program: the layout of fastText 0.9.2.

import { writeFileSync } from 'node:fs';
import { openRandom } from '../../../data/seeded-random.ts';

export interface Shape {
  words: readonly string[];
  labels: readonly string[];
  dim: number;
  wordNgrams: number;
  minn: number;
  maxn: number;
  bucket: number;
  loss: 'hs' | 'ns' | 'softmax' | 'ova';
  quantized: boolean;
  norms: boolean;
  quantizedOutput: boolean;
  /** Of so many n-gram hashes a row is left; undefined: not pruned. */
  pruned?: number;
  seed: number;
}

export const plainShape: Shape = {
  words: ['</s>', 'a', 'the', 'naïve', 'x'],
  labels: ['__label__hq', '__label__cc'],
  dim: 6,
  wordNgrams: 2,
  minn: 0,
  maxn: 0,
  bucket: 50,
  loss: 'softmax',
  quantized: false,
  norms: false,
  quantizedOutput: false,
  seed: 1,
};

export function modelBytes(shape: Shape): Buffer {
  const {
    words,
    labels,
    dim,
    wordNgrams,
    minn,
    maxn,
    bucket,
    loss,
    quantized,
    norms,
    quantizedOutput,
    pruned,
  } = shape;
  const random = openRandom(shape.seed);
  const usesBuckets = wordNgrams > 1 || maxn > 0;
  const rows = words.length + (pruned ?? (usesBuckets ? bucket : 0));
  const matrix = (count: number, asCodes: boolean): Buffer => {
    if (!asCodes) return Buffer.concat([int64(count), int64(dim), floats(count * dim, random)]);
    const length = Math.min(2, dim);
    const subvectors = Math.ceil(dim / length);
    const book = Buffer.concat([
      int32(dim, subvectors, length, dim - (subvectors - 1) * length),
      floats(dim * 256, random),
    ]);
    const codes = Buffer.from(Array.from({ length: count * subvectors }, () => Math.floor(random() * 256)));
    const normPart = norms
      ? [
          Buffer.from(Array.from({ length: count }, () => Math.floor(random() * 256))),
          int32(1, 1, 1, 1),
          floats(256, random),
        ]
      : [];
    return Buffer.concat([
      Buffer.from([norms ? 1 : 0]),
      int64(count),
      int64(dim),
      int32(codes.length),
      codes,
      book,
      ...normPart,
    ]);
  };
  const entries = [...words, ...labels].map((name, i) =>
    Buffer.concat([
      Buffer.from(name),
      Buffer.from([0]),
      int64(1000 - i),
      Buffer.from([i < words.length ? 0 : 1]),
    ]),
  );
  const hashes = Array.from({ length: bucket }, (_, i) => i)
    .sort(() => random() - 0.5)
    .slice(0, pruned ?? 0);
  return Buffer.concat([
    int32(
      793_712_314,
      12,
      dim,
      5,
      5,
      1,
      5,
      wordNgrams,
      ['hs', 'ns', 'softmax', 'ova'].indexOf(loss) + 1,
      3,
      usesBuckets ? bucket : 0,
      minn,
      maxn,
      100,
    ),
    float64(1e-4),
    int32(words.length + labels.length, words.length, labels.length),
    int64(12_345),
    int64(pruned ?? -1),
    ...entries,
    ...hashes.map((hash, row) => int32(hash, row)),
    Buffer.from([quantized ? 1 : 0]),
    matrix(rows, quantized),
    Buffer.from([quantizedOutput ? 1 : 0]),
    matrix(labels.length, quantized && quantizedOutput),
  ]);
}

export function writeModel(path: string, shape: Shape): void {
  writeFileSync(path, modelBytes(shape));
}

function int32(...values: number[]): Buffer {
  return Buffer.from(Int32Array.from(values).buffer);
}

function int64(value: number): Buffer {
  return Buffer.from(BigInt64Array.of(BigInt(value)).buffer);
}

function float64(value: number): Buffer {
  return Buffer.from(Float64Array.of(value).buffer);
}

function floats(count: number, random: () => number): Buffer {
  return Buffer.from(Float32Array.from({ length: count }, () => 4 * random() - 2).buffer);
}
