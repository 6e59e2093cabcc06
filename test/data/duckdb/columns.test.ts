import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { readBytes, writeNumbers, writeStrings } from '../../../data/duckdb/columns.ts';
import {
  DOUBLE,
  DuckDBBlobValue,
  DuckDBDataChunk,
  FLOAT,
  USMALLINT,
  VARCHAR,
} from '../../../data/duckdb/library.ts';
import { sqlString, withDuckDb } from '../../../data/duckdb/duckdb.ts';
import { rounds } from '../../long.ts';
import { withFolder } from '../collect.ts';

/**
 * Strings of every length, of which short ones lie in the column itself; none; and a few that come again and
 * again, which make a dictionary in Parquet.
 */
const strings = fc.record({
  rows: fc.integer({ min: 1, max: 6000 }),
  longest: fc.constantFrom(10, 40, 3000),
  none: fc.constantFrom(0, 0.1),
  again: fc.constantFrom(0, 0.5),
});
const asParquet = fc.boolean();
const rest = fc.constantFrom('', 'ORDER BY hash(row)', 'WHERE row % 3 > 0');
const column = fc.constantFrom('value', 'encode(value)');

describe('the bytes of a column', () => {
  it('are those of its strings, wherever they are stored', async () => {
    await withFolder(async (folder) => {
      const path = sqlString(join(folder, 'strings.parquet'));
      await fc.assert(
        fc.asyncProperty(
          strings,
          asParquet,
          rest,
          column,
          async ({ rows, longest, none, again }, inFile, order, selected) => {
            await withDuckDb({ threads: 1 }, async (connection) => {
              await connection.run(
                'CREATE TABLE strings AS SELECT range AS row, CASE WHEN hash(range) % 100 ' +
                  `< ${100 * none} THEN NULL WHEN hash(range, 1) % 100 < ${100 * again} THEN 'again and ` +
                  `again ' || range % 3
               ELSE repeat(chr((range % 90 + 900)::INTEGER), (hash(range, 2) % ${longest})::INTEGER) ` +
                  `END AS value FROM range(${rows})`,
              );
              if (inFile) await connection.run(`COPY strings TO ${path} (FORMAT parquet)`);
              const result = await connection.stream(
                `SELECT ${selected} FROM ${inFile ? `read_parquet(${path})` : 'strings'} ${order}`,
              );
              for (
                let chunk = await result.fetchChunk();
                chunk !== null && chunk.rowCount > 0;
                chunk = await result.fetchChunk()
              ) {
                const expected = chunk
                  .getColumnValues(0)
                  .map((value) =>
                    value instanceof DuckDBBlobValue ? Buffer.from(value.bytes).toString() : value,
                  );
                expect(
                  readBytes(chunk, 0).map((bytes) =>
                    bytes === undefined ? null : Buffer.from(bytes).toString(),
                  ),
                ).toEqual(expected);
              }
            });
          },
        ),
        { numRuns: rounds(200) },
      );
    });
  });
});

describe('columns that are written', () => {
  it('equal the arrays, at any offset and in any kind of memory', async () => {
    const someNumbers = fc.array(
      fc.record({
        float: fc.float(),
        double: fc.double(),
        small: fc.nat(65_535),
        string: fc.string({ unit: 'binary', maxLength: 40 }),
      }),
      { minLength: 1, maxLength: 2048 },
    );
    await withDuckDb({ threads: 1 }, async (connection) => {
      await fc.assert(
        fc.asyncProperty(someNumbers, fc.nat(3), fc.boolean(), async (rows, before, shared) => {
          await connection.run(
            'CREATE OR REPLACE TABLE written (float FLOAT, double DOUBLE, small USMALLINT, string VARCHAR)',
          );
          const appender = await connection.createAppender('written');
          const chunk = DuckDBDataChunk.create([FLOAT, DOUBLE, USMALLINT, VARCHAR], rows.length);
          const memory = (bytes: number): ArrayBufferLike =>
            shared ? new SharedArrayBuffer(bytes) : new ArrayBuffer(bytes);
          const length = before + rows.length;
          const arrays = [
            new Float32Array(memory(4 * length)),
            new Float64Array(memory(8 * length)),
            new Uint16Array(memory(2 * length)),
          ].map((array) => array.subarray(before));
          for (const [column, name] of (['float', 'double', 'small'] as const).entries()) {
            arrays[column]?.set(rows.map((row) => row[name]));
            writeNumbers(chunk, column, arrays[column] ?? new Float32Array(0));
          }
          writeStrings(
            chunk,
            3,
            [...Array.from({ length: before }, () => 'before'), ...rows.map(({ string }) => string)],
            before,
            rows.length,
          );
          appender.appendDataChunk(chunk);
          appender.closeSync();
          const read = (await connection.runAndReadAll('SELECT * FROM written')).getRowObjectsJS();
          expect(read).toEqual(rows);
        }),
        { numRuns: rounds(200) },
      );
    });
  });
});
