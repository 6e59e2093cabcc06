import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { makePlan } from '../../scoring/make-plan.ts';
import { listTasks } from '../../scoring/tasks.ts';
import { readPublishedParts } from '../../scoring/published.ts';
import { silent } from '../../run/progress.ts';
import { readRanking } from '../../ranking/generation.ts';
import { rankCorpus } from '../../ranking/rank.ts';
import { makeLines } from '../classifier/trained-run.ts';
import { smallShards, withShards, writeShards } from '../ranking/small-shards.ts';
import { readRows, problemsOf, packsOf } from './packed-ranking.ts';

describe('a ranking of many small shards', () => {
  it('reports every unreadable shard, and is complete once they are fixed', async () => {
    await withShards(smallShards(60), async (run, folder) => {
      const bad = ['0004.jsonl.gz', '0009.jsonl.gz', '0054.jsonl.gz'];
      const good = await Promise.all(bad.map((name) => readFile(join(folder, 'corpus', name))));
      await writeShards(folder, Object.fromEntries(bad.map((name) => [name, 'this is not gzip'])));
      const failure = rankCorpus(run, silent);
      await expect(failure).rejects.toMatchObject({ code: 'SHARDS_FAILED' });
      await expect(failure).rejects.toMatchObject({ message: expect.stringMatching(/0004[^]*0009[^]*0054/) });
      // All other chunks and packs are scored.
      const left = listTasks(run, await makePlan(run, silent)).filter(({ pieces }) =>
        pieces.some(({ shard }) => bad.includes(shard.name.slice('corpus/'.length))),
      );
      const { byChunk } = await readPublishedParts(run);
      expect(byChunk.size).toBe(listTasks(run, await makePlan(run, silent)).length - left.length);
      await writeShards(folder, Object.fromEntries(bad.map((name, i) => [name, good[i] ?? ''])));
      const { ranking } = await rankCorpus(run, silent);
      expect(await problemsOf(run)).toEqual([]);
      expect(new Set((await readRows(run, ranking)).map(({ shard }) => shard)).size).toBe(61);
    });
  });

  it('follows shards that change or vanish while they are scored', async () => {
    await withShards(smallShards(60), async (run, folder) => {
      const paths = ['0005.jsonl', '0006.jsonl', '0058.jsonl'].map((name) => join(folder, 'corpus', name));
      let done: Promise<unknown> | undefined;
      const { scores, ranking } = await rankCorpus(run, ({ stage }) => {
        if (stage.startsWith('score'))
          done ??= Promise.all([
            rm(paths[0] ?? ''),
            writeFile(paths[1] ?? '', makeLines(9, 3)),
            rm(paths[2] ?? ''),
          ]);
      });
      await done;
      // What was scored before it changed is told by the next ranking.
      expect(scores.meanwhile.fresh).toEqual([]);
      const next = await rankCorpus(run, silent);
      expect(await problemsOf(run)).toEqual([]);
      const shards = new Set((await readRows(run, next.ranking)).map(({ shard }) => shard));
      expect(shards.size).toBe(59);
      expect(ranking.documents).toBeGreaterThan(0);
    });
  });

  it('counts as new what is new, and not the neighbors that are scored again with it', async () => {
    await withShards(
      smallShards(12, { lines: 100, large: false }),
      async (run, folder) => {
        await rankCorpus(run, silent);
        const { size } = new Set(
          packsOf(await readRanking(run)).flatMap(({ covers }) => covers.map(({ shard }) => shard)),
        );
        expect(size).toBe(12);
        await writeFile(
          join(folder, 'corpus', '0003.jsonl'),
          makeLines(1200, 55).replaceAll(/"source-\d"/g, '"elsewhere"'),
        );
        const { scores, drift, ranking } = await rankCorpus(run, silent);
        expect(scores.shardsScored).toBe(12);
        const documents = (await readRows(run, ranking)).filter(
          ({ shard }) => shard === 'corpus/0003.jsonl',
        ).length;
        expect(drift?.fresh).toMatchObject({
          documents,
          sources: expect.arrayContaining([{ source: 'elsewhere', before: 0, now: 1 }]),
        });
      },
      { chunkMegabytes: 2 },
    );
  });
});
