import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { openCuts } from '../../../ranking/order/cuts.ts';
import { findCutoff } from '../../../ranking/cutoff.ts';
import { makeKeyOrder, readKeyOrder } from '../../../ranking/order/key-order.ts';
import { readOrder } from '../../../ranking/order/order.ts';
import { orderScores, sortTies } from '../../../ranking/order/sort-scores.ts';
import { cutOrder } from '../../../ranking/order/cut-order.ts';
import { keepByPlainSort, makeRows, rankRows, type Row, sumTokens, withRun } from '../synthetic.ts';
import { rounds } from '../../long.ts';

const float32 = fc.float({ noNaN: true, noDefaultInfinity: true });
const documents = fc.array(
  fc.record({
    score: fc.oneof(float32, fc.constantFrom(-0, 0, 0.5, -1.25, Math.fround(1e-40))),
    tokens: fc.integer({ min: 0, max: 9 }),
  }),
  { maxLength: 300 },
);

/** All positions in the order of keys, the slow and obvious way. */
function sortKeys(rows: readonly Row[]): Uint32Array {
  const key = (position: number): string => rows[position]?.document ?? '';
  return Uint32Array.from(
    [...rows.keys()].sort((a, b) => (key(a) < key(b) ? -1 : key(a) > key(b) ? 1 : a - b)),
  );
}

describe('a cutoff from memory', () => {
  it('is that of a plain sort, whatever the share and the ties', () => {
    fc.assert(
      fc.property(documents, fc.double({ min: 0, max: 1, noNaN: true }), (found, share) => {
        const rows: Row[] = found.map(({ score, tokens }, index) => ({
          shard: 's',
          row: index,
          document: `${(index * 31) % 7}`,
          source: '',
          tokens,
          score,
        }));
        const order = orderScores(
          Float32Array.from(rows, ({ score }) => score),
          Uint32Array.from(rows, ({ tokens }) => tokens),
        );
        const keyOrder = sortKeys(rows);
        const undecided = cutOrder(order, share);
        const decided =
          'cutoff' in undecided
            ? undecided.cutoff
            : undecided.tie.decide(
                undecided.tie.positions.toSorted((a, b) => keyOrder.indexOf(a) - keyOrder.indexOf(b)),
              );
        const atOnce = cutOrder(sortTies(order, keyOrder), share);
        expect(atOnce).toEqual({ cutoff: decided });
        const kept = keepByPlainSort(rows, share);
        expect([decided.documents, decided.tokens, decided.score]).toEqual([
          kept.length,
          sumTokens(kept),
          kept.length === 0 ? null : (kept.at(-1)?.score ?? 0) + 0,
        ]);
        if (decided.last !== null) expect(rows[decided.last]).toBe(kept.at(-1));
      }),
      { numRuns: rounds(500) },
    );
  });

  it.each([600, 4000])('is what SQL counts on disk, for %d documents', async (count) => {
    await withRun(async (run) => {
      const rows = makeRows(count).map((row, index) => ({
        ...row,
        score: index % 3 === 0 ? Math.round(4 * row.score) / 4 : row.score,
      }));
      const ranking = await rankRows(run, rows);
      const order = await readOrder(run, ranking);
      const keyOrder = await makeKeyOrder(run, ranking);
      expect(await readKeyOrder(run, ranking)).toEqual(keyOrder);
      // Two that changed places are as many, each once, and not the order.
      const kept = join(run.folder, 'keys', `${ranking.generation}.positions`);
      const bytes = await readFile(kept);
      await writeFile(kept, Buffer.concat([bytes.subarray(4, 8), bytes.subarray(0, 4), bytes.subarray(8)]));
      expect(await readKeyOrder(run, ranking)).toBeUndefined();
      const written = Promise.resolve();
      const [undecided, byKey] = [
        openCuts(run, { order, ranking, written }),
        openCuts(run, { order: sortTies(order, keyOrder), ranking, written }),
      ];
      let ties = 0;
      for (const share of [0, 0.001, 0.01, 0.05, 0.1, 0.2, 0.33, 0.5, 0.77, 0.9, 0.999, 1]) {
        const cutoff = await findCutoff(run, ranking, share);
        for (const cuts of [undecided, undecided, byKey]) {
          expect(await cuts.find({ share })).toEqual(cutoff);
          expect(await cuts.cut({ share })).toMatchObject({
            score: cutoff.score,
            documents: cutoff.documents,
            tokens: cutoff.tokens,
          });
          expect((await cuts.cut({ share })).last === null).toBe(cutoff.last === null);
        }
        ties += Number(cutoff.last !== null);
      }
      expect(ties).toBeGreaterThan(1);
    });
  });
});
