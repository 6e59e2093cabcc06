// Seeded chance: the same seed gives the same numbers on every machine.

import { keyHash } from '../data/hash.ts';

/** Numbers in [0, 1), by the generator mulberry32. */
export function openRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Brings the items into a chance order, in place (Fisher and Yates). */
export function shuffle(items: Uint32Array, random: () => number): void {
  for (let i = items.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    const item = items[i] ?? 0;
    items[i] = items[j] ?? 0;
    items[j] = item;
  }
}

export interface Split {
  training: Uint32Array;
  heldOut: Uint32Array;
}

const heldOutShare = 0.2;
const mostHeldOut = 50_000;

/** Holds out about 20 % of the documents, at most 50,000: those whose keys have the smallest seeded hashes, whatever their order. */
export function splitDocuments(keys: readonly string[], seed: number): Split {
  // The prefix keeps this choice apart from the sample's, which may have the same seed.
  const hashes = BigUint64Array.from(keys, (key) => keyHash(`held out\n${key}`, seed));
  const order = Uint32Array.from(keys.keys()).sort((a, b) => compare(hashes[a] ?? 0n, hashes[b] ?? 0n) || a - b);
  const held = Math.min(mostHeldOut, Math.round(keys.length * heldOutShare));
  return { training: order.slice(held).sort(), heldOut: order.slice(0, held).sort() };
}

function compare(a: bigint, b: bigint): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
