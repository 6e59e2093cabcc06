// Lays scores out in bins, and ranks the scores of one bin.

import { binCount } from '../../scoring/part.ts';
import { orderedBits } from './ordered-bits.ts';

/**
 * What a slice shares with the others for one benchmark: the lower halves of its scores' ordered bits, bin by
 * bin (best first), and where each bin begins.
 */
export interface Shown {
  lows: Uint16Array;
  /** By bin number, with one more for the end: bin b spans starts[b + 1] up to, not including, starts[b]. */
  starts: Uint32Array;
}

/** This and the next loop are separate functions so that V8 optimizes each as a unit. */
export function lookUpRanks(lows: Uint16Array, from: number, to: number, rankAt: Uint32Array): void {
  for (let place = from; place < to; place++) rankAt[place] = rankOfLow[lows[place] ?? 0] ?? 0;
}

/** Lays a slice's documents out by bin, each with its position. */
export function spread(scores: Float32Array, { lows, starts }: Shown, positions: Uint32Array): void {
  const raw = new Uint32Array(scores.buffer, scores.byteOffset, scores.length);
  const places = new Uint32Array(binCount);
  for (let position = 0; position < scores.length; position++) {
    const bin = orderedBits(raw[position] ?? 0) >>> 16;
    places[bin] = (places[bin] ?? 0) + 1;
  }
  let next = 0;
  starts[binCount] = 0;
  for (let bin = binCount - 1; bin >= 0; bin--) {
    const count = places[bin] ?? 0;
    places[bin] = next;
    next += count;
    starts[bin] = next;
  }
  for (let position = 0; position < scores.length; position++) {
    const ordered = orderedBits(raw[position] ?? 0);
    const place = places[ordered >>> 16] ?? 0;
    places[ordered >>> 16] = place + 1;
    lows[place] = ordered & 0xffff;
    positions[place] = position;
  }
}

const lowsCount = 1 << 16;
const rankOfLow = new Uint32Array(lowsCount);
/** Smaller bins are sorted, as counting goes through all 65,536 lower halves. */
const fewestToCount = 1024;

/**
 * Fills `rankOfLow` for the lower halves that occur in a bin: how many documents of all slices score higher.
 */
export function rankLows(all: readonly Shown[], bin: number, count: number, above: number): void {
  const own = all.map(({ lows, starts }) => lows.subarray(starts[bin + 1], starts[bin]));
  if (count < fewestToCount) {
    const sorted = new Uint16Array(count);
    let next = 0;
    for (const lows of own) {
      sorted.set(lows, next);
      next += lows.length;
    }
    sorted.sort();
    // Ascending, the last of equals sets how many are above.
    for (let i = 0; i < count; i++) rankOfLow[sorted[i] ?? 0] = above + count - 1 - i;
    return;
  }
  rankOfLow.fill(0);
  for (const lows of own) {
    for (let place = 0; place < lows.length; place++) {
      const low = lows[place] ?? 0;
      rankOfLow[low] = (rankOfLow[low] ?? 0) + 1;
    }
  }
  let rank = above;
  for (let low = lowsCount - 1; low >= 0; low--) {
    const equal = rankOfLow[low] ?? 0;
    rankOfLow[low] = rank;
    rank += equal;
  }
}
