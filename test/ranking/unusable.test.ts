import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { silent } from '../../run/progress.ts';
import { readRanking } from '../../ranking/generation.ts';
import { rankCorpus } from '../../ranking/rank.ts';
import { makeLines } from '../classifier/trained-run.ts';
import { withShards, writeShards } from './small-shards.ts';

describe('shards without a usable row', () => {
  it('are reported, newest first; alone they make no ranking', async () => {
    const bad = Object.fromEntries(
      Array.from({ length: 30 }, (_, i) => [`bad-${String(i).padStart(2, '0')}.jsonl`, '{"text": 1}\n']),
    );
    await withShards({ ...bad, 'good.jsonl': makeLines(10, 1) }, async (run, folder) => {
      const first = await rankCorpus(run, silent);
      expect(first.withoutDocuments).toMatchObject({ unusable: 30, empty: 0 });
      expect(first.withoutDocuments.first).toHaveLength(20);
      expect(first.notes).toEqual([
        expect.stringMatching(
          /^30 shards have no usable row: corpus\/bad-00\.jsonl \(row 0: .* is not a string\), .* and 27 more$/,
        ),
      ]);
      await writeShards(folder, { 'later.jsonl': '\n17\n' });
      const second = await rankCorpus(run, silent);
      expect(second.notes).toEqual([
        expect.stringMatching(
          /^31 shards have no usable row: corpus\/later\.jsonl \(row 1: not a JSON object\), /,
        ),
      ]);
      await rm(join(folder, 'corpus', 'good.jsonl'));
      await expect(rankCorpus(run, silent)).rejects.toMatchObject({
        code: 'NO_DOCUMENTS',
        exitCode: 1,
        message: expect.stringMatching(
          /31 files, 31 rows quarantined, such as corpus\/bad-00\.jsonl \(row 0: field "text" is not a string\)/,
        ),
      });
      expect((await readRanking(run)).generation).toBe(second.ranking.generation);
    });
  });

  it('are reported for a large shard without a usable row in any part', async () => {
    await withShards(
      { 'large.jsonl': '{"no": "text"}\n'.repeat(4000), 'good.jsonl': makeLines(10, 1) },
      async (run) => {
        const { ranking, withoutDocuments } = await rankCorpus(run, silent);
        expect(ranking.parts.length).toBeGreaterThan(2);
        expect(withoutDocuments).toMatchObject({
          unusable: 1,
          first: [{ shard: 'corpus/large.jsonl', badRows: 4000, row: 0 }],
        });
      },
    );
  });
});
