import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { z } from 'zod';
import { withDuckDb } from '../../data/duckdb/duckdb.ts';
import { queryRows } from '../../data/duckdb/rows.ts';
import { type Cut, type CutOrder, cutOrders, sqlCut } from '../../pairs/cut.ts';
import { rounds } from '../long.ts';

interface Row {
  difficulty: number | null;
  category: string | null;
}

async function cut(rows: readonly Row[], how: Cut): Promise<number[]> {
  const value = (each: Row, pair: number): string =>
    `(${pair}, 'p${pair}', NULL::VARCHAR, ${each.category === null ? 'NULL::VARCHAR' : `'${each.category}'`}, NULL::VARCHAR, ` +
    `${each.difficulty ?? 'NULL'}::DOUBLE, NULL::VARCHAR)`;
  return withDuckDb({ threads: 1 }, async (connection) => {
    await connection.run(
      `CREATE TABLE every AS SELECT * FROM (VALUES ${rows.map(value).join(', ')})
        AS v(pair, id, source, category, language, difficulty, unknown)`,
    );
    const found = await queryRows(
      connection,
      `SELECT pair::INTEGER AS pair FROM (${sqlCut(
        '(SELECT pair, id, source, category, language FROM every)',
        '(SELECT pair, difficulty, unknown FROM every)',
        how,
      )}) WHERE kept ORDER BY pair`,
      z.object({ pair: z.number() }),
    );
    return found.map(({ pair }) => pair);
  });
}

/** The slow, obvious twin, without the random order. */
function cutSlowly(rows: readonly Row[], { pairs, order, floor }: Cut): number[] {
  const known = rows
    .map((row, pair) => ({ ...row, pair }))
    .filter(({ difficulty }) => difficulty !== null)
    .sort((a, b) => (a.difficulty ?? 0) - (b.difficulty ?? 0) || a.pair - b.pair)
    .map((row, place) => ({ ...row, place }));
  const middle = (known.length - 1) / 2;
  const key = ({ place }: { place: number }): number =>
    order === 'hardest' ? -place : order === 'middle' ? Math.abs(place - middle) : place;
  const sorted = known.toSorted((a, b) => key(a) - key(b) || a.place - b.place);
  const kept = new Set<number>();
  for (const group of new Set(known.map(({ category }) => category))) {
    const members = sorted.filter(({ category }) => category === group);
    const least = Math.floor((floor?.share ?? 0) * members.length + 1e-9);
    for (const { pair } of members.slice(0, least)) kept.add(pair);
  }
  for (const { pair } of sorted) if (kept.size < pairs) kept.add(pair);
  return [...kept].sort((a, b) => a - b);
}

const hard = (difficulty: number, category = 'chat'): Row => ({ difficulty, category });

describe('a cut', () => {
  it.each<[CutOrder, number[]]>([
    ['easiest', [1, 3]],
    ['middle', [0, 3]],
    ['hardest', [2, 5]],
  ])('keeps the %s pairs; an unknown one never', async (order, expected) => {
    const rows = [
      hard(0.5),
      hard(0.1),
      hard(0.9),
      hard(0.3),
      { difficulty: null, category: 'chat' },
      hard(0.7),
    ];
    expect(await cut(rows, { pairs: 2, order, seed: 1 })).toEqual(expected);
  });

  it('keeps pairs of the same difficulty in the order of the files', async () => {
    expect(await cut([hard(0.5), hard(0.5), hard(0.5)], { pairs: 2, order: 'easiest', seed: 1 })).toEqual([
      0, 1,
    ]);
    expect(await cut([hard(0.5), hard(0.5), hard(0.5)], { pairs: 2, order: 'hardest', seed: 1 })).toEqual([
      1, 2,
    ]);
  });

  it('keeps a floor of each group, and as many pairs in all', async () => {
    const rows = [...Array.from({ length: 8 }, (_, i) => hard(i / 10)), hard(2, 'math'), hard(3, 'math')];
    const without = { pairs: 6, order: 'easiest', seed: 1 } as const;
    expect(await cut(rows, without)).toEqual([0, 1, 2, 3, 4, 5]);
    const withFloor = { ...without, floor: { share: 0.5, by: 'category' } } as const;
    expect(await cut(rows, withFloor)).toEqual([0, 1, 2, 3, 4, 8]);
  });

  it('draws pairs at random by the seed, evenly over difficulties', async () => {
    const rows = Array.from({ length: 400 }, (_, i) => hard(i));
    const draw = (seed: number): Promise<number[]> => cut(rows, { pairs: 200, order: 'random', seed });
    const [one, again, other] = [await draw(1), await draw(1), await draw(2)];
    expect(one).toHaveLength(200);
    expect(again).toEqual(one);
    expect(other).not.toEqual(one);
    // A standard deviation is 7 pairs.
    const hardHalf = one.filter((pair) => pair >= 200).length;
    expect(Math.abs(hardHalf - 100)).toBeLessThan(30);
  });

  it('is that of the slow twin', async () => {
    const row = fc.record({
      difficulty: fc.option(fc.integer({ min: 0, max: 4 })),
      category: fc.option(fc.constantFrom('a', 'b')),
    });
    await fc.assert(
      fc.asyncProperty(
        fc.array(row, { minLength: 1, maxLength: 20 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.constantFrom(...cutOrders.filter((order) => order !== 'random')),
        async (rows, share, floorShare, order) => {
          const known = rows.filter(({ difficulty }) => difficulty !== null).length;
          const how: Cut = {
            pairs: Math.round(share * known),
            order,
            seed: 1,
            floor: { share: share * floorShare, by: 'category' },
          };
          expect(await cut(rows, how)).toEqual(cutSlowly(rows, how));
        },
      ),
      { numRuns: rounds(300) },
    );
  });
});
