// Exact cutoffs of one ranking from memory.

import { openBoundedCache } from '../../data/files/bounded-cache.ts';
import type { Run } from '../../run/run.ts';
import { type Cutoff, findCutoff } from '../cutoff.ts';
import { cutOrder, cutOrderAtScore, type PlacedCutoff } from './cut-order.ts';
import type { CutPoint } from '../score-cutoffs.ts';
import type { Ordered } from './converse.ts';
import { readKeys } from './positions.ts';

/** With more tied documents, SQL counts the cutoff instead of fetching their keys one by one. */
const mostTied = 256;
const tiesKept = 10_000;

export interface Cuts {
  /**
   * The counts, and whether the cut falls among equal scores (`last` is not null). Errors: those of
   * `findCutoff`.
   */
  cut: (point: CutPoint) => PlacedCutoff | Cutoff | Promise<PlacedCutoff | Cutoff>;
  /** The same with the keys of the last document, for SQL. Errors: the same. */
  find: (point: CutPoint) => Promise<Cutoff>;
}

/**
 * Cuts an order. Reads from disk in `find`, and in `cut` only while the order by key is unknown, once for
 * each score with a tie.
 */
export function openCuts(run: Run, { order, ranking, written }: Ordered): Cuts {
  const ties = openBoundedCache<number, Uint32Array>(tiesKept);
  const counted = openBoundedCache<number, Promise<Cutoff>>(tiesKept);
  const count = (share: number): Promise<Cutoff> => {
    const limitTokens = Math.floor(share * ranking.tokens);
    const cutoff = counted.get(limitTokens) ?? written.then(() => findCutoff(run, ranking, share));
    counted.set(limitTokens, cutoff);
    cutoff.catch(() => counted.delete(limitTokens));
    return cutoff;
  };
  const cut: Cuts['cut'] = (point) => {
    if ('score' in point) return cutOrderAtScore(order, point.score);
    const { share } = point;
    const found = cutOrder(order, share);
    if ('cutoff' in found) return found.cutoff;
    const { score, positions, decide } = found.tie;
    const known = ties.get(score);
    if (known !== undefined) return decide(known);
    if (positions.length > mostTied) return count(share);
    return readKeys(run, ranking, positions).then((keys) => {
      const ordered = Uint32Array.from(keys, ({ position }) => position);
      ties.set(score, ordered);
      return decide(ordered);
    });
  };
  return {
    cut,
    async find(point) {
      const { last, ...figures } = await cut(point);
      if (typeof last !== 'number') return { ...figures, last };
      const [key] = await readKeys(run, ranking, Uint32Array.of(last));
      return {
        ...figures,
        last: key === undefined ? null : { document: key.document, shard: key.shard, row: key.row },
      };
    },
  };
}
