// Losses in bits per byte of many models on many domains, from a wide table (one column per model), a long
// one (model, domain, bpb), one with a row per model, or raw losses. Returned as blocks of rows (one row per
// domain, one value per model), in memory that does not grow with the table.

import type { DuckDBConnection, DuckDBDataChunk } from '@duckdb/node-api';
import { DuckDBDoubleVector, DuckDBVarCharVector } from '../data/duckdb/library.ts';
import { z } from 'zod';
import { sqlString } from '../data/duckdb/duckdb.ts';
import { streamChunks } from '../data/duckdb/stream.ts';
import { fail } from '../run/errors/errors.ts';
import { findColumn, openTable, type Table } from './table.ts';
import { checkBounds, readingCells } from './table-cells.ts';
import { type Cells, cellsByModel, longCells, rawLongCells, rawWideCells } from './loss-cells.ts';

export interface LossTable {
  path: string;
  /** Models in the table, sorted. */
  models: string[];
  /** Whether the table has each domain's token count. */
  hasTokens: boolean;
  /** Number of domains. Errors: TABLE_CELL, TABLE_INVALID, FILE_UNREADABLE. */
  count(): Promise<number>;
  /**
   * Streams all domains with the losses of these models. Errors: TABLE_CELL, TABLE_INVALID, FILE_UNREADABLE.
   */
  read(models: readonly string[]): AsyncGenerator<LossBlock>;
}

export interface LossBlock {
  domains: string[];
  /** Row by row, one value per model; NaN if missing. */
  losses: Float64Array;
  /** Token counts, if the table has them; NaN for a domain without one. */
  tokens: Float64Array;
}

/**
 * Opens a table of losses; `raw` means nats per token instead of bits per byte. Errors: those of
 * `openTable`; TABLE_INVALID, TABLE_CELL.
 */
export async function openLosses(
  connection: DuckDBConnection,
  path: string,
  raw: boolean,
): Promise<LossTable> {
  const table = await openTable(connection, path);
  const model = findColumn(table, 'model');
  const domain = findColumn(table, 'domain') ?? findColumn(table, 'page');
  if (model !== undefined) {
    if (domain === undefined && !raw) return openCells(connection, table, cellsByModel(table, model));
    if (domain === undefined)
      throw fail('TABLE_INVALID', {
        path,
        problem: 'raw losses with a column "model" also need a column "domain"',
      });
    return openCells(
      connection,
      table,
      raw ? await rawLongCells(connection, table, domain, model) : longCells(table, domain, model),
    );
  }
  if (raw) return openCells(connection, table, await rawWideCells(connection, table, domain ?? 0));
  return openWide(connection, table, domain ?? 0);
}

/** The fast path streams the table as it is. */
function openWide(connection: DuckDBConnection, table: Table, domain: number): LossTable {
  const tokens = findColumn(table, 'tokens');
  const models = table.columns.filter((_, at) => at !== domain && at !== tokens);
  return {
    path: table.path,
    models: models.sort(),
    hasTokens: tokens !== undefined,
    async count() {
      return readingCells(connection, table, new Set(), async () => {
        const reader = await connection.runAndReadAll(`SELECT count(*)::DOUBLE FROM ${table.rows}`);
        return z.number().parse(reader.getRows()[0]?.[0]);
      });
    },
    async *read(chosen) {
      const columns = chosen.map((model) => table.columns.indexOf(model));
      const numbers = new Set(tokens === undefined ? columns : [...columns, tokens]);
      const selected = [
        `c${domain}`,
        tokens === undefined ? 'NULL::DOUBLE' : `c${tokens}`,
        ...columns.map((at) => `c${at}`),
      ];
      const query = `SELECT ${selected.join(', ')} FROM ${table.scan(numbers)}`;
      yield* stream(connection, table, numbers, query, chosen.length);
    },
  };
}

