// What is scored under the name of one classifier is scored by no other, whatever is changed meanwhile.

import { dirname, join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { makePlan } from '../../scoring/make-plan.ts';
import { readPublishedParts } from '../../scoring/published.ts';
import { openScorer, prepareScorer } from '../../scoring/scorers/list.ts';
import { workOnPlan } from '../../scoring/work.ts';
import { commitSealedJson, readSealedJson } from '../../data/files/commit.ts';
import { sqlString, withDuckDb } from '../../data/duckdb/duckdb.ts';
import { silent } from '../../run/progress.ts';
import { readTokenRates } from '../../indexer/sample/tokens.ts';
import { makeTrainedRun, withCorpus } from './trained-run.ts';

describe('a plan', () => {
  it.each(['another classifier', 'other token rates'])('is refused where there is %s since', async (what) => {
    await withCorpus(async (run, folder) => {
      const plan = await makePlan(run, silent);
      if (what === 'another classifier') await makeTrainedRun(folder, { seed: 9 });
      else await commitSealedJson(run.files.tokens, { ...(await readTokenRates(run)), tokenizer: 'another' });
      await expect(workOnPlan(run, plan, { wait: true })).rejects.toMatchObject({ code: 'PLAN_STALE' });
      expect((await readPublishedParts(run)).byChunk.size).toBe(0);
    });
  });

  it("is refused where the scorer's file is another one than was made ready", async () => {
    await withCorpus(async (main) => {
      await withDuckDb({ threads: 1 }, async (connection) => {
        for (const path of [main.files.examples, main.files.sample])
          await connection.run(
            `COPY (SELECT 'a' AS document, 'one text of ' || range AS text FROM range(20)) ` +
              `TO ${sqlString(path)} (FORMAT parquet)`,
          );
      });
      const { run, prepared } = await prepareScorer(main, 'dsir:smoothing=1', silent);
      await openScorer(run, prepared);
      const path = join(dirname(run.files.scorer), 'dsir.json');
      const model = (await readSealedJson(path, z.looseObject({ ratios: z.array(z.number()) }), '')) ?? {
        ratios: [],
      };
      await commitSealedJson(path, { ...model, ratios: model.ratios.with(0, 7) });
      await expect(openScorer(run, prepared)).rejects.toMatchObject({ code: 'PLAN_STALE' });
    });
  });
});
