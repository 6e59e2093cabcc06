import { describe, expect, it } from '@jest/globals';
import { rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import type { Shard } from '../../../data/documents.ts';
import { sqlString, withDuckDb } from '../../../data/duckdb/duckdb.ts';
import { readTexts } from '../../../data/texts.ts';
import {
  type CachedShard,
  type CachedShards,
  openCachedShards,
  readCachedText,
} from '../../../ranking/why/shard-cache.ts';
import { defaultFields, withFolder } from '../../data/collect.ts';

async function makeShard(folder: string, name: string, content: string): Promise<Shard> {
  const path = join(folder, name);
  await writeFile(path, gzipSync(content));
  const { size, mtimeMs } = await stat(path);
  return { name, path, format: 'jsonl.gz', bytes: size, modifiedMs: mtimeMs };
}

async function waitFor(shards: CachedShards, shard: Shard): Promise<CachedShard> {
  for (;;) {
    const kept = shards.get(shard);
    if (kept !== undefined) return kept;
    await setTimeout(5);
  }
}

const limits = { shardBytes: 64 << 20, bytes: 64 << 20 };

function textAt(kept: CachedShard, row: number): string | undefined {
  const text = readCachedText(kept, row);
  return text && Buffer.from(text).toString();
}

const contents = {
  plain: '{"text":"a"}\n{"text":"b"}\n',
  'no last line feed': '{"text":"a"}\n{"text":"b"}',
  'mark, blank and bad lines, odd ends':
    '\ufeff{"text":"a"}\n\n  \n{"text":\n{"text":3}\r\n{"text":"c"}\r\n\n{"text":"d"}',
  empty: '',
  'long lines': Array.from({ length: 40 }, (_, row) =>
    JSON.stringify({ text: `${row} `.repeat(100_000) }),
  ).join('\n'),
};

describe('kept shards', () => {
  for (const [what, content] of Object.entries(contents)) {
    it(`have the texts that reading the file gives: ${what}`, async () => {
      await withFolder(async (folder) => {
        const shard = await makeShard(folder, 'shard.jsonl.gz', content);
        const shards = openCachedShards(defaultFields, limits, () => false);
        shards.readSoon(shard);
        const kept = await waitFor(shards, shard);
        const rows = Array.from({ length: 45 }, (_, row) => row);
        const read = new Map<number, string>();
        for await (const { row, text } of readTexts(shard, defaultFields, rows))
          read.set(row, Buffer.from(text).toString());
        expect(rows.map((row) => textAt(kept, row))).toEqual(rows.map((row) => read.get(row)));
      });
    });
  }

  it('have the texts of a Parquet file, whose bad rows have none', async () => {
    await withFolder(async (folder) => {
      const path = join(folder, 'shard.parquet');
      await withDuckDb({ threads: 1 }, (connection) =>
        connection.run(
          `COPY (SELECT * FROM (VALUES ('first'), (NULL), ('third')) texts (text)) ` +
            `TO ${sqlString(path)} (FORMAT parquet)`,
        ),
      );
      const { size, mtimeMs } = await stat(path);
      const shard: Shard = {
        name: 'shard.parquet',
        path,
        format: 'parquet',
        bytes: size,
        modifiedMs: mtimeMs,
      };
      const shards = openCachedShards(defaultFields, limits, () => false);
      shards.readSoon(shard);
      const kept = await waitFor(shards, shard);
      expect([0, 1, 2, 3].map((row) => textAt(kept, row))).toEqual(['first', undefined, 'third', undefined]);
    });
  });

  it(
    'are read one after the other while nobody is busy, as long as they are small, and the one unused ' +
      'longest goes first',
    async () => {
      await withFolder(async (folder) => {
        const [a, b, c, large] = await Promise.all(
          ['a', 'b', 'c', 'large'].map((name) =>
            makeShard(folder, name, `{"text":"${name}"}\n`.repeat(name === 'large' ? 100 : 1)),
          ),
        );
        if (a === undefined || b === undefined || c === undefined || large === undefined)
          throw new Error('four shards were made');
        let busy = true;
        const shards = openCachedShards(defaultFields, { shardBytes: 90, bytes: 40 }, () => busy);
        for (const shard of [large, a, b]) shards.readSoon(shard);
        await setTimeout(100);
        expect([large, a, b].map((shard) => shards.get(shard))).toEqual([undefined, undefined, undefined]);
        busy = false;
        await waitFor(shards, b);
        expect(shards.get(large)).toBeUndefined();
        expect(shards.get(a)?.texts.toString()).toBe('a');
        shards.readSoon(c);
        await waitFor(shards, c);
        expect([shards.get(a) === undefined, shards.get(b) === undefined]).toEqual([false, true]);
        await rm(b.path);
        shards.readSoon(b);
        await setTimeout(100);
        expect(shards.get(b)).toBeUndefined();
      });
    },
  );
});
