import { stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { cutShard } from '../../data/chunks.ts';
import type { Chunk, Shard } from '../../data/documents.ts';
import { sqlString, withDuckDb } from '../../data/duckdb/duckdb.ts';
import { readShard } from '../../data/read.ts';
import { formatOf } from '../../data/shards.ts';
import { collectQuarantined, defaultFields, readAll, withFolder } from './collect.ts';
import { rounds } from '../long.ts';

async function describeShard(path: string): Promise<Shard> {
  const { size, mtimeMs } = await stat(path);
  return { name: 'shard', path, format: formatOf(path), bytes: size, modifiedMs: mtimeMs };
}

const cut = (shard: Shard, chunkBytes: number): Promise<Chunk[]> =>
  cutShard(shard, defaultFields, chunkBytes);

interface Rows {
  documents: [row: number, document: string][];
  quarantined: number[];
  ends: number[];
}

/** All chunks read one after the other, each begun again after its first document. */
async function readChunks(shard: Shard, chunks: readonly Chunk[], again: boolean): Promise<Rows> {
  const rows: Rows = { documents: [], quarantined: [], ends: [] };
  for (const chunk of chunks) {
    const quarantine = collectQuarantined();
    const read = async (fromRow: number, limit: number): Promise<void> => {
      const batches = readShard(shard, defaultFields, { quarantine, chunk, fromRow });
      for (;;) {
        const next = await batches.next();
        if (next.done === true) {
          rows.ends.push(next.value);
          return;
        }
        for (let i = 0; i < next.value.count; i++) {
          rows.documents.push([next.value.rows[i] ?? -1, next.value.documents[i] ?? '']);
          if (rows.documents.length === limit) {
            await batches.return(0);
            quarantine.rows.splice(
              0,
              Infinity,
              ...quarantine.rows.filter(({ position }) => position <= (next.value.rows[i] ?? -1)),
            );
            return read((next.value.rows[i] ?? 0) + 1, Infinity);
          }
        }
      }
    };
    await read(chunk.firstRow, again ? rows.documents.length + 1 : Infinity);
    rows.quarantined.push(...quarantine.rows.map(({ position }) => position));
  }
  return rows;
}

describe('chunks', () => {
  it('of JSON Lines have every row once, with its number in the file, wherever they start and end', async () => {
    const line = fc.oneof(
      {
        weight: 6,
        arbitrary: fc
          .string({ minLength: 1, maxLength: 30, unit: 'grapheme' })
          .map((text) => JSON.stringify({ text: `x${text}` })),
      },
      { weight: 1, arbitrary: fc.constantFrom('', ' ', '{"broken', '\r') },
    );
    await withFolder(async (folder) => {
      await fc.assert(
        fc.asyncProperty(
          fc.array(line, { maxLength: 60 }),
          fc.integer({ min: 1, max: 400 }),
          fc.boolean(),
          fc.boolean(),
          fc.constantFrom('jsonl', 'jsonl.gz'),
          async (lines, chunkBytes, mark, lineFeed, format) => {
            const path = join(folder, `shard.${format}`);
            const bytes = `${mark ? '\ufeff' : ''}${lines.join('\n')}${lineFeed ? '\n' : ''}`;
            await writeFile(path, format === 'jsonl' ? bytes : gzipSync(bytes));
            const shard = await describeShard(path);
            const whole = await readAll(path);
            const chunks = await cut(shard, chunkBytes);
            for (const again of [false, true]) {
              const rows = await readChunks(shard, chunks, again);
              expect(rows.documents).toEqual(whole.documents.map(({ row, document }) => [row, document]));
              expect(rows.quarantined).toEqual(whole.quarantined.map(({ position }) => position));
              expect(rows.ends.slice(0, -1)).toEqual(chunks.slice(1).map(({ firstRow }) => firstRow));
            }
          },
        ),
        { numRuns: rounds(40) },
      );
    });
  });

  it('of JSON Lines have about the requested size, and a compressed file is one chunk', async () => {
    await withFolder(async (folder) => {
      const lines = Array.from({ length: 5000 }, (_, i) => `{"text":"document ${i}"}\n`).join('');
      await writeFile(join(folder, 'a.jsonl'), lines);
      await writeFile(join(folder, 'a.jsonl.gz'), gzipSync(lines));
      const shard = await describeShard(join(folder, 'a.jsonl'));
      const chunks = await cut(shard, 10_000);
      expect(chunks.length).toBe(Math.round(shard.bytes / 10_000));
      for (const { startByte = 0, endByte = 0 } of chunks)
        expect(Math.abs(endByte - startByte - 10_000)).toBeLessThan(6000);
      expect(chunks.at(-1)?.endByte).toBe(shard.bytes);
      expect(await cut(await describeShard(join(folder, 'a.jsonl.gz')), 100)).toEqual([{ firstRow: 0 }]);
    });
  });

  it('of Parquet are complete row groups and have every row once', async () => {
    await withFolder(async (folder) => {
      const path = join(folder, 'a [1].parquet');
      await withDuckDb({ threads: 1 }, (connection) =>
        connection.run(
          `COPY (SELECT 'd' || i AS id, CASE WHEN i % 97 = 5 THEN NULL ELSE 'text ' || i || repeat('x', ` +
            `100) END AS text FROM range(10000) t(i)) TO ${sqlString(path)} (FORMAT parquet, ROW_GROUP_SIZE 2048)`,
        ),
      );
      const shard = await describeShard(path);
      const chunks = await cut(shard, 500_000);
      expect(chunks).toEqual([
        { firstRow: 0, endRow: 4096 },
        { firstRow: 4096, endRow: 8192 },
        { firstRow: 8192, endRow: 10_000 },
      ]);
      const whole = await readAll(path);
      for (const again of [false, true]) {
        const rows = await readChunks(shard, chunks, again);
        expect(rows.documents).toEqual(whole.documents.map(({ row, document }) => [row, document]));
        expect(rows.quarantined).toEqual(whole.quarantined.map(({ position }) => position));
        expect(rows.ends).toEqual([4096, 8192, 10_000]);
      }
      expect(await cut(shard, 1)).toHaveLength(5);
    });
  });
});
