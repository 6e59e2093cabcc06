// Writes lines of CSV (RFC 4180).

export type Cell = string | number | boolean | null;

/** One line, including its line end. */
export function csvLine(cells: readonly Cell[]): string {
  return `${cells.map(quote).join(',')}\r\n`;
}

/**
 * Spreadsheets run text that starts like this as a formula; with an apostrophe before it, they display it.
 * Text that already has the apostrophe gets another one, so that `plainCell` restores both.
 */
const formula = /^'*[=+\-@\t\r]/;
const escaped = /^'+[=+\-@\t\r]/;

/** The text of a cell that `csvLine` wrote. */
export function plainCell(cell: string): string {
  return escaped.test(cell) ? cell.slice(1) : cell;
}

function quote(cell: Cell): string {
  const plain = cell === null ? '' : String(cell);
  const text = typeof cell === 'string' && formula.test(cell) ? `'${plain}` : plain;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
