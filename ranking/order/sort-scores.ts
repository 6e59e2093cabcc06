// Sorts documents by score in linear time.

import { binCount } from '../../scoring/part.ts';
import type { Order } from './order.ts';
import { orderedBits, rawBits } from './ordered-bits.ts';

/**
 * Running token sums are stored at every place that is a multiple of this; the rest is added up on demand.
 */
export const stride = 8;

/**
 * Sorts documents by score: by the upper half of its bits into bins, and each bin by the lower half. The sort
 * is stable: equal scores stay in the order of `keyOrder` (all positions sorted by key), or else of
 * positions.
 */
export function orderScores(scores: Float32Array, tokens: Uint32Array, keyOrder?: Uint32Array): Order {
  const count = scores.length;
  const { starts, bins, places } = layBins(scores);
  const raw = new Uint32Array(scores.buffer, scores.byteOffset, count);
  const lows = new Uint16Array(new SharedArrayBuffer(2 * count));
  const positions = new Uint32Array(new SharedArrayBuffer(4 * count));
  for (let i = 0; i < count; i++) {
    const position = keyOrder === undefined ? i : (keyOrder[i] ?? 0);
    const ordered = orderedBits(raw[position] ?? 0);
    const place = places[ordered >>> 16] ?? 0;
    places[ordered >>> 16] = place + 1;
    lows[place] = ordered & 0xffff;
    positions[place] = position;
  }
  for (let bin = 0; bin < bins.length; bin++)
    sortBin(lows, positions, starts[bin] ?? 0, starts[bin + 1] ?? 0);
  return {
    byKey: keyOrder !== undefined,
    lows,
    positions,
    bins,
    starts,
    tokensBefore: addUp(positions, tokens),
    tokens,
  };
}

function addUp(positions: Uint32Array, tokens: Uint32Array): Float64Array {
  const count = positions.length;
  const tokensBefore = new Float64Array(new SharedArrayBuffer(8 * (Math.ceil(count / stride) + 1)));
  let sum = 0;
  for (let place = 0; place < count; place++) {
    if (place % stride === 0) tokensBefore[place / stride] = sum;
    sum += tokens[positions[place] ?? 0] ?? 0;
  }
  tokensBefore[tokensBefore.length - 1] = sum;
  return tokensBefore;
}

/** The same order with equal scores by key. `keyOrder`: as for `orderScores`. */
export function sortTies(order: Order, keyOrder: Uint32Array): Order {
  const { lows, bins, starts, positions, tokens } = order;
  const scores = new Uint32Array(positions.length);
  for (let bin = 0; bin < bins.length; bin++) {
    const upper = (bins[bin] ?? 0) << 16;
    const end = starts[bin + 1] ?? 0;
    for (let place = starts[bin] ?? 0; place < end; place++)
      scores[positions[place] ?? 0] = rawBits((upper | (lows[place] ?? 0)) >>> 0);
  }
  return orderScores(new Float32Array(scores.buffer), tokens, keyOrder);
}

/** Where each bin's documents go. `places` has the first place by bin number; callers advance it. */
export function layBins(scores: Float32Array): Pick<Order, 'bins' | 'starts'> & { places: Uint32Array } {
  const raw = new Uint32Array(scores.buffer, scores.byteOffset, scores.length);
  const counts = new Uint32Array(binCount);
  for (let position = 0; position < scores.length; position++) {
    const bin = orderedBits(raw[position] ?? 0) >>> 16;
    counts[bin] = (counts[bin] ?? 0) + 1;
  }
  const occupied: number[] = [];
  for (let bin = binCount - 1; bin >= 0; bin--) if ((counts[bin] ?? 0) > 0) occupied.push(bin);
  const bins = new Uint16Array(new SharedArrayBuffer(2 * occupied.length));
  const starts = new Uint32Array(new SharedArrayBuffer(4 * (occupied.length + 1)));
  let place = 0;
  for (const [i, bin] of occupied.entries()) {
    bins[i] = bin;
    starts[i] = place;
    place += counts[bin] ?? 0;
    counts[bin] = starts[i] ?? 0;
  }
  starts[occupied.length] = place;
  return { bins, starts, places: counts };
}

/** Smaller bins are sorted by comparison, as counting goes through all 65,536 lower halves. */
const fewestToCount = 1024;
const places = new Uint32Array(1 << 16);

/** Sorts a bin's documents by the lower half, largest first; stable. */
function sortBin(lows: Uint16Array, positions: Uint32Array, from: number, to: number): void {
  const ownLows = lows.slice(from, to);
  const ownPositions = positions.slice(from, to);
  if (to - from < fewestToCount) {
    const byLow = Array.from(ownLows.keys()).sort((a, b) => (ownLows[b] ?? 0) - (ownLows[a] ?? 0) || a - b);
    for (const [i, place] of byLow.entries()) {
      lows[from + i] = ownLows[place] ?? 0;
      positions[from + i] = ownPositions[place] ?? 0;
    }
    return;
  }
  places.fill(0);
  for (const low of ownLows) places[low] = (places[low] ?? 0) + 1;
  let next = from;
  for (let low = (1 << 16) - 1; low >= 0; low--) {
    const count = places[low] ?? 0;
    places[low] = next;
    next += count;
  }
  for (let i = 0; i < ownLows.length; i++) {
    const low = ownLows[i] ?? 0;
    const place = places[low] ?? 0;
    places[low] = place + 1;
    lows[place] = low;
    positions[place] = ownPositions[i] ?? 0;
  }
}
