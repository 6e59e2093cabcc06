// The n-grams of DSIR (arXiv 2302.03169, and its authors' code): lower-case tokens `\w+|[^\w\s]+` in Python's sense, each token and every two in
// a row joined by a space, hashed by SHA-256 into 10,000 buckets.

import { createHash } from 'node:crypto';

export const buckets = 10_000;

/** Python's \w is letters, numbers and "_"; its \s differs from JavaScript's in four separators, U+0085 and the byte-order mark. */
const space = '\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000';
const tokenPattern = new RegExp(`[\\p{L}\\p{N}_]+|[^\\p{L}\\p{N}_${space}]+`, 'gu');

/** N-grams whose buckets are kept at hand; beyond so many the memory starts anew. */
const mostKnown = 1 << 20;

/** The tokens of a text, in order. */
export function listTokens(text: string): string[] {
  return text.toLowerCase().match(tokenPattern) ?? [];
}

/** The bucket of an n-gram: its SHA-256 as one number, modulo 10,000. */
export function bucketOf(ngram: string): number {
  const digest = createHash('sha256').update(ngram).digest();
  let rest = 0;
  for (let at = 0; at < digest.length; at += 4) rest = (rest * (2 ** 32 % buckets) + digest.readUInt32BE(at)) % buckets;
  return rest;
}

/** Opens a counter: it hands the bucket of every uni- and bigram of a text to `take`. */
export function openCounter(): (text: string, take: (bucket: number) => void) => void {
  const known = new Map<string, number>();
  const lookUp = (ngram: string): number => {
    const found = known.get(ngram);
    if (found !== undefined) return found;
    const bucket = bucketOf(ngram);
    if (known.size === mostKnown) known.clear();
    known.set(ngram, bucket);
    return bucket;
  };
  return (text, take) => {
    let previous: string | undefined;
    for (const token of listTokens(text)) {
      take(lookUp(token));
      if (previous !== undefined) take(lookUp(`${previous} ${token}`));
      previous = token;
    }
  };
}
