// CSV and TSV in, rows out: the first line names the columns, and every cell is a string.

import { isUtf8 } from 'node:buffer';
import { parse } from 'csv-parse/sync';
import { fail, reasonOf } from '../../run/errors/errors.ts';
import type { Row } from '../../run/fields/field-path.ts';
import type { Quarantine } from '../files/quarantine.ts';
import { showPath } from '../../run/address.ts';

interface Source {
  path: string;
  /** The file's name in the quarantine. */
  name: string;
  quarantine: Quarantine;
}

/**
 * Yields the rows of a table. Rows with too many or too few cells go to the quarantine. Errors:
 * FILE_UNREADABLE for an invalid quote, because the starts of later rows are then unknown, and for duplicate
 * column names.
 */
export function* readCsvRows(
  bytes: Buffer,
  delimiter: ',' | '\t',
  source: Source,
): Generator<{ position: number; row: Row }> {
  const { path, name, quarantine } = source;
  const [header, ...records] = parsing(path, () => parseCells(bytes, delimiter));
  if (header === undefined) return;
  const twice = header.find((column, at) => column !== '' && header.indexOf(column) !== at);
  if (twice !== undefined)
    throw fail('FILE_UNREADABLE', { path: showPath(path), reason: `column "${twice}" appears twice` });
  const isWhole = isUtf8(bytes);
  for (const [position, record] of records.entries()) {
    // Many TSV writers do not quote, so these quotes may be part of the text of two cells.
    if (delimiter === '\t' && record.some((cell) => cell.includes('\t')))
      throw fail('FILE_UNREADABLE', {
        path: showPath(path),
        reason:
          `quotes in row ${position} contain a tab, so they may be quotes or text: convert the file to CSV ` +
          'or JSON Lines',
      });
    if (record.length !== header.length)
      quarantine.add(
        name,
        position,
        `${record.length} cells, but the header has ${header.length} columns`,
        record.join(delimiter),
      );
    else if (!isWhole && record.some((cell) => cell.includes('\ufffd')))
      quarantine.add(name, position, 'not valid UTF-8', record.join(delimiter));
    // A column without a name is a row index that the writer added.
    else
      yield {
        position,
        row: Object.fromEntries(
          header
            .map((column, at): [string, string] => [column, record[at] ?? ''])
            .filter(([column]) => column !== ''),
        ),
      };
  }
}

/** The cells of a table, row by row, by default without empty lines. Throws if a quote is invalid. */
export function parseCells(
  table: Buffer | string,
  delimiter: ',' | ';' | '\t' = ',',
  { emptyLines = false } = {},
): string[][] {
  return parse(table, {
    bom: true,
    delimiter,
    record_delimiter: ['\r\n', '\n', '\r'],
    relax_column_count: true,
    skip_empty_lines: !emptyLines,
  });
}

function parsing<T>(path: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw fail('FILE_UNREADABLE', { path: showPath(path), reason: reasonOf(error) }, error);
  }
}
