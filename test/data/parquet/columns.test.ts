// Which columns are read, by their names; and what a text that is not UTF-8 costs.

import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { sqlString, withDuckDb } from '../../../data/duckdb/duckdb.ts';
import type { FieldNames } from '../../../run/settings.ts';
import { defaultFields, type Document, readAll, withFolder } from '../collect.ts';
import { column, named, withColumns } from './text-columns.ts';
import type { WrittenColumn } from './write.ts';

/** Row 3. */
const thirdOf = async (
  columns: WrittenColumn[],
  fields: Partial<FieldNames> = {},
): Promise<Document | undefined> =>
  withColumns(
    columns,
    async (path) => (await readAll(path, { fields: { ...defaultFields, ...fields } })).documents[3],
  );

describe('the columns of a Parquet file', () => {
  it('are exactly those named in the settings, whatever the names of the others', async () => {
    const [text, upper, id] = [column(['text']), column(['Text']), column(['id'])];
    expect(await thirdOf([id, upper, text])).toMatchObject({ document: 'id 3', text: 'text 3' });
    expect(await thirdOf([id, text, upper])).toMatchObject({ text: 'text 3' });
    expect(await thirdOf([id, text, upper], { text: 'Text' })).toMatchObject({ text: 'Text 3' });
    // DuckDB calls the second of them Text_1.
    expect(await thirdOf([text, upper, column(['Text_1'])], { text: 'Text_1' })).toMatchObject({
      text: 'Text_1 3',
    });
    await withColumns([id, text, upper], async (path) => {
      await expect(readAll(path, { fields: { ...defaultFields, text: 'TEXT' } })).rejects.toMatchObject({
        code: 'COLUMN_MISSING',
        message: expect.stringContaining('it has id, text, Text.'),
      });
    });
  });

  it('may have the names the reader uses internally, or empty names', async () => {
    for (const name of [
      'file_row_number',
      'FILE_ROW_NUMBER',
      'filename',
      'file_index',
      'rowid',
      '',
      ' ',
      'a"b',
      'a\0b',
      'é'.repeat(300),
      'C0',
      'c1',
    ]) {
      expect(
        await thirdOf([column(['id']), column([name], named('right')), column(['text'], named('other'))], {
          text: name,
        }),
      ).toMatchObject({ row: 3, document: 'id 3', text: 'right 3' });
      expect(await thirdOf([column([name], named('other')), column(['text'])])).toMatchObject({
        row: 3,
        text: 'text 3',
      });
    }
  });

  it('may be struct fields with any names', async () => {
    const meta = [
      column(['meta', 'Source'], named('wrong')),
      column(['meta', 'source'], named('right')),
      column(['meta', 'id'], named('nested')),
    ];
    expect(
      await thirdOf([column(['text']), ...meta], { source: 'meta.source', id: 'meta.id' }),
    ).toMatchObject({ source: 'right 3', document: 'nested 3' });
    expect(
      await thirdOf([column(['text']), ...meta, column(['meta.id'], named('dotted'))], { id: 'meta.id' }),
    ).toMatchObject({ document: 'dotted 3' });
    await withFolder(async (folder) => {
      const path = join(folder, 'a.parquet');
      const deep = "{'b': {'c.d': 'right ' || i, 'c': 'wrong'}, 'n': i, 'list': [i]}";
      await withDuckDb({}, (connection) =>
        connection.run(
          `COPY (SELECT ${deep} AS a, 'wrong' AS text FROM range(9) AS t (i)) TO ${sqlString(path)} (FORMAT parquet)`,
        ),
      );
      const { documents } = await readAll(path, { fields: { ...defaultFields, text: 'a.b.c.d', id: 'a.n' } });
      expect(documents[3]).toMatchObject({ text: 'right 3', document: '3' });
      await expect(readAll(path, { fields: { ...defaultFields, id: 'a.b' } })).rejects.toMatchObject({
        code: 'COLUMN_TYPE',
      });
      await expect(
        readAll(path, { fields: { ...defaultFields, id: 'a.list.element' } }),
      ).rejects.toMatchObject({ code: 'COLUMN_MISSING' });
      await expect(readAll(path, { fields: { ...defaultFields, tokens: 'a.b.c' } })).rejects.toMatchObject({
        code: 'COLUMN_TYPE',
      });
    });
  });
});
