// Reads cells of a table as numbers, and names the file, the row and the column of a cell that is not one.

import type { DuckDBConnection } from '@duckdb/node-api';
import { z } from 'zod';
import type { Table } from './table.ts';
import { isOutOfBounds, maxNumber } from '../run/bounds.ts';
import { BetrError, fail, reasonOf } from '../run/errors/errors.ts';

const badCell = z.tuple([z.number(), z.string(), z.string()]);

async function findBadCell(
  connection: DuckDBConnection,
  { columns, scan }: Table,
  numbers: ReadonlySet<number>,
): Promise<{ row: number; column: string; got: string } | undefined> {
  const names = [...numbers].map((at) => `c${at}`).join(', ');
  const rows = await connection.runAndReadAll(
    `SELECT place, name, got FROM (UNPIVOT (SELECT row_number() OVER ()::DOUBLE AS place, ${names} ` +
      `FROM ${scan(new Set())}) ON ${names} INTO NAME name VALUE got)
     WHERE TRY_CAST(got AS DOUBLE) IS NULL OR (isfinite(TRY_CAST(got AS DOUBLE)) AND abs(TRY_CAST(got ` +
      `AS DOUBLE)) > ${maxNumber}) ORDER BY place LIMIT 1`,
  );
  const found = badCell.safeParse(rows.getRows()[0]);
  if (!found.success) return undefined;
  const [row, name, got] = found.data;
  return { row, column: columns[Number(name.slice(1))] ?? '', got: got.slice(0, 100) };
}

export function unreadable(path: string, error: unknown): BetrError {
  const lines = reasonOf(error)
    .split('\n')
    .map((line) => line.trim());
  // DuckDB appends advice on its own options and lists all their values.
  const advice = lines.findIndex(
    (line, at) => at > 0 && (line === '' || /^(Possible|It was not possible)/.test(line)),
  );
  const said = lines.slice(0, advice < 0 ? lines.length : advice);
  return fail(
    'FILE_UNREADABLE',
    {
      path,
      reason: said
        .join('; ')
        .replace(/^.*Error when sniffing.*$/, 'its lines are not comma-separated values'),
    },
    error,
  );
}

/**
 * Runs `read`, which reads `table` with the columns `numbers` as numbers, and names the faulty cell if that
 * fails. Errors: TABLE_CELL, FILE_UNREADABLE.
 */
export async function readingCells<T>(
  connection: DuckDBConnection,
  table: Table,
  numbers: ReadonlySet<number>,
  read: () => Promise<T>,
): Promise<T> {
  try {
    return await read();
  } catch (error) {
    if (error instanceof BetrError) throw error;
    const cell = await findBadCell(connection, table, numbers).catch(() => undefined);
    if (cell !== undefined)
      throw fail('TABLE_CELL', { path: table.path, ...cell, need: 'a number from -1e30 to 1e30' }, error);
    throw unreadable(table.path, error);
  }
}

/**
 * Errors: TABLE_CELL for the first number in column `at` that is below `low` (or equal to it unless
 * `closed`) or above the bound of all numbers.
 */
export async function checkAbove(
  connection: DuckDBConnection,
  table: Table,
  at: number,
  low: number,
  closed: boolean,
): Promise<void> {
  const numbers = new Set([at]);
  const [found] = await readingCells(connection, table, numbers, async () => {
    const reader = await connection.runAndReadAll(
      `SELECT place, got::VARCHAR FROM (SELECT row_number() OVER ()::DOUBLE AS place, c${at} AS got ` +
        `FROM ${table.scan(numbers)}) WHERE NOT (got ${closed ? '>=' : '>'} ${low} AND got ` +
        `<= ${maxNumber}) ORDER BY place LIMIT 1`,
    );
    return z.array(z.tuple([z.number(), z.string()])).parse(reader.getRows());
  });
  if (found !== undefined)
    throw fail('TABLE_CELL', {
      path: table.path,
      row: found[0],
      column: table.columns[at] ?? '',
      got: found[1],
      need:
        `a number ${closed ? 'of at least' : 'above'} ${low} and at ` +
        `most ${maxNumber.toExponential().replace('+', '')}`,
    });
}

/**
 * Errors: TABLE_CELL for a cell of the columns beyond the bounds of all numbers. Reads the table once,
 * before callers add numbers up.
 */
export async function checkColumns(
  connection: DuckDBConnection,
  table: Table,
  numbers: ReadonlySet<number>,
): Promise<void> {
  const largest = [...numbers].map((at) => `max(abs(c${at})) FILTER (isfinite(c${at}))`);
  await readingCells(connection, table, numbers, async () => {
    const reader = await connection.runAndReadAll(`SELECT ${largest.join(', ')} FROM ${table.scan(numbers)}`);
    checkBounds(
      z
        .array(z.number().nullable())
        .parse(reader.getRows()[0])
        .flatMap((value) => value ?? []),
    );
  });
}

/** Lets `readingCells` find the cell: throws if a value is beyond the bounds of all numbers. */
export function checkBounds(values: Iterable<number>): void {
  for (const value of values) if (isOutOfBounds(value)) throw new Error(`${value} is out of range`);
}
