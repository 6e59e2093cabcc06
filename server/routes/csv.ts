// Replies as CSV (RFC 4180), for routes whose answer is a table.

import type { Request } from 'express';
import { z } from 'zod';
import type { Reply } from '../route.ts';
import { type Cell, csvLine } from '../../data/rows/write-csv.ts';

/** The `format` parameter of routes that answer with JSON or a table. */
export const formatParameter = z.enum(['json', 'csv']).optional().meta({
  description: 'Format of the answer; default: the format that the Accept header prefers, JSON if neither.',
});

/** Whether to answer a request with a table. */
export function wantsCsv(format: z.output<typeof formatParameter>, request: Request): boolean {
  return format === undefined ? prefersCsv(request) : format === 'csv';
}

/** Whether the Accept header prefers CSV to JSON. */
export function prefersCsv(request: Request): boolean {
  return request.accepts(['application/json', 'text/csv']) === 'text/csv';
}

/** Rows under a header with the names in `columns`, in that order; null becomes an empty cell. */
export function csvOf<T extends Record<string, Cell>>(
  columns: readonly (keyof T & string)[],
  rows: readonly T[],
): Reply {
  const lines = [
    csvLine(columns),
    ...rows.map((row) => csvLine(columns.map((column) => row[column] ?? null))),
  ];
  return { text: lines.join(''), type: 'text/csv' };
}
