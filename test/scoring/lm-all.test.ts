import { describe, expect, it } from '@jest/globals';
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { queryRows } from '../../data/duckdb/rows.ts';
import { openJudge } from '../../indexer/judges/judge.ts';
import { rankCorpus } from '../../ranking/rank.ts';
import { withRunDatabase } from '../../data/duckdb/run-database.ts';
import { scoresTable, unknownTable } from '../../ranking/scores.ts';
import { verifyRanking } from '../../ranking/verify/verify.ts';
import { silent } from '../../run/progress.ts';
import { fittingOf, openScorer, prepareScorer, rankingRun, readScorer } from '../../scoring/scorers/list.ts';
import { makeTrainedRun, withCorpus } from '../classifier/trained-run.ts';
import { betr } from '../cli/betr.ts';
import { openLanguageModelServer, Refused } from '../models/endpoint/language-model-server.ts';
import { plainQuestion } from '../indexer/judges/judge-run.ts';
import { longTest } from '../long.ts';

const scorer = 'lm:judge#all';
const judge = {
  name: 'judge',
  model: 'try',
  windows: 'spread',
  characters: 90,
  questions: [
    { ...plainQuestion, leastMass: 0.0005 },
    { name: 'level', prompt: '{text}\n\nLevel:', scale: [0, 5], leastMass: 0 },
  ],
};
const more = { models: [{ name: 'try', model: 'dummy', price: { perMillionTokens: 2 } }], judges: [judge] };

const options = { more, files: ['corpus/plain.jsonl'] };

const judgedRow = z.object({
  row: z.number(),
  score: z.number().nullable(),
  unknown: z.string().nullable(),
  question_useful: z.number().nullable(),
  mass_useful: z.number(),
  value_level: z.number().nullable(),
  windows: z.number(),
  window_begin: z.number().nullable(),
  window_middle: z.number().nullable(),
  window_end: z.number().nullable(),
});

const nearest = (value: number | null | undefined): number | null =>
  value === null || value === undefined ? null : Math.fround(value);

