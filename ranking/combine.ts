// Scores by chosen benchmarks: a document's best corpus percentile among them. The percentile is the share of all documents that score
// no higher for the benchmark (SQL's cume_dist), as a float32: 1 is the best, and equal scores have equal percentiles.

import { sqlName } from '../data/duckdb.ts';
import { fail } from '../data/errors.ts';
import type { Run } from '../data/run.ts';
import type { Ranking } from './generation.ts';
import { copyFloats, layBins, orderedBits } from './order.ts';
import { withScores } from './scores.ts';

export interface Combined {
  /** By position: the best percentile, and which of the benchmarks (by its number in the list) it is from; of equals the first. */
  scores: Float32Array;
  winners: Uint16Array;
}

/** Combines the scores of benchmarks, all of which the published ranking has. Errors: those of `withScores`. */
export async function combineScores(run: Run, ranking: Ranking, benchmarks: readonly string[]): Promise<Combined> {
  const count = ranking.documents;
  // Until the end the best rank (0 is best) is kept; 20 million documents take 14 bytes each on the way.
  const ranks = new Uint32Array(count).fill(0xffff_ffff);
  const winners = new Uint16Array(new SharedArrayBuffer(2 * count));
  const own = new Float32Array(count);
  const scratch = { lows: new Uint16Array(count), positions: new Uint32Array(count) };
  await withScores(run, ranking, async (connection, table) => {
    for (const [number, name] of benchmarks.entries()) {
      let position = 0;
      for await (const chunk of await connection.stream(`SELECT ${sqlName(`score_${name}`)} FROM ${table}`)) {
        if (position + chunk.rowCount <= count) copyFloats(chunk, 0, own, position);
        position += chunk.rowCount;
      }
      if (position !== count) throw fail('FILE_DAMAGED', { path: run.files.scores, reason: `it has ${position} documents where the ranking counts ${count}`, command: 'betr rank' });
      takeBest(own, number, { ranks, winners }, scratch);
    }
  });
  for (let position = 0; position < count; position++) own[position] = (count - (ranks[position] ?? 0)) / count;
  return { scores: own, winners };
}

const lowsCount = 1 << 16;
const rankOfLow = new Uint32Array(lowsCount);

/** Ranks the documents by one benchmark's scores, and keeps that rank where it is better than the best so far. */
function takeBest(scores: Float32Array, number: number, best: { ranks: Uint32Array; winners: Uint16Array }, { lows, positions }: { lows: Uint16Array; positions: Uint32Array }): void {
  const { ranks, winners } = best;
  const raw = new Uint32Array(scores.buffer, scores.byteOffset, scores.length);
  const { bins, starts, places } = layBins(scores);
  for (let position = 0; position < scores.length; position++) {
    const ordered = orderedBits(raw[position] ?? 0);
    const place = places[ordered >>> 16] ?? 0;
    places[ordered >>> 16] = place + 1;
    lows[place] = ordered & 0xffff;
    positions[place] = position;
  }
  for (let bin = 0; bin < bins.length; bin++) {
    const [from = 0, to = 0] = [starts[bin], starts[bin + 1]];
    rankLows(lows, from, to);
    for (let place = from; place < to; place++) {
      const rank = rankOfLow[lows[place] ?? 0] ?? 0;
      const position = positions[place] ?? 0;
      if (rank < (ranks[position] ?? 0)) {
        ranks[position] = rank;
        winners[position] = number;
      }
    }
  }
}

/** Fills `rankOfLow` for the lower halves of a bin: the number of documents that score higher. */
function rankLows(lows: Uint16Array, from: number, to: number): void {
  if (to - from < 1024) {
    const sorted = lows.slice(from, to).sort();
    for (let i = 0; i < sorted.length; i++) {
      const low = sorted[i] ?? 0;
      // Going up, the last of equals says how many are above.
      rankOfLow[low] = from + sorted.length - 1 - i;
    }
    return;
  }
  rankOfLow.fill(0);
  for (let place = from; place < to; place++) {
    const low = lows[place] ?? 0;
    rankOfLow[low] = (rankOfLow[low] ?? 0) + 1;
  }
  let above = from;
  for (let low = lowsCount - 1; low >= 0; low--) {
    const count = rankOfLow[low] ?? 0;
    rankOfLow[low] = above;
    above += count;
  }
}
