// `cross-fit:NAME` ranks the corpus so that no document is scored by a model that learned from it.

import { describe, expect, it } from '@jest/globals';
import { rm } from 'node:fs/promises';
import { z } from 'zod';
import { foldCount, foldFile, foldSlowly } from '../../classifier/folds.ts';
import { scoreSlowly } from '../../classifier/features.ts';
import { readWeights } from '../../classifier/weights.ts';
import { readShard } from '../../data/read.ts';
import { listCorpus } from '../../data/shards.ts';
import { ignoredRows } from '../../data/files/quarantine.ts';
import { queryRows } from '../../data/duckdb/rows.ts';
import { findCutoff } from '../../ranking/cutoff.ts';
import { readRanking } from '../../ranking/generation.ts';
import { rankCorpus } from '../../ranking/rank.ts';
import { withScores } from '../../ranking/scores.ts';
import { writeSelection } from '../../ranking/selection/select.ts';
import { verifyRanking } from '../../ranking/verify/verify.ts';
import {
  crossFitted,
  fittingOf,
  listRankings,
  prepareScorer,
  rankingName,
  rankingRun,
} from '../../scoring/scorers/list.ts';
import { silent } from '../../run/progress.ts';
import type { Run } from '../../run/run.ts';
import { makeTrainedRun, withCorpus } from '../classifier/trained-run.ts';

const bits = 12;
const scored = z.object({ shard: z.string(), row: z.number(), score: z.number(), score_alpha: z.number() });

async function readScores(run: Run): Promise<z.output<typeof scored>[]> {
  return withScores(run, await readRanking(run), (connection, table) =>
    queryRows(
      connection,
      `SELECT shard, "row"::DOUBLE AS "row", score::DOUBLE AS score, score_alpha::DOUBLE AS score_alpha FROM ${table}`,
      scored,
    ),
  );
}

/** The corpus's texts, by shard and row. */
async function readTexts(run: Run): Promise<Map<string, Uint8Array>> {
  const texts = new Map<string, Uint8Array>();
  for (const shard of await listCorpus(run))
    for await (const batch of readShard(shard, run.settings.corpus.fields, { quarantine: ignoredRows }))
      for (let i = 0; i < batch.count; i++)
        texts.set(
          `${shard.name} ${batch.rows[i] ?? 0}`,
          Uint8Array.from(batch.text.subarray(batch.textEnds[i - 1] ?? 0, batch.textEnds[i])),
        );
  return texts;
}

describe('cross-fit:betr', () => {
  it('scores each document of the corpus by the model of its fold', async () => {
    await withCorpus(async (main) => {
      const { ranking, notes } = await rankCorpus(main, silent, 'cross-fit:betr');
      expect(ranking.scorer.outputs).toEqual(['joint', 'alpha']);
      expect(notes[0]).toMatch(/^This ranking is for measuring/);
      const run = rankingRun(main, 'cross-fit:betr');
      expect(run.ranking).toBe('cross-fit-betr');
      const models = await Promise.all(
        Array.from({ length: foldCount }, (_, fold) => readWeights(foldFile(main, fold))),
      );
      const texts = await readTexts(main);
      const rows = await readScores(run);
      expect(rows).toHaveLength(ranking.documents);
      const seen = new Set<number>();
      for (const { shard, row, score, score_alpha } of rows) {
        const text = texts.get(`${shard} ${row}`) ?? new Uint8Array();
        const fold = foldSlowly(text, bits, 1);
        const model = models[fold];
        seen.add(fold);
        expect(model === undefined ? [] : [...scoreSlowly(model, text)]).toEqual([score, score_alpha]);
      }
      expect(seen.size).toBe(foldCount);
    });
  });

  it('is a ranking like any other: unchanged without news, verified, cut and selected from', async () => {
    await withCorpus(async (main, folder) => {
      const first = await rankCorpus(main, silent, 'cross-fit:betr');
      const again = await rankCorpus(main, silent, 'cross-fit:betr');
      expect([first.published, again.published, again.scores.shardsScored]).toEqual([true, false, 0]);
      const run = rankingRun(main, 'cross-fit:betr');
      expect(await listRankings(main)).toEqual({ published: ['cross-fit:betr'], unfinished: [] });
      const cutoff = await findCutoff(run, again.ranking, 0.2);
      expect(cutoff.tokens / again.ranking.tokens).toBeCloseTo(0.2, 1);
      const { documents } = await writeSelection(
        run,
        again.ranking,
        { keep: 0.2 },
        `${folder}/kept`,
        { format: 'rows' },
        silent,
      );
      expect(documents).toBe(cutoff.documents);
      expect((await verifyRanking(run, { corpus: true }, silent)).problems).toEqual([]);
      // Another classifier has other models.
      const trained = await makeTrainedRun(folder, { seed: 2 });
      const { published, ranking } = await rankCorpus(trained, silent, 'cross-fit:betr');
      expect([published, ranking.scorer.sha256 === first.ranking.scorer.sha256]).toEqual([true, false]);
      await rm(foldFile(main, 4));
      expect((await verifyRanking(run, { corpus: false }, silent)).problems).toEqual([
        expect.stringMatching(/trained classifier.*betr train/),
      ]);
    });
  });

  it('has a name for every scorer that learns, and no other', async () => {
    await withCorpus(async (run) => {
      const names = ['betr', 'dsir', 'dsir:smoothing=1', 'head:a/judge#hq', 'head:a/judge', 'edu'].map(
        (scorer) => [rankingName(run, scorer), rankingName(run, `cross-fit:${scorer}`)],
      );
      for (const [plain, crossFit] of names) expect(crossFit).toBe(`cross-fit-${plain ?? ''}`);
      expect(crossFitted('head:a/judge')).toBe('cross-fit:head:a/judge');
      expect(['random', 'fasttext:x.bin', 'cross-fit:betr', 'length'].map(crossFitted)).toEqual([
        'random',
        'fasttext:x.bin',
        'cross-fit:betr',
        'length',
      ]);
      expect(['betr', 'cross-fit:betr', 'length', 'fasttext:x.bin'].map(fittingOf)).toEqual([
        'in sample',
        'cross-fitted',
        'learns nothing',
        'unknown',
      ]);
      for (const scorer of ['random', 'cross-fit:betr', ''])
        expect(() => rankingRun(run, `cross-fit:${scorer}`)).toThrow(
          /SCORER learns from documents of the corpus/,
        );
      expect(() => rankingRun(run, 'cross-fit:magic')).toThrow(/no scorer "magic"/);
      await rm(run.files.card);
      await expect(prepareScorer(run, 'cross-fit:betr', silent)).rejects.toMatchObject({
        code: 'STEP_MISSING',
      });
    });
  });
});
