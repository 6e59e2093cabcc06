import { describe, expect, it } from '@jest/globals';
import { rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import type { Shard } from '../../../data/documents.ts';
import { BetrError } from '../../../run/errors/errors.ts';
import { headBytes, TextReader, type TextHead } from '../../../ranking/why/reader.ts';
import { defaultFields, withFolder } from '../../data/collect.ts';

const limits = {
  passesAtOnce: 1,
  passesWaiting: 1,
  passMs: 60_000,
  cacheBytes: 1 << 20,
  kept: { shardBytes: 0, bytes: 0 },
};
const longText = 'long '.repeat(500_000);
const lines = Array.from({ length: 40_000 }, (_, row) =>
  JSON.stringify({ text: row === 5 ? longText : row === 6 ? '' : `text ${row} ${'word '.repeat(200)}` }),
);

/** A shard of 40 MB, compressed: the last row takes a moment to reach. */
async function withShard(use: (shard: Shard) => Promise<void>): Promise<void> {
  await withFolder(async (folder) => {
    const path = join(folder, 'shard.jsonl.gz');
    await writeFile(path, gzipSync(lines.join('\n'), { level: 1 }));
    const { size, mtimeMs } = await stat(path);
    await use({ name: 'shard.jsonl.gz', path, format: 'jsonl.gz', bytes: size, modifiedMs: mtimeMs });
  });
}

const long = 60_000;
const textOf = (result: TextHead | BetrError | undefined): string =>
  result === undefined || result instanceof BetrError
    ? String(result?.code)
    : Buffer.from(result.head).toString();

describe('the reader of texts', () => {
  it('returns complete texts or their beginnings, and reports rows without one', async () => {
    await withShard(async (shard) => {
      const reader = new TextReader(defaultFields, limits);
      const heads = await reader.read(shard, [3, 5, 50_000], false, long);
      expect(textOf(heads.get(3))).toBe(`text 3 ${'word '.repeat(200)}`);
      expect(heads.get(5)).toMatchObject({ bytes: longText.length });
      expect(textOf(heads.get(5))).toBe(longText.slice(0, headBytes));
      expect(heads.get(50_000)).toMatchObject({ code: 'SHARD_CHANGED' });
      expect(textOf((await reader.read(shard, [5], true, long)).get(5))).toBe(longText);
    });
  });

  it(
    'does not wait longer than asked, reads on, and has the text when asked again, though the file ' +
      'is gone',
    async () => {
      await withShard(async (shard) => {
        const reader = new TextReader(defaultFields, limits);
        const [first, again] = [
          reader.read(shard, [39_999], false, 1),
          reader.read(shard, [39_999], false, long),
        ];
        expect((await first).get(39_999)).toMatchObject({ code: 'TEXT_TOO_FAR', values: { row: 39_999 } });
        expect(textOf((await again).get(39_999))).toContain('text 39999 ');
        await rm(shard.path);
        expect(textOf((await reader.read(shard, [39_999], true, long)).get(39_999))).toContain('text 39999 ');
        expect((await reader.read(shard, [39_998], false, long)).get(39_998)).toMatchObject({
          code: 'FILE_NOT_FOUND',
        });
      });
    },
  );

  it('gives up a pass that takes too long, and refuses to queue without end', async () => {
    await withShard(async (shard) => {
      const reader = new TextReader(defaultFields, { ...limits, passMs: 1 });
      expect((await reader.read(shard, [39_999], false, long)).get(39_999)).toMatchObject({
        code: 'TEXT_TOO_FAR',
      });
      const busy = new TextReader(defaultFields, limits);
      const asked = [39_997, 39_998, 39_999].map((row) => busy.read(shard, [row], false, long));
      const codes = (await Promise.all(asked)).map((found, i) => textOf(found.get(39_997 + i)).slice(0, 10));
      expect(codes).toEqual(['text 39997', 'text 39998', 'BUSY']);
    });
  });

  it('forgets what was not asked for longest', async () => {
    await withShard(async (shard) => {
      const reader = new TextReader(defaultFields, { ...limits, cacheBytes: 5_000 });
      await reader.read(shard, [0, 1, 2, 3], false, long);
      await reader.read(shard, [0], false, long);
      await reader.read(shard, [10, 11], false, long);
      await rm(shard.path);
      const found = await Promise.all(
        [0, 1, 2, 10, 11].map(async (row) =>
          textOf((await reader.read(shard, [row], false, long)).get(row)).slice(0, 8),
        ),
      );
      expect(found).toEqual(['text 0 w', 'FILE_NOT', 'FILE_NOT', 'text 10 ', 'text 11 ']);
    });
  });

  it('keeps a small shard once it was asked for, so that it is not read again', async () => {
    await withShard(async (shard) => {
      const reader = new TextReader(defaultFields, {
        ...limits,
        kept: { shardBytes: 64 << 20, bytes: 64 << 20 },
      });
      const away = `${shard.path}.away`;
      for (let row = 10; ; row += 2) {
        await reader.read(shard, [row], false, long);
        await setTimeout(50);
        await rename(shard.path, away);
        const found = textOf((await reader.read(shard, [row + 1], false, long)).get(row + 1));
        await rename(away, shard.path);
        if (found.startsWith(`text ${row + 1} `)) break;
        expect(found).toBe('FILE_NOT_FOUND');
      }
      // Row 6 has an empty text, which is no document of a ranking.
      const found = await reader.read(shard, [5, 6, 39_999, 50_000], false, long);
      expect([5, 6, 39_999, 50_000].map((row) => textOf(found.get(row)).slice(0, 12))).toEqual([
        'long long lo',
        'SHARD_CHANGE',
        'text 39999 w',
        'SHARD_CHANGE',
      ]);
      expect(found.get(5)).toMatchObject({ bytes: longText.length });
    });
  });
});
