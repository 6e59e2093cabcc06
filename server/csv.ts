// Tables as CSV (RFC 4180), for the routes whose answer is one.

import type { Reply } from './route.ts';

type Cell = string | number | boolean | null;

/** Rows under a header of their names; null becomes an empty cell. The columns are those of `columns`, in that order. */
export function csvOf<T extends Record<string, Cell>>(columns: readonly (keyof T & string)[], rows: readonly T[]): Reply {
  const lines = [csvLine(columns), ...rows.map((row) => csvLine(columns.map((column) => row[column] ?? null)))];
  return { text: lines.join(''), type: 'text/csv' };
}

/** One line, with its end. */
export function csvLine(cells: readonly Cell[]): string {
  return `${cells.map(quote).join(',')}\r\n`;
}

function quote(cell: Cell): string {
  const text = cell === null ? '' : String(cell);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