/** Every other layout is unpivoted into cells first, which DuckDB groups into rows. */
async function openCells(connection: DuckDBConnection, table: Table, cells: Cells): Promise<LossTable> {
  await readingCells(connection, table, cells.numbers, () =>
    connection.run(`CREATE OR REPLACE TEMP TABLE cells AS ${cells.sql}`),
  );
  const rows = async <T>(sql: string, schema: z.ZodType<T>): Promise<T[]> =>
    schema.array().parse((await connection.runAndReadAll(sql)).getRows());
  const [unnamed] = await rows(
    'SELECT count(*)::DOUBLE FROM cells WHERE domain IS NULL OR model IS NULL',
    z.tuple([z.number()]),
  );
  if (unnamed !== undefined && unnamed[0] > 0)
    throw fail('TABLE_INVALID', {
      path: table.path,
      problem: `${unnamed[0]} rows have no domain or no model`,
    });
  const [twice] = await rows(
    'SELECT domain, model FROM cells GROUP BY ALL HAVING count(*) > 1 ORDER BY ALL LIMIT 1',
    z.tuple([z.string(), z.string()]),
  );
  if (twice !== undefined)
    throw fail('TABLE_INVALID', {
      path: table.path,
      problem: `domain "${twice[0]}" has two losses of model "${twice[1]}"`,
    });
  const models = await rows('SELECT DISTINCT model FROM cells', z.tuple([z.string()]));
  return {
    path: table.path,
    models: models.map(([model]) => model).sort(),
    hasTokens: cells.hasTokens,
    async count() {
      const [count] = await rows('SELECT count(DISTINCT domain)::DOUBLE FROM cells', z.tuple([z.number()]));
      return count?.[0] ?? 0;
    },
    async *read(chosen) {
      const places = chosen.map((model, at) => `(${at}, ${sqlString(model)})`).join(', ');
      await connection.run(
        'CREATE OR REPLACE TEMP TABLE placed AS SELECT domain, place, bpb, tokens FROM cells JOIN ' +
          `(VALUES ${places}) chosen (place, model) USING (model)`,
      );
      const columns = chosen.map((_, at) => `"${at}"`).join(', ');
      // Models have different tokenizers, so a domain's token count is their mean.
      const query =
        `SELECT domain, tokens, ${columns} FROM (PIVOT (SELECT domain, place, bpb FROM ` +
        `placed) ON place IN (${chosen.map((_, at) => at).join(', ')}) USING first(bpb) GROUP BY domain)
        JOIN (SELECT domain, avg(tokens) AS tokens FROM placed GROUP BY domain) USING (domain) ORDER BY domain`;
      yield* stream(connection, table, cells.numbers, query, chosen.length);
    },
  };
}

/**
 * Streams (domain, tokens, one column per model) as blocks. Errors: TABLE_CELL, TABLE_INVALID,
 * FILE_UNREADABLE.
 */
async function* stream(
  connection: DuckDBConnection,
  table: Table,
  numbers: ReadonlySet<number>,
  query: string,
  models: number,
): AsyncGenerator<LossBlock> {
  const chunks = streamChunks(connection, query);
  let row = 0;
  for (;;) {
    const block = await readingCells(connection, table, numbers, async () => {
      const next = await chunks.next();
      if (next.done === true) return undefined;
      const read = toBlock(next.value, models);
      checkBounds(read.losses);
      checkBounds(read.tokens);
      return read;
    });
    if (block === undefined) return;
    const unnamed = block.domains.indexOf('');
    if (unnamed >= 0)
      throw fail('TABLE_INVALID', { path: table.path, problem: `row ${row + unnamed + 1} has no domain` });
    row += block.domains.length;
    yield block;
  }
}

function toBlock(chunk: DuckDBDataChunk, models: number): LossBlock {
  const { rowCount } = chunk;
  const names = chunk.getColumnVector(0);
  if (!(names instanceof DuckDBVarCharVector)) throw fail('INTERNAL', { reason: 'domains are not text' });
  const losses = new Float64Array(rowCount * models);
  const column = new Float64Array(rowCount);
  for (let model = 0; model < models; model++) {
    readNumbers(chunk, model + 2, column);
    for (let row = 0; row < rowCount; row++) losses[row * models + model] = column[row] ?? Number.NaN;
  }
  readNumbers(chunk, 1, column);
  return {
    domains: Array.from({ length: rowCount }, (_, row) => names.getItem(row) ?? ''),
    losses,
    tokens: column,
  };
}

function readNumbers(chunk: DuckDBDataChunk, at: number, into: Float64Array): void {
  const vector = chunk.getColumnVector(at);
  if (!(vector instanceof DuckDBDoubleVector)) throw fail('INTERNAL', { reason: 'losses are not numbers' });
  for (let row = 0; row < into.length; row++) into[row] = vector.getItem(row) ?? Number.NaN;
}
