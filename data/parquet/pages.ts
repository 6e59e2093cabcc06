// Texts of Parquet pages that are large, in little memory. DuckDB, like every reader that we know, holds a page whole, compressed and decompressed, and at times
// the one before; and it writes pages of up to 100 MB. Such a page is decompressed piece by piece here, where it is as DuckDB writes it: plain values, in Snappy,
// Zstandard, gzip or uncompressed. Whatever is otherwise, or damaged, is left to DuckDB: what is read here may end anywhere, and is right as far as it goes.

import type { DuckDBConnection } from '@duckdb/node-api';
import { z } from 'zod';
import { type ByteReader, openByteReader } from '../byte-reader.ts';
import { parquetSource, sqlPath, sqlString } from '../duckdb.ts';
import { readPieces } from '../files.ts';
import { gunzip } from '../gzip.ts';
import { type PageHeader, readPageHeader } from './page-header.ts';
import { decompressSnappy } from './snappy.ts';
import { readValues, type Text } from './values.ts';
import { openFastZstdDecompressor } from '../zstd.ts';

type Pieces = AsyncIterable<Uint8Array>;

/** DuckDB reads smaller ones in little memory, too. */
export const largePageBytes = 16 << 20;
/** A header may have statistics, and these a text. */
const mostHeaderBytes = 1 << 20;
const lookBytes = 1 << 16;
/** Each row has a byte while its page is read. */
const mostRows = 1 << 20;

const decompressors: Readonly<Record<string, (pieces: Pieces) => Pieces | Promise<Pieces>>> = {
  UNCOMPRESSED: (pieces) => pieces,
  SNAPPY: decompressSnappy,
  GZIP: gunzip,
  async ZSTD(pieces) {
    const decompress = await openFastZstdDecompressor();
    if (decompress === undefined) throw new Error('there is no fast way to decompress Zstandard');
    return decompress(pieces);
  },
};

const textPages = z.object({ group: z.number(), codec: z.string(), start: z.number(), end: z.number(), rows: z.number(), optional: z.boolean() });

/** Where the pages of a row group's texts are, and what has to be known to read them; `optional`: texts may be missing. */
export type TextPages = z.output<typeof textPages>;

/** The row groups whose texts may be such as `openTexts` reads, and have `leastBytes` or more: their pages say. `column` is one of the file's top level. */
export async function findTextPages(connection: DuckDBConnection, path: string, column: string, leastBytes = largePageBytes): Promise<TextPages[]> {
  // Columns that are alike but for their case have other names in DuckDB than in the file; and a name with a comma may look like a field of a struct.
  const reader = await connection.runAndReadAll(
    `WITH names AS (SELECT name, repetition_type FROM parquet_schema(${sqlPath(path)})),
       own AS (SELECT any_value(repetition_type) AS repetition_type FROM names WHERE lower(name) = lower(${sqlString(column)}) HAVING count(*) = 1),
       renamed AS (SELECT count(*) AS columns FROM (DESCRIBE SELECT * FROM ${parquetSource(path)}) WHERE column_name NOT IN (SELECT name FROM names))
     SELECT row_group_id::DOUBLE AS "group", compression AS codec, data_page_offset::DOUBLE AS start, (data_page_offset + total_compressed_size)::DOUBLE AS "end", num_values::DOUBLE AS rows, repetition_type = 'OPTIONAL' AS optional
     FROM parquet_metadata(${sqlPath(path)}), own, renamed
     WHERE path_in_schema = ${sqlString(column)} AND renamed.columns = 0 AND repetition_type IN ('OPTIONAL', 'REQUIRED') AND type = 'BYTE_ARRAY' AND total_uncompressed_size >= ${leastBytes} AND num_values <= ${mostRows}
     QUALIFY count(*) OVER (PARTITION BY row_group_id) = 1 ORDER BY row_group_id`,
  );
  return textPages.array().parse(reader.getRowObjects()).filter(({ codec }) => codec in decompressors);
}

/** Whether the first page is large; the others mostly are like it. */
export async function haveLargePages(path: string, { start, end }: TextPages): Promise<boolean> {
  const bytes = openByteReader(readPieces(path, start, Math.min(end, start + lookBytes)));
  try {
    return (await nextHeader(bytes)).uncompressedBytes >= largePageBytes;
  } catch {
    return false;
  } finally {
    await bytes.close();
  }
}

async function nextHeader(bytes: ByteReader): Promise<PageHeader> {
  for (let least = 256; least <= mostHeaderBytes; least *= 16) {
    const header = readPageHeader(await bytes.peek(least));
    if (header !== undefined) return header;
  }
  throw new Error('a page header has no end');
}

export interface TextReader {
  /** The next texts, at most so many and at least one; of use until the next are asked for. Throws where it cannot go on. */
  take(most: number): Promise<readonly Text[]>;
  close(): Promise<void>;
}

/** Reads the texts of row groups in order, from the row after the first `passed`. Those of more than `mostBytes` are not held. */
export function openTexts(path: string, groups: readonly TextPages[], passed: number, mostBytes: number): TextReader {
  const lists = readGroups(path, groups, mostBytes);
  // Invariant: the next text is list[at + toPass], counted on into the lists that come.
  let list: readonly Text[] = [];
  let at = 0;
  let toPass = passed;
  return {
    async take(most) {
      while (at + toPass >= list.length) {
        toPass -= list.length - at;
        const next = await lists.next();
        if (next.done === true) throw new Error('there are fewer texts than rows');
        list = next.value;
        at = 0;
      }
      at += toPass;
      toPass = 0;
      const taken = list.slice(at, at + most);
      at += taken.length;
      return taken;
    },
    async close() {
      await lists.return(undefined);
    },
  };
}

async function* readGroups(path: string, groups: readonly TextPages[], mostBytes: number): AsyncGenerator<Text[], undefined> {
  for (const { codec, start, end, rows, optional } of groups) {
    const bytes = openByteReader(readPieces(path, start, end));
    const decompress = decompressors[codec];
    if (decompress === undefined) throw new Error(`there is no decompressor for ${codec}`);
    try {
      for (let left = rows; left > 0; ) {
        const page = await nextHeader(bytes);
        if (page.values > left) throw new Error('a page has more values than its row group has rows');
        bytes.drop(page.headerBytes);
        const pageEnd = bytes.taken() + page.compressedBytes;
        yield* readValues(await decompress(bytes.take(page.compressedBytes)), page, optional, mostBytes);
        if (bytes.taken() !== pageEnd) throw new Error('a page ends before its bytes do');
        left -= page.values;
      }
    } finally {
      await bytes.close();
    }
  }
}
