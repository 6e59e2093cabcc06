// CSV and TSV in, rows out: the first line names the columns, every cell is a text.

import { isUtf8 } from 'node:buffer';
import { parse } from 'csv-parse/sync';
import { fail } from './errors.ts';
import type { Row } from './paths.ts';
import type { Quarantine } from './quarantine.ts';
import { showPath } from './remote/store.ts';

interface Source {
  path: string;
  /** The file's name in the quarantine. */
  name: string;
  quarantine: Quarantine;
}

/** The rows in the bytes of a table. A row with too many or too few cells, or with a quote that does not end, goes to the quarantine. Errors: FILE_UNREADABLE where the header is none. */
export function* readCsvRows(bytes: Buffer, delimiter: ',' | '\t', { path, name, quarantine }: Source): Generator<{ position: number; row: Row }> {
  const isWhole = isUtf8(bytes);
  // By their places among the records, of which the first is the header.
  const bad = new Map<number, string>();
  let records = 0;
  const cells = parse(bytes, {
    bom: true,
    delimiter,
    relax_column_count: true,
    skip_empty_lines: true,
    skip_records_with_error: true,
    on_record: (record: string[]) => {
      records++;
      return record;
    },
    on_skip: (error) => {
      bad.set(records++, error?.message ?? 'not valid CSV');
      return undefined;
    },
  });
  const header = bad.has(0) ? undefined : cells.shift();
  if (header === undefined) {
    if (bad.size === 0 && cells.length === 0) return;
    throw fail('FILE_UNREADABLE', { path: showPath(path), reason: `its first line does not name columns (${bad.get(0) ?? ''})` });
  }
  const twice = header.find((column, at) => column !== '' && header.indexOf(column) !== at);
  if (twice !== undefined) throw fail('FILE_UNREADABLE', { path: showPath(path), reason: `column "${twice}" is there twice` });
  for (const [position, reason] of bad) quarantine.add(name, position - 1, reason);
  let place = 0;
  for (const record of cells) {
    do place++;
    while (bad.has(place));
    const position = place - 1;
    if (record.length !== header.length) quarantine.add(name, position, `${record.length} cells, where the first line names ${header.length} columns`, record.join(delimiter));
    else if (!isWhole && record.some((cell) => cell.includes('\ufffd'))) quarantine.add(name, position, 'not valid UTF-8', record.join(delimiter));
    // A column without a name is a table's own count of its rows.
    else yield { position, row: Object.fromEntries(header.map((column, at): [string, string] => [column, record[at] ?? '']).filter(([column]) => column !== '')) };
  }
}
