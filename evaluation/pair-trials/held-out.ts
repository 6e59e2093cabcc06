// Sets pairs aside that no arm learns from. Pairs with equal or similar prompts stay together, so that no model is
// measured on a prompt that it has seen.

import { openRandom, shuffle } from '../../data/seeded-random.ts';
import { formatCount, formatShare } from '../../run/amounts.ts';

export interface HeldOutPairs {
  /** For each pair, whether it is held out. */
  isHeld: Uint8Array;
  /** The first pair of each held-out group, in random order. */
  firsts: number[];
  count: number;
  notes: string[];
}

/**
 * Draws whole groups until `most` pairs are held out. `groups` has the group of each pair, and only pairs of which
 * `isUsable` is 1 are held out. A group with more pairs than are still wanted is left to the arms.
 */
export function drawHeldOut(
  groups: Uint32Array,
  isUsable: Uint8Array,
  most: number,
  seed: number,
): HeldOutPairs {
  const members = new Map<number, number[]>();
  for (const [pair, group] of groups.entries()) {
    if (isUsable[pair] !== 1) continue;
    const own = members.get(group);
    if (own === undefined) members.set(group, [pair]);
    else own.push(pair);
  }
  const order = Uint32Array.from(members.keys());
  shuffle(order, openRandom(seed));
  const held: HeldOutPairs = { isHeld: new Uint8Array(groups.length), firsts: [], count: 0, notes: [] };
  let largest = 0;
  for (const group of order) {
    const own = members.get(group) ?? [];
    if (held.count + own.length > most) {
      largest = Math.max(largest, own.length);
      continue;
    }
    for (const pair of own) held.isHeld[pair] = 1;
    const [first] = own;
    if (first !== undefined) held.firsts.push(first);
    held.count += own.length;
  }
  const all = isUsable.reduce((sum, one) => sum + one, 0);
  if (largest > most && largest / all > 0.1)
    held.notes.push(
      `${formatCount(largest)} pairs (${formatShare(largest / all)}) have nearly the same prompt. They are too many ` +
        'to hold out together, so no model is measured on this prompt.',
    );
  return held;
}
