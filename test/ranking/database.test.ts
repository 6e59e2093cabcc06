import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import type { Run } from '../../run/run.ts';
import { shareDatabase, withRunDatabase } from '../../data/duckdb/run-database.ts';
import { withScores } from '../../ranking/scores.ts';
import { makeRows, rankRows, withRun } from './synthetic.ts';
import { queryRows } from '../../data/duckdb/rows.ts';

const countRow = z.object({ documents: z.number() });

describe('the database that a server keeps', () => {
  it('answers many queries at a time, isolated from each other', async () => {
    await withRun(async (plain) => {
      const run: Run = { ...plain, confined: true };
      const ranking = await rankRows(run, makeRows(300));
      const database = await shareDatabase(run);
      try {
        const count = (): Promise<{ documents: number }[]> =>
          withScores(run, ranking, (connection, table) =>
            queryRows(connection, `SELECT count(*)::DOUBLE AS documents FROM ${table}`, countRow),
          );
        expect(await Promise.all(Array.from({ length: 8 }, count))).toEqual(
          Array.from({ length: 8 }, () => [{ documents: 300 }]),
        );
        await withRunDatabase(run, (connection) =>
          connection.run('CREATE TEMP TABLE mine AS SELECT 1 AS one'),
        );
        await expect(withRunDatabase(run, (connection) => connection.run('FROM mine'))).rejects.toThrow(
          /mine/,
        );
        expect(await count()).toEqual([{ documents: 300 }]);
      } finally {
        await database.close();
      }
      expect((await readdir(run.folder)).filter((name) => name.startsWith('spill'))).toEqual([]);
    });
  });

  it('is a new one after a failure, is closed for good, and reaches nothing beyond the run', async () => {
    await withRun(async (plain) => {
      const run: Run = { ...plain, confined: true };
      const outside = join(run.settingsFolder, 'outside.csv');
      await writeFile(outside, 'a\n1\n');
      const database = await shareDatabase(run);
      const setting = (): Promise<unknown> =>
        withRunDatabase(run, async (connection) => {
          await connection.run('CREATE TABLE IF NOT EXISTS kept_on (n INTEGER)');
          return (
            await connection.runAndReadAll('SELECT count(*)::DOUBLE AS n FROM kept_on')
          ).getRowObjects()[0]?.['n'];
        });
      await setting();
      await withRunDatabase(run, (connection) => connection.run('INSERT INTO kept_on VALUES (1)'));
      expect(await setting()).toBe(1);
      await expect(withRunDatabase(run, (connection) => connection.run(`FROM '${outside}'`))).rejects.toThrow(
        /permission|disabled|not allowed/i,
      );
      expect(await setting()).toBe(0);
      await database.close();
      // Without one that is kept, every query has its own.
      await withRunDatabase(run, (connection) => connection.run('CREATE TABLE kept_on (n INTEGER)'));
      await withRunDatabase(run, (connection) => connection.run('CREATE TABLE kept_on (n INTEGER)'));
    });
  });
});
