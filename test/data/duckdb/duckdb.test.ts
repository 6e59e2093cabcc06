import { existsSync } from 'node:fs';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { DuckDBConnection } from '@duckdb/node-api';
import { describe, expect, it } from '@jest/globals';
import { sqlString, withDuckDb } from '../../../data/duckdb/duckdb.ts';
import { streamAhead, streamChunks } from '../../../data/duckdb/stream.ts';
import { withFolder } from '../collect.ts';

describe('a database', () => {
  const tables = (connection: DuckDBConnection): Promise<unknown> =>
    connection.runAndReadAll('SELECT table_name FROM duckdb_tables()').then((reader) => reader.getRows());
  const makeTable = async (connection: DuckDBConnection): Promise<void> => {
    expect(await tables(connection)).toEqual([]);
    await connection.run('CREATE TABLE part (number INTEGER)');
    const appender = await connection.createAppender('part');
    appender.appendInteger(1);
    appender.endRow();
    appender.closeSync();
    expect((await connection.runAndReadAll('SELECT number FROM part')).getRows()).toEqual([[1]]);
  };

  it('is empty, also after and during other uses', async () => {
    for (let round = 0; round < 3; round++) await withDuckDb({ threads: 1 }, makeTable);
    await Promise.all([0, 1, 2].map(() => withDuckDb({ threads: 1 }, makeTable)));
  });

  it('has the requested limits and spill folder', async () => {
    const settings = (connection: DuckDBConnection): Promise<unknown> =>
      connection
        .runAndReadAll(
          "SELECT current_setting('threads')::INTEGER, current_setting('memory_limit'), " +
            "current_setting('temp_directory')",
        )
        .then((reader) => reader.getRows()[0]);
    for (const spill of ['/tmp/one', '/tmp/other']) {
      expect(await withDuckDb({ threads: 1, memoryMb: 100, spill }, settings)).toEqual([
        1,
        '95.3 MiB',
        spill,
      ]);
      expect(await withDuckDb({ threads: 2, memoryMb: 200, spill }, settings)).toEqual([
        2,
        '190.7 MiB',
        spill,
      ]);
    }
  });

  it('spills into the folder of each use and leaves none behind', async () => {
    await withFolder(async (folder) => {
      const sort = (spill: string): Promise<unknown> =>
        withDuckDb({ threads: 1, memoryMb: 24, spill }, async (connection) => {
          await connection.run(
            'CREATE TABLE sorted AS SELECT hash(range) AS number FROM range(4000000) ORDER BY number',
          );
          return existsSync(spill);
        });
      for (const name of ['a', 'b']) expect(await sort(join(folder, name))).toBe(true);
      expect(await readdir(folder)).toEqual([]);
    });
  });

  it('is replaced after a failure', async () => {
    const failing = withDuckDb({ threads: 1 }, async (connection) => {
      await connection.run('BEGIN; CREATE TABLE part (number INTEGER)');
      throw new Error('on purpose');
    });
    await expect(failing).rejects.toThrow('on purpose');
    await withDuckDb({ threads: 1 }, makeTable);
  });
});

const numbers = 'SELECT range AS number FROM range(100000)';

describe('a result that is read ahead', () => {
  it('is complete and in order', async () => {
    await withDuckDb({ threads: 2 }, async (connection) => {
      const found: unknown[] = [];
      for await (const chunk of streamAhead(connection, numbers)) found.push(...chunk.getColumnValues(0));
      expect(found.map(Number)).toEqual(Array.from({ length: 100_000 }, (_, i) => i));
    });
  });

  it('can be abandoned midway, and the database closed at once', async () => {
    for (let round = 0; round < 20; round++) {
      await withDuckDb({ threads: 2 }, async (connection) => {
        for await (const { rowCount } of streamAhead(connection, numbers)) {
          expect(rowCount).toBe(2048);
          break;
        }
      });
    }
  });

  it('ends with the error of the query', async () => {
    await withDuckDb({ threads: 2 }, async (connection) => {
      const read = async (): Promise<number> => {
        let rows = 0;
        for await (const { rowCount } of streamAhead(
          connection,
          "SELECT CASE WHEN range < 90000 THEN range ELSE error('not this one') END AS number FROM range(100000)",
        ))
          rows += rowCount;
        return rows;
      };
      await expect(read()).rejects.toThrow('not this one');
      await expect(
        (async () => {
          for await (const chunk of streamAhead(connection, 'SELECT no_such_column'))
            expect(chunk).toBeUndefined();
        })(),
      ).rejects.toThrow('no_such_column');
    });
  });
});

describe.each([
  ['streamed', streamChunks],
  ['read ahead', streamAhead],
] as const)('a result that is %s', (_how, stream) => {
  const readAll = async (connection: DuckDBConnection, sql: string): Promise<number> => {
    let rows = 0;
    for await (const chunk of stream(connection, sql)) rows += chunk.rowCount;
    return rows;
  };

  it('throws the error of the query, even long after its first rows', async () => {
    await withFolder(async (folder) => {
      const path = join(folder, 'rows.parquet');
      await withDuckDb({ threads: 1 }, async (connection) => {
        await connection.run(
          'COPY (SELECT range AS number, repeat(md5(range::VARCHAR), 20) AS text FROM range(100000)) ' +
            `TO ${sqlString(path)} (FORMAT parquet, ROW_GROUP_SIZE 2048)`,
        );
        const sql = `SELECT number, text FROM read_parquet(${sqlString(path)})`;
        expect(await readAll(connection, sql)).toBe(100_000);
        const file = await readFile(path);
        file.fill(0x5a, Math.floor(0.8 * file.length), Math.floor(0.8 * file.length) + 5000);
        await writeFile(path, file);
        await expect(readAll(connection, sql)).rejects.toThrow(/rows\.parquet/);
        await expect(
          readAll(
            connection,
            `SELECT 10 // (number - 90000) + CASE WHEN number = 90000 THEN error('not this one') ELSE 0 ` +
              `END FROM (SELECT number FROM read_parquet(${sqlString(path)}))`,
          ),
        ).rejects.toThrow('not this one');
      });
    });
  });

  it('throws when aborted, rather than ending as if complete', async () => {
    await withDuckDb({ threads: 1 }, async (connection) => {
      const stop = new AbortController();
      const read = async (): Promise<void> => {
        for await (const { rowCount } of streamChunks(
          connection,
          'SELECT range FROM range(10000000)',
          stop.signal,
        )) {
          expect(rowCount).toBe(2048);
          stop.abort(new Error('enough'));
        }
      };
      await expect(read()).rejects.toThrow('enough');
    });
  });
});
