import { join } from 'node:path';
import { readFile, writeFile } from 'node:fs/promises';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { decompress } from 'fzstd';
import { type FileMetaData, parquetMetadata, parquetReadObjects, parquetSchema } from 'hyparquet';
import { z } from 'zod';
import { parquetSource, sqlString, withDuckDb } from '../../../data/duckdb/duckdb.ts';
import type { Edits } from '../../../data/parquet/copy-column.ts';
import { checkCopyable, copyRows } from '../../../data/parquet/copy-rows.ts';
import { type Footer, readFooter } from '../../../data/parquet/footer.ts';
import { everything, rounds } from '../../long.ts';
import { withFolder } from '../collect.ts';
import { pageOf, plainValues, writeParquet, type WrittenColumn } from './write.ts';

const count = 3000;

/** Columns of every type that DuckDB writes, with missing values, empty lists and nesting. */
const columns = [
  "'d' || i AS id",
  "repeat('word ' || i % 40 || ' ', i % 60) AS text",
  'CASE WHEN i % 7 <> 3 THEN i % 3 = 0 END AS "bool"',
  ...['TINYINT', 'SMALLINT', 'INTEGER', 'BIGINT', 'UTINYINT', 'USMALLINT', 'UINTEGER', 'UBIGINT'].map(
    (type) => `CASE WHEN i % 5 <> 1 THEN (i % 100)::${type} END AS ${type.toLowerCase()}`,
  ),
  "CASE i % 4 WHEN 0 THEN 'nan'::FLOAT WHEN 1 THEN -0.0::FLOAT WHEN 2 THEN i / 7 END AS float",
  "CASE i % 4 WHEN 0 THEN 'nan'::DOUBLE WHEN 1 THEN -0.0::DOUBLE WHEN 2 THEN i / 7 END AS double",
  ...[
    [4, 1],
    [9, 2],
    [18, 3],
    [38, 10],
  ].map(
    ([precision = 0, scale = 0]) => `(i % 90 + 0.5)::DECIMAL(${precision}, ${scale}) AS decimal${precision}`,
  ),
  "DATE '2020-01-01' + i::INTEGER AS date",
  "TIME '01:02:03.000004' AS time",
  ...['TIMESTAMP', 'TIMESTAMP_MS', 'TIMESTAMP_NS', 'TIMESTAMPTZ'].map(
    (type) =>
      `CASE WHEN i % 9 > 0 THEN make_timestamp(1700000000123456 + i)::${type} END AS "${type.toLowerCase()}"`,
  ),
  'to_microseconds(1000000 * i) AS interval',
  "('a' || i)::BLOB AS blob",
  'CASE WHEN i % 6 > 0 THEN md5(i::VARCHAR)::UUID END AS uuid',
  "(['red', 'green', NULL])[1 + i % 3]::ENUM('red', 'green') AS enum",
  'NULL AS nothing',
  'CASE WHEN i % 4 > 0 THEN range(i % 4) END AS list',
  'CASE WHEN i % 4 > 0 THEN [[i], [], NULL, [i, NULL]][1:1 + i % 4] END AS lists',
  "CASE WHEN i % 3 > 0 THEN {'a': i, 'b': {'c': CASE WHEN i % 2 > 0 THEN 'c' || i END, 'd': ['x' || i]}} END AS struct",
  "MAP {'k' || i: i, 'same': NULL} AS map",
  "[{'role': 'user', 'content': 'hello ' || i}, {'role': NULL, 'content': NULL}] AS messages",
  'i AS "Weird ""name"", é.x"',
];
const query = `SELECT ${columns.join(', ')} FROM range(${count}) AS t (i)`;

const zstd = {
  ZSTD: (bytes: Uint8Array, size: number): Uint8Array => decompress(bytes, new Uint8Array(size)),
};

const bufferOf = (bytes: Uint8Array): ArrayBuffer => Uint8Array.from(bytes).buffer;

async function readWithHyparquet(
  path: string,
): Promise<{ metadata: FileMetaData; rows: Record<string, unknown>[] }> {
  const file = bufferOf(await readFile(path));
  const metadata = parquetMetadata(file);
  // It has no intervals, which DuckDB reads.
  const unreadable = metadata.schema
    .filter(({ converted_type }) => converted_type === 'INTERVAL')
    .map(({ name }) => name);
  const columns = parquetSchema(metadata)
    .children.map(({ element }) => element.name)
    .filter((name) => !unreadable.includes(name));
  return { metadata, rows: await parquetReadObjects({ file, metadata, columns, compressors: zstd }) };
}

