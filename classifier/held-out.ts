// Selects the held-out documents of the sample by a seeded hash of their keys, the same on every machine.

import { keyHash } from '../data/files/hash.ts';

export interface Split {
  training: Uint32Array;
  heldOut: Uint32Array;
}

const heldOutShare = 0.2;
const mostHeldOut = 50_000;

/**
 * Holds out 20% of the documents, at most 50,000: those whose keys have the smallest seeded hashes. The
 * order of the documents does not matter.
 */
export function splitDocuments(keys: readonly string[], seed: number): Split {
  // The prefix makes this choice independent of the sample's, which may use the same seed.
  const hashes = BigUint64Array.from(keys, (key) => keyHash(`held out\n${key}`, seed));
  const order = orderBy(hashes);
  const held = Math.min(mostHeldOut, Math.round(keys.length * heldOutShare));
  return { training: order.slice(held).sort(), heldOut: order.slice(0, held).sort() };
}

/** At most `most` of the documents: those whose keys have the smallest seeded hashes. */
export function drawDocuments(keys: readonly string[], most: number, seed: number): Uint32Array {
  if (keys.length <= most) return Uint32Array.from(keys.keys());
  return orderBy(BigUint64Array.from(keys, (key) => keyHash(`measured\n${key}`, seed)))
    .slice(0, most)
    .sort();
}

function orderBy(hashes: BigUint64Array): Uint32Array {
  return Uint32Array.from(hashes.keys()).sort((a, b) => compare(hashes[a] ?? 0n, hashes[b] ?? 0n) || a - b);
}

function compare(a: bigint, b: bigint): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
