import { describe, expect, it } from '@jest/globals';
import type { Run } from '../../run/run.ts';
import { findCutoff } from '../../ranking/cutoff.ts';
import type { Ranking } from '../../ranking/generation.ts';
import { keepsScore, placeScores } from '../../ranking/percentile.ts';
import { keepByPlainSort, makeRows, rankRows, sumTokens, withRun } from './synthetic.ts';

const rows = makeRows(300);

async function withRanking(use: (run: Run, ranking: Ranking) => Promise<void>): Promise<void> {
  await withRun(async (run) => use(run, await rankRows(run, rows)));
}

describe('the place of a score', () => {
  it('is counted as a plain count over all documents does', async () => {
    await withRanking(async (run, ranking) => {
      const all = sumTokens(rows);
      const scores = [
        ...rows.slice(0, 12).map(({ score }) => score),
        99,
        -99,
        0,
        Math.fround(0.7),
        Math.fround(0.7),
      ];
      const plain = scores.map((score) => {
        const above = rows.filter((row) => row.score > score);
        return {
          percentile: rows.filter((row) => row.score < score).length / 300,
          documentsAbove: above.length,
          tokensAbove: sumTokens(above) / all,
        };
      });
      expect(await placeScores(run, ranking, scores)).toEqual(plain);
      expect(await placeScores(run, ranking, [])).toEqual([]);
    });
  });

  it('is kept by a cutoff like a document with that score, unless keys decide', async () => {
    await withRanking(async (run, ranking) => {
      for (const share of [0, 0.2, 0.5, 1]) {
        const cutoff = await findCutoff(run, ranking, share);
        const kept = new Set(keepByPlainSort(rows, share));
        for (const row of rows)
          if (row.score !== cutoff.score) expect(keepsScore(cutoff, row.score)).toBe(kept.has(row));
      }
      expect(keepsScore({ score: 1, last: null }, 1)).toBe(true);
      expect(keepsScore({ score: 1, last: { document: 'd', shard: 's', row: 0 } }, 1)).toBe(false);
    });
  });
});
