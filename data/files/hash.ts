// A fast seeded hash of document keys, so that a sample depends only on the keys.

/**
 * A 64-bit hash of a key (two 32-bit multiplicative lanes over its UTF-16 units, after bryc's cyrb53).
 * Uniform, but not cryptographic: anyone who controls the keys can control the sample.
 */
export function keyHash(key: string, seed: number): bigint {
  let low = 0xdeadbeef ^ seed;
  let high = 0x41c6ce57 ^ Math.imul(seed, 0x9e3779b1);
  for (let i = 0; i < key.length; i++) {
    const unit = key.charCodeAt(i);
    low = Math.imul(low ^ unit, 2654435761);
    high = Math.imul(high ^ unit, 1597334677);
  }
  const mixedLow = mix(low) ^ mix(high ^ 0x85ebca6b);
  const mixedHigh = mix(high) ^ mix(low ^ 0xc2b2ae35);
  return (BigInt(mixedHigh >>> 0) << 32n) | BigInt(mixedLow >>> 0);
}

/** The finalizer of MurmurHash3: every input bit moves every output bit. */
function mix(lane: number): number {
  let value = lane ^ (lane >>> 16);
  value = Math.imul(value, 0x85ebca6b);
  value ^= value >>> 13;
  value = Math.imul(value, 0xc2b2ae35);
  return value ^ (value >>> 16);
}
