import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { readBytes } from '../../data/duckdb-bytes.ts';
import { DuckDBBlobValue } from '../../data/duckdb-library.ts';
import { sqlString, withDuckDb } from '../../data/duckdb.ts';
import { rounds } from '../long.ts';
import { withFolder } from './collect.ts';

/** Strings of every length, of which short ones lie in the column itself; none; and a few that come again and again, which make a dictionary in Parquet. */
const strings = fc.record({ rows: fc.integer({ min: 1, max: 6000 }), longest: fc.constantFrom(10, 40, 3000), none: fc.constantFrom(0, 0.1), again: fc.constantFrom(0, 0.5) });
const asParquet = fc.boolean();
const rest = fc.constantFrom('', 'ORDER BY hash(row)', 'WHERE row % 3 > 0');
const column = fc.constantFrom('value', 'encode(value)');

describe('the bytes of a column', () => {
  it('are those of its strings, wherever these lie', async () => {
    await withFolder(async (folder) => {
      const path = sqlString(join(folder, 'strings.parquet'));
      await fc.assert(
        fc.asyncProperty(strings, asParquet, rest, column, async ({ rows, longest, none, again }, inFile, order, selected) => {
          await withDuckDb({ threads: 1 }, async (connection) => {
            await connection.run(
              `CREATE TABLE strings AS SELECT range AS row, CASE WHEN hash(range) % 100 < ${100 * none} THEN NULL WHEN hash(range, 1) % 100 < ${100 * again} THEN 'again and again ' || range % 3
               ELSE repeat(chr((range % 90 + 900)::INTEGER), (hash(range, 2) % ${longest})::INTEGER) END AS value FROM range(${rows})`,
            );
            if (inFile) await connection.run(`COPY strings TO ${path} (FORMAT parquet)`);
            const result = await connection.stream(`SELECT ${selected} FROM ${inFile ? `read_parquet(${path})` : 'strings'} ${order}`);
            for (let chunk = await result.fetchChunk(); chunk !== null && chunk.rowCount > 0; chunk = await result.fetchChunk()) {
              const expected = chunk.getColumnValues(0).map((value) => (value instanceof DuckDBBlobValue ? Buffer.from(value.bytes).toString() : value));
              expect(readBytes(chunk, 0).map((bytes) => (bytes === undefined ? null : Buffer.from(bytes).toString()))).toEqual(expected);
            }
          });
        }),
        { numRuns: rounds(200) },
      );
    });
  });
});
