// The layouts of loss tables that need unpivoting or averaging, as SQL of one cell per domain and model.

import type { DuckDBConnection } from '@duckdb/node-api';
import { findColumn, type Table, unpivot } from './table.ts';
import { checkAbove, checkColumns } from './table-cells.ts';
import { fail } from '../run/errors/errors.ts';

/** SQL of (domain, model, bpb, tokens), the columns that must be numbers, and whether token counts exist. */
export interface Cells {
  sql: string;
  numbers: Set<number>;
  hasTokens: boolean;
}

export function longCells(table: Table, domain: number, model: number): Cells {
  const bpb = needColumn(table, 'bpb');
  const numbers = new Set([bpb]);
  return {
    sql:
      `SELECT c${domain} AS domain, c${model} AS model, c${bpb} AS bpb, NULL::DOUBLE AS tokens ` +
      `FROM ${table.scan(numbers)}`,
    numbers,
    hasTokens: false,
  };
}

/** One row per model, one column per domain. */
export function cellsByModel(table: Table, model: number): Cells {
  const domains = [...table.columns.keys()].filter((at) => at !== model);
  const numbers = new Set(domains);
  return {
    sql:
      `SELECT name AS domain, c${model} AS model, value AS bpb, NULL::DOUBLE AS tokens ` +
      `FROM ${unpivot(table, table.scan(numbers), domains)}`,
    numbers,
    hasTokens: false,
  };
}

/**
 * A domain's bits per byte: the token-weighted mean loss times Σ tokens / Σ bytes, over ln 2; that is Σ
 * tokens·loss / (Σ bytes · ln 2). Unknown if any page's value is.
 */
const rawMean =
  'CASE WHEN count(*) = count(tokens * loss / bytes) THEN sum(tokens * loss) / (sum(bytes) * ln(2)) END ' +
  'AS bpb, sum(tokens) AS tokens';

export async function rawLongCells(
  connection: DuckDBConnection,
  table: Table,
  domain: number,
  model: number,
): Promise<Cells> {
  const loss = needColumn(table, 'loss');
  const { tokens, bytes } = await sizeColumns(connection, table);
  const numbers = new Set([loss, tokens, bytes]);
  await checkColumns(connection, table, numbers);
  const sql =
    `SELECT domain, model, ${rawMean} FROM (SELECT c${domain} AS domain, c${model} AS model, ` +
    `c${loss} AS loss, c${tokens} AS tokens, c${bytes} AS bytes FROM ${table.scan(numbers)}) ` +
    'GROUP BY domain, model';
  return { sql, numbers, hasTokens: true };
}

/** One row per page, one column per model; every model uses the page's token count. */
export async function rawWideCells(
  connection: DuckDBConnection,
  table: Table,
  domain: number,
): Promise<Cells> {
  const { tokens, bytes } = await sizeColumns(connection, table);
  const page = findColumn(table, 'page');
  const models = [...table.columns.keys()].filter((at) => ![domain, page, tokens, bytes].includes(at));
  const numbers = new Set([...models, tokens, bytes]);
  await checkColumns(connection, table, numbers);
  const sql =
    `SELECT domain, model, ${rawMean} FROM (SELECT c${domain} AS domain, name AS model, value ` +
    `AS loss, c${tokens} AS tokens, c${bytes} AS bytes ` +
    `FROM ${unpivot(table, table.scan(numbers), models)}) GROUP BY domain, model`;
  return { sql, numbers, hasTokens: true };
}

async function sizeColumns(
  connection: DuckDBConnection,
  table: Table,
): Promise<{ tokens: number; bytes: number }> {
  const tokens = needColumn(table, 'tokens');
  const bytes = needColumn(table, 'bytes');
  await checkAbove(connection, table, tokens, 0, true);
  await checkAbove(connection, table, bytes, 0, false);
  return { tokens, bytes };
}

function needColumn(table: Table, name: string): number {
  const at = findColumn(table, name);
  if (at === undefined)
    throw fail('TABLE_INVALID', {
      path: table.path,
      problem: `it has no column "${name}", only ${table.columns.slice(0, 20).join(', ')}`,
    });
  return at;
}
