// Tables as CSV (RFC 4180), for the routes whose answer is one.

import type { Request } from 'express';
import { z } from 'zod';
import type { Reply } from '../route.ts';
import { type Cell, csvLine } from '../../data/rows/write-csv.ts';

/** The parameter of routes whose answer is JSON or a table. */
export const formatParameter = z.enum(['json', 'csv']).optional().meta({
  description:
    'What the answer is written in; when left out, what the header Accept asks for, JSON before CSV.',
});

/** Whether a request is answered with a table. */
export function wantsCsv(format: z.output<typeof formatParameter>, request: Request): boolean {
  return format === undefined ? prefersCsv(request) : format === 'csv';
}

/** Whether the header Accept asks for CSV before JSON. */
export function prefersCsv(request: Request): boolean {
  return request.accepts(['application/json', 'text/csv']) === 'text/csv';
}

/**
 * Rows under a header of their names; null becomes an empty cell. The columns are those of `columns`, in that
 * order.
 */
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
