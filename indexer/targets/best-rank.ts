// The score of a sampled document: its best rank over all examples, one joint maximum over all benchmarks
// (docs/method.md, "Best rank"). The same lists give the same scores in any order.

import type { NearestLists } from '../search/exact.ts';

export interface BestRanks {
  /** Best rank of each document: 1 = nearest of all to some example; 0 if no example lists it. */
  ranks: Int32Array;
  /**
   * The example that gives the best rank (of several, the one with the higher cosine, then the earlier); -1
   * if there is none.
   */
  examples: Int32Array;
  /** Cosine to that example; NaN if there is none. */
  cosines: Float32Array;
  /**
   * 1 − position / documents, with position 0 for the best: above 0 for every listed document, and 0 for the
   * others, which cannot be distinguished. Positions follow the best rank; ties are broken by the next-best
   * ranks in turn (a missing rank is the worst), then the cosine, then the document key.
   */
  scores: Float64Array;
}

/** Which examples count: `from` (inclusive) to `to` (exclusive). */
export interface ExampleRange {
  from: number;
  to: number;
}

/**
 * All documents' ranks in one array: those of document j are ranks[starts[j]] … ranks[starts[j + 1] − 1],
 * ascending.
 */
interface RankRows {
  starts: Uint32Array;
  ranks: Uint32Array;
}

/**
 * Scores the sample by best rank. `keys` are the document keys; `range` limits the examples to one
 * benchmark.
 */
export function rankByBest(
  lists: NearestLists,
  keys: readonly string[],
  range: ExampleRange = { from: 0, to: lists.examples },
): BestRanks {
  const best: BestRanks = {
    ranks: new Int32Array(lists.sampled),
    examples: new Int32Array(lists.sampled).fill(-1),
    cosines: new Float32Array(lists.sampled).fill(NaN),
    scores: new Float64Array(lists.sampled),
  };
  const rows = invertLists(lists, range, best);
  const listed = Uint32Array.from(keys.keys()).filter((document) => best.ranks[document] !== 0);
  listed.sort(
    (a, b) =>
      compareRanks(rows, a, b) ||
      (best.cosines[b] ?? 0) - (best.cosines[a] ?? 0) ||
      compareKeys(keys[a] ?? '', keys[b] ?? ''),
  );
  for (let position = 0; position < listed.length; position++)
    best.scores[listed[position] ?? 0] = 1 - position / lists.sampled;
  return best;
}

/**
 * Inverts examples' lists of documents into documents' rows of ranks, and records each document's winning
 * example.
 */
function invertLists(lists: NearestLists, range: ExampleRange, best: BestRanks): RankRows {
  const { nearest, documents, cosines, sampled } = lists;
  const starts = new Uint32Array(sampled + 1);
  for (let entry = range.from * nearest; entry < range.to * nearest; entry++) {
    const document = documents[entry] ?? -1;
    if (document >= 0) starts[document + 1] = (starts[document + 1] ?? 0) + 1;
  }
  for (let document = 0; document < sampled; document++)
    starts[document + 1] = (starts[document + 1] ?? 0) + (starts[document] ?? 0);
  const next = starts.slice(0, sampled);
  const ranks = new Uint32Array(starts[sampled] ?? 0);
  // Goes rank by rank over all examples, so every row is ascending without a sort, and a document's first
  // entry is its best rank.
  for (let rank = 1; rank <= nearest; rank++) {
    for (let example = range.from; example < range.to; example++) {
      const entry = example * nearest + rank - 1;
      const document = documents[entry] ?? -1;
      if (document < 0) continue;
      const at = next[document] ?? 0;
      ranks[at] = rank;
      next[document] = at + 1;
      const cosine = cosines[entry] ?? 0;
      if (
        best.ranks[document] === 0 ||
        (best.ranks[document] === rank && cosine > (best.cosines[document] ?? 0))
      ) {
        best.ranks[document] = rank;
        best.examples[document] = example;
        best.cosines[document] = cosine;
      }
    }
  }
  return { starts, ranks };
}

/**
 * Lexicographic order of two documents' rank rows; if one is a prefix of the other, the longer row is
 * better.
 */
function compareRanks({ starts, ranks }: RankRows, a: number, b: number): number {
  let atA = starts[a] ?? 0;
  let atB = starts[b] ?? 0;
  const endA = starts[a + 1] ?? 0;
  const endB = starts[b + 1] ?? 0;
  while (atA < endA && atB < endB) {
    const difference = (ranks[atA++] ?? 0) - (ranks[atB++] ?? 0);
    if (difference !== 0) return difference;
  }
  return endB - atB - (endA - atA);
}

function compareKeys(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/**
 * The slow, obvious version of `rankByBest`, from all cosines: `cosines[i][j]` is example i against document
 * j. Every example sorts all documents (those beyond `nearest` are not listed), and every document sorts its
 * ranks.
 */
export function rankSlowly(
  cosines: readonly (readonly number[])[],
  keys: readonly string[],
  nearest: number,
): BestRanks {
  const found = keys.map((key, document) => {
    const entries = cosines.map((row, example) => ({
      example,
      cosine: row[document] ?? 0,
      rank:
        1 +
        row.filter((other, j) => other > (row[document] ?? 0) || (other === row[document] && j < document))
          .length,
    }));
    const listed = entries
      .filter(({ rank }) => rank <= nearest)
      .sort((a, b) => a.rank - b.rank || b.cosine - a.cosine || a.example - b.example);
    return { key, document, winner: listed[0], ranks: cosines.map((_, i) => listed[i]?.rank ?? Infinity) };
  });
  const order = found
    .filter(({ winner }) => winner !== undefined)
    .sort((a, b) => {
      const place = a.ranks.findIndex((rank, i) => rank !== b.ranks[i]);
      if (place >= 0) return (a.ranks[place] ?? 0) - (b.ranks[place] ?? 0);
      return (b.winner?.cosine ?? 0) - (a.winner?.cosine ?? 0) || compareKeys(a.key, b.key);
    });
  const position = new Map(order.map(({ document }, at) => [document, at]));
  return {
    ranks: Int32Array.from(found, ({ winner }) => winner?.rank ?? 0),
    examples: Int32Array.from(found, ({ winner }) => winner?.example ?? -1),
    cosines: Float32Array.from(found, ({ winner }) => winner?.cosine ?? NaN),
    scores: Float64Array.from(found, ({ document }) =>
      position.has(document) ? 1 - (position.get(document) ?? 0) / keys.length : 0,
    ),
  };
}
