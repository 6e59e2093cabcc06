// Lines of CSV (RFC 4180).

export type Cell = string | number | boolean | null;

/** One line, with its end. */
export function csvLine(cells: readonly Cell[]): string {
  return `${cells.map(quote).join(',')}\r\n`;
}

/**
 * Spreadsheets take a text that begins so for a formula, and may do what it says: with an apostrophe before
 * it they show it.
 */
const formula = /^[=+\-@\t\r]/;

function quote(cell: Cell): string {
  const plain = cell === null ? '' : String(cell);
  const text = typeof cell === 'string' && formula.test(cell) ? `'${plain}` : plain;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
