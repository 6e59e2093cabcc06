import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { randomScore } from '../../scoring/scorers/random.ts';
import { listRankings, rankingRun } from '../../scoring/scorers/list.ts';
import { silent } from '../../run/progress.ts';
import type { Run } from '../../run/run.ts';
import { findCutoff } from '../../ranking/cutoff.ts';
import { readRanking } from '../../ranking/generation.ts';
import { rankCorpus } from '../../ranking/rank.ts';
import { withScores } from '../../ranking/scores.ts';
import { betr } from '../cli/betr.ts';
import { plainShape, writeModel } from '../classifier/fasttext/write-model.ts';
import { makeLines, makeTrainedRun } from '../classifier/trained-run.ts';
import { withFolder } from '../data/collect.ts';
import { queryRows } from '../../data/duckdb/rows.ts';
import { longTest } from '../long.ts';

async function withCorpus(workers: number, use: (run: Run, folder: string) => Promise<void>): Promise<void> {
  await withFolder(async (folder) => {
    await mkdir(join(folder, 'corpus'), { recursive: true });
    await writeFile(join(folder, 'corpus', 'plain.jsonl'), makeLines(600, 1));
    await writeFile(join(folder, 'corpus', 'packed.jsonl.gz'), gzipSync(makeLines(300, 2)));
    await use(await makeTrainedRun(folder, { workers }), folder);
  });
}

const scored = z.object({ document: z.string(), score: z.number() });

async function scoresOf(run: Run): Promise<z.output<typeof scored>[]> {
  return withScores(run, await readRanking(run), (connection, table) =>
    queryRows(connection, `SELECT document, score::DOUBLE AS score FROM ${table} ORDER BY document`, scored),
  );
}

describe('rankings by several scorers', () => {
  longTest('lie side by side, with cutoffs of their own, made by several workers', async () => {
    await withCorpus(1, async (run, folder) => {
      writeModel(join(folder, 'quality.bin'), { ...plainShape, words: ['</s>', 'word1', 'word2'] });
      const own = await rankCorpus(run, silent);
      const before = await readFile(run.files.ranking, 'utf8');
      for (const [scorer, workers] of [
        ['random', 2],
        ['random:seed=2', 1],
        ['length', 1],
        ['fasttext:quality.bin', 2],
      ] as const) {
        const { ranking, published, notes } = await rankCorpus(
          { ...run, settings: { ...run.settings, workers } },
          silent,
          scorer,
        );
        expect({
          documents: ranking.documents,
          tokens: ranking.tokens,
          quarantined: ranking.quarantined,
          published,
          notes,
        }).toEqual({
          documents: own.ranking.documents,
          tokens: own.ranking.tokens,
          quarantined: own.ranking.quarantined,
          published: true,
          notes: [],
        });
        expect(ranking.scorer.outputs).toEqual(['joint']);
        expect(await rankCorpus(run, silent, scorer)).toMatchObject({
          published: false,
          scores: { shardsScored: 0, shardsReused: 2 },
        });
        const cutoff = await findCutoff(rankingRun(run, scorer), ranking, 0.3);
        expect(cutoff.tokens).toBeLessThanOrEqual(0.3 * ranking.tokens);
        expect(cutoff.documents).toBeGreaterThan(100);
      }
      expect(await readFile(run.files.ranking, 'utf8')).toBe(before);
      expect(await rankCorpus(run, silent)).toMatchObject({ published: false, scores: { shardsScored: 0 } });
      for (const { document, score } of await scoresOf(rankingRun(run, 'random')))
        expect(score).toBe(randomScore(document, 1));
      for (const { score } of await scoresOf(rankingRun(run, 'fasttext:quality.bin')))
        expect(score > 0 && score <= 1.0001).toBe(true);
      expect((await listRankings(run)).published).toEqual([
        'fasttext:quality.bin',
        'length',
        'random',
        'random:seed=2',
      ]);
    });
  });

  it("are the command's too", async () => {
    await withCorpus(1, async (run, folder) => {
      const tell = async (...args: string[]): Promise<string> => (await betr(folder, args)).stdout;
      expect(await tell('rank', '--scorer', 'length')).toMatch(/Ranked 882 documents/);
      expect(await tell('cutoff', '--scorer', 'length', '--keep', '0.1')).toMatch(/score ≥ \d+/);
      expect(await tell('status')).toMatch(/Ranking {5}none yet[^]*Rankings {4}length/);
      expect(await tell('status', '--scorer', 'length')).toMatch(
        /Ranking {5}generation [^]*To score {4}nothing/,
      );
      await tell('select', '--scorer', 'length', '--keep', '0.1', '--out', 'kept');
      expect(existsSync(join(folder, 'kept', 'manifest.json'))).toBe(true);
      expect(await tell('verify', '--scorer', 'length')).toMatch(/complete and unaltered/);
      expect((await betr(folder, ['rank', '--scorer', 'magic'])).stderr).toMatch(/SCORER_UNKNOWN/);
      expect((await betr(folder, ['cutoff', '--scorer', 'random', '--keep', '0.1'])).stderr).toMatch(
        /STEP_MISSING/,
      );
      expect(existsSync(run.files.ranking)).toBe(false);
    });
  });
});
