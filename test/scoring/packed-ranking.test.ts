import { cp, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from '@jest/globals';
import type { ListedPart } from '../../scoring/part.ts';
import { makePlan } from '../../scoring/make-plan.ts';
import { listTasks, type Task } from '../../scoring/tasks.ts';
import { openConnections, scoreChunk } from '../../scoring/score-chunk.ts';
import { openScorer, readScorer } from '../../scoring/scorers/list.ts';
import { silent } from '../../run/progress.ts';
import { readTokenRates } from '../../indexer/sample/tokens.ts';
import { findDocument } from '../../ranking/list-documents.ts';
import { publishRanking } from '../../ranking/publish.ts';
import { rankCorpus } from '../../ranking/rank.ts';
import { openShard } from '../../ranking/shards.ts';
import { makeLines, makeTrainedRun } from '../classifier/trained-run.ts';
import { withFolder } from '../data/collect.ts';
import { smallShards, withShards } from '../ranking/small-shards.ts';
import { addParquet, readRows, problemsOf, packsOf, hashScores } from './packed-ranking.ts';
import { longTest } from '../long.ts';

describe('a ranking of many small shards', () => {
  longTest('equals that of separately scored shards, in fewer files, for every format', async () => {
    await withShards(
      {
        ...smallShards(40),
        'empty.jsonl': '',
        'blank.jsonl': '\n \n',
        'bad.jsonl': '{"no": "text"}\nnot json\n',
      },
      async (run, folder) => {
        await addParquet(folder, '0011-rows.parquet', makeLines(3, 5));
        await addParquet(folder, '0012-rows.parquet', makeLines(2, 6));
        const { ranking, withoutDocuments, notes } = await rankCorpus(run, silent);
        expect(packsOf(ranking).length).toBeGreaterThan(1);
        expect((await readdir(run.files.scores)).length).toBe(2 * ranking.parts.length);
        expect(ranking.parts.length).toBeLessThan(15);
        expect(await problemsOf(run)).toEqual([]);
        expect(withoutDocuments).toEqual({
          unusable: 1,
          empty: 2,
          first: [{ shard: 'corpus/bad.jsonl', badRows: 2, row: 0, reason: 'field "text" is missing' }],
        });
        expect(notes).toEqual([
          '1 shard has no usable row: corpus/bad.jsonl (row 0: field "text" is missing)',
        ]);
        await withFolder(async (other) => {
          await cp(join(folder, 'corpus'), join(other, 'corpus'), {
            recursive: true,
            preserveTimestamps: true,
          });
          // So small a chunk that no shard with a document is small beside it.
          const apart = await makeTrainedRun(other, { files: ['corpus/**'], chunkMegabytes: 0.002 });
          const alone = (await rankCorpus(apart, silent)).ranking;
          expect(packsOf(alone).flatMap(({ covers }) => covers.map(({ shard }) => shard))).toEqual([
            'corpus/bad.jsonl',
            'corpus/blank.jsonl',
            'corpus/empty.jsonl',
          ]);
          expect(await readRows(run, ranking)).toEqual(await readRows(apart, alone));
          const { documents, tokens, estimatedDocuments, textBytes, quarantined, sources, histogram } = alone;
          expect(ranking).toMatchObject({
            documents,
            tokens,
            estimatedDocuments,
            textBytes,
            quarantined,
            sources,
            histogram,
          });
        });
        // A document is found by its shard, which is known by its name and as it was.
        for (const { shard, row, document } of (await readRows(run, ranking)).filter(
          (_, i) => i % 50 === 0,
        )) {
          expect(await findDocument(run, ranking, shard, row)).toMatchObject({ shard, row, document });
          expect(await openShard(run, ranking, shard)).toMatchObject({ name: shard });
        }
        await expect(findDocument(run, ranking, 'corpus/bad.jsonl', 0)).rejects.toMatchObject({
          code: 'DOCUMENT_UNKNOWN',
        });
      },
    );
  });

  longTest('has the same bytes for any worker, and scores nothing twice', async () => {
    await withShards(smallShards(80), async (run) => {
      const first = await rankCorpus(run, silent);
      const hash = await hashScores(run);
      expect(await rankCorpus(run, silent)).toMatchObject({
        published: false,
        scores: { shardsScored: 0, shardsReused: 81 },
      });
      for (const name of [
        run.files.scores,
        run.files.manifest,
        run.files.plan,
        run.files.ranking,
        run.files.quarantine,
      ])
        await rm(name, { recursive: true, force: true });
      const again = await rankCorpus({ ...run, settings: { ...run.settings, workers: 3 } }, silent);
      expect(again.ranking.generation).toBe(first.ranking.generation);
      expect(await hashScores(run)).toBe(hash);
    });
  });

  it(
    'goes on where it was stopped, with the same bytes, also in the middle of a pack that is more text ' +
      'than it seemed',
    async () => {
      // Each compresses to a hundredth, so that the pack is several parts.
      const dense = Object.fromEntries(
        Array.from({ length: 6 }, (_, i) => [
          `${i}.jsonl.gz`,
          gzipSync(
            `${JSON.stringify({ id: `d${i}`, text: `word${i} `.repeat(2500) })}\n\n`.repeat(2 + (i % 3)),
          ),
        ]),
      );
      await withShards(dense, async (run, folder) => {
        const [task, ...others] = listTasks(run, await makePlan(run, silent));
        if (task === undefined) throw new Error('there is no task');
        expect({ others, pieces: task.pieces.length }).toEqual({ others: [], pieces: 6 });
        const { close, ...connections } = await openConnections(join(folder, 'spill'));
        const context = {
          scorer: await openScorer(run, await readScorer(run)),
          rates: await readTokenRates(run),
          fields: run.settings.corpus.fields,
          folder: run.files.scores,
          quarantine: run.files.quarantine,
          ...connections,
        };
        /**
         * Stops after so many batches, and begins again behind the parts that there are, until it is done.
         */
        const scoreWithStops = async (of: Task, batches: number): Promise<ListedPart[]> => {
          const parts: ListedPart[] = [];
          while (parts.at(-1)?.ends !== 'chunk') {
            let left = batches;
            for await (const part of scoreChunk(of, parts.slice(), context, () => --left > 0))
              parts.push(part);
          }
          return parts;
        };
        const undisturbed = await scoreWithStops(task, Infinity);
        expect(undisturbed.length).toBeGreaterThan(3);
        expect(undisturbed.some(({ covers }) => covers.length > 1)).toBe(true);
        for (const batches of [3, 4, 7]) expect(await scoreWithStops(task, batches)).toEqual(undisturbed);
        const ranking = await publishRanking(
          run,
          undisturbed.map((part) => ({ ...part, sources: [], histogram: [[1, 1, 1]] })),
          { outputs: ['joint', 'alpha'], sha256: 'f'.repeat(64) },
        );
        expect(
          ranking.parts.flatMap(({ covers }) => covers).filter(({ endsShard }) => endsShard),
        ).toHaveLength(6);
        close();
      });
    },
  );
});
