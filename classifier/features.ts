// What a text's features are, in plain words and slow code. The fast loop (score.as.ts) has to agree with
// this file bin by bin.
//
// Tokens: a word is a run of ASCII letters, digits, "_" and bytes of 0x80 and more (so of UTF-8 beyond
// ASCII); every other visible ASCII character is a token of its own; the rest separates. Of a token only the
// first 8 bytes count, each with bit 0x20 set: that makes ASCII letters lower-case, and is a coarse stemming
// besides (measured: docs/classifier.md). N-grams: every token, and every two tokens in a row, whatever
// stands between them. Score of an output: bias + scale · (sum of the n-grams' weights) / (n-grams + 256):
// their mean, drawn towards the bias in short texts.

import type { Weights } from './weights.ts';

export interface Ngram {
  ngram: string;
  bin: number;
}

/** What a text's length is increased by in its mean. */
export const priorNgrams = 256;

export const countedBytes = 8;
/** Over a text's bytes as latin1, one character for each. */
export const tokenPattern = /[A-Za-z0-9_\x80-\xff]+|[!-/:-@[-^`{-~]/g;
const byteMultiplier = 0x9e3779b97f4a7c15n;
const previousMultiplier = 0xd6e8feb86659fd93n;
const binMultiplier = 0xa0761d6478bd642fn;

/** All n-grams of a text (UTF-8, valid or not) in order, with their bins of 2^bits. */
export function listNgrams(text: Uint8Array, bits: number): Ngram[] {
  const tokens = Buffer.from(text).toString('latin1').match(tokenPattern) ?? [];
  const hashes = tokens.map(hashToken);
  const names = tokens.map((token) => Buffer.from(token, 'latin1').toString('utf8'));
  return tokens.flatMap((_token, i) => {
    const hash = hashes[i] ?? 0n;
    const unigram = { ngram: names[i] ?? '', bin: binOf(hash, bits) };
    if (i === 0) return [unigram];
    const previous = hashes[i - 1] ?? 0n;
    return [
      {
        ngram: `${names[i - 1] ?? ''} ${names[i] ?? ''}`,
        bin: binOf(previous * previousMultiplier + hash, bits),
      },
      unigram,
    ];
  });
}

/** The scores of a text, one for each output, straight from the definition. */
export function scoreSlowly(weights: Weights, text: Uint8Array): Float32Array {
  const ngrams = listNgrams(text, weights.bits);
  return Float32Array.from(weights.outputs, ({ bias, scale }, output) => {
    const sum = ngrams.reduce((total, { bin }) => total + weights.at(bin, output), 0);
    return Math.fround(bias + (scale * sum) / (ngrams.length + priorNgrams)) + 0;
  });
}

/**
 * A token's first 8 bytes as one little-endian number, multiplied and folded. `token` has one character for
 * each byte.
 */
function hashToken(token: string): bigint {
  const bytes = Buffer.alloc(countedBytes);
  for (const [i, byte] of [...Buffer.from(token, 'latin1').subarray(0, countedBytes)].entries())
    bytes[i] = byte | 0x20;
  const product = BigInt.asUintN(64, bytes.readBigUInt64LE() * byteMultiplier);
  return product ^ (product >> 32n);
}

/** The bin of a hash: the upper bits of one more product. */
function binOf(hash: bigint, bits: number): number {
  return Number(BigInt.asUintN(64, BigInt.asUintN(64, hash) * binMultiplier) >> BigInt(64 - bits));
}
