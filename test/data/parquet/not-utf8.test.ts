import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { parquetSource, sqlString, withDuckDb } from '../../../data/duckdb/duckdb.ts';
import { copyRows } from '../../../data/parquet/copy-rows.ts';
import { readFooter } from '../../../data/parquet/footer.ts';
import { readTexts } from '../../../data/texts.ts';
import { defaultFields, readAll, withFolder } from '../collect.ts';
import { column, named, rows, withColumns } from './text-columns.ts';

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
