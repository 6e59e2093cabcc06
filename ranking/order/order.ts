// Every document of a ranking sorted by score, in memory, so that a cutoff needs no disk: 7 bytes a document,
// and 4 for its tokens. A document is identified by its position among all rows of the ranking's parts. Equal
// scores are in the order of their keys once that is known (ranking/order/key-order.ts), before that in the
// order of their positions.

import type { DuckDBDataChunk } from '@duckdb/node-api';
import { streamAhead } from '../../data/duckdb/duckdb.ts';
import { DuckDBFloatVector, DuckDBUIntegerVector } from '../../data/duckdb/library.ts';
import { binCount } from '../../scoring/part.ts';
import { fail } from '../../run/errors/errors.ts';
import type { Run } from '../../run/run.ts';
import type { Ranking } from '../generation.ts';
import { withScores } from '../scores.ts';

/**
 * Running token sums are stored at every place that is a multiple of this; the rest is added up on demand.
 */
export const stride = 8;

/** In shared memory, as a worker thread makes it. */
export interface Order {
  /** Whether equal scores are in the order of their keys. */
  byKey: boolean;
  /** By place, best first: the lower half of the score's ordered bits, and the document's position. */
  lows: Uint16Array;
  positions: Uint32Array;
  /** The occupied score bins (scoring/part.ts), best first, and the first place of each, plus the end. */
  bins: Uint16Array;
  starts: Uint32Array;
  /** Tokens before every place that is a multiple of `stride`, and the total at the end. */
  tokensBefore: Float64Array;
  /** By position. Shared by every order of a ranking. */
  tokens: Uint32Array;
}

/**
 * Reads the scores of a ranking in the order of its parts. Errors: FILE_DAMAGED if they do not match the
 * ranking; those of `withScores`.
 */
export async function readOrder(
  run: Run,
  ranking: Ranking,
  { tokens: shared, keyOrder }: { tokens?: Order['tokens']; keyOrder?: Uint32Array | undefined } = {},
): Promise<Order> {
  const count = ranking.documents;
  const tokens = shared ?? new Uint32Array(new SharedArrayBuffer(4 * count));
  const scores = new Float32Array(count);
  await withScores(run, ranking, async (connection, table) => {
    let position = 0;
    for await (const chunk of streamAhead(
      connection,
      `SELECT score, tokens::UINTEGER AS tokens FROM ${table}`,
    )) {
      if (position + chunk.rowCount > count)
        throw damaged(run, `it has more than the ${count} documents that the ranking counts`);
      copyFloats(chunk, 0, scores, position);
      if (shared === undefined) copyCounts(chunk, 1, tokens, position);
      position += chunk.rowCount;
    }
    if (position !== count)
      throw damaged(run, `it has ${position} documents, but the ranking counts ${count}`);
  });
  const order = orderScores(scores, tokens, keyOrder);
  if (!isOrderOf(ranking, order)) throw damaged(run, 'its scores or tokens do not match the ranking');
  return order;
}

function damaged(run: Run, reason: string): Error {
  return fail('FILE_DAMAGED', { path: run.files.scores, reason, command: 'betr rank' });
}

/** Copies a column of a chunk of rows into an array, from `start` on. */
export function copyFloats(chunk: DuckDBDataChunk, column: number, into: Float32Array, start: number): void {
  const vector = chunk.getColumnVector(column);
  if (!(vector instanceof DuckDBFloatVector))
    throw fail('INTERNAL', { reason: `a score is of type ${vector.type.toString()}` });
  for (let i = 0; i < vector.itemCount; i++) into[start + i] = vector.getItem(i) ?? NaN;
}

function copyCounts(chunk: DuckDBDataChunk, column: number, into: Uint32Array, start: number): void {
  const vector = chunk.getColumnVector(column);
  if (!(vector instanceof DuckDBUIntegerVector))
    throw fail('INTERNAL', { reason: `a token count is of type ${vector.type.toString()}` });
  for (let i = 0; i < vector.itemCount; i++) into[start + i] = vector.getItem(i) ?? 0;
}

/** Whether an order has the ranking's histogram. A part altered without changing its size fails this. */
export function isOrderOf({ histogram }: Ranking, order: Order): boolean {
  return (
    histogram.length === order.bins.length &&
    histogram.every(([bin, documents, tokens], i) => {
      const [from = 0, to = 0] = [order.starts[i], order.starts[i + 1]];
      return (
        order.bins[i] === bin &&
        to - from === documents &&
        tokensUpTo(order, to) - tokensUpTo(order, from) === tokens
      );
    })
  );
}

/** The histogram of an order, in a ranking's format. */
export function histogramOf(order: Order): Ranking['histogram'] {
  return Array.from(order.bins, (bin, i) => {
    const [from = 0, to = 0] = [order.starts[i], order.starts[i + 1]];
    return [bin, to - from, tokensUpTo(order, to) - tokensUpTo(order, from)];
  });
}

/** Maps the bits of a float32 to an unsigned integer that orders like the score; -0 equals 0. */
export function orderedBits(raw: number): number {
  if (raw === 0x8000_0000) return 0x8000_0000;
  return ((raw & 0x8000_0000) === 0 ? raw | 0x8000_0000 : ~raw) >>> 0;
}

const float = new Float32Array(1);
const bits = new Uint32Array(float.buffer);

/** The inverse of `orderedBits`. */
function rawBits(ordered: number): number {
  return ((ordered & 0x8000_0000) === 0 ? ~ordered : ordered & 0x7fff_ffff) >>> 0;
}

/** The score of ordered bits. */
export function scoreOf(ordered: number): number {
  bits[0] = rawBits(ordered);
  return float[0] ?? 0;
}

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

/** Tokens of the documents at places before `place`. */
export function tokensUpTo(
  { tokensBefore, positions, tokens }: Pick<Order, 'tokensBefore' | 'positions' | 'tokens'>,
  place: number,
): number {
  if (place === positions.length) return tokensBefore[tokensBefore.length - 1] ?? 0;
  let at = place - (place % stride);
  let sum = tokensBefore[at / stride] ?? 0;
  for (; at < place; at++) sum += tokens[positions[at] ?? 0] ?? 0;
  return sum;
}
