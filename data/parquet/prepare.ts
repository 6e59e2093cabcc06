// Prepares to read a Parquet file: its query, its row groups, and the memory that DuckDB needs.

import type { DuckDBConnection } from '@duckdb/node-api';
import { isRemote, showPath } from '../../run/address.ts';
import type { FieldNames } from '../../run/settings.ts';
import { openBoundedCache } from '../files/bounded-cache.ts';
import { statFile } from '../files/files.ts';
import type { PageSpan } from './checksums.ts';
import {
  buildQuery,
  type ColumnPath,
  type FieldColumns,
  findColumns,
  leavesOf,
  plainSql,
  type Query,
} from './columns.ts';
import { openCopy } from './copy.ts';
import { type Footer, readFooter } from './footer.ts';
import { findTextPages } from './pages.ts';
import type { LargeGroup, RowRange } from './sections.ts';
import { buildView, hasPlainNames } from './view.ts';

/** Rows of a row group that DuckDB holds in memory at once. */
const rowsAtOnce = 2048;
/** DuckDB holds a page compressed, decompressed, and as rows. */
const copies = 3;
const largestPageBytes = 128e6;
const minMemoryMb = 128;
/**
 * A file that needs more is rejected before it uses up the machine's memory: a few bytes may decompress to
 * gigabytes.
 */
const maxMemoryMb = 1024;
/** Limits are rounded up so that similar files need the same limit. */
const stepMb = 64;

/** What must be known about a file to read it. */
export interface Prepared extends Query {
  bytes: number;
  /** The footer with which DuckDB reads a copy of the file; undefined if it reads the file itself. */
  view: Uint8Array | undefined;
  /** Memory to hold the texts of `rowsAtOnce` rows: little for most files, much if each text is a book. */
  neededMb: number;
  rows: number;
  /** The row groups, and where their needed columns are. */
  groups: (RowRange & { spans: PageSpan[] })[];
  largeGroups: LargeGroup[];
}

/** Cached because a file is read chunk by chunk, and this takes as long as a hundredth of a chunk. */
const prepared = openBoundedCache<string, Prepared>(100);

/** Remote files, files whose columns DuckDB would rename, and files read `asBytes` are read from a copy. */
export async function prepare(
  connection: DuckDBConnection,
  path: string,
  fields: FieldNames,
  asBytes: boolean,
): Promise<Prepared> {
  const { bytes, modifiedMs } = await statFile(path);
  const key = JSON.stringify([path, bytes, modifiedMs, fields]);
  const known = prepared.get(key);
  if (known !== undefined && (known.view !== undefined || !asBytes)) return known;
  const footer = await readFooter(path);
  const columns = findColumns(footer, fields, showPath(path));
  const paths = Object.values(columns).flatMap((column: ColumnPath | undefined) =>
    column === undefined ? [] : [column],
  );
  const view =
    asBytes || isRemote(path) || !hasPlainNames(footer.root, paths) ? buildView(footer, paths) : undefined;
  const copy = view === undefined ? undefined : await openCopy(path, bytes, view.footer);
  try {
    const query = await buildQuery(
      connection,
      copy?.path ?? path,
      columns,
      view?.sqlOf ?? plainSql,
      view !== undefined,
      fields,
      showPath(path),
    );
    const now = { ...query, bytes, view: view?.footer, ...measure(footer, columns) };
    prepared.set(key, now);
    return now;
  } finally {
    await copy?.close();
  }
}

function measure(
  footer: Footer,
  columns: FieldColumns,
): Pick<Prepared, 'neededMb' | 'rows' | 'groups' | 'largeGroups'> {
  const leaves = leavesOf(columns);
  const text = columns.text?.at(-1);
  let neededBytes = 0;
  const groups = footer.groups.map(({ firstRow, rows, chunks }, group) => {
    const textBytes = chunks[text?.leaf ?? -1]?.uncompressedBytes ?? 0;
    neededBytes = Math.max(
      neededBytes,
      textBytes * Math.min(1, rowsAtOnce / Math.max(1, rows)),
      Math.min(textBytes, largestPageBytes),
    );
    const spans = leaves.flatMap(({ leaf, name }) =>
      chunks[leaf] === undefined || rows === 0
        ? []
        : [{ start: chunks[leaf].start, end: chunks[leaf].end, column: name, group }],
    );
    return { from: firstRow, to: firstRow + rows, spans };
  });
  const found = text === undefined ? [] : findTextPages(footer, text);
  const largeGroups = found.map((pages) => ({
    from: groups[pages.group]?.from ?? 0,
    to: groups[pages.group]?.to ?? 0,
    pages,
  }));
  return { neededMb: Math.ceil((copies * neededBytes) / 1e6), rows: footer.rows, groups, largeGroups };
}

/** Sets DuckDB's memory limit so that `neededMb` fit. */
export async function setMemoryLimit(connection: DuckDBConnection, neededMb: number): Promise<void> {
  const limitMb = Math.min(maxMemoryMb, stepMb * Math.ceil((minMemoryMb + neededMb) / stepMb));
  // Setting the limit, even to its current value, makes DuckDB release all free memory and request it again
  // page by page.
  if (limits.get(connection) === limitMb) return;
  await connection.run(`SET memory_limit = '${limitMb}MB'`);
  limits.set(connection, limitMb);
}

/** The last limit by connection; a database is read through one connection. */
const limits = new WeakMap<DuckDBConnection, number>();
