// User tables: CSV (or TSV, gzipped or not) and Parquet as SQL. Cells are read as the requested types; if one
// does not fit, the error names the file, the row and the column.

import { stat } from 'node:fs/promises';
import type { DuckDBConnection } from '@duckdb/node-api';
import { z } from 'zod';
import { parquetSource, sqlName, sqlString } from '../data/duckdb/duckdb.ts';
import { fail, readError } from '../run/errors/errors.ts';
import { readPieces } from '../data/files/files.ts';
import { gunzip } from '../data/compression/gzip.ts';
import { checkRegular } from '../run/regular-file.ts';
import { unreadable } from './table-cells.ts';

export interface Table {
  path: string;
  /** Column names in order, trimmed and unique. */
  columns: string[];
  /** SQL of the table as it is, for counting its rows. */
  rows: string;
  /**
   * SQL of the table with columns c0, c1, …: as text, or as DOUBLE for those in `numbers` (empty cells and
   * NaN are NULL).
   */
  scan: (numbers: ReadonlySet<number>) => string;
}

const csvEnding = /\.(csv|tsv)(\.gz)?$/i;
/** Contents of cells whose value is unknown. */
const unknownValues = ['', 'NA', 'N/A', 'nan', 'NaN', 'NAN', 'null', 'NULL', 'None'];

/**
 * Opens a table; the file extension decides its format. Errors: FILE_NOT_FOUND, FILE_UNREADABLE,
 * TABLE_KIND_UNKNOWN, TABLE_INVALID.
 */
export async function openTable(connection: DuckDBConnection, path: string): Promise<Table> {
  const size = await sizeOf(path);
  if (!csvEnding.test(path) && !/\.parquet$/i.test(path)) throw fail('TABLE_KIND_UNKNOWN', { path });
  if (size === 0) throw fail('TABLE_INVALID', { path, problem: 'it is empty' });
  if (/\.gz$/i.test(path)) await reading(path, () => checkGzip(path));
  return csvEnding.test(path) ? openCsv(connection, path) : openParquet(connection, path);
}

async function sizeOf(path: string): Promise<number> {
  try {
    const found = await stat(path);
    checkRegular(found);
    return found.size;
  } catch (error) {
    throw readError(error, path, 'The table');
  }
}

/** DuckDB would accept the beginning of a truncated file as the whole file. */
async function checkGzip(path: string): Promise<void> {
  const pieces = gunzip(readPieces(path));
  while ((await pieces.next()).done !== true);
}

async function openCsv(connection: DuckDBConnection, path: string): Promise<Table> {
  const file = sqlString(path.replace(/[[*?]/g, '[$&]'));
  const dialect = `delim = ${sqlString(/\.tsv(\.gz)?$/i.test(path) ? '\t' : ',')}, quote = '"', escape = '"'`;
  const firstLine = await reading(
    path,
    async () =>
      (
        await connection.runAndReadAll(
          `SELECT * FROM read_csv(${file}, ${dialect}, header = false, all_varchar = true, null_padding ` +
            '= true, sample_size = 1) LIMIT 1',
        )
      ).getRows()[0] ?? [],
  );
  // If a later line has more cells than the first, DuckDB pads the first with NULL.
  const columns = checkNames(
    path,
    firstLine.filter((name) => name !== null).map((name) => z.string().parse(name)),
  );
  const scan = (numbers: ReadonlySet<number>): string => {
    const types = columns.map((_, at) => `c${at}: '${numbers.has(at) ? 'DOUBLE' : 'VARCHAR'}'`);
    return (
      `read_csv(${file}, ${dialect}, auto_detect = false, header = true, nullstr = ` +
      `[${unknownValues.map(sqlString).join(', ')}], columns = {${types.join(', ')}})`
    );
  };
  return { path, columns, rows: scan(new Set()), scan };
}

async function openParquet(connection: DuckDBConnection, path: string): Promise<Table> {
  const source = parquetSource(path);
  const described = await reading(path, async () =>
    (
      await connection.runAndReadAll(
        `SELECT column_name, column_type FROM (DESCRIBE SELECT * FROM ${source})`,
      )
    ).getRows(),
  );
  const names = z.array(z.tuple([z.string(), z.string()])).parse(described);
  const columns = checkNames(
    path,
    names.map(([name]) => name),
  );
  return {
    path,
    columns,
    rows: source,
    scan(numbers) {
      const wanted = names.map(([name, type], at) => {
        const text =
          `CASE WHEN ${sqlName(name)}::VARCHAR NOT IN ` +
          `(${unknownValues.map(sqlString).join(', ')}) THEN ${sqlName(name)}::VARCHAR END`;
        if (!numbers.has(at)) return `${text} AS c${at}`;
        return `${/^(U?\w*INT\w*|FLOAT|DOUBLE|DECIMAL.*)$/.test(type) ? sqlName(name) : text}::DOUBLE AS c${at}`;
      });
      return `(SELECT ${wanted.join(', ')} FROM ${source})`;
    },
  };
}

function checkNames(path: string, raw: readonly string[]): string[] {
  const names = raw.map((name) => name.trim());
  const twice = names.find((name, at) => names.indexOf(name) !== at);
  if (twice !== undefined) throw fail('TABLE_INVALID', { path, problem: `column "${twice}" appears twice` });
  return names;
}

/** The position of a column by any of its names, ignoring case; undefined if there is none. */
export function findColumn({ columns }: Table, ...names: string[]): number | undefined {
  const at = columns.findIndex((column) => names.includes(column.toLowerCase()));
  return at < 0 ? undefined : at;
}

/**
 * SQL of a wide table's rows as cells (its other columns, field, name, value), one for each of `columns`.
 */
export function unpivot(table: Table, source: string, columns: readonly number[]): string {
  const names = columns.map((at) => `('c${at}', ${sqlString(table.columns[at] ?? '')})`).join(', ');
  return (
    `(FROM ${source} AS wide UNPIVOT INCLUDE NULLS (value FOR field IN ` +
    `(${columns.map((at) => `c${at}`).join(', ')}))) AS cell JOIN (VALUES ${names}) AS named ` +
    '(field, name) USING (field)'
  );
}

async function reading<T>(path: string, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    throw unreadable(path, error);
  }
}
