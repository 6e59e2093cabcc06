// The n-grams of DSIR (arXiv 2302.03169 and its authors' code): lowercase tokens `\w+|[^\w\s]+` as in Python,
// each token and every two consecutive ones joined by a space, hashed with SHA-256 into 10,000 buckets.

import { createHash } from 'node:crypto';

export const buckets = 10_000;

/**
 * Python's \w is letters, numbers and "_"; its \s differs from JavaScript's in four separators, U+0085 and
 * the byte-order mark.
 */
const space = '\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000';
const tokenPattern = new RegExp(`[\\p{L}\\p{N}_]+|[^\\p{L}\\p{N}_${space}]+`, 'gu');
const wordCharacter = /^[\p{L}\p{N}_]$/u;
const spaceCharacter = new RegExp(`^[${space}]$`, 'u');

/** Tokens consist of word characters or of marks; spaces separate them. */
export type Kind = 'word' | 'mark' | 'space';

/** The kind of a lowercase character. */
export function kindOf(character: string): Kind {
  return wordCharacter.test(character) ? 'word' : spaceCharacter.test(character) ? 'space' : 'mark';
}

/** The tokens of a text, in order. */
export function listTokens(text: string): string[] {
  return text.toLowerCase().match(tokenPattern) ?? [];
}

/** The bucket of an n-gram: its SHA-256 as one number, modulo 10,000. */
export function bucketOf(ngram: string): number {
  const digest = createHash('sha256').update(ngram).digest();
  let rest = 0;
  for (let at = 0; at < digest.length; at += 4)
    rest = (rest * (2 ** 32 % buckets) + digest.readUInt32BE(at)) % buckets;
  return rest;
}

/**
 * The buckets of a text's n-grams: of every token, followed by that of the bigram it ends. Slow and simple;
 * `openHasher` is fast.
 */
export function listBuckets(text: string): number[] {
  const tokens = listTokens(text);
  return tokens.flatMap((token, i) =>
    i === 0 ? [bucketOf(token)] : [bucketOf(token), bucketOf(`${tokens[i - 1] ?? ''} ${token}`)],
  );
}
