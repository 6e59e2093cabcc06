// Copies the kept rows of a Parquet shard with all their columns, and cuts out or repeats what is to be.

import type { DuckDBConnection } from '@duckdb/node-api';
import { z } from 'zod';
import type { Shard } from '../../data/documents.ts';
import type { FieldNames } from '../../run/settings.ts';
import type { PassageRow } from './leak-mask.ts';
import { BetrError, fail, reasonOf, systemCode } from '../../run/errors/errors.ts';
import { noEdits } from '../../data/parquet/copy-column.ts';
import { checkCopyable, copyRows, spansOfRows } from '../../data/parquet/copy-rows.ts';
import { openCopy } from '../../data/parquet/copy.ts';
import { readFooter } from '../../data/parquet/footer.ts';
import { checkUnused } from './repeat-field.ts';
import { planCuts } from './excise-parquet.ts';
import { isRemote, showPath } from '../../run/address.ts';
import { repeatColumn } from './repeat.ts';

export interface Wanted {
  shard: Shard;
  /** Ascending, and how many times to repeat each if that is to be added. */
  rows: readonly number[];
  times: readonly number[] | undefined;
  fields: FieldNames;
  /** Passages to cut out, by row. */
  passages: ReadonlyMap<number, readonly PassageRow[]>;
}

/** Copied rows, and the documents made of them. */
export interface Copied {
  rows: number;
  documents: number;
}

/** Copies rows of a Parquet file with all columns; the physical layout may differ. */
export async function copyParquetRows(
  { shard, rows, times, fields, passages }: Wanted,
  path: string,
): Promise<Copied> {
  const leaky = rows.filter((row) => passages.has(row));
  try {
    const footer = await readFooter(shard.path);
    if ((rows.at(-1) ?? -1) >= footer.rows) throw fail('SHARD_CHANGED', { path: shard.path });
    checkCopyable(footer);
    if (times !== undefined)
      checkUnused(
        footer.root.children.map(({ name }) => name),
        shard,
      );
    const cuts = leaky.length === 0 ? noEdits : await planCuts(shard, footer, fields, leaky, passages);
    const edits =
      times === undefined
        ? cuts
        : {
            ...cuts,
            added: { name: repeatColumn, values: new Map(rows.map((row, i) => [row, times[i] ?? 1])) },
          };
    const copy = isRemote(shard.path) ? await openCopy(shard.path, shard.bytes) : undefined;
    try {
      await copy?.fetch(spansOfRows(footer, rows));
      return {
        rows: rows.length,
        documents: await copyRows(copy?.path ?? shard.path, footer, rows, path, edits),
      };
    } finally {
      await copy?.close();
    }
  } catch (error) {
    throw error instanceof BetrError || systemCode(error) !== ''
      ? error
      : fail('FILE_UNREADABLE', { path: showPath(shard.path), reason: reasonOf(error) }, error);
  }
}

/** The columns of a query, all of numbers. */
export async function readColumns(connection: DuckDBConnection, sql: string): Promise<number[][]> {
  return z.array(z.array(z.number())).parse((await connection.runAndReadAll(sql)).getColumns());
}
