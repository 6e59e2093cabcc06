import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect } from '@jest/globals';
import { describePrediction } from '../../cli/prediction.ts';
import { sqlString, withDuckDb } from '../../data/duckdb/duckdb.ts';
import { silent } from '../../run/progress.ts';
import type { Run } from '../../run/run.ts';
import { predictRanking } from '../../ranking/predict.ts';
import { rankCorpus } from '../../ranking/rank.ts';
import { makeLines, makeTrainedRun } from '../classifier/trained-run.ts';
import { withFolder } from '../data/collect.ts';
import { longTest } from '../long.ts';

/** About 12 MB in all formats, of texts whose length grows through the corpus. */
async function withLargerCorpus(use: (run: Run, folder: string) => Promise<void>): Promise<void> {
  await withFolder(async (folder) => {
    const corpus = join(folder, 'corpus');
    await mkdir(corpus);
    const lines = Array.from({ length: 4 }, (_, i) => makeLines(8000, i));
    await writeFile(join(corpus, 'a.jsonl'), `${lines[0] ?? ''}${lines[1] ?? ''}`);
    await writeFile(join(corpus, 'b.jsonl.gz'), gzipSync(lines[2] ?? ''));
    await writeFile(join(folder, 'rows.jsonl'), (lines[3] ?? '').replaceAll('{"id": "cut short\n', '\n'));
    await withDuckDb({ threads: 1 }, (connection) =>
      connection.run(
        'COPY (SELECT id, text, source FROM ' +
          `read_json(${sqlString(join(folder, 'rows.jsonl'))}, format = 'newline_delimited', columns = ` +
          `{id: 'VARCHAR', text: 'VARCHAR', source: 'VARCHAR'}))
        TO ${sqlString(join(corpus, 'c.parquet'))} (FORMAT parquet, ROW_GROUP_SIZE 2048)`,
      ),
    );
    await use(
      await makeTrainedRun(folder, { chunkMegabytes: 1, workers: 2, more: { keep: { budgets: [1e18] } } }),
      folder,
    );
  });
}

describe('a prediction', () => {
  longTest(
    'comes near what ranking comes to, writes nothing else, and has the real figures beside it ' +
      'afterwards, once',
    async () => {
      await withLargerCorpus(async (run) => {
        const before = await readdir(run.folder);
        const prediction = await predictRanking(run, silent);
        expect((await readdir(run.folder)).filter((name) => !before.includes(name))).toEqual([
          'prediction.json',
        ]);
        expect(prediction).toMatchObject({ shards: 3, workers: 2, actual: null });
        expect(describePrediction(prediction)).toMatch(/3 shards .* predicted/s);
        const { ranking, prediction: compared, scores } = await rankCorpus(run, silent);
        expect(compared).toEqual({
          ...prediction,
          actual: expect.objectContaining({
            seconds: scores.seconds,
            documents: ranking.documents,
            tokens: ranking.tokens,
          }),
        });
        const { predicted, actual } = compared ?? {};
        expect(predicted?.seconds).toBeGreaterThan(0);
        for (const figure of ['documents', 'tokens', 'diskBytes'] as const) {
          const ratio = (predicted?.[figure] ?? 0) / (actual?.[figure] ?? 1);
          expect(`${figure} ${ratio > 0.8 && ratio < 1.25}`).toBe(`${figure} true`);
        }
        expect(predicted?.budgets[0]?.score).toBeCloseTo(actual?.budgets[0]?.score ?? 0, 2);
        expect(compared === null ? '' : describePrediction(compared)).toMatch(/predicted +actual/);
        expect((await rankCorpus(run, silent)).prediction).toBeNull();
      });
    },
  );

  longTest('counts what is scored already as it is, and looks only at what is new', async () => {
    await withLargerCorpus(async (run, folder) => {
      const { ranking } = await rankCorpus(run, silent);
      expect(await predictRanking(run, silent)).toMatchObject({
        shards: 0,
        probes: 0,
        predicted: { seconds: 0, diskBytes: 0, documents: ranking.documents, tokens: ranking.tokens },
      });
      await writeFile(join(folder, 'corpus', 'd.jsonl'), makeLines(2000, 9));
      const { shards, predicted } = await predictRanking(run, silent);
      expect(shards).toBe(1);
      expect(predicted.documents).toBeGreaterThan(ranking.documents + 1700);
      expect(predicted.documents).toBeLessThan(ranking.documents + 2300);
      // What was predicted is not what was ranked when yet another shard comes.
      await writeFile(join(folder, 'corpus', 'e.jsonl'), makeLines(200, 10));
      expect((await rankCorpus(run, silent)).prediction).toBeNull();
    });
  });
});
