// Which columns are read, by their names; and what a text that is not UTF-8 costs.

import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { parquetSource, sqlString, withDuckDb } from '../../../data/duckdb/duckdb.ts';
import { copyRows } from '../../../data/parquet/copy-rows.ts';
import { readFooter } from '../../../data/parquet/footer.ts';
import type { FieldNames } from '../../../run/settings.ts';
import { readTexts } from '../../../data/texts.ts';
import { defaultFields, type Document, readAll, withFolder } from '../collect.ts';
import { pageOf, writeParquet, type WrittenColumn } from './write.ts';

const rows = 40;
const named = (name: string): string[] => Array.from({ length: rows }, (_, i) => `${name} ${i}`);
const column = (
  path: WrittenColumn['path'],
  values: readonly (string | Buffer)[] = named(path.join('.')),
): WrittenColumn => ({ path, pages: [pageOf(values.slice(0, 25)), pageOf(values.slice(25))] });

const withColumns = async <T>(columns: WrittenColumn[], use: (path: string) => Promise<T>): Promise<T> =>
  withFolder(async (folder) => {
    const path = join(folder, 'a.parquet');
    await writeParquet(path, rows, columns);
    return use(path);
  });

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

describe('a text that is not UTF-8', () => {
  const bad = Buffer.from([0x62, 0xff, 0xfe]);
  const withInvalid = (name: string, ...at: number[]): (string | Buffer)[] =>
    named(name).map((value, i) => (at.includes(i) ? bad : value));
  const columns = [
    column(['id'], withInvalid('id', 5)),
    column(['text'], withInvalid('text', 7, 30)),
    column(['source'], withInvalid('source', 7, 39)),
    column(['url'], withInvalid('url', 11)),
  ];

  it('invalidates only its row, and nothing in a column that is not read', async () => {
    await withColumns(columns, async (path) => {
      const { documents, quarantined } = await readAll(path);
      expect(quarantined).toEqual([
        { position: 5, reason: 'field "id" is not valid UTF-8' },
        { position: 7, reason: 'not valid UTF-8' },
        { position: 30, reason: 'not valid UTF-8' },
        { position: 39, reason: 'field "source" is not valid UTF-8' },
      ]);
      expect(
        documents.map(({ row, document, source, text }) =>
          [document, source, text].map((value, i) => value === `${['id', 'source', 'text'][i] ?? ''} ${row}`),
        ),
      ).toEqual(Array.from({ length: rows - 4 }, () => [true, true, true]));
    });
  });

  it('invalidates the same rows in chunks and in reads of single rows', async () => {
    await withColumns(columns, async (path) => {
      const { documents, quarantined } = await readAll(path, { chunk: { firstRow: 6, endRow: 31 } });
      expect([documents.length, quarantined.map(({ position }) => position)]).toEqual([23, [7, 30]]);
      const { size, mtimeMs } = await stat(path);
      const found: string[] = [];
      for await (const { row, text } of readTexts(
        { name: 'a', path, format: 'parquet', bytes: size, modifiedMs: mtimeMs },
        defaultFields,
        [4, 7, 38],
      ))
        found.push(`${row}: ${Buffer.from(text).toString()}`);
      expect(found).toEqual(['4: text 4', '38: text 38']);
    });
  });

  it('is found late in a large file, and every row is read once', async () => {
    await withFolder(async (folder) => {
      const [plain, path] = [join(folder, 'plain.parquet'), join(folder, 'a.parquet')];
      const count = 20_000;
      await withDuckDb({}, (connection) =>
        connection.run(
          `COPY (SELECT 'd' || i AS id, CASE WHEN i = 15000 THEN 'XX' ELSE md5(i::VARCHAR) END AS text ` +
            `FROM range(${count}) AS t (i)) TO ${sqlString(plain)} (FORMAT parquet, ROW_GROUP_SIZE 2048, ` +
            'COMPRESSION uncompressed)',
        ),
      );
      const bytes = await readFile(plain);
      for (
        let at = bytes.indexOf('\u0002\0\0\0XX', 0, 'latin1');
        at >= 0;
        at = bytes.indexOf('\u0002\0\0\0XX', at, 'latin1')
      )
        bytes[at + 4] = 0xff;
      await writeFile(path, bytes);
      const { documents, quarantined } = await readAll(path);
      expect(quarantined).toEqual([{ position: 15_000, reason: 'not valid UTF-8' }]);
      expect(documents.map(({ row }) => row)).toEqual(
        Array.from({ length: count }, (_, row) => row).filter((row) => row !== 15_000),
      );
    });
  });

  it('is preserved when rows are copied', async () => {
    await withColumns(columns, async (path) => {
      const copy = `${path}.copy.parquet`;
      await copyRows(path, await readFooter(path), [3, 7, 11], copy);
      await withDuckDb({}, async (connection) => {
        await expect(connection.runAndReadAll(`SELECT url FROM ${parquetSource(copy)}`)).rejects.toThrow(
          'b\\xFF\\xFE',
        );
      });
      expect((await readAll(copy, { fields: { ...defaultFields, text: 'url' } })).quarantined).toEqual([
        { position: 1, reason: 'field "source" is not valid UTF-8' },
        { position: 2, reason: 'not valid UTF-8' },
      ]);
    });
  });
});