/** The rows as DuckDB writes them. */
async function readWithDuckDb(path: string): Promise<string[]> {
  return withDuckDb({ threads: 1 }, async (connection) => {
    const reader = await connection.runAndReadAll(`SELECT t::VARCHAR FROM ${parquetSource(path)} AS t`);
    return z.array(z.string()).parse(reader.getColumns()[0] ?? []);
  });
}

async function write(path: string, options: string): Promise<Footer> {
  await withDuckDb({ threads: 1 }, (connection) =>
    connection.run(
      `COPY (${query}) TO ${sqlString(path)} (FORMAT parquet, KV_METADATA {own: 'note', other: '{"a": ` +
        `1}'}, ${options})`,
    ),
  );
  return readFooter(path);
}

const kinds = ['uncompressed', 'snappy', 'zstd', 'gzip', 'brotli', 'lz4_raw']
  .flatMap((codec) => ['V1', 'V2'].map((version) => `COMPRESSION ${codec}, PARQUET_VERSION ${version}`))
  .filter((_, i) => everything || i % 4 === Math.floor(i / 4));

describe('rows of a Parquet file that are copied', () => {
  it('have equal values, schema, and metadata for independent readers', async () => {
    await withFolder(async (folder) => {
      const plain = join(folder, 'plain.parquet');
      await write(plain, 'COMPRESSION uncompressed, DICTIONARY_SIZE_LIMIT 1, ROW_GROUP_SIZE 100000');
      const before = { ...(await readWithHyparquet(plain)), texts: await readWithDuckDb(plain) };
      expect(before.rows).toHaveLength(count);
      for (const [i, options] of kinds.entries()) {
        const [path, copy] = [join(folder, `${i}.parquet`), join(folder, `${i}.copy.parquet`)];
        const footer = await write(path, `${options}, ROW_GROUP_SIZE ${i % 3 === 0 ? 100_000 : 2048}`);
        const rows = Array.from({ length: count }, (_, row) => row).filter(
          (row) => (row * 7919) % 11 < 1 + (i % 11),
        );
        expect(await copyRows(path, footer, rows, copy)).toBe(rows.length);
        const after = await readWithHyparquet(copy);
        expect(after.metadata.schema).toEqual(parquetMetadata(bufferOf(await readFile(path))).schema);
        expect(after.metadata.key_value_metadata).toEqual(before.metadata.key_value_metadata);
        expect(after.rows).toEqual(rows.map((row) => before.rows[row]));
        expect(await readWithDuckDb(copy)).toEqual(rows.map((row) => before.texts[row]));
      }
    });
  }, 60_000);

  it('may come from any row group, and are combined into few', async () => {
    await withFolder(async (folder) => {
      const [path, copy] = [join(folder, 'a.parquet'), join(folder, 'b.parquet')];
      const footer = await write(path, 'ROW_GROUP_SIZE 2048');
      const before = await readWithDuckDb(path);
      await fc.assert(
        fc.asyncProperty(fc.uniqueArray(fc.nat({ max: count - 1 }), { maxLength: 40 }), async (picked) => {
          const rows = picked.sort((a, b) => a - b);
          await copyRows(path, footer, rows, copy);
          expect(await readWithDuckDb(copy)).toEqual(rows.map((row) => before[row]));
          expect((await readFooter(copy)).groups).toHaveLength(rows.length === 0 ? 0 : 1);
        }),
        { numRuns: rounds(40), seed: 20261130 },
      );
    });
  }, 60_000);

  it('keep a dictionary of the remaining values, unless it would be large', async () => {
    await withFolder(async (folder) => {
      const [path, copy] = [join(folder, 'a.parquet'), join(folder, 'b.parquet')];
      const text = "CASE WHEN i < 4000 THEN repeat(md5((i % 700)::VARCHAR), 100) ELSE 'word ' || i % 700 END";
      await withDuckDb({ threads: 1 }, (connection) =>
        connection.run(
          `COPY (SELECT ${text} AS text, i % 700 AS number FROM range(8000) AS t (i)) ` +
            `TO ${sqlString(path)} (FORMAT parquet, ROW_GROUP_SIZE 4096, DICTIONARY_SIZE_LIMIT 10000, ` +
            'STRING_DICTIONARY_PAGE_SIZE_LIMIT 100000000)',
        ),
      );
      const rows = Array.from({ length: 8000 }, (_, row) => row).filter((row) => row % 700 < 600);
      await copyRows(path, await readFooter(path), rows, copy);
      const before = await readWithDuckDb(path);
      expect(await readWithDuckDb(copy)).toEqual(rows.map((row) => before[row]));
      const { metadata } = await readWithHyparquet(copy);
      const [texts, numbers] = metadata.row_groups[0]?.columns.map(({ meta_data }) => meta_data) ?? [];
      expect(numbers?.encodings).toContain('RLE_DICTIONARY');
      expect(Number(numbers?.total_uncompressed_size)).toBeLessThan(2 * rows.length + 600 * 8 + 1000);
      // 600 texts of 3,200 bytes are 1.9 MB: what comes after the first mebibyte is plain.
      expect(texts?.encodings).toEqual(expect.arrayContaining(['PLAIN', 'RLE_DICTIONARY']));
    });
  }, 60_000);

  it('may be copied several times, with other values or null, even in a required column', async () => {
    await withFolder(async (folder) => {
      const [path, copy] = [join(folder, 'a.parquet'), join(folder, 'b.parquet')];
      const values = (name: string): WrittenColumn['pages'] => [
        pageOf([`${name}0`, `${name}1`]),
        pageOf([`${name}2`, `${name}3`]),
      ];
      const required = [{ values: 4, content: plainValues(['t0', 't1', 't2', 't3']) }];
      await writeParquet(path, 4, [
        { path: ['text'], pages: values('text') },
        { path: ['tokens'], required: true, pages: required },
        { path: ['in', 'a'], pages: values('a') },
        {
          path: ['in', 'b'],
          required: true,
          pages: [{ values: 4, content: plainValues(['b0', 'b1', 'b2', 'b3']) }],
        },
      ]);
      const footer = await readFooter(path);
      const [, tokens, , b] = footer.leaves;
      const edits: Edits = {
        copies: new Map([
          [1, 2],
          [2, 0],
        ]),
        values: new Map<number, (row: number, part: number, value: Uint8Array) => Uint8Array | undefined>([
          [0, (row, part, value) => Buffer.from(`${Buffer.from(value).toString()} ${row}.${part}`)],
          [1, () => undefined],
          [3, (_row, part) => (part === 0 ? undefined : Buffer.from('new'))],
        ]),
        optional: new Set([tokens, b].flatMap((leaf) => leaf ?? [])),
      };
      expect(await copyRows(path, footer, [0, 1, 2, 3], copy, edits)).toBe(4);
      expect(await readWithDuckDb(copy)).toEqual([
        "{'text': text0, 'tokens': t0, 'in': {'a': a0, 'b': b0}}",
        "{'text': text1 1.0, 'tokens': NULL, 'in': {'a': a1, 'b': NULL}}",
        "{'text': text1 1.1, 'tokens': NULL, 'in': {'a': a1, 'b': new}}",
        "{'text': text3, 'tokens': t3, 'in': {'a': a3, 'b': b3}}",
      ]);
      expect((await readWithHyparquet(copy)).rows[1]).toEqual({
        text: 'text1 1.0',
        tokens: null,
        in: { a: 'a1', b: null },
      });
      await copyRows(path, footer, [0, 3], copy);
      expect((await readFooter(copy)).leaves.map(({ repetition }) => repetition)).toEqual([
        'optional',
        'required',
        'optional',
        'required',
      ]);
    });
  });

  it('are reported with column and page if they cannot be copied', async () => {
    await withFolder(async (folder) => {
      const [path, copy, corrupted] = [
        join(folder, 'a.parquet'),
        join(folder, 'b.parquet'),
        join(folder, 'c.parquet'),
      ];
      await copyRows(
        path,
        await write(path, 'ROW_GROUP_SIZE 100000'),
        Array.from({ length: count }, (_, row) => row),
        copy,
      );
      const footer = await readFooter(copy);
      const bytes = await readFile(copy);
      const chunk = footer.groups[0]?.chunks[1];
      const at = Math.floor(((chunk?.start ?? 0) + (chunk?.end ?? 0)) / 2);
      bytes[at] = (bytes[at] ?? 0) ^ 1;
      await writeFile(corrupted, bytes);
      await expect(copyRows(corrupted, footer, [0, count - 1], join(folder, 'd.parquet'))).rejects.toThrow(
        /row group 0, column "text"\) is damaged: it does not match its checksum/,
      );
      expect(() => checkCopyable(footer)).not.toThrow();
      if (chunk !== undefined) chunk.codec = 3;
      expect(() => checkCopyable(footer)).toThrow(
        'column "text" is compressed with an unknown codec (3) and cannot be copied',
      );
    });
  });
});
