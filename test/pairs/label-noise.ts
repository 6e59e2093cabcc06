// Label noise planted on purpose: pairs whose sides are swapped, and how many of them a measurement finds hard.

import { openRandom, shuffle } from '../../data/seeded-random.ts';

export interface Sides {
  chosen: unknown;
  rejected: unknown;
}

/** The rows with the sides of a random share of them swapped, and which ones these are. */
export function swapSides<T extends Sides>(
  rows: readonly T[],
  share: number,
  seed: number,
): { rows: T[]; swapped: Set<number> } {
  const order = Uint32Array.from(rows.keys());
  shuffle(order, openRandom(seed));
  const swapped = new Set(order.slice(0, Math.round(share * rows.length)));
  return {
    rows: rows.map((row, at) =>
      swapped.has(at) ? { ...row, chosen: row.rejected, rejected: row.chosen } : row,
    ),
    swapped,
  };
}

/** The share of swapped pairs that is among the hardest `share` of all; unknown pairs are in no place. */
export function shareFound(
  difficulties: readonly (number | null)[],
  swapped: ReadonlySet<number>,
  share: number,
): number {
  const known = [...difficulties.entries()].flatMap(([pair, difficulty]) =>
    difficulty === null ? [] : [{ pair, difficulty }],
  );
  const hardest = known
    .sort((a, b) => b.difficulty - a.difficulty || a.pair - b.pair)
    .slice(0, Math.round(share * known.length));
  return hardest.filter(({ pair }) => swapped.has(pair)).length / swapped.size;
}
