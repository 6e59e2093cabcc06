// Optional tables: how many tokens each domain has, and which family each model belongs to.

import type { DuckDBConnection } from '@duckdb/node-api';
import { DuckDBDoubleVector, DuckDBVarCharVector } from '../data/duckdb/library.ts';
import { z } from 'zod';
import { streamChunks } from '../data/duckdb/stream.ts';
import { fail } from '../run/errors/errors.ts';
import { findColumn, openTable } from './table.ts';
import { checkAbove, readingCells } from './table-cells.ts';

/**
 * Reads token counts by domain from a table (domain, tokens). Errors: those of `openTable`; TABLE_CELL,
 * TABLE_INVALID.
 */
export async function readTokenCounts(
  connection: DuckDBConnection,
  path: string,
): Promise<Map<string, number>> {
  const table = await openTable(connection, path);
  const domain = findColumn(table, 'domain') ?? findColumn(table, 'page') ?? 0;
  const tokens = findColumn(table, 'tokens') ?? 1;
  if (domain === tokens || tokens >= table.columns.length)
    throw fail('TABLE_INVALID', { path, problem: 'it needs a column "domain" and a column "tokens"' });
  await checkAbove(connection, table, tokens, 0, false);
  const numbers = new Set([tokens]);
  const counts = new Map<string, number>();
  const chunks = streamChunks(connection, `SELECT c${domain}, c${tokens} FROM ${table.scan(numbers)}`);
  for (;;) {
    const { done, value: chunk } = await readingCells(connection, table, numbers, () => chunks.next());
    if (done === true) return counts;
    const [names, values] = [chunk.getColumnVector(0), chunk.getColumnVector(1)];
    if (!(names instanceof DuckDBVarCharVector && values instanceof DuckDBDoubleVector))
      throw fail('INTERNAL', { reason: 'token counts have an unexpected type' });
    for (let row = 0; row < names.itemCount; row++) {
      const name = names.getItem(row);
      const count = values.getItem(row);
      if (name === null) throw fail('TABLE_INVALID', { path, problem: 'a row has no domain' });
      if (counts.has(name)) throw fail('TABLE_INVALID', { path, problem: `domain "${name}" appears twice` });
      if (count !== null) counts.set(name, count);
    }
  }
  return counts;
}

/** Reads families by model from a table (model, family). Errors: those of `openTable`; TABLE_INVALID. */
export async function readFamilies(connection: DuckDBConnection, path: string): Promise<Map<string, string>> {
  const table = await openTable(connection, path);
  const model = findColumn(table, 'model') ?? 0;
  const family = findColumn(table, 'family') ?? 1;
  if (model === family || family >= table.columns.length)
    throw fail('TABLE_INVALID', { path, problem: 'it needs a column "model" and a column "family"' });
  const rows = await readingCells(connection, table, new Set(), async () =>
    (
      await connection.runAndReadAll(
        `SELECT c${model}, c${family} FROM ${table.scan(new Set())} WHERE c${model} IS NOT NULL AND ` +
          `c${family} IS NOT NULL`,
      )
    ).getRows(),
  );
  return new Map(z.tuple([z.string(), z.string()]).array().parse(rows));
}

/**
 * The family in a model's name: the part before the first "/", or the first part of a name like those in the
 * published tables ('family', 'organization/model'); otherwise the name itself.
 */
export function familyOf(model: string): string {
  return /^\('([^']+)', /.exec(model)?.[1] ?? /^([^/]+)\//.exec(model)?.[1] ?? model;
}
