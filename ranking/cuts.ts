// Exact cutoffs of one ranking from memory, asked as often as one likes.

import { openBoundedCache } from '../data/bounded-cache.ts';
import type { Run } from '../data/run.ts';
import { type Cutoff, findCutoff } from './cutoff.ts';
import { cutOrder, type Key } from './order-cutoff.ts';
import type { Ordered } from './orders.ts';
import { readKeys } from './positions.ts';

/** The keys of more tied documents than this are not kept in memory; SQL then counts the whole cutoff. */
const mostTied = 256;
const tiesKept = 10_000;

/** Errors: those of `findCutoff`. */
export type Cut = (share: number) => Cutoff | Promise<Cutoff>;

/** Cuts an order; the disk is asked only where documents of equal score have to be told apart, and once for each such score. */
export function openCuts(run: Run, { order, ranking, written }: Ordered): Cut {
  const ties = openBoundedCache<number, readonly Key[] | Promise<readonly Key[]>>(tiesKept);
  const counted = openBoundedCache<number, Promise<Cutoff>>(tiesKept);
  const count = (share: number): Promise<Cutoff> => {
    const limitTokens = Math.floor(share * ranking.tokens);
    const cutoff = counted.get(limitTokens) ?? written.then(() => findCutoff(run, ranking, share));
    counted.set(limitTokens, cutoff);
    cutoff.catch(() => counted.delete(limitTokens));
    return cutoff;
  };
  return (share) => {
    const found = cutOrder(order, share);
    if (!('tie' in found)) return found;
    const { tie: { score, positions }, decide } = found;
    if (positions.length > mostTied) return count(share);
    const known = ties.get(score);
    if (known !== undefined) return known instanceof Promise ? known.then(decide) : decide(known);
    const read = readKeys(run, ranking, positions);
    ties.set(score, read);
    return read.then(
      (keys) => {
        ties.set(score, keys);
        return decide(keys);
      },
      (error: unknown) => {
        ties.delete(score);
        throw error;
      },
    );
  };
}
