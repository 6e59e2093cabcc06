// Writes lines of CSV (RFC 4180).

export type Cell = string | number | boolean | null;

/** One line, including its line end. */
export function csvLine(cells: readonly Cell[]): string {
  return `${cells.map(quote).join(',')}\r\n`;
}

/**
 * Spreadsheets run text that starts like this as a formula; with an apostrophe before it, they display it.
 */
const formula = /^[=+\-@\t\r]/;

function quote(cell: Cell): string {
  const plain = cell === null ? '' : String(cell);
  const text = typeof cell === 'string' && formula.test(cell) ? `'${plain}` : plain;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
