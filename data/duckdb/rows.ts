// Values for SQL, and rows from a query.

import type { DuckDBConnection } from '@duckdb/node-api';
import { z } from 'zod';
import { sqlString } from './duckdb.ts';

/** All rows of a query, each parsed with a schema. */
export async function queryRows<T>(
  connection: DuckDBConnection,
  sql: string,
  row: z.ZodType<T>,
): Promise<T[]> {
  const reader = await connection.runAndReadAll(sql);
  return row.array().parse(reader.getRowObjects());
}

/** The schema of a list in a row, which DuckDB returns as an object. */
export function sqlList<T>(item: z.ZodType<T>): z.ZodType<T[]> {
  return z.object({ items: z.array(item) }).transform(({ items }) => items);
}

/** A score as SQL; its shortest decimal form identifies one float32. */
export function sqlScore(score: number): string {
  return `${sqlString(String(score))}::FLOAT`;
}
