// Finds the buckets of a text's n-grams, fast. Promises: the result of `listBuckets` (ngrams.ts), in its
// order; bounded memory. Caches tokens by number and pairs by their two numbers, so only new n-grams are
// hashed.

import { bucketOf, buckets, kindOf } from './ngrams.ts';
import { digest, hashBlock, longestMessage } from './sha256.ts';

/**
 * Cache sizes: tokens and pairs (powers of two), and UTF-16 units of tokens. If there is no room for tokens,
 * the next text starts with empty caches.
 */
export const memorySizes = { tokens: 1 << 19, units: 1 << 22, pairs: 1 << 21 };
/** Longer tokens are not cached. */
const longestToken = 64;

const codes = { space: 1, word: 2, mark: 3 } as const;
/** Codes by code point; 0 if not computed yet. */
const kinds = new Uint8Array(0x110000);

function codeOf(codePoint: number): number {
  const known = kinds[codePoint] ?? 0;
  return known === 0 ? (kinds[codePoint] = codes[kindOf(String.fromCodePoint(codePoint))]) : known;
}

/**
 * Opens a hasher that returns the buckets of a text's n-grams, in an array that is valid until the next call.
 */
export function openHasher(sizes = memorySizes): (text: string) => Uint16Array {
  const tokens = openTokens(sizes);
  const pairs = openPairs(sizes.tokens, sizes.pairs);
  let out = new Uint16Array(1 << 16);
  return (text) => {
    if (tokens.isFull()) {
      tokens.forget();
      pairs.forget();
    }
    const lower = text.toLowerCase();
    if (out.length < 2 * lower.length) out = new Uint16Array(3 * lower.length);
    let count = 0;
    let previous = -1;
    let previousStart = 0;
    let previousEnd = 0;
    let previousAscii = false;
    // Invariant: [start, at) is the beginning of a token of the kind `kind`, or spaces; `bits` is the OR of
    // its code points.
    let kind: number = codes.space;
    let start = 0;
    let hash = 0;
    let bits = 0;
    for (let at = 0; at <= lower.length; at++) {
      let codePoint = at === lower.length ? 0x20 : lower.charCodeAt(at);
      if ((codePoint & 0xfc00) === 0xd800) codePoint = lower.codePointAt(at) ?? 0;
      const next = codeOf(codePoint);
      if (next !== kind) {
        if (kind !== codes.space) {
          const ascii = bits < 0x80;
          const token = tokens.find(lower, start, at, hash, ascii);
          out[count++] = token < 0 ? bucketOf(lower.slice(start, at)) : tokens.bucketOf(token);
          if (previousEnd > 0)
            out[count++] = pairs.bucketOf(
              previous,
              token,
              lower,
              previousStart,
              previousEnd,
              start,
              at,
              ascii && previousAscii,
            );
          previous = token;
          previousStart = start;
          previousEnd = at;
          previousAscii = ascii;
        }
        kind = next;
        start = at;
        hash = 0;
        bits = 0;
      }
      hash = Math.imul(hash ^ codePoint, 0x01000193) + 0x61c88647;
      bits |= codePoint;
      if (codePoint > 0xffff) at++;
    }
    return out.subarray(0, count);
  };
}

interface Tokens {
  /**
   * The number of the token [start, end) of a text, which is then cached; −1 if there is no room.
   */
  find: (lower: string, start: number, end: number, hash: number, ascii: boolean) => number;
  bucketOf: (token: number) => number;
  isFull: () => boolean;
  forget: () => void;
}

