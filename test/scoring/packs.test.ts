import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { z } from 'zod';
import { guessTextBytes, isSmall, packShards } from '../../scoring/packs.ts';
import { makePlan } from '../../scoring/make-plan.ts';
import { listTasks } from '../../scoring/tasks.ts';
import { commitSealedJson, readSealedJson } from '../../data/files/commit.ts';
import type { ShardFormat } from '../../data/documents.ts';
import { silent } from '../../run/progress.ts';
import { makeLines, makeTrainedRun } from '../classifier/trained-run.ts';
import { rounds } from '../long.ts';
import { smallShards, withShards, writeShards } from '../ranking/small-shards.ts';

describe('packing small shards', () => {
  it('puts each into one pack, in their order, of at most a chunk and 500 shards', () => {
    const shard = fc.record({
      format: fc.constantFrom<ShardFormat>('jsonl', 'jsonl.gz', 'jsonl.zst', 'parquet'),
      bytes: fc.oneof(fc.nat(20), fc.nat(3000)),
    });
    fc.assert(
      fc.property(fc.array(shard, { maxLength: 2000 }), fc.nat(5), (all, first) => {
        const small = all.filter((one) => isSmall(one, 10_000));
        const packed = packShards(small, 10_000, first);
        expect(packed.map(({ format, bytes }) => ({ format, bytes }))).toEqual(small);
        const numbers = packed.map(({ pack }) => pack);
        expect([...new Set(numbers)]).toEqual(
          Array.from({ length: new Set(numbers).size }, (_, i) => first + i),
        );
        for (const number of new Set(numbers)) {
          const own = packed.filter(({ pack }) => pack === number);
          expect(own.length).toBeLessThanOrEqual(500);
          expect(own.reduce((sum, one) => sum + guessTextBytes(one), 0)).toBeLessThanOrEqual(10_000);
        }
      }),
      { numRuns: rounds(100) },
    );
  });

  it(
    'keeps packs as they are when shards come between theirs, and scores the neighbors of one that ' +
      'changes or goes, and no others',
    async () => {
      await withShards(smallShards(60), async (run, folder) => {
        const tasks = async (): Promise<Map<string, string[]>> =>
          new Map(
            listTasks(run, await makePlan(run, silent)).map(({ name, pieces }) => [
              name,
              pieces.map(({ shard }) => shard.name),
            ]),
          );
        const before = await tasks();
        const packs = [...before.values()].filter(({ length }) => length > 1);
        expect(packs.length).toBeGreaterThan(2);
        expect(new Set(packs.flat()).size).toBe(60);
        await writeShards(
          folder,
          Object.fromEntries(
            [3, 17, 42].map((i) => [`00${String(i).padStart(2, '0')}-between.jsonl`, makeLines(5, i)]),
          ),
        );
        const more = await tasks();
        const added = [...more].filter(([name]) => !before.has(name));
        expect(added.map(([, shards]) => shards)).toEqual([
          ['corpus/0003-between.jsonl', 'corpus/0017-between.jsonl', 'corpus/0042-between.jsonl'],
        ]);
        expect(more.size).toBe(before.size + 1);
        // One changes, and one goes.
        const [first = [], second = []] = packs;
        await writeFile(join(folder, first[1] ?? ''), makeLines(5, 77));
        await rm(join(folder, second[0] ?? ''));
        const now = await tasks();
        const fresh = [...now].filter(([name]) => !more.has(name)).map(([, shards]) => shards);
        expect(fresh).toEqual(
          expect.arrayContaining([first.filter((name) => name !== first[1]), second.slice(1), [first[1]]]),
        );
        expect(fresh).toHaveLength(3);
        // Another classifier scores all of them, in as few packs as a run that begins now.
        await makeTrainedRun(folder, { files: ['corpus/**'], seed: 2 });
        const anew = [...(await tasks()).values()];
        await rm(run.files.plan);
        expect([...(await tasks()).values()]).toEqual(anew);
        expect(anew.length).toBeLessThan(now.size);
      });
    },
  );

  it('replaces a plan of an earlier version', async () => {
    await withShards(smallShards(3), async (run) => {
      const plan = await makePlan(run, silent);
      await commitSealedJson(run.files.plan, { ...plan, version: 1 });
      await expect(
        readSealedJson(run.files.plan, z.object({ version: z.literal(2) }), 'betr rank'),
      ).rejects.toMatchObject({
        code: 'FILE_DAMAGED',
        message: expect.stringContaining('another version of betr'),
      });
      expect(await makePlan(run, silent)).toEqual(plan);
    });
  });
});
