// Which columns of a Parquet file have the documents' fields, and how they are asked for.

import type { DuckDBConnection } from '@duckdb/node-api';
import { z } from 'zod';
import { parquetSource, sqlName } from '../duckdb.ts';
import { fail } from '../errors.ts';
import type { FieldNames } from '../settings.ts';

interface Column {
  /** Of the file's top level; undefined where the file has none. */
  name?: string;
  sql: string;
  type: string;
}

/** What to ask a file for. */
export interface Query {
  /** In this order: row and tokens as DOUBLE, id and source as VARCHAR. */
  others: string;
  /** As BLOB. */
  text: string;
  /** The file as a table. */
  source: string;
  /** The column of the file's top level that has the texts, where there is one; whether it is of strings, which are valid UTF-8 then, or of bytes. */
  textColumn: string | undefined;
  isString: boolean;
  /** The file's columns that all of this reads. */
  columns: string[];
}

/** Finds the columns. Errors name the file as `shown`. Optional fields that the file lacks are null, where their names are the default ones. */
export async function buildQuery(connection: DuckDBConnection, path: string, fields: FieldNames, shown: string): Promise<Query> {
  const find = await openColumns(connection, path);
  const column = async (field: keyof FieldNames, allowed: RegExp): Promise<Column> => {
    const name = fields[field];
    const found = await find(name);
    if (found === undefined && field !== 'text' && name === field) return { sql: 'NULL', type: '' };
    if (found === undefined) throw fail('COLUMN_MISSING', { path: shown, column: name, columns: (await listColumns(connection, path)).map((known) => known.name).join(', ') });
    if (!allowed.test(found.type)) throw fail('COLUMN_TYPE', { path: shown, column: name, type: found.type });
    return found;
  };
  const text = await column('text', /^(VARCHAR|BLOB)$/);
  const id = await column('id', simpleType);
  const source = await column('source', simpleType);
  const tokens = await column('tokens', /^(U?(TINY|SMALL|BIG|HUGE)INT|U?INTEGER|FLOAT|DOUBLE|DECIMAL.*)$/);
  return {
    others: `file_row_number::DOUBLE, ${tokens.sql}::DOUBLE, ${id.sql}::VARCHAR, ${source.sql}::VARCHAR`,
    text: text.type === 'BLOB' ? text.sql : `encode(${text.sql})`,
    source: parquetSource(path, 'file_row_number = true'),
    textColumn: text.name === fields.text ? text.name : undefined,
    isString: text.type === 'VARCHAR',
    columns: [text, id, source, tokens].flatMap(({ name }) => name ?? []),
  };
}

const simpleType = /^(?!STRUCT|MAP|UNION|VARIANT)[^[]*$/;

/** Finds columns by name, and fields of structs as those of JSON's objects (field-path.ts): of the columns whose names fit, the longest goes first. */
async function openColumns(connection: DuckDBConnection, path: string): Promise<(name: string) => Promise<Column | undefined>> {
  const columns = await listColumns(connection, path);
  const findIn = async (known: readonly { name: string; type: string }[], name: string, sqlOf: (name: string) => string): Promise<Pick<Column, 'sql' | 'type'> | undefined> => {
    const whole = known.find((column) => column.name === name);
    if (whole !== undefined) return { sql: sqlOf(name), type: whole.type };
    const structs = known.filter((column) => column.name !== '' && column.type.startsWith('STRUCT(') && name.startsWith(`${column.name}.`));
    for (const struct of structs.sort((a, b) => b.name.length - a.name.length)) {
      const sql = sqlOf(struct.name);
      const found = await findIn(await listColumns(connection, path, `unnest(${sql})`), name.slice(struct.name.length + 1), (inner) => `${sql}.${sqlName(inner)}`);
      if (found !== undefined) return found;
    }
    return undefined;
  };
  return async (name) => {
    let top = '';
    const found = await findIn(columns, name, (column) => {
      top = column;
      return sqlName(column);
    });
    return found && { name: top, ...found };
  };
}

const describedColumns = z.array(z.object({ column_name: z.string(), column_type: z.string() }));

async function listColumns(connection: DuckDBConnection, path: string, which = '*'): Promise<{ name: string; type: string }[]> {
  const reader = await connection.runAndReadAll(`DESCRIBE SELECT ${which} FROM ${parquetSource(path)}`);
  return describedColumns.parse(reader.getRowObjects()).map(({ column_name, column_type }) => ({ name: column_name, type: column_type }));
}
