import { describe, expect, it } from '@jest/globals';
import { streamAhead, withDuckDb } from '../../data/duckdb.ts';

const numbers = 'SELECT range AS number FROM range(100000)';

describe('a result that is read ahead', () => {
  it('comes whole and in order', async () => {
    await withDuckDb({ threads: 2 }, async (connection) => {
      const found: unknown[] = [];
      for await (const chunk of streamAhead(connection, numbers)) found.push(...chunk.getColumnValues(0));
      expect(found.map(Number)).toEqual(Array.from({ length: 100_000 }, (_, i) => i));
    });
  });

  it('can be left in the middle, and the database be closed at once', async () => {
    for (let round = 0; round < 20; round++) {
      await withDuckDb({ threads: 2 }, async (connection) => {
        for await (const { rowCount } of streamAhead(connection, numbers)) {
          expect(rowCount).toBe(2048);
          break;
        }
      });
    }
  });

  it('ends with what the query ends with', async () => {
    await withDuckDb({ threads: 2 }, async (connection) => {
      const read = async (): Promise<number> => {
        let rows = 0;
        for await (const { rowCount } of streamAhead(connection, "SELECT CASE WHEN range < 90000 THEN range ELSE error('not this one') END AS number FROM range(100000)")) rows += rowCount;
        return rows;
      };
      await expect(read()).rejects.toThrow('not this one');
      await expect((async () => { for await (const chunk of streamAhead(connection, 'SELECT no_such_column')) expect(chunk).toBeUndefined(); })()).rejects.toThrow('no_such_column');
    });
  });
});
