// Ranks one slice of the documents by each benchmark in turn. A rank counts the documents of all slices, so
// the slices share their scores in memory and wait for each other once per benchmark.

import { binCount } from '../../scoring/part.ts';
import { sqlName } from '../../data/duckdb/duckdb.ts';
import { streamAhead } from '../../data/duckdb/stream.ts';
import { fail } from '../../run/errors/errors.ts';
import type { Run } from '../../run/run.ts';
import type { Ranking } from '../generation.ts';
import { copyFloats } from './order.ts';
import { withScores } from '../scores.ts';
import { type Shown, lookUpRanks, spread, rankLows } from './lay-bins.ts';

/** By position: the best rank so far (0 is best), and the number of its benchmark; the first of equals. */
export interface Best {
  ranks: Uint32Array;
  winners: Uint16Array;
}

/** A benchmark and its number among the requested ones. */
export interface Named {
  name: string;
  number: number;
}

/** Positions are relative to the slice. */
export interface Slice extends Best {
  run: Run;
  /** With the parts of this slice only. */
  ranking: Ranking;
  documents: number;
  benchmarks: readonly Named[];
  index: number;
  /** By slice, for even and odd turns: while others read one, the next turn may overwrite the other. */
  shown: [even: Shown, odd: Shown][];
  /** How many times slices have shared a benchmark; negative once they must stop. Shared by all slices. */
  turns: Int32Array;
}

/** Makes all slices stop: each throws at its next chunk, or now if it waits for the others. */
export function stopSlice({ turns }: Slice): void {
  Atomics.store(turns, 0, stopped);
  Atomics.notify(turns, 0);
}

const stopped = -(2 ** 30);

function checkStopped({ turns }: Slice): void {
  if (Atomics.load(turns, 0) < 0) throw fail('INTERNAL', { reason: 'another thread stopped this one' });
}

/** Columns read at a time: one alone costs nearly as much, and each takes 4 bytes a document. */
const columnsAtOnce = 2;

/**
 * Ranks a slice's documents among those of all slices until the signal aborts. Errors: FILE_DAMAGED; those of
 * `withScores`.
 */
export async function rankSlice(slice: Slice, signal?: AbortSignal): Promise<void> {
  const { run, ranking, documents, benchmarks } = slice;
  const columns = Array.from(
    { length: Math.min(columnsAtOnce, benchmarks.length) },
    () => new Float32Array(documents),
  );
  const positions = new Uint32Array(documents);
  await withScores(run, ranking, async (connection, table) => {
    for (let first = 0; first < benchmarks.length; first += columnsAtOnce) {
      const some = benchmarks.slice(first, first + columnsAtOnce);
      let position = 0;
      for await (const chunk of streamAhead(
        connection,
        `SELECT ${some.map(({ name }) => sqlName(`score_${name}`)).join(', ')} FROM ${table}`,
      )) {
        signal?.throwIfAborted();
        checkStopped(slice);
        const rows = chunk.rowCount;
        if (position + rows <= documents)
          for (const column of some.keys())
            copyFloats(chunk, column, columns[column] ?? new Float32Array(), position);
        position += rows;
      }
      if (position !== documents)
        throw fail('FILE_DAMAGED', {
          path: run.files.scores,
          reason: `it has ${position} documents, but the ranking counts ${documents}`,
          command: 'betr rank',
        });
      for (const [column, { number }] of some.entries())
        takeTurn(slice, first + column, number, columns[column] ?? new Float32Array(), positions);
    }
  });
}

function takeTurn(
  slice: Slice,
  turn: number,
  number: number,
  scores: Float32Array,
  positions: Uint32Array,
): void {
  const { index, shown, turns } = slice;
  const parity = turn % 2 === 0 ? 0 : 1;
  const all = shown.map((pair) => pair[parity]);
  const own = all[index];
  if (own === undefined) throw fail('INTERNAL', { reason: `there is no slice ${index}` });
  spread(scores, own, positions);
  Atomics.add(turns, 0, 1);
  Atomics.notify(turns, 0);
  for (const wanted = shown.length * (turn + 1); ;) {
    const now = Atomics.load(turns, 0);
    if (now >= wanted) break;
    checkStopped(slice);
    Atomics.wait(turns, 0, now);
  }
  // The scores have been copied to `lows`, so the ranks reuse their memory.
  const rankAt = new Uint32Array(scores.buffer, scores.byteOffset, scores.length);
  let above = 0;
  for (let bin = binCount - 1; bin >= 0; bin--) {
    const count = all.reduce((sum, { starts }) => sum + (starts[bin] ?? 0) - (starts[bin + 1] ?? 0), 0);
    if (count === 0) continue;
    rankLows(all, bin, count, above);
    above += count;
    lookUpRanks(own.lows, own.starts[bin + 1] ?? 0, own.starts[bin] ?? 0, rankAt);
  }
  keepBest(rankAt, positions, own.starts, number, slice);
}

/** Positions processed at a time, so that the written memory stays in the processor's cache. */
const positionsAtOnce = 1 << 16;

/** Takes the ranks that are better than the best so far. Positions ascend within a bin. */
function keepBest(
  rankAt: Uint32Array,
  positions: Uint32Array,
  starts: Uint32Array,
  number: number,
  best: Best,
): void {
  const next: number[] = [];
  const ends: number[] = [];
  for (let bin = binCount - 1; bin >= 0; bin--) {
    const [from = 0, to = 0] = [starts[bin + 1], starts[bin]];
    if (from === to) continue;
    next.push(from);
    ends.push(to);
  }
  for (let before = positionsAtOnce; before < positions.length + positionsAtOnce; before += positionsAtOnce) {
    for (let i = 0; i < next.length; i++)
      next[i] = keepBestBefore(before, next[i] ?? 0, ends[i] ?? 0, rankAt, positions, number, best);
  }
}

/** Processes a bin from `place` on while positions are below `before`; returns the next place. */
function keepBestBefore(
  before: number,
  place: number,
  end: number,
  rankAt: Uint32Array,
  positions: Uint32Array,
  number: number,
  best: Best,
): number {
  for (; place < end; place++) {
    const position = positions[place] ?? 0;
    if (position >= before) break;
    takeIfBest(best, position, rankAt[place] ?? 0, number);
  }
  return place;
}

/**
 * Takes a benchmark's rank for the document at a position if it is the best so far; among equals the first
 * benchmark wins.
 */
export function takeIfBest({ ranks, winners }: Best, position: number, rank: number, number: number): void {
  const best = ranks[position] ?? 0;
  if (rank > best || (rank === best && number > (winners[position] ?? 0))) return;
  ranks[position] = rank;
  winners[position] = number;
}