describe('a judge of every document', () => {
  it('gives each the score and the answers that it gives the text alone, or the reason for none', async () => {
    await withCorpus(async (main, folder) => {
      const { ranking, notes } = await rankCorpus(main, silent, scorer);
      const run = rankingRun(main, scorer);
      expect(notes[0]).toBe(
        'The judge "judge" gives every document a rating (model try: dummy, exact log probabilities).',
      );
      const rows = await withRunDatabase(run, (connection) =>
        queryRows(
          connection,
          `SELECT "row"::DOUBLE AS "row", * EXCLUDE "row" FROM (SELECT * FROM ${scoresTable(run, ranking)} ` +
            `UNION ALL SELECT * FROM ${unknownTable(run, ranking)}) WHERE shard = 'corpus/plain.jsonl' ORDER BY "row"`,
          judgedRow,
        ),
      );
      const lines = (await readFile(join(folder, 'corpus', 'plain.jsonl'), 'utf8')).split('\n');
      const texts = rows.map(
        ({ row }) => z.object({ text: z.string() }).parse(JSON.parse(lines[row] ?? '')).text,
      );
      const alone = await openJudge(main, 'judge', silent);
      const judged = await alone.judge(texts);
      // All answers are stored already.
      expect(judged.every(({ tokens }) => tokens === 0)).toBe(true);
      await alone.close();
      expect(rows).toEqual(
        judged.map(({ score, reason, questions: [useful, level], windows }, i) => ({
          row: rows[i]?.row,
          score: nearest(score),
          unknown: reason,
          question_useful: nearest(useful?.score),
          mass_useful: nearest(useful?.mass),
          value_level: nearest(level?.value),
          windows: windows.length,
          window_begin: nearest(windows[0]?.score),
          window_middle: windows.length === 3 ? nearest(windows[1]?.score) : null,
          window_end: windows.length > 1 ? nearest(windows.at(-1)?.score) : null,
        })),
      );
      expect(judged.filter(({ reason }) => reason === 'answer mass').length).toBeGreaterThan(2);
      expect(new Set(judged.map(({ windows }) => windows.length))).toEqual(new Set([1, 2, 3]));
      expect((await verifyRanking(run, { corpus: true }, silent)).problems).toEqual([]);
      expect(ranking.scorer.sha256).toBe(alone.fingerprint);
    }, options);
  });

  it('is what rank --all means, and goes on when its budget is raised', async () => {
    await withCorpus(async (_main, folder) => {
      const tight = { ...judge, budget: { tokens: 20_000 } };
      await makeTrainedRun(folder, { ...options, more: { ...more, judges: [tight] } });
      const command = ['rank', '--scorer', 'lm:judge', '--all'];
      expect(await betr(folder, command)).toMatchObject({
        code: 1,
        stderr: expect.stringMatching(/has used its budget.*Raise budget\.tokens/),
      });
      const main = await makeTrainedRun(folder, options);
      const { code, stdout } = await betr(folder, command);
      expect([code, stdout]).toEqual([0, expect.stringMatching(/have no score \(answer mass: \d+\)/)]);
      expect((await verifyRanking(rankingRun(main, scorer), { corpus: true }, silent)).problems).toEqual([]);
      expect(await betr(folder, ['rank', '--all'])).toMatchObject({
        code: 2,
        stderr: expect.stringMatching(/--all needs --scorer lm:JUDGE/),
      });
    }, options);
  });

  it('says what its answers are if it scores nothing', async () => {
    const questions = [{ ...plainQuestion, for: ['yes', 'yes indeed'], leastMass: 0.9 }];
    await withCorpus(
      async (main) => {
        await expect(rankCorpus(main, silent, scorer)).rejects.toMatchObject({
          code: 'NO_SCORES',
          message: expect.stringMatching(
            /\(answer mass: \d+\).* rank again\. .*" yes indeed" is more than one token/,
          ),
        });
      },
      { ...options, more: { ...more, judges: [{ name: 'judge', model: 'try', questions }] } },
    );
  });

  longTest('asks again about the texts that its server refused', async () => {
    let isRefusing = true;
    const logprobs = {
      tokens: [' yes'],
      token_logprobs: [-0.2],
      top_logprobs: [{ ' yes': -0.2, ' no': -2 }],
    };
    const server = await openLanguageModelServer({
      'GET /v1/models': () => ({ data: [{ id: 'm' }] }),
      'POST /v1/completions': ({ prompt, echo }) => {
        const [byte = 0] = createHash('sha256').update(String(prompt)).digest();
        if (echo === true || (isRefusing && byte % 5 === 0)) throw new Refused(400, 'not allowed');
        return { choices: [{ text: ' yes', logprobs }] };
      },
    });
    const settings = {
      models: [{ name: 'try', model: server.url, route: 'completions' }],
      judges: [{ name: 'judge', model: 'try', questions: [plainQuestion] }],
    };
    await withCorpus(
      async (main) => {
        const first = await rankCorpus(main, silent, scorer, { forceJudge: true });
        expect(first.ranking.unknown?.some(({ reason }) => reason === 'refused')).toBe(true);
        isRefusing = false;
        const second = await rankCorpus(main, silent, scorer, { forceJudge: true });
        expect(second.ranking.unknown?.some(({ reason }) => reason === 'refused') ?? false).toBe(false);
        expect(second.published).toBe(true);
        expect((await rankCorpus(main, silent, scorer, { forceJudge: true })).published).toBe(false);
        expect((await verifyRanking(rankingRun(main, scorer), { corpus: true }, silent)).problems).toEqual(
          [],
        );
      },
      { ...options, more: settings },
    );
    await server.close();
  });

  it('is the judge of the settings that it was prepared with', async () => {
    await withCorpus(async (main, folder) => {
      await prepareScorer(main, scorer, silent);
      const changed = await makeTrainedRun(folder, {
        ...options,
        more: { ...more, judges: [{ ...judge, combine: 'minimum' }] },
      });
      const run = rankingRun(changed, scorer);
      await expect(openScorer(run, await readScorer(run))).rejects.toMatchObject({ code: 'PLAN_STALE' });
      expect(fittingOf(scorer)).toBe('unknown');
      await expect(prepareScorer(main, 'lm:other#all', silent)).rejects.toMatchObject({
        code: 'JUDGE_UNKNOWN',
      });
    }, options);
  });
});
