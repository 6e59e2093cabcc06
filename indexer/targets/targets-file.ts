// `targets.parquet`: document, score and further columns for every document of the sample, in its order. Other
// scorers can plug in here: anything that writes (document, score) to this file gets the classifier, the ranking
// and the cutoffs.

import type { DuckDBType, DuckDBValue } from '@duckdb/node-api';
import { sqlName } from '../../data/duckdb/duckdb.ts';
import { appendColumns, withSpillingDuckDb, writeParquet } from '../../data/duckdb/run-files.ts';

export interface TargetColumn<Row> {
  name: string;
  type: DuckDBType;
  valueOf: (row: Row) => DuckDBValue;
}

/** Writes the rows to `path`, with `note` in the file's metadata. Errors: DISK_FULL, WRITE_FAILED. */
export async function writeTargetsFile<Row>(
  spill: string,
  path: string,
  columns: readonly TargetColumn<Row>[],
  rows: readonly Row[],
  note: unknown,
): Promise<void> {
  await withSpillingDuckDb(spill, async (connection) => {
    await connection.run(
      `CREATE TABLE targets (${columns.map(({ name, type }) => `${sqlName(name)} ${type.toString()}`).join(', ')})`,
    );
    const appender = await connection.createAppender('targets');
    appendColumns(
      appender,
      columns.map(({ type }) => type),
      rows.length,
      (column, start, end) => rows.slice(start, end).map((row) => columns[column]?.valueOf(row) ?? null),
    );
    appender.closeSync();
    await writeParquet(connection, 'SELECT * FROM targets', path, note);
  });
}
