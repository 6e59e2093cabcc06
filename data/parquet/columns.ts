// Finds the columns of the documents' fields in a Parquet file by their exact names, and builds DuckDB's
// query for them.

import type { DuckDBConnection } from '@duckdb/node-api';
import { z } from 'zod';
import { parquetSource, sqlName } from '../duckdb/duckdb.ts';
import { fail } from '../../run/errors/errors.ts';
import { splitName } from '../../run/fields/field-path.ts';
import type { FieldNames } from '../../run/settings.ts';
import { type Footer } from './footer.ts';
import { listLeaves, type SchemaNode } from './schema.ts';

/** The path of a column, from the file's top level down. */
export type ColumnPath = readonly SchemaNode[];

export type FieldColumns = Record<keyof FieldNames, ColumnPath | undefined>;

/** The columns of a query, as SQL. */
export interface Query {
  /**
   * In this order: row and tokens as DOUBLE, id and source as VARCHAR, or as BLOB if strings are read as
   * bytes.
   */
  others: string;
  /** The text, as BLOB. */
  text: string;
}

/**
 * The columns of the documents' fields; undefined if the file lacks an optional field with its default name.
 * Errors call the file `shown`: COLUMN_MISSING.
 */
export function findColumns({ root }: Footer, fields: FieldNames, shown: string): FieldColumns {
  const find = (field: keyof FieldNames): ColumnPath | undefined => {
    const name = fields[field];
    const found = findColumn(root, name);
    if (found === undefined && (field === 'text' || name !== field))
      throw fail('COLUMN_MISSING', {
        path: shown,
        column: name,
        columns: root.children.map((child) => child.name).join(', '),
      });
    return found;
  };
  return { text: find('text'), id: find('id'), source: find('source'), tokens: find('tokens') };
}

/**
 * The column with this name; "a.b" is the field b of the struct a if no column has exactly that name. Structs
 * with longer matching names are tried first.
 */
export function findColumn(parent: SchemaNode, name: string): ColumnPath | undefined {
  const whole = parent.children.find((child) => child.name === name);
  if (whole !== undefined) return [whole];
  for (const [key, rest] of splitName(name)) {
    for (const struct of parent.children.filter((child) => child.name === key && isStruct(child))) {
      const inner = findColumn(struct, rest);
      if (inner !== undefined) return [struct, ...inner];
    }
  }
  return undefined;
}

/** A struct, unlike lists and maps, has no repeated group inside. */
function isStruct({ type, repetition, children }: SchemaNode): boolean {
  return (
    type === undefined &&
    repetition !== 'repeated' &&
    children.every((child) => child.repetition !== 'repeated')
  );
}

/** The distinct leaves of these columns, in the file's order. */
export function leavesOf({ text, id, source, tokens }: FieldColumns): SchemaNode[] {
  const leaves = [text, id, source, tokens].flatMap((path) => path?.slice(-1) ?? []).flatMap(listLeaves);
  return [...new Set(leaves)].sort((a, b) => a.leaf - b.leaf);
}

/** A column's name in SQL, if DuckDB uses the same name as the file. */
export function plainSql(path: ColumnPath): string {
  return path.map(({ name }) => sqlName(name)).join('.');
}

const allowedTypes: Record<keyof FieldNames, RegExp> = {
  text: /^(VARCHAR|BLOB)$/,
  id: /^(?!STRUCT|MAP|UNION|VARIANT)[^[]*$/,
  source: /^(?!STRUCT|MAP|UNION|VARIANT)[^[]*$/,
  tokens: /^(U?(TINY|SMALL|BIG|HUGE)INT|U?INTEGER|FLOAT|DOUBLE|DECIMAL.*)$/,
};

const describedColumns = z.array(z.object({ column_name: z.string(), column_type: z.string() }));

/**
 * Builds the query for the columns of the file at `path`, whose SQL names come from `sqlOf`; with `asBytes`,
 * DuckDB sees strings as bytes. Errors: COLUMN_TYPE.
 */
export async function buildQuery(
  connection: DuckDBConnection,
  path: string,
  columns: FieldColumns,
  sqlOf: (path: ColumnPath) => string,
  asBytes: boolean,
  fields: FieldNames,
  shown: string,
): Promise<Query> {
  const names = ['text', 'id', 'source', 'tokens'] as const;
  const selected = names.map(
    (field) => `${columns[field] === undefined ? 'NULL' : sqlOf(columns[field])} AS ${field}`,
  );
  const reader = await connection.runAndReadAll(
    `DESCRIBE SELECT ${selected.join(', ')} FROM ${parquetSource(path)}`,
  );
  const types = new Map(
    describedColumns
      .parse(reader.getRowObjects())
      .map(({ column_name, column_type }) => [column_name, column_type]),
  );
  for (const field of names) {
    if (columns[field] === undefined) continue;
    const type = isTextColumn(columns[field]) ? 'VARCHAR' : (types.get(field) ?? '');
    if (!allowedTypes[field].test(type))
      throw fail('COLUMN_TYPE', { path: shown, column: fields[field], type });
  }
  const name = (column: ColumnPath | undefined): string =>
    column === undefined
      ? 'NULL::VARCHAR'
      : asBytes && isTextColumn(column)
        ? sqlOf(column)
        : `${sqlOf(column)}::VARCHAR`;
  const text = columns.text === undefined ? 'NULL' : sqlOf(columns.text);
  const tokens = columns.tokens === undefined ? 'NULL' : sqlOf(columns.tokens);
  return {
    others: `file_row_number::DOUBLE, ${tokens}::DOUBLE, ${name(columns.id)}, ${name(columns.source)}`,
    text: types.get('text') === 'BLOB' ? text : `encode(${text})`,
  };
}

export function isTextColumn(path: ColumnPath | undefined): boolean {
  return path?.at(-1)?.isText === true;
}
