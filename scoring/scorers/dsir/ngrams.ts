// The n-grams of DSIR (arXiv 2302.03169, and its authors' code): lower-case tokens `\w+|[^\w\s]+` in Python's
// sense, each token and every two in a row joined by a space, hashed by SHA-256 into 10,000 buckets.

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

/** What a token may consist of: of word characters, or of marks; spaces part tokens. */
export type Kind = 'word' | 'mark' | 'space';

/** The kind of a character, in lower case. */
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
 * The buckets of a text's n-grams: of every token, and after it of the two that it ends. The slow and obvious
 * way; `openHasher` is the fast one.
 */
export function listBuckets(text: string): number[] {
  const tokens = listTokens(text);
  return tokens.flatMap((token, i) =>
    i === 0 ? [bucketOf(token)] : [bucketOf(token), bucketOf(`${tokens[i - 1] ?? ''} ${token}`)],
  );
}
