// The target: one error per model, from a table of benchmark errors (lower is better), wide (one column per
// model), long (benchmark, model, error), or with one row per model. Several benchmarks are combined by their
// mean error or their mean rank.

import type { DuckDBConnection } from '@duckdb/node-api';
import { z } from 'zod';
import { fail } from '../run/errors/errors.ts';
import { openSorted, ranksOf, sortModels } from './sorted.ts';
import { findColumn, openTable, type Table, unpivot } from './table.ts';
import { checkBounds, readingCells } from './table-cells.ts';

/**
 * error: the mean error. rank: the mean over benchmarks of the model's mid-rank / N, for errors on different
 * scales.
 */
export const combinations = ['error', 'rank'] as const;
export type Combination = (typeof combinations)[number];

export interface BenchmarkErrors {
  path: string;
  /** In table order. */
  benchmarks: string[];
  /** Each model's errors by benchmark; a benchmark without an error for the model is missing. */
  models: Map<string, Map<string, number>>;
}

const cellRow = z.tuple([z.string().nullable(), z.string().nullable(), z.number().nullable()]);

/** Reads all errors of a table. Errors: those of `openTable`; TABLE_CELL, TABLE_INVALID. */
export async function readErrors(connection: DuckDBConnection, path: string): Promise<BenchmarkErrors> {
  const table = await openTable(connection, path);
  const { sql, numbers } = errorCells(table);
  const rows = await readingCells(connection, table, numbers, async () => {
    const cells = cellRow.array().parse((await connection.runAndReadAll(sql)).getRows());
    checkBounds(cells.flatMap(([, , error]) => error ?? []));
    return cells;
  });
  const benchmarks = new Set<string>();
  const models: BenchmarkErrors['models'] = new Map();
  for (const [benchmark, model, error] of rows) {
    if (benchmark === null || model === null)
      throw fail('TABLE_INVALID', { path, problem: 'a row has no benchmark or model' });
    benchmarks.add(benchmark);
    const errors = models.get(model) ?? new Map<string, number>();
    models.set(model, errors);
    if (errors.has(benchmark))
      throw fail('TABLE_INVALID', {
        path,
        problem: `benchmark "${benchmark}" has two errors for model "${model}"`,
      });
    if (error !== null && Number.isFinite(error)) errors.set(benchmark, error);
  }
  if (benchmarks.size === 0) throw fail('TABLE_INVALID', { path, problem: 'it has no rows' });
  return { path, benchmarks: [...benchmarks], models };
}

/** SQL of (benchmark, model, error) in table order. */
function errorCells(table: Table): { sql: string; numbers: Set<number> } {
  const model = findColumn(table, 'model');
  const benchmark = findColumn(table, 'benchmark');
  if (model !== undefined && benchmark !== undefined) {
    const error = findColumn(table, 'error');
    if (error === undefined)
      throw fail('TABLE_INVALID', {
        path: table.path,
        problem:
          'it has columns "model" and "benchmark" but no column "error", only ' + table.columns.join(', '),
      });
    const numbers = new Set([error]);
    return { sql: `SELECT c${benchmark}, c${model}, c${error} FROM ${table.scan(numbers)}`, numbers };
  }
  const label = model ?? benchmark ?? 0;
  const others = [...table.columns.keys()].filter((at) => at !== label);
  if (others.length === 0)
    throw fail('TABLE_INVALID', { path: table.path, problem: 'it has only one column' });
  const numbers = new Set(others);
  const [first, second] = model === undefined ? [`c${label}`, 'name'] : ['name', `c${label}`];
  return {
    sql: `SELECT ${first}, ${second}, value FROM ${unpivot(table, table.scan(numbers), others)}`,
    numbers,
  };
}

/** The requested benchmarks, or all in the table if none are requested. Errors: OPTION_INVALID. */
export function chooseBenchmarks(
  { benchmarks }: BenchmarkErrors,
  asked: readonly string[] | undefined,
): string[] {
  const unknown = asked?.find((name) => !benchmarks.includes(name));
  if (unknown !== undefined)
    throw fail('OPTION_INVALID', {
      option: '--benchmarks',
      got: unknown,
      allowed: `one or more of ${benchmarks.join(', ')}`,
    });
  return asked === undefined || asked.length === 0 ? benchmarks : [...new Set(asked)];
}

/** One error per model: `errors[b][m]` is model m's error on benchmark b. */
export function combineErrors(errors: readonly Float64Array[], combination: Combination): Float64Array {
  const models = errors[0]?.length ?? 0;
  const ones = new Float64Array(models).fill(1);
  const scales =
    combination === 'error'
      ? errors
      : errors.map((list) => {
          const sorted = openSorted(models);
          sorted.values.set(list);
          sortModels(sorted, 'mid');
          return ranksOf(sorted, ones).map((rank) => rank / models);
        });
  return Float64Array.from(
    { length: models },
    (_, model) => scales.reduce((sum, list) => sum + (list[model] ?? 0), 0) / errors.length,
  );
}
