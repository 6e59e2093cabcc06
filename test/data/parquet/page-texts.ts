// Parquet files with text pages: written by DuckDB or by hand, and their texts read back.

import { join } from 'node:path';
import { sqlString, withDuckDb } from '../../../data/duckdb/duckdb.ts';
import { findColumn } from '../../../data/parquet/columns.ts';
import { readFooter } from '../../../data/parquet/footer.ts';
import { findTextPages, openPageTexts, type TextPages } from '../../../data/parquet/pages.ts';
import type { Text } from '../../../data/parquet/values.ts';
import { readAll, withFolder } from '../collect.ts';
import { writeParquet, type WrittenColumn } from './write.ts';

export const codecs = ['snappy', 'zstd', 'gzip', 'uncompressed'];

/** Writes the rows of a query with DuckDB. */
export async function writeRows(path: string, query: string, options: string): Promise<void> {
  await withDuckDb({ threads: 1 }, async (connection) => {
    await connection.run(`COPY (${query}) TO ${sqlString(path)} (FORMAT parquet, ${options})`);
  });
}

/** The text pages of the file's row groups; by default, of any size. */
export async function findPages(path: string, column = 'text', minBytes = 0): Promise<TextPages[]> {
  const footer = await readFooter(path);
  const leaf = findColumn(footer.root, column)?.at(-1);
  return leaf === undefined ? [] : findTextPages(footer, leaf, minBytes);
}

/** All texts of a row group, read at most `most` at a time. */
export async function takeAll(
  path: string,
  pages: TextPages,
  most = 1000,
  { passed = 0, maxBytes = 1e6 } = {},
): Promise<(string | undefined)[]> {
  const reader = openPageTexts(path, [pages], passed, maxBytes);
  const texts: Text[] = [];
  while (texts.length < pages.rows - passed)
    texts.push(
      ...(await reader.take(most)).map((text) => (text instanceof Uint8Array ? Uint8Array.from(text) : text)),
    );
  await reader.close();
  return texts.map((text) => (text instanceof Uint8Array ? Buffer.from(text).toString() : text));
}

/** The documents' texts, as the product reads them. */
export async function readTexts(path: string, field = 'text'): Promise<string[]> {
  const { documents } = await readAll(path, {
    fields: { id: 'id', text: field, source: 'source', tokens: 'tokens' },
  });
  return documents.map(({ text }) => text);
}

/** Writes a file by hand and calls `use` with its path. */
export async function withFile(
  rows: number,
  columns: WrittenColumn[],
  use: (path: string) => Promise<void>,
): Promise<void> {
  await withFolder(async (folder) => {
    const path = join(folder, 'a.parquet');
    await writeParquet(path, rows, columns);
    await use(path);
  });
}
