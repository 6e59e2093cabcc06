import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { sqlString } from '../../../data/duckdb/duckdb.ts';
import { largePageBytes } from '../../../data/parquet/pages.ts';
import { readAll, withFolder } from '../collect.ts';
import { codecs, findPages, takeAll, writeRows } from './page-texts.ts';
import { rounds } from '../../long.ts';

describe('texts read from Parquet pages in pieces', () => {
  it('equal what DuckDB reads, with missing texts and every codec', async () => {
    const text = fc.oneof(
      fc.constant(null),
      fc.string({ unit: 'grapheme', maxLength: 40 }),
      fc.nat({ max: 3000 }).map((length) => 'abcdefg'.repeat(length)),
    );
    // Runs and mixed values: levels are encoded as runs or as bits.
    const run = fc
      .tuple(text, fc.integer({ min: 1, max: 30 }))
      .map(([value, times]) =>
        Array.from({ length: times }, (_, i) => (value === null ? null : `${value} ${i}`)),
      );
    const texts = fc
      .array(
        fc.oneof(
          run,
          text.map((value) => [value]),
        ),
        { maxLength: 40 },
      )
      .map((runs) => [...runs.flat(), 'two texts at least,', 'so that DuckDB writes no dictionary']);
    await withFolder(async (folder) => {
      const path = join(folder, 'a.parquet');
      await fc.assert(
        fc.asyncProperty(
          texts,
          fc.constantFrom(...codecs),
          fc.integer({ min: 1, max: 50 }),
          fc.nat(),
          async (all, codec, most, passed) => {
            const rows = all.map(
              (value, row) => `(${row}, ${value === null ? 'NULL' : sqlString(`${row} ${value}`)})`,
            );
            await writeRows(
              path,
              `SELECT "text"::VARCHAR AS "text" FROM (VALUES ${rows.join(', ')}) t(i, "text") ORDER BY i`,
              `COMPRESSION ${codec}, DICTIONARY_SIZE_LIMIT 1`,
            );
            const [pages] = await findPages(path);
            if (pages === undefined) throw new Error('no text pages found');
            const first = passed % all.length;
            expect(await takeAll(path, pages, most, { passed: first })).toEqual(
              all.map((value, row) => (value === null ? undefined : `${row} ${value}`)).slice(first),
            );
          },
        ),
        { numRuns: rounds(60), seed: 20261129 },
      );
    });
  });

  it('are reported as too long, not held in memory, wherever a piece ends', async () => {
    await withFolder(async (folder) => {
      const path = join(folder, 'a.parquet');
      const lengths = [10, 3_000_000, 99, 100, 101, 0, 2_000_000];
      await writeRows(
        path,
        `SELECT repeat('x', n) AS text FROM (VALUES ${lengths.map((n) => `(${n})`).join(', ')}) t(n)`,
        'COMPRESSION uncompressed',
      );
      const [pages] = await findPages(path);
      if (pages === undefined) throw new Error('no text pages found');
      expect(await takeAll(path, pages, 2, { maxBytes: 100 })).toEqual(
        lengths.map((n) => (n > 100 ? 'too long' : 'x'.repeat(n))),
      );
    });
  });
});

describe('a Parquet file with large pages', () => {
  const count = 15_000;
  const hash = (i: number): string => createHash('md5').update(String(i)).digest('hex');
  const expected = (i: number): { row: number; document: string; source: string; text: string } => ({
    row: i,
    document: `d${i}`,
    source: `s${i % 3}`,
    text: hash(i).repeat(50),
  });
  const isMissing = (i: number): boolean => i % 10 === 7;
  const rows =
    `SELECT 'd' || i AS id, 's' || i % 3 AS source, CASE WHEN i % 10 <> 7 THEN ` +
    `repeat(md5(i::VARCHAR), 50) END AS text FROM range(${count}) t(i)`;

  it.each(codecs)('is read completely and in chunks: %s', async (codec) => {
    await withFolder(async (folder) => {
      const path = join(folder, 'a.parquet');
      await writeRows(path, rows, `COMPRESSION ${codec}`);
      expect(await findPages(path, 'text', largePageBytes)).toMatchObject([
        { codec: { snappy: 1, zstd: 6, gzip: 2, uncompressed: 0 }[codec], rows: count, optional: true },
      ]);
      for (const [first, end] of [
        [0, count],
        [4321, 9999],
      ] as const) {
        const { documents, quarantined } = await readAll(
          path,
          first === 0 ? {} : { chunk: { firstRow: first, endRow: end } },
        );
        const all = Array.from({ length: end - first }, (_, i) => first + i);
        expect(quarantined).toEqual(
          all.filter(isMissing).map((position) => ({ position, reason: 'field "text" is missing' })),
        );
        expect(documents.map((document) => ({ ...document, tokens: undefined }))).toEqual(
          all.filter((i) => !isMissing(i)).map(expected),
        );
      }
    });
  });

  it('may also have row groups with small pages or dictionaries', async () => {
    await withFolder(async (folder) => {
      const path = join(folder, 'a.parquet');
      // Row groups of 10,240 rows: large pages, a dictionary of five texts, large pages, and the rest.
      await writeRows(
        path,
        `SELECT 'd' || i AS id, CASE WHEN i // 10240 = 1 THEN repeat(md5((i % 5)::VARCHAR), 60) ELSE ` +
          'repeat(md5(i::VARCHAR), 60) END AS text FROM range(31000) t(i)',
        'ROW_GROUP_SIZE 10240',
      );
      expect((await findPages(path, 'text', largePageBytes)).map(({ group }) => group)).toEqual([0, 2]);
      const { documents, quarantined } = await readAll(path, { chunk: { firstRow: 100, endRow: 30_900 } });
      expect(quarantined).toEqual([]);
      expect(documents.length).toBe(30_800);
      for (const [i, { row, document, text }] of documents.entries()) {
        const at = 100 + i;
        if (
          row !== at ||
          document !== `d${at}` ||
          text !== hash(Math.floor(at / 10_240) === 1 ? at % 5 : at).repeat(60)
        )
          throw new Error(`row ${at} differs from what was written`);
      }
    });
  });
});
