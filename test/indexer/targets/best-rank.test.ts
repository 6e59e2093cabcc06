import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { rankByBest, rankSlowly } from '../../../indexer/targets/best-rank.ts';
import { emptyLists, type NearestLists } from '../../../indexer/search/exact.ts';

/** Lists from every cosine, as the search would return them. */
function listsOf(cosines: readonly (readonly number[])[], nearest: number): NearestLists {
  const lists = emptyLists(cosines.length, cosines[0]?.length ?? 0, nearest);
  for (const [example, row] of cosines.entries()) {
    const order = [...row.keys()].sort((a, b) => (row[b] ?? 0) - (row[a] ?? 0) || a - b).slice(0, nearest);
    for (const [at, document] of order.entries()) {
      lists.documents[example * nearest + at] = document;
      lists.cosines[example * nearest + at] = row[document] ?? 0;
    }
  }
  return lists;
}

describe('best rank of five documents, by hand', () => {
  // A nearest-neighbor search returns document indices in order of nearness. Example 0: 3 4 2 1 0; example 1:
  // 3 2 4 0 1. So document 0 has ranks 5 and 4, document 1 has 4 and 5, document 2 has 3 and 2, document 3
  // has 1 and 1, document 4 has 2 and 3. Taking the minimum over the returned indices column by column,
  // without inverting them, would give 3 2 2 0 0 and another order.
  const cosines = [
    [0.1, 0.2, 0.3, 0.9, 0.4],
    [0.2, 0.1, 0.6, 0.8, 0.3],
  ];
  const keys = ['a', 'b', 'c', 'd', 'e'];
  const best = rankByBest(listsOf(cosines, 5), keys);

  it('inverts the lists: rank of a document, not document at a rank', () => {
    expect([...best.ranks]).toEqual([4, 4, 2, 1, 2]);
  });

  it('names the example that gives the best rank, with its cosine', () => {
    expect([...best.examples]).toEqual([1, 0, 1, 0, 0]);
    expect([...best.cosines]).toEqual([0.2, 0.2, 0.6, 0.9, 0.4].map(Math.fround));
  });

  it('breaks ties by the next rank, then the cosine, then the key', () => {
    // d (1 1) is first; c and e both have (2 3), and c wins by cosine; a and b both have (4 5) and cosine
    // 0.2, and a wins by key.
    expect([...best.scores].map((score) => Math.round((1 - score) * 5))).toEqual([3, 4, 1, 0, 2]);
  });

  it('puts unlisted documents last, with score 0 and no example', () => {
    const short = rankByBest(listsOf(cosines, 2), keys);
    expect([...short.ranks]).toEqual([0, 0, 2, 1, 2]);
    expect([...short.examples]).toEqual([-1, -1, 1, 0, 0]);
    expect(short.scores[0]).toBe(0);
    expect(short.scores[1]).toBe(0);
    expect(Math.min(...short.scores.slice(2))).toBeGreaterThan(0);
  });

  it('ranks one benchmark by its own examples only', () => {
    expect([...rankByBest(listsOf(cosines, 5), keys, { from: 1, to: 2 }).ranks]).toEqual([4, 5, 2, 1, 3]);
  });
});

it('a document that more examples list beats one with fewer of the same ranks', () => {
  const best = rankByBest(
    listsOf(
      [
        [0.9, 0.1, 0.5],
        [0.1, 0.9, 0.5],
        [0.9, 0.1, 0.5],
      ],
      1,
    ),
    ['x', 'y', 'z'],
  );
  expect([...best.scores]).toEqual([1, 1 - 1 / 3, 0]);
});

it('agrees with the slow version', () => {
  // Few distinct cosines, so ties of every kind occur.
  const matrix = fc
    .tuple(fc.integer({ min: 1, max: 6 }), fc.integer({ min: 1, max: 12 }))
    .chain(([examples, documents]) =>
      fc.tuple(
        fc.array(
          fc.array(
            fc.integer({ min: 0, max: 6 }).map((eighths) => eighths / 8),
            { minLength: documents, maxLength: documents },
          ),
          { minLength: examples, maxLength: examples },
        ),
        fc.integer({ min: 1, max: documents }),
      ),
    );
  fc.assert(
    fc.property(matrix, ([cosines, nearest]) => {
      const keys = (cosines[0] ?? []).map((_, document) => `k${(document * 7) % 13}`);
      expect(rankByBest(listsOf(cosines, nearest), keys)).toEqual(rankSlowly(cosines, keys, nearest));
    }),
    { numRuns: 300 },
  );
});
