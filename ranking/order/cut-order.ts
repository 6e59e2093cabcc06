// The exact cutoff from memory: two binary searches in an order instead of the SQL of `findCutoff`. A cutoff
// at a score needs one.

import type { Cutoff } from '../cutoff.ts';
import { type Order, tokensUpTo } from './order.ts';
import { bitsOf, scoreOf } from './ordered-bits.ts';
import { stride } from './sort-scores.ts';

/** A cutoff that identifies the last document kept among equal scores by its position. */
export type PlacedCutoff = Omit<Cutoff, 'last'> & { last: number | null };

/** Documents of equal score around a cut, whose order by key is not known yet. */
export interface Tie {
  positions: Uint32Array;
  /** As ordered bits. */
  score: number;
  /** The cutoff for the positions sorted by key. */
  decide: (positions: Uint32Array) => PlacedCutoff;
}

/** The cutoff at a share of the tokens, or the tie that keys must decide. */
export function cutOrder(order: Order, share: number): { cutoff: PlacedCutoff } | { tie: Tie } {
  const { positions, tokens, tokensBefore } = order;
  const count = positions.length;
  const ofTokens = tokensBefore[tokensBefore.length - 1] ?? 0;
  const limitTokens = Math.floor(share * ofTokens);
  const cutAt = (documents: number, keptTokens: number, last: number | null): PlacedCutoff => ({
    score: documents === 0 ? null : scoreOf(bitsAt(order, documents - 1)),
    last,
    documents,
    tokens: keptTokens,
    ofDocuments: count,
    ofTokens,
  });
  const fitting = countFitting(order, limitTokens);
  if (fitting === count) return { cutoff: cutAt(count, ofTokens, null) };
  const { from, to, score } = groupAt(order, fitting);
  if (to - from < 2 || (order.byKey && fitting === from))
    return { cutoff: cutAt(from, tokensUpTo(order, from), null) };
  if (order.byKey)
    return { cutoff: cutAt(fitting, tokensUpTo(order, fitting), positions[fitting - 1] ?? null) };
  return {
    tie: {
      positions: positions.slice(from, to),
      score,
      decide(ordered) {
        let kept = tokensUpTo(order, from);
        let place = 0;
        for (const position of ordered) {
          const own = tokens[position] ?? 0;
          if (kept + own > limitTokens) break;
          kept += own;
          place++;
        }
        return cutAt(from + place, kept, place === 0 ? null : (ordered[place - 1] ?? null));
      },
    },
  };
}

/** The cutoff that keeps every document with at least this score, compared as a float32. */
export function cutOrderAtScore(order: Order, score: number): PlacedCutoff {
  const { positions, tokensBefore } = order;
  const documents = countAtLeast(order, bitsOf(score));
  return {
    score: documents === 0 ? null : scoreOf(bitsAt(order, documents - 1)),
    last: null,
    documents,
    tokens: tokensUpTo(order, documents),
    ofDocuments: positions.length,
    ofTokens: tokensBefore[tokensBefore.length - 1] ?? 0,
  };
}

/** How many documents have at least these ordered bits. */
function countAtLeast({ bins, starts, lows }: Order, bits: number): number {
  const bin = bits >>> 16;
  const low = bits & 0xffff;
  const at = bins.findIndex((own) => own <= bin);
  if (at < 0) return lows.length;
  const [start = 0, end = 0] = [starts[at], starts[at + 1]];
  return bins[at] === bin ? searchLows(lows, start, end, (own) => own < low) : start;
}

/** How many documents fit, best first. */
function countFitting({ tokensBefore, positions, tokens }: Order, limitTokens: number): number {
  // The last stride that begins within the limit; several may begin at the same sum.
  let [low, high] = [0, tokensBefore.length - 1];
  if ((tokensBefore[high] ?? 0) <= limitTokens) return positions.length;
  while (low < high) {
    const middle = (low + high + 1) >>> 1;
    if ((tokensBefore[middle] ?? 0) <= limitTokens) low = middle;
    else high = middle - 1;
  }
  let place = low * stride;
  let sum = tokensBefore[low] ?? 0;
  while (place < positions.length) {
    sum += tokens[positions[place] ?? 0] ?? 0;
    if (sum > limitTokens) break;
    place++;
  }
  return place;
}

/** The ordered bits of the score at a place. */
export function bitsAt(order: Order, place: number): number {
  return (((order.bins[binAt(order, place)] ?? 0) << 16) | (order.lows[place] ?? 0)) >>> 0;
}

function binAt({ starts, bins }: Order, place: number): number {
  let [low, high] = [0, bins.length - 1];
  while (low < high) {
    const middle = (low + high + 1) >>> 1;
    if ((starts[middle] ?? 0) <= place) low = middle;
    else high = middle - 1;
  }
  return low;
}

/** The places of all documents with the same score as the one at a place. */
function groupAt(order: Order, place: number): { from: number; to: number; score: number } {
  const bin = binAt(order, place);
  const low = order.lows[place] ?? 0;
  const [start = 0, end = 0] = [order.starts[bin], order.starts[bin + 1]];
  return {
    from: searchLows(order.lows, start, end, (at) => at <= low),
    to: searchLows(order.lows, start, end, (at) => at < low),
    score: bitsAt(order, place),
  };
}

/** The first place in [start, end) whose lower half satisfies `reached`; lower halves descend. */
function searchLows(
  lows: Uint16Array,
  start: number,
  end: number,
  reached: (low: number) => boolean,
): number {
  let [low, high] = [start, end];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (reached(lows[middle] ?? 0)) high = middle;
    else low = middle + 1;
  }
  return low;
}
