// The definition of a text's features, in simple, slow code. The fast loop (score.as.ts) must agree with it
// bin by bin.
//
// Tokens: a word is a run of ASCII letters, digits, "_" and bytes from 0x80 up (UTF-8 beyond ASCII). Every
// other visible ASCII character is its own token; the rest separates tokens. Only the first 8 bytes of a
// token count, each with bit 0x20 set: this lowercases ASCII letters and acts as a coarse stemmer (measured:
// docs/classifier.md). N-grams: every token, and every two consecutive tokens, whatever separates them. Score
// of an output: bias + scale · (sum of the n-grams' weights) / (n-grams + 256), that is their mean, shrunk
// toward the bias in short texts.

import type { Weights } from './weights.ts';

export interface Ngram {
  ngram: string;
  bin: number;
}

/** Added to a text's number of n-grams, so that short texts score near the bias. */
export const priorNgrams = 256;

export const countedBytes = 8;
/** Matches tokens in a text's bytes decoded as latin1, one character per byte. */
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

/** The scores of a text, one per output, straight from the definition. */
export function scoreSlowly(weights: Weights, text: Uint8Array): Float32Array {
  const ngrams = listNgrams(text, weights.bits);
  return Float32Array.from(weights.outputs, ({ bias, scale }, output) => {
    const sum = ngrams.reduce((total, { bin }) => total + weights.at(bin, output), 0);
    return Math.fround(bias + (scale * sum) / (ngrams.length + priorNgrams)) + 0;
  });
}

/**
 * A token's first 8 bytes as one little-endian number, multiplied and folded. `token` has one character per
 * byte.
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
