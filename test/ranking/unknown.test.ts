// Rankings by a scorer that leaves some documents without a score, against rankings made the slow and obvious
// way.

import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { join } from 'node:path';
import { scoreBin } from '../../scoring/part.ts';
import { silent } from '../../run/progress.ts';
import { findCutoff } from '../../ranking/cutoff.ts';
import { findDocument, listDocuments } from '../../ranking/list-documents.ts';
import { cutOrder } from '../../ranking/order/cut-order.ts';
import { makeKeyOrder } from '../../ranking/order/key-order.ts';
import { readOrder } from '../../ranking/order/order.ts';
import { retargetRanking } from '../../ranking/order/retarget.ts';
import { readKeys } from '../../ranking/order/positions.ts';
import { placeDocument } from '../../ranking/percentile.ts';
import { rankCorpus } from '../../ranking/rank.ts';
import { writeSelection } from '../../ranking/selection/select.ts';
import { verifyRanking } from '../../ranking/verify/verify.ts';
import { rounds } from '../long.ts';
import {
  asSelected,
  byPlace,
  corpora,
  groupSlowly,
  type Line,
  readSelected,
  scoreSlowly,
  withPicky,
} from './picky-corpora.ts';
import { keepByPlainSort, sumTokens } from './synthetic.ts';

describe('a scorer that leaves documents without a score', () => {
  it('has them counted apart, and cut, ordered, placed and selected without them', async () => {
    await fc.assert(
      fc.asyncProperty(corpora, fc.double({ min: 0.001, max: 1, noNaN: true }), async (shards, share) => {
        await withPicky(shards, async (main, run, folder) => {
          const { ranking } = await rankCorpus(main, silent, 'picky');
          const { scored, unknown } = scoreSlowly(shards);
          expect(ranking).toMatchObject({ documents: scored.length, tokens: sumTokens(scored) });
          expect(ranking.unknown).toEqual(groupSlowly(unknown));
          const bins = new Map<number, [number, number]>();
          for (const { score, tokens } of scored) {
            const [documents, sum] = bins.get(scoreBin(score)) ?? [0, 0];
            bins.set(scoreBin(score), [documents + 1, sum + tokens]);
          }
          expect(ranking.histogram).toEqual(
            [...bins].sort(([a], [b]) => b - a).map(([bin, sums]) => [bin, ...sums]),
          );

          const kept = keepByPlainSort(scored, share);
          const cutoff = await findCutoff(run, ranking, share);
          expect(cutoff).toMatchObject({
            documents: kept.length,
            tokens: sumTokens(kept),
            ofDocuments: scored.length,
            ofTokens: sumTokens(scored),
          });
          const order = await readOrder(run, ranking, { keyOrder: await makeKeyOrder(run, ranking) });
          expect(cutOrder(order, share)).toMatchObject({ cutoff: { documents: kept.length } });
          const inOrder = keepByPlainSort(scored, 1);
          const keys = await readKeys(run, ranking, order.positions);
          const keyAt = new Map(keys.map(({ position, ...key }) => [position, key]));
          expect([...order.positions].map((position) => keyAt.get(position))).toEqual(
            inOrder.map(({ document, shard, row }) => ({ document, shard, row })),
          );
          const { documents } = await listDocuments(
            run,
            ranking,
            { order: 'top', seed: 1, limit: 400 },
            cutoff,
          );
          expect(documents.map((one) => [one.shard, one.row, one.score, one.kept])).toEqual(
            inOrder.map(({ shard, row, score }, i) => [shard, row, score, i < kept.length]),
          );
          const last = inOrder.at(-1);
          if (last !== undefined)
            expect(
              await placeDocument(run, ranking, await findDocument(run, ranking, last.shard, last.row)),
            ).toMatchObject({
              rank: scored.length,
              of: scored.length,
              keptFrom: sumTokens(scored) === 0 ? 0 : 1,
            });

          const chosen = await retargetRanking(run, ranking, { benchmarks: ['other'] });
          const percentiles = scored.map((row) => ({
            ...row,
            score: Math.fround(
              scored.filter(({ scores }) => (scores?.['other'] ?? 0) <= (row.scores?.['other'] ?? 0)).length /
                scored.length,
            ),
          }));
          const { documents: byOther } = await listDocuments(run, chosen, {
            order: 'top',
            seed: 1,
            limit: 400,
          });
          expect(byOther.map((one) => [one.shard, one.row, one.score])).toEqual(
            keepByPlainSort(percentiles, 1).map(({ shard, row, score }) => [shard, row, score]),
          );

          const out = join(folder, 'out');
          const { unknown: dropped } = await writeSelection(
            run,
            ranking,
            { keep: share },
            out,
            { format: 'rows' },
            silent,
          );
          expect(await readSelected(out)).toEqual(kept.sort(byPlace).map(asSelected));
          expect(dropped?.reasons).toEqual(ranking.unknown);
          const whole = await writeSelection(
            run,
            ranking,
            { keep: share },
            out,
            { format: 'documents', keepUnknown: true },
            silent,
          );
          const both = [...kept, ...unknown].sort(byPlace);
          expect(await readSelected(out)).toEqual(both.map(asSelected));
          expect(whole).toMatchObject({ documents: both.length, tokens: sumTokens(both) });
          expect((await verifyRanking(run, { corpus: true }, silent)).problems).toEqual([]);
        });
      }),
      { numRuns: rounds(16) },
    );
  }, 240_000);

  it('must leave some with one', async () => {
    const short = (i: number): Line => ({ id: `key-${i}`, source: 'books', tokens: 3, text: 'short' });
    await withPicky([[short(1), short(2)]], async (main) => {
      await expect(rankCorpus(main, silent, 'picky')).rejects.toMatchObject({
        code: 'NO_SCORES',
        message: expect.stringMatching(/none of the 2 documents a score.*\(too-short: 2\)\. /),
      });
    });
  });
});
