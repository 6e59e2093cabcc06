// Every document of a ranking sorted by score, in memory, so that a cutoff needs no disk: 7 bytes a document,
// and 4 for its tokens. A document is identified by its position among all rows of the ranking's parts. Equal
// scores are in the order of their keys once that is known (ranking/order/key-order.ts), before that in the
// order of their positions.

import type { DuckDBDataChunk } from '@duckdb/node-api';
import { streamAhead } from '../../data/duckdb/stream.ts';
import { DuckDBFloatVector, DuckDBUIntegerVector } from '../../data/duckdb/library.ts';
import { fail } from '../../run/errors/errors.ts';
import type { Run } from '../../run/run.ts';
import type { Ranking } from '../generation.ts';
import { withScores } from '../scores.ts';
import { stride, orderScores } from './sort-scores.ts';

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
