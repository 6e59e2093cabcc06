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
  let done = 0;
  const upTo = groups.map(({ documents }) => (done += documents));
  const ends = new Set<number>();
  let end = 0;
  for (let slice = 1; slice < count; slice++) {
    const wanted = (slice * done) / count;
    const distance = (at: number): number => Math.abs((upTo[at] ?? Infinity) - wanted);
    while (distance(end + 1) < distance(end)) end++;
    ends.add(end);
  }
  ends.add(groups.length - 1);
  let first = 0;
  let to: number | null = null;
  return [...ends].map((last) => {
    const own = groups.slice(first, last + 1);
    const slice = {
      from: last === groups.length - 1 ? null : (groups[last]?.from ?? null),
      to,
      documents: own.reduce((sum, { documents }) => sum + documents, 0),
      tokens: own.reduce((sum, { tokens }) => sum + tokens, 0),
    };
    first = last + 1;
    to = slice.from;
    return slice;
  });
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
