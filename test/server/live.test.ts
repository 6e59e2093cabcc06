import { cp, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { commitSealedJson } from '../../data/files/commit.ts';
import { sqlString, withDuckDb } from '../../data/duckdb/duckdb.ts';
import { readRanking } from '../../ranking/generation.ts';
import { LoadedRanking } from '../../ranking/order/live-ranking.ts';
import { Live } from '../../server/live.ts';
import {
  keepByPlainSort,
  makeRows,
  makeScoredRows,
  rankRows,
  sumTokens,
  withRun,
} from '../ranking/synthetic.ts';
import { until } from '../until.ts';
import { longTest } from '../long.ts';
import { withServer } from './serve.ts';

const generationOf = (json: unknown): string =>
  z.object({ ranking: z.object({ generation: z.string() }) }).parse(json).ranking.generation;

describe('a newly published ranking', () => {
  it('is picked up without a failed request, and every answer is of one generation', async () => {
    await withServer(async ({ ask, run, rows }) => {
      // As in a real run, no file of the generation before is written over.
      const newRows = makeScoredRows(1200).map((row) => ({
        ...row,
        shard: row.shard.replace('shard', 'newer'),
      }));
      const first = (await readRanking(run)).generation;
      const answers: { status: number; json: unknown }[] = [];
      let asking = true;
      const paths = [
        '/rank?keep=0.25',
        '/compare?budgets=1e20,1e21&poolTokens=1T',
        '/rank?keep=0.25&benchmarks=mmlu',
        '/rank?budget=1e21&poolTokens=1T',
      ];
      const clients = paths.map(async (path) => {
        while (asking) {
          answers.push(await ask(path));
          await setTimeout(10);
        }
      });
      await until(() => answers.length >= paths.length);
      const second = (await rankRows(run, newRows)).generation;
      await until(async () => generationOf((await ask('/rank?keep=0.25')).json) === second);
      asking = false;
      await Promise.all(clients);
      expect(answers.filter(({ status }) => status !== 200)).toEqual([]);
      expect(new Set(answers.map(({ json }) => generationOf(json)))).toEqual(new Set([first, second]));
      for (const [generation, own] of [
        [first, rows],
        [second, newRows],
      ] as const) {
        const kept = keepByPlainSort(own, 0.25);
        for (const { json } of answers) {
          const { success, data } = z
            .object({
              keep: z.object({ setBy: z.literal('keep') }),
              benchmarks: z.undefined(),
              ranking: z.object({ generation: z.literal(generation) }),
              cutoff: z.object({ documents: z.number(), tokens: z.number() }),
            })
            .safeParse(json);
          if (success) expect(data.cutoff).toEqual({ documents: kept.length, tokens: sumTokens(kept) });
        }
      }
    }, makeScoredRows(900));
  });

  it('that is damaged leaves the one before in its place, and is told', async () => {
    await withServer(async ({ ask, run }) => {
      const whole = await readFile(run.files.ranking);
      const generation = generationOf((await ask('/rank?keep=0.1')).json);
      await writeFile(run.files.ranking, whole.subarray(0, 100));
      const ready = z.object({
        ready: z.boolean(),
        generation: z.string(),
        problem: z.object({ code: z.string(), detail: z.string() }).nullable(),
      });
      await until(async () => ready.parse((await ask('/readyz')).json).problem !== null);
      expect(await ask('/readyz')).toMatchObject({
        status: 200,
        json: { ready: true, generation, problem: { code: 'FILE_DAMAGED' } },
      });
      expect(await ask('/rank?keep=0.1')).toMatchObject({ status: 200, json: { ranking: { generation } } });
      expect((await ask('/metrics')).text).toMatch(
        /betr_ranking_problem 1\n[^]*betr_ranking_info\{generation="\w+"\} 1/,
      );
      // Where the server runs is nobody's business.
      expect((await ask('/readyz')).text).not.toContain(run.settingsFolder);
      await writeFile(run.files.ranking, whole);
      await until(async () => ready.parse((await ask('/readyz')).json).problem === null);
      expect((await ask('/metrics')).text).toContain('betr_ranking_problem 0');
    });
  });

  it('appears where there was none', async () => {
    await withServer(async ({ ask, run }) => {
      expect((await ask('/readyz')).status).toBe(503);
      const { generation } = await rankRows(run, makeRows(50));
      await until(async () => (await ask('/readyz')).status === 200);
      expect(generationOf((await ask('/rank?keep=0.5')).json)).toBe(generation);
    }, []);
  });
});

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
