import { describe, expect, it } from '@jest/globals';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { publishRanking } from '../../ranking/publish.ts';
import { findShardName, openShard, shardId } from '../../ranking/shards.ts';
import { makeRows, rankRows, type Row, scorer, withRun, writeParts, writeShard } from './synthetic.ts';

const rows = makeRows(300);

describe('a shard of the ranking', () => {
  const row: Row = { shard: 'corpus/a.jsonl', row: 0, document: 'd', source: '', tokens: 1, score: 0 };

  it('is named by its name or its id, never by a path', async () => {
    await withRun(async (run) => {
      const ranking = await rankRows(run, rows);
      expect(findShardName(ranking, 'corpus/shard-1.jsonl')).toBe('corpus/shard-1.jsonl');
      expect(findShardName(ranking, shardId('corpus/shard-1.jsonl'))).toBe('corpus/shard-1.jsonl');
      for (const asked of [
        '',
        '.',
        '..',
        '../betr.yaml',
        'corpus/../corpus/shard-1.jsonl',
        './corpus/shard-1.jsonl',
        '/etc/passwd',
        'corpus/shard-9.jsonl',
        'shard-1.jsonl',
        'corpus/shard-1.jsonl\0',
        '__proto__',
      ]) {
        expect(() => findShardName(ranking, asked)).toThrow(/is not a shard of the ranking/);
      }
    });
  });

  it('is opened only while it is the file that was ranked', async () => {
    await withRun(async (run) => {
      const path = join(run.settingsFolder, row.shard);
      await writeShard(path, '{"id": "d", "text": "x"}\n');
      const { size, mtimeMs } = await stat(path);
      const ranking = await publishRanking(
        run,
        await writeParts(run, [row], 0, { bytes: size, modifiedMs: mtimeMs }),
        scorer,
      );
      expect(await openShard(run, ranking, row.shard)).toEqual({
        name: row.shard,
        path,
        format: 'jsonl',
        bytes: size,
        modifiedMs: mtimeMs,
      });
      await writeShard(path, '{"id": "d", "text": "longer"}\n');
      await expect(openShard(run, ranking, row.shard)).rejects.toMatchObject({
        code: 'SHARD_CHANGED',
        status: 409,
      });
      await expect(openShard(run, ranking, 'corpus/b.jsonl')).rejects.toMatchObject({
        code: 'SHARD_UNKNOWN',
        status: 404,
      });
    });
  });
});
