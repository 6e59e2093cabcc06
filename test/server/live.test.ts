import { readFile, writeFile } from 'node:fs/promises';
import { setTimeout } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { readRanking } from '../../ranking/generation.ts';
import { keepByPlainSort, makeRows, makeScoredRows, rankRows, sumTokens } from '../ranking/synthetic.ts';
import { until } from '../until.ts';
import { withServer } from './serve.ts';
import { longTest } from '../long.ts';

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

  longTest('that is damaged leaves the one before in its place, and is told', async () => {
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
