import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { compress } from './compression/zstd.ts';
import { sqlString, withDuckDb } from '../../data/duckdb/duckdb.ts';
import { formatOf } from '../../data/shards.ts';
import { readTexts } from '../../data/texts.ts';
import { defaultFields, readAll, withFolder } from './collect.ts';

/** Ordinary lines, and all the odd ones that hold a document or none. */
const oddLines = [
  '',
  '  ',
  'not JSON',
  '{"text": 5}',
  '{"id": "x"}',
  '{"id": 123456789012345678901234567890, "text": "long id"}',
  '{"text": "half \\ud800 pair"}',
  '{"text":"one","text":"two"}',
  '{"text": "tab\\tand \\u00e9 🙂", "tokens": 7}',
  '{"text": "ü", "tokens": -1}',
];
const lines = Array.from({ length: 3000 }, (_, i) =>
  i % 17 === 5
    ? (oddLines[i % oddLines.length] ?? '')
    : `{"id": "d${i}", "text": "text ${i} ${'word '.repeat(i % 900)}"}`,
);

async function textsAt(
  path: string,
  rows: readonly number[],
  signal?: AbortSignal,
): Promise<[number, string][]> {
  const found: [number, string][] = [];
  for await (const { row, text } of readTexts(
    { name: 'shard', path, format: formatOf(path), bytes: 0, modifiedMs: 0 },
    defaultFields,
    rows,
    signal,
  ))
    found.push([row, Buffer.from(text).toString()]);
  return found;
}

describe('the texts of some rows', () => {
  it.each<[string, (text: string) => Uint8Array]>([
    ['jsonl', (text) => Buffer.from(text)],
    ['jsonl.gz', (text) => gzipSync(text)],
    ['jsonl.zst', (text) => compress(Buffer.from(text))],
  ])('equal those from reading the entire shard (%s)', async (ending, pack) => {
    await withFolder(async (folder) => {
      const path = join(folder, `shard.${ending}`);
      await writeFile(path, pack(`\ufeff${lines.join('\n')}`));
      const all = new Map((await readAll(path)).documents.map(({ row, text }) => [row, text]));
      expect(all.size).toBeGreaterThan(2800);
      await fc.assert(
        fc.asyncProperty(
          fc.uniqueArray(fc.integer({ min: 0, max: 3100 }), { maxLength: 20 }),
          async (rows) => {
            const found = new Map(await textsAt(path, rows));
            for (const row of rows) if (all.has(row)) expect(found.get(row)).toBe(all.get(row));
            expect([...found.keys()]).toEqual([...found.keys()].sort((a, b) => a - b));
            for (const row of found.keys()) expect(rows).toContain(row);
          },
        ),
        { numRuns: 15 },
      );
      expect((await textsAt(path, [2999]))[0]?.[0]).toBe(2999);
    });
  });

  it('are found in Parquet by their row numbers', async () => {
    await withFolder(async (folder) => {
      const path = join(folder, 'shard.parquet');
      await withDuckDb({}, (connection) =>
        connection.run(
          `COPY (SELECT 'd' || i AS id, 'text ' || i AS text FROM range(10000) AS r (i)) ` +
            `TO ${sqlString(path)} (FORMAT parquet, ROW_GROUP_SIZE 2048)`,
        ),
      );
      expect(await textsAt(path, [9999, 0, 4096, 20_000])).toEqual([
        [0, 'text 0'],
        [4096, 'text 4096'],
        [9999, 'text 9999'],
      ]);
      expect(await textsAt(path, [])).toEqual([]);
    });
  });

  it('are not read after an abort', async () => {
    await withFolder(async (folder) => {
      const path = join(folder, 'shard.jsonl');
      await writeFile(path, lines.join('\n'));
      await expect(textsAt(path, [2999], AbortSignal.abort(new Error('enough')))).rejects.toThrow('enough');
    });
  });
});
