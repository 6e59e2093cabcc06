// Cuts passages out of the documents of a Parquet file: rows with one become a row for each piece that is left.

import type { DuckDBConnection } from '@duckdb/node-api';
import { DOUBLE, VARCHAR } from '../data/duckdb-library.ts';
import { z } from 'zod';
import { sqlName } from '../data/duckdb.ts';
import { fail } from '../data/errors.ts';
import type { FieldNames } from '../data/settings.ts';
import { appendColumns } from '../indexer/parquet.ts';
import { type ByteRange, cutPassages } from './cut-leaks.ts';
import { queryRows } from './scores.ts';

/** A column that the rows are given beside their own: the place of a piece in its document. */
export const pieceNumber = sqlName('betr piece');

/**
 * SQL of the rows of `plain` (a file's wanted rows, with file_row_number) with the passages cut out: ids become "ID#1", "ID#2", …, token counts null.
 * Leaves the table `pieces` behind. Errors: CUT_NESTED.
 */
export async function cutParquet(connection: DuckDBConnection, path: string, plain: string, fields: FieldNames, passages: ReadonlyMap<number, readonly ByteRange[]>): Promise<string> {
  const described = z.array(z.object({ column_name: z.string(), column_type: z.string() })).parse((await connection.runAndReadAll(`DESCRIBE ${plain}`)).getRowObjects());
  const typeOf = (field: string): string | undefined => described.find(({ column_name }) => column_name === field)?.column_type;
  const type = typeOf(fields.text);
  if (type === undefined) throw fail('CUT_NESTED', { path, field: fields.text });
  const text = sqlName(fields.text);
  const listed = [...passages.keys()].join(', ');
  const leaky = await queryRows(connection, `SELECT file_row_number::DOUBLE AS "row", ${type === 'BLOB' ? `decode(${text})` : text} AS text FROM (${plain}) WHERE file_row_number IN (${listed})`, z.object({ row: z.number(), text: z.string() }));
  const pieces = leaky.flatMap(({ row, text: whole }) => cutPassages(whole, passages.get(row) ?? []).map((piece, i) => ({ row, number: i + 1, text: piece })));
  await connection.run('CREATE OR REPLACE TABLE pieces (leaky_row DOUBLE, number DOUBLE, piece VARCHAR)');
  const appender = await connection.createAppender('pieces');
  appendColumns(appender, [DOUBLE, DOUBLE, VARCHAR], pieces.length, (column, from, to) => pieces.slice(from, to).map(({ row, number, text: piece }) => [row, number, piece][column] ?? null));
  appender.closeSync();
  const replaced = [
    `${type === 'BLOB' ? 'encode(piece)' : 'piece'} AS ${text}`,
    ...(typeOf(fields.id) === 'VARCHAR' ? [`${sqlName(fields.id)} || '#' || number::BIGINT AS ${sqlName(fields.id)}`] : []),
    ...(typeOf(fields.tokens) === undefined ? [] : [`NULL AS ${sqlName(fields.tokens)}`]),
  ];
  return `SELECT *, 0 AS ${pieceNumber} FROM (${plain}) WHERE file_row_number NOT IN (${listed})
    UNION ALL SELECT * EXCLUDE (leaky_row, number, piece), number AS ${pieceNumber} FROM (SELECT * REPLACE (${replaced.join(', ')}) FROM (${plain}) JOIN pieces ON leaky_row = file_row_number)`;
}
