import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import type { ListedPart } from '../../scoring/part.ts';
import { commitSealedJson } from '../../data/files/commit.ts';
import { sqlString, withDuckDb } from '../../data/duckdb/duckdb.ts';
import { silent } from '../../run/progress.ts';
import { predictRanking } from '../../ranking/predict.ts';
import { rankCorpus } from '../../ranking/rank.ts';
import { smallShards, withShards } from '../ranking/small-shards.ts';
import { sha256File } from '../../data/files/hash-files.ts';
import { problemsOf, packsOf } from './packed-ranking.ts';
import { longTest } from '../long.ts';

describe('a ranking of many small shards', () => {
  it('is distinguished from a damaged one, shard by shard', async () => {
    await withShards(smallShards(30), async (run) => {
      const { ranking } = await rankCorpus(run, silent);
      const [pack] = packsOf(ranking);
      if (pack === undefined) throw new Error('there is no pack');
      const reseal = (covers: ListedPart['covers'], more: Partial<ListedPart> = {}): Promise<void> =>
        commitSealedJson(run.files.ranking, {
          ...ranking,
          parts: ranking.parts.map((part) => (part === pack ? { ...part, covers, ...more } : part)),
        });
      const expectProblem = async (problem: RegExp): Promise<void> =>
        expect(await problemsOf(run)).toEqual(expect.arrayContaining([expect.stringMatching(problem)]));
      const change = (index: number, by: Partial<ListedPart['covers'][number]>): ListedPart['covers'] =>
        pack.covers.map((rows, i) => (i === index ? { ...rows, ...by } : rows));
      const documents = pack.covers[1]?.documents ?? 0;
      await reseal(change(1, { documents: documents - 1 }));
      await expectProblem(
        new RegExp(
          `documents of ${pack.covers[1]?.shard ?? ''} should be ${documents - 1}, found ${documents}`,
        ),
      );
      await expectProblem(/do not add up to its totals/);
      await reseal(pack.covers.slice(1));
      await expectProblem(/rows of a shard other than those listed/);
      await expectProblem(new RegExp(`${pack.covers[0]?.shard ?? ''} is not ranked yet`));
      await reseal([...pack.covers, ...pack.covers.slice(0, 1)]);
      await expectProblem(/in two parts/);
      await reseal(change(2, { endsShard: false }));
      await expectProblem(/are in no part/);
      await reseal(change(0, { rows: 1 }));
      await expectProblem(/has rows 0 to \d of \S+, which belong to another part/);
      // A row twice, in place of another.
      const path = join(run.files.scores, pack.file);
      await withDuckDb({ threads: 1 }, async (connection) => {
        await connection.run(
          'CREATE TABLE part AS SELECT * REPLACE (CASE WHEN shard ' +
            `= ${sqlString(pack.covers[0]?.shard ?? '')} AND "row" = 1 THEN 0 ELSE "row" END AS "row") ` +
            `FROM read_parquet(${sqlString(path)})`,
        );
        await connection.run(`COPY part TO ${sqlString(path)} (FORMAT parquet)`);
      });
      await reseal(pack.covers, { sha256: await sha256File(path), bytes: (await readFile(path)).length });
      await expectProblem(/rows that are duplicate/);
    });
  });

  longTest('is predicted, pack by pack', async () => {
    await withShards(smallShards(200, { large: false }), async (run) => {
      const { predicted, shards } = await predictRanking(run, silent);
      expect(shards).toBe(200);
      const { ranking, prediction } = await rankCorpus(run, silent);
      expect(prediction?.actual).toMatchObject({ documents: ranking.documents });
      expect(predicted.seconds).toBeGreaterThan(0);
      expect(predicted.seconds).toBeLessThan(60);
    });
  });
});
