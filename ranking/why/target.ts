// What a model gave a document of the sample, for a classifier to learn: its row in targets.parquet.

import { existsSync } from 'node:fs';
import { z } from 'zod';
import { parquetSource, sqlString, withDuckDb } from '../../data/duckdb/duckdb.ts';
import { queryRows } from '../../data/duckdb/rows.ts';
import type { Run } from '../../run/run.ts';

const targetSchema = z.record(z.string(), z.union([z.number(), z.string(), z.null()]));
export type Target = z.output<typeof targetSchema>;

/** The model's scores for a document; undefined if it is not in the sample. Errors: FILE_DAMAGED. */
export async function readTarget({ files }: Run, document: string): Promise<Target | undefined> {
  if (!existsSync(files.targets)) return undefined;
  const [target] = await withDuckDb({}, (connection) =>
    queryRows(
      connection,
      `SELECT * EXCLUDE document FROM ${parquetSource(files.targets)} WHERE document = ${sqlString(document)} LIMIT 1`,
      targetSchema,
    ),
  );
  return target;
}