function openTokens({ tokens: most, units: mostUnits }: typeof memorySizes): Tokens {
  // Open addressing: a slot has a token's number + 1, or 0; at most half are used.
  const slots = new Int32Array(2 * most);
  const shift = 1 + Math.clz32(slots.length);
  const starts = new Uint32Array(most + 1);
  const units = new Uint16Array(mostUnits);
  const tokenBuckets = new Uint16Array(most);
  let count = 0;
  const isSame = (token: number, lower: string, start: number, end: number): boolean => {
    const first = starts[token] ?? 0;
    if ((starts[token + 1] ?? 0) - first !== end - start) return false;
    for (let i = start; i < end; i++) if (units[first + i - start] !== lower.charCodeAt(i)) return false;
    return true;
  };
  const isFull = (): boolean => count === most || (starts[count] ?? 0) + longestToken > mostUnits;
  return {
    find(lower, start, end, hash, ascii) {
      if (end - start > longestToken) return -1;
      let slot = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d) >>> shift;
      for (let found = slots[slot] ?? 0; found > 0; found = slots[slot] ?? 0) {
        if (isSame(found - 1, lower, start, end)) return found - 1;
        slot = (slot + 1) & (slots.length - 1);
      }
      if (isFull()) return -1;
      const first = starts[count] ?? 0;
      for (let i = start; i < end; i++) units[first + i - start] = lower.charCodeAt(i);
      starts[count + 1] = first + end - start;
      tokenBuckets[count] =
        ascii && end - start <= longestMessage
          ? hashAscii(lower, start, end, -1, -1)
          : bucketOf(lower.slice(start, end));
      slots[slot] = count + 1;
      return count++;
    },
    bucketOf: (token) => tokenBuckets[token] ?? 0,
    isFull,
    forget() {
      slots.fill(0);
      count = 0;
    },
  };
}

interface Pairs {
  /** The bucket of two tokens, by their numbers (−1: not cached) and positions in the text. */
  bucketOf: (
    first: number,
    second: number,
    lower: string,
    firstStart: number,
    firstEnd: number,
    start: number,
    end: number,
    ascii: boolean,
  ) => number;
  forget: () => void;
}

/** A direct-mapped cache: a new pair replaces the one in its slot. */
function openPairs(mostTokens: number, most: number): Pairs {
  const keys = new Float64Array(most);
  const pairBuckets = new Uint16Array(most);
  const hashPair = (
    lower: string,
    firstStart: number,
    firstEnd: number,
    start: number,
    end: number,
    ascii: boolean,
  ): number =>
    ascii && firstEnd - firstStart + 1 + end - start <= longestMessage
      ? hashAscii(lower, firstStart, firstEnd, start, end)
      : bucketOf(`${lower.slice(firstStart, firstEnd)} ${lower.slice(start, end)}`);
  return {
    bucketOf(first, second, lower, firstStart, firstEnd, start, end, ascii) {
      if (first < 0 || second < 0) return hashPair(lower, firstStart, firstEnd, start, end, ascii);
      const key = first * mostTokens + second + 1;
      const mixed = Math.imul(first, 0x9e3779b1) ^ Math.imul(second, 0x85ebca6b);
      const slot = (mixed ^ (mixed >>> 15)) & (most - 1);
      if (keys[slot] !== key) {
        pairBuckets[slot] = hashPair(lower, firstStart, firstEnd, start, end, ascii);
        keys[slot] = key;
      }
      return pairBuckets[slot] ?? 0;
    },
    forget() {
      keys.fill(0);
    },
  };
}

const block = new Int32Array(16);

/**
 * `bucketOf` the ASCII characters [start, end), followed by " " and [nextStart, nextEnd) unless nextStart is
 * −1; at most 55 characters.
 */
function hashAscii(text: string, start: number, end: number, nextStart: number, nextEnd: number): number {
  block.fill(0);
  let at = putIntoBlock(text, start, end, 0);
  if (nextStart >= 0) at = putIntoBlock(text, nextStart, nextEnd, putByte(0x20, at));
  putByte(0x80, at);
  block[15] = 8 * at;
  hashBlock(block);
  let rest = 0;
  for (let i = 0; i < 8; i++) rest = (rest * (2 ** 32 % buckets) + (digest[i] ?? 0)) % buckets;
  return rest;
}

function putIntoBlock(text: string, start: number, end: number, at: number): number {
  for (let i = start; i < end; i++) at = putByte(text.charCodeAt(i), at);
  return at;
}

function putByte(byte: number, at: number): number {
  block[at >> 2] = (block[at >> 2] ?? 0) | (byte << (24 - 8 * (at & 3)));
  return at + 1;
}
