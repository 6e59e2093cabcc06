// The strata of an audit: slices of the ranking with equal shares of the documents, and the sources in them.

import { openRandom } from '../../data/seeded-random.ts';
import type { Slice } from './audit.ts';

/** Documents down to a score. */
export interface ScoreGroup {
  /** The lowest score of the group. */
  from: number;
  documents: number;
  tokens: number;
}

/**
 * Cuts groups of scores, best first, into at most `count` slices with as equal numbers of documents as whole
 * groups allow. Documents with one score are never parted, so there may be fewer slices.
 */
export function cutSlices(groups: readonly ScoreGroup[], count: number): Omit<Slice, 'drawn'>[] {
  const all = groups.reduce((sum, { documents }) => sum + documents, 0);
  const slices: Omit<Slice, 'drawn'>[] = [];
  let next = { documents: 0, tokens: 0 };
  let above: number | null = null;
  let done = 0;
  for (const [at, { from, documents, tokens }] of groups.entries()) {
    next = { documents: next.documents + documents, tokens: next.tokens + tokens };
    done += documents;
    const following = groups[at + 1]?.documents ?? 0;
    // The next of the equal ends; a slice ends where one more group would lead further away from it.
    const end = ((Math.round(((done - next.documents) * count) / all) + 1) * all) / count;
    const isLast = at === groups.length - 1;
    if (!isLast && Math.abs(done + following - end) < Math.abs(done - end)) continue;
    slices.push({ from: isLast ? null : from, to: above, ...next });
    above = from;
    next = { documents: 0, tokens: 0 };
  }
  return slices;
}

/** Shares `count` out equally among capacities, in turn; what one cannot take goes to the others. */
export function shareOut(count: number, capacities: readonly number[]): number[] {
  const shares = capacities.map(() => 0);
  let left = count;
  for (let open = true; open && left > 0;) {
    open = false;
    for (const [at, capacity] of capacities.entries()) {
      const own = shares[at] ?? 0;
      if (left === 0 || own >= capacity) continue;
      shares[at] = own + 1;
      left--;
      open = true;
    }
  }
  return shares;
}

/**
 * How many of `count` documents to draw from each source of a slice: systematic sampling with one random
 * start (0 to 1), so that each source gets its exact share, rounded up or down at random, and every document
 * of the slice has the same chance.
 */
export function spreadOverSources(count: number, sources: readonly number[], start: number): number[] {
  const all = sources.reduce((sum, documents) => sum + documents, 0);
  let before = 0;
  return sources.map((documents) => {
    const drawn = placesUpTo(before + documents) - placesUpTo(before);
    before += documents;
    return drawn;
  });
  function placesUpTo(documents: number): number {
    return Math.floor((documents * count) / all + start);
  }
}

/** The random start of each slice. */
export function randomStarts(seed: number, slices: number): number[] {
  const random = openRandom(seed);
  return Array.from({ length: slices }, random);
}
