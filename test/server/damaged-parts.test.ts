// A server refuses a ranking whose files changed after they were published.

import { cp, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { commitSealedJson } from '../../data/files/commit.ts';
import { sqlString, withDuckDb } from '../../data/duckdb/duckdb.ts';
import { LoadedRanking } from '../../ranking/order/live-ranking.ts';
import { Live } from '../../server/live.ts';
import { makeRows, rankRows, withRun } from '../ranking/synthetic.ts';
import { until } from '../until.ts';
import { longTest } from '../long.ts';

describe('a ranking whose parts are not what was published', () => {
  it.each([
    ['missing', async (path: string) => rename(path, `${path}.away`), 'it is missing'],
    [
      'cut short',
      async (path: string) => writeFile(path, (await readFile(path)).subarray(0, 500)),
      'it has 500 bytes',
    ],
    ['altered', async (path: string) => writeFile(path, (await readFile(path)).fill(0, 20, 400)), ''],
    // No reader minds who wrote the file.
    ['another in one byte', async (path: string) => flipByte(path), 'its checksum does not match'],
  ])('is refused when one is %s', async (_name, damage, reason) => {
    await withRun(async (run) => {
      const { parts } = await rankRows(run, makeRows(600));
      const path = join(run.files.scores, parts[1]?.file ?? '');
      await damage(path);
      const live = await Live.open(run);
      try {
        expect(live.state().serving).toBeUndefined();
        expect(live.state().problem).toMatchObject({
          code: 'FILE_DAMAGED',
          message: expect.stringContaining(reason),
        });
        expect(() => live.current()).toThrow(expect.objectContaining({ code: 'FILE_DAMAGED' }));
      } finally {
        await live.close();
      }
    });
  });

  it('is no longer served once one is altered, and is again once it is mended', async () => {
    await withRun(async (run) => {
      const ranking = await rankRows(run, makeRows(600));
      const path = join(run.files.scores, ranking.parts[0]?.file ?? '');
      const live = await Live.open(run);
      const lookUntil = async (holds: () => boolean): Promise<void> => {
        await until(async () => {
          await live.look();
          return holds();
        });
      };
      try {
        expect(live.current().ranking.generation).toBe(ranking.generation);
        await cp(path, `${path}.away`);
        await flipByte(path);
        await lookUntil(() => live.state().problem !== undefined);
        expect(live.state()).toMatchObject({
          serving: undefined,
          problem: { code: 'FILE_DAMAGED', message: expect.stringContaining('its checksum does not match') },
        });
        await rename(`${path}.away`, path);
        await lookUntil(() => live.state().problem === undefined);
        expect(live.current().ranking.generation).toBe(ranking.generation);
      } finally {
        await live.close();
      }
    });
  });

  longTest('is noticed though size and time are as before', async () => {
    await withRun(async (run) => {
      const ranking = await rankRows(run, makeRows(600));
      const path = join(run.files.scores, ranking.parts[2]?.file ?? '');
      const live = await Live.open(run);
      const loaded = await LoadedRanking.load(run, ranking);
      try {
        const { mtime, atime } = await stat(path);
        for (let i = 0; i < 6; i++) await loaded.checkNext();
        await flipByte(path);
        await utimes(path, atime, mtime);
        await loaded.checkNext();
        await loaded.checkNext();
        await expect(loaded.checkNext()).rejects.toMatchObject({
          code: 'FILE_DAMAGED',
          message: expect.stringContaining('its checksum does not match'),
        });
        await until(async () => {
          await live.look();
          return live.state().serving === undefined;
        });
        expect(live.state().problem).toMatchObject({ code: 'FILE_DAMAGED' });
      } finally {
        await loaded.close(0);
        await live.close();
      }
    });
  });

  longTest(
    'is refused when one was written anew with other counts, and taken once it is mended',
    async () => {
      await withRun(async (run) => {
        const ranking = await rankRows(run, makeRows(600));
        const path = join(run.files.scores, ranking.parts[0]?.file ?? '');
        await rename(path, `${path}.away`);
        await withDuckDb({}, (connection) =>
          connection.run(
            'COPY (SELECT * REPLACE (tokens + 1 AS tokens) FROM ' +
              `read_parquet(${sqlString(`${path}.away`)})) TO ${sqlString(path)} (FORMAT parquet)`,
          ),
        );
        // As if the sizes agreed.
        const [first, ...others] = ranking.parts;
        await commitSealedJson(run.files.ranking, {
          ...ranking,
          parts: [{ ...first, bytes: (await stat(path)).size }, ...others],
        });
        const live = await Live.open(run);
        try {
          expect(live.state().problem).toMatchObject({
            code: 'FILE_DAMAGED',
            message: expect.stringContaining('do not match the ranking'),
          });
          await rm(path);
          await rename(`${path}.away`, path);
          await commitSealedJson(run.files.ranking, ranking);
          await live.look();
          expect(live.state().problem).toBeUndefined();
          expect(live.current().ranking.generation).toBe(ranking.generation);
        } finally {
          await live.close();
        }
      });
    },
  );
});

/** Changes one byte of the end of a Parquet file that names the program that wrote it. */
async function flipByte(path: string): Promise<void> {
  const bytes = await readFile(path);
  const at = bytes.lastIndexOf('DuckDB');
  bytes[at] = (bytes[at] ?? 0) ^ 1;
  await writeFile(path, bytes);
}
