// The server's database queries cannot reach anything outside the run.

import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { readRanking } from '../../../ranking/generation.ts';
import { withScores } from '../../../ranking/scores.ts';
import { makeRows, rankRows, withRun } from '../../ranking/synthetic.ts';

describe("a server's queries", () => {
  it('reach nothing but the run', async () => {
    await withRun(async (run) => {
      await rankRows(run, makeRows(30));
      const ranking = await readRanking(run);
      const ask = (sql: string): Promise<unknown> =>
        withScores({ ...run, confined: true }, ranking, async (connection) =>
          (await connection.runAndReadAll(sql)).getRows(),
        );
      await expect(ask(`SELECT * FROM read_text('${run.settingsPath}')`)).rejects.toThrow(
        /disabled by configuration/,
      );
      await expect(ask(`COPY (SELECT 1) TO '${join(run.settingsFolder, 'out.csv')}'`)).rejects.toThrow(
        /disabled by configuration/,
      );
      await expect(ask('INSTALL httpfs')).rejects.toThrow();
      await expect(ask("SET memory_limit = '100GB'")).rejects.toThrow(/locked/);
      await expect(ask('SET enable_external_access = true')).rejects.toThrow(/locked/);
      await expect(
        ask(`SELECT count(*) FROM read_parquet('${join(run.files.scores, '*.parquet')}')`),
      ).resolves.toEqual([[30n]]);
    });
  });
});
