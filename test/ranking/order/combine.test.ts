import { readdir, readFile, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { combineScores, rankDocuments } from '../../../ranking/order/combine.ts';
import { saveRanks, listMissingRanks } from '../../../ranking/order/saved-ranks.ts';
import { histogramOf } from '../../../ranking/order/order.ts';
import { orderScores } from '../../../ranking/order/sort-scores.ts';
import { makeScoredRows, rankRows, withRun } from '../synthetic.ts';

describe('scores combined over benchmarks', () => {
  it('are the best corpus percentile among them, as SQL ranks them', async () => {
    await withRun(async (run) => {
      const rows = makeScoredRows(900);
      const ranking = await rankRows(run, rows);
      // The last ones from ranks that are kept of one or two of them.
      for (const [benchmarks, threads, keep] of [
        [['gsm8k'], 1],
        [['arc_easy', 'mmlu'], 2],
        [['gsm8k', 'arc_easy', 'mmlu'], 3],
        [['mmlu', 'gsm8k', 'arc_easy'], 1],
        [['gsm8k', 'arc_easy', 'mmlu'], 2, 'mmlu'],
        [['mmlu', 'arc_easy'], 1, 'arc_easy'],
      ] as const) {
        if (keep !== undefined)
          await saveRanks(run, ranking, keep, (await rankDocuments(run, ranking, [keep])).ranks);
        const { scores, winners } = await combineScores(run, ranking, benchmarks, { threads });
        // The parts are in the order of their shards.
        const inOrder = rows.toSorted((a, b) =>
          a.shard < b.shard ? -1 : a.shard > b.shard ? 1 : a.row - b.row,
        );
        const percentiles = benchmarks.map((name) => {
          const all = inOrder.map((row) => row.scores?.[name] ?? 0);
          return all.map((score) => all.filter((other) => other <= score).length / all.length);
        });
        for (const [position] of inOrder.entries()) {
          const own = percentiles.map((percentile) => percentile[position] ?? 0);
          const best = Math.max(...own);
          expect(scores[position]).toBe(Math.fround(best));
          expect(winners[position]).toBe(own.indexOf(best));
        }
        expect(
          histogramOf(orderScores(scores, new Uint32Array(900).fill(1))).reduce(
            (sum, [, count]) => sum + count,
            0,
          ),
        ).toBe(900);
      }
    });
  });

  it('come from the parts if any word of the cached ranks is wrong, and the file is removed', async () => {
    await withRun(async (run) => {
      const ranking = await rankRows(run, makeScoredRows(200));
      const { ranks, winners } = await rankDocuments(run, ranking, ['gsm8k']);
      const folder = join(run.folder, 'ranks');
      for (const word of [0, 77, 199, 200]) {
        await saveRanks(run, ranking, 'gsm8k', ranks);
        const path = join(folder, (await readdir(folder))[0] ?? '');
        const bytes = await readFile(path);
        bytes.writeUInt32LE((bytes.readUInt32LE(4 * word) ^ 1) >>> 0, 4 * word);
        await writeFile(path, bytes);
        expect(await rankDocuments(run, ranking, ['gsm8k'])).toEqual({ ranks, winners });
        expect(await readdir(folder)).toEqual([]);
      }
    });
  });

  it('come from the parts if cached ranks are truncated or of another generation', async () => {
    await withRun(async (run) => {
      const ranking = await rankRows(run, makeScoredRows(200));
      const { ranks, winners } = await rankDocuments(run, ranking, ['gsm8k']);
      expect(await listMissingRanks(run, ranking)).toEqual([]);
      expect(await listMissingRanks(run, ranking, 200)).toEqual(['gsm8k', 'arc_easy', 'mmlu']);
      // Ranks that tell by themselves where they come from.
      await saveRanks(
        run,
        ranking,
        'gsm8k',
        ranks.map((rank) => rank + 1000),
      );
      expect(await listMissingRanks(run, ranking, 200)).toEqual(['arc_easy', 'mmlu']);
      expect((await rankDocuments(run, ranking, ['gsm8k'])).ranks[7]).toBe((ranks[7] ?? 0) + 1000);
      const other = { ...ranking, generation: 'other' };
      expect(await rankDocuments(run, other, ['gsm8k'])).toEqual({ ranks, winners });
      const folder = join(run.folder, 'ranks');
      await truncate(join(folder, (await readdir(folder))[0] ?? ''), 796);
      expect(await rankDocuments(run, ranking, ['gsm8k'])).toEqual({ ranks, winners });
    });
  });
});
