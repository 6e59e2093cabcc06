import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { sqlString, withDuckDb } from '../../data/duckdb.ts';
import { findLargePages, openTexts, type Text, type TextPages } from '../../data/parquet-pages.ts';
import { readAll, withFolder } from './collect.ts';
import { rounds } from '../long.ts';

const codecs = ['snappy', 'zstd', 'gzip', 'uncompressed'];

async function write(path: string, query: string, options: string): Promise<void> {
  await withDuckDb({ threads: 1 }, async (connection) => {
    await connection.run(`COPY (${query}) TO ${sqlString(path)} (FORMAT parquet, ${options})`);
  });
}

/** The pages of the file's row groups, however small they are. */
async function findPages(path: string, groups: number[]): Promise<(TextPages | undefined)[]> {
  return withDuckDb({ threads: 1 }, (connection) => findLargePages(connection, path, 'text', groups, 0));
}

/** All texts of a row group, taken so many at once. */
async function takeAll(path: string, pages: TextPages, most = 1000, { passed = 0, mostBytes = 1e6 } = {}): Promise<(string | undefined)[]> {
  const reader = openTexts(path, pages, passed, mostBytes);
  const texts: Text[] = [];
  while (texts.length < pages.rows - passed) texts.push(...(await reader.take(most)).map((text) => (text instanceof Uint8Array ? Uint8Array.from(text) : text)));
  await reader.close();
  return texts.map((text) => (text instanceof Uint8Array ? Buffer.from(text).toString() : text));
}

describe('texts of Parquet pages, piece by piece', () => {
  it('are those that DuckDB reads, whichever are missing and however they are compressed', async () => {
    const text = fc.oneof(fc.constant(null), fc.string({ unit: 'grapheme', maxLength: 40 }), fc.nat({ max: 3000 }).map((length) => 'abcdefg'.repeat(length)));
    // Runs of one kind, and of mixed ones: levels come as runs or as bits.
    const run = fc.tuple(text, fc.integer({ min: 1, max: 30 })).map(([value, times]) => Array.from({ length: times }, (_, i) => (value === null ? null : `${value} ${i}`)));
    const texts = fc.array(fc.oneof(run, text.map((value) => [value])), { minLength: 1, maxLength: 40 }).map((runs) => runs.flat());
    await withFolder(async (folder) => {
      const path = join(folder, 'a.parquet');
      await fc.assert(
        fc.asyncProperty(texts, fc.constantFrom(...codecs), fc.integer({ min: 1, max: 50 }), fc.nat(), async (all, codec, most, passed) => {
          // Each text once: DuckDB would make a dictionary of them otherwise.
          const rows = all.map((value, row) => `(${row}, ${value === null ? 'NULL' : sqlString(`${row} ${value}`)})`);
          await write(path, `SELECT "text" FROM (VALUES ${rows.join(', ')}) t(i, "text") ORDER BY i`, `COMPRESSION ${codec}`);
          const [pages] = await findPages(path, [0]);
          // Nothing but missing texts is a dictionary of none.
          if (pages === undefined) {
            expect(all.filter((value) => value !== null).length).toBeLessThan(2);
            return;
          }
          const first = passed % all.length;
          expect(await takeAll(path, pages, most, { passed: first })).toEqual(all.map((value, row) => (value === null ? undefined : `${row} ${value}`)).slice(first));
        }),
        { numRuns: rounds(60), seed: 20261129 },
      );
    });
  });

  it('too long ones are told, not held, wherever they are cut', async () => {
    await withFolder(async (folder) => {
      const path = join(folder, 'a.parquet');
      const lengths = [10, 3_000_000, 99, 100, 101, 0, 2_000_000];
      await write(path, `SELECT repeat('x', n) AS text FROM (VALUES ${lengths.map((n) => `(${n})`).join(', ')}) t(n)`, 'COMPRESSION uncompressed');
      const [pages] = await findPages(path, [0]);
      if (pages === undefined) throw new Error('the pages are not found');
      expect(await takeAll(path, pages, 2, { mostBytes: 100 })).toEqual(lengths.map((n) => (n > 100 ? 'too long' : 'x'.repeat(n))));
    });
  });
});

describe('a Parquet file of large pages', () => {
  const count = 15_000;
  const hash = (i: number): string => createHash('md5').update(String(i)).digest('hex');
  const expected = (i: number): { row: number; document: string; source: string; text: string } => ({ row: i, document: `d${i}`, source: `s${i % 3}`, text: hash(i).repeat(50) });
  const isMissing = (i: number): boolean => i % 10 === 7;
  const rows = `SELECT 'd' || i AS id, 's' || i % 3 AS source, CASE WHEN i % 10 <> 7 THEN repeat(md5(i::VARCHAR), 50) END AS text FROM range(${count}) t(i)`;

  it.each(codecs)('is read whole and in chunks: %s', async (codec) => {
    await withFolder(async (folder) => {
      const path = join(folder, 'a.parquet');
      await write(path, rows, `COMPRESSION ${codec}`);
      const pages = await withDuckDb({ threads: 1 }, (connection) => findLargePages(connection, path, 'text', [0]));
      expect(pages).toMatchObject([{ codec: codec.toUpperCase(), rows: count, optional: true }]);
      for (const [first, end] of [[0, count], [4321, 9999]] as const) {
        const { documents, quarantined } = await readAll(path, first === 0 ? {} : { chunk: { firstRow: first, endRow: end } });
        const all = Array.from({ length: end - first }, (_, i) => first + i);
        expect(quarantined).toEqual(all.filter(isMissing).map((position) => ({ position, reason: 'field "text" is missing' })));
        expect(documents.map((document) => ({ ...document, tokens: undefined }))).toEqual(all.filter((i) => !isMissing(i)).map(expected));
      }
    });
  });

  it('may have row groups of another kind between: small ones, and dictionaries', async () => {
    await withFolder(async (folder) => {
      const path = join(folder, 'a.parquet');
      // Row groups of 10,240: of large pages, of the same text all over, of large pages, and the rest.
      await write(path, `SELECT 'd' || i AS id, CASE WHEN i // 10240 = 1 THEN repeat(md5((i % 5)::VARCHAR), 60) ELSE repeat(md5(i::VARCHAR), 60) END AS text FROM range(31000) t(i)`, 'ROW_GROUP_SIZE 10240');
      const pages = await withDuckDb({ threads: 1 }, (connection) => findLargePages(connection, path, 'text', [0, 1, 2, 3]));
      expect(pages.map((found) => found !== undefined)).toEqual([true, false, true, false]);
      const { documents, quarantined } = await readAll(path, { chunk: { firstRow: 100, endRow: 30_900 } });
      expect(quarantined).toEqual([]);
      expect(documents.length).toBe(30_800);
      for (const [i, { row, document, text }] of documents.entries()) {
        const at = 100 + i;
        if (row !== at || document !== `d${at}` || text !== hash(Math.floor(at / 10_240) === 1 ? at % 5 : at).repeat(60)) throw new Error(`row ${at} is not as it was written`);
      }
    });
  });
});
