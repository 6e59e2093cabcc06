// Writes long lists in slices, so that the server can answer other requests in between.

import { setImmediate } from 'node:timers/promises';
import { csvLine } from '../data/rows/write-csv.ts';
import type { Reply } from './route.ts';

/** Writing this many rows of a dozen values takes a few milliseconds. */
const sliceRows = 1000;

/** An object with a list as its last value, as JSON. */
export async function jsonInSlices(
  name: string,
  rows: readonly object[],
  before: object = {},
  slice = sliceRows,
): Promise<Reply> {
  const start = JSON.stringify({ ...before, [name]: [] }).slice(0, -']}'.length);
  const pieces = await writeSlices(
    rows,
    slice,
    (some, from) => `${from === 0 ? '' : ','}${some.map((row) => JSON.stringify(row)).join(',')}`,
  );
  return { pieces: [start, ...pieces, ']}'], type: 'application/json' };
}

/** Rows under a header with their names, as CSV. */
export async function csvInSlices<T extends Record<string, string | number | boolean | null>>(
  columns: readonly (keyof T & string)[],
  rows: readonly T[],
): Promise<Reply> {
  const pieces = await writeSlices(rows, sliceRows, (some) =>
    some.map((row) => csvLine(columns.map((column) => row[column] ?? null))).join(''),
  );
  return { pieces: [csvLine(columns), ...pieces], type: 'text/csv' };
}

async function writeSlices<T>(
  rows: readonly T[],
  size: number,
  write: (rows: readonly T[], from: number) => string,
): Promise<string[]> {
  const pieces: string[] = [];
  for (let from = 0; from < rows.length; from += size) {
    pieces.push(write(rows.slice(from, from + size), from));
    await setImmediate();
  }
  return pieces;
}
