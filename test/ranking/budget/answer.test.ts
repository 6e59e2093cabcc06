import { describe, expect, it } from '@jest/globals';
import type { Run } from '../../../run/run.ts';
import { answerBudget } from '../../../ranking/budget/answer.ts';
import type { Ranking } from '../../../ranking/generation.ts';
import { keepByPlainSort, makeRows, rankRows, sumTokens, withRun } from '../synthetic.ts';
import { answerSchema, type Question } from '../../../ranking/budget/question.ts';

const rows = makeRows(600);
const withRanking = (use: (run: Run, ranking: Ranking) => Promise<void>, estimated = 0): Promise<void> =>
  withRun(async (run) => use(run, await rankRows(run, rows, estimated)));

describe('the answer to a budget', () => {
  it('for a large pool follows the law, applied to the ranked sample', async () => {
    await withRanking(async (run, ranking) => {
      const answer = await answerBudget(run, ranking, { budget: 1e21, poolTokens: 1e12 });
      expect(answerSchema.parse(answer)).toEqual(answer);
      expect(answer.keep.setBy).toBe('law');
      expect(answer.keep.rate).toBeCloseTo(0.0711, 4);
      const kept = keepByPlainSort(rows, answer.keep.rate);
      expect(answer.cutoff).toEqual({
        score: kept.at(-1)?.score,
        documents: kept.length,
        tokens: sumTokens(kept),
        ofDocuments: 600,
        ofTokens: sumTokens(rows),
      });
      expect(answer.model?.tokensPerParam).toBeCloseTo(11);
      expect(answer.repetition?.epochs).toBe(1);
      expect(answer.law?.formula).toContain('4e-5');
      expect(answer.flags).toEqual([]);
      expect(answer.pool).toEqual({ tokens: 1e12, kept: answer.keep.rate * 1e12 });
      expect(answer.ranking).toEqual({ generation: ranking.generation, publishedAt: ranking.publishedAt });
      for (const words of ['7.11%', 'pool of 1T tokens', '1e21 FLOPs', 'nemotron-cc', ranking.generation])
        expect(answer.summary).toContain(words);
      expect(answer.caveats).toEqual(['The ranked corpus is assumed to be a random sample of the pool.']);
    });
  });

  it('for a corpus that is too small keeps all of it, with caveats', async () => {
    await withRanking(async (run, ranking) => {
      const answer = await answerBudget(run, ranking, { budget: 1e21 });
      expect(answer.keep).toEqual({ rate: 1, low: 1, high: 1, setBy: 'data floor' });
      expect(answer.cutoff.documents).toBe(600);
      expect(answer.flags).toEqual(['pool-too-small', 'corpus-far-below-law-range', 'tokens-estimated']);
      expect(answer.repetition?.epochs).toBeCloseTo((answer.model?.tokens ?? 0) / ranking.tokens);
      expect(answer.repetition?.effectiveTokens).toBeLessThan(17 * ranking.tokens);
      expect(answer.caveats).toEqual([
        'Even the whole pool is too small: training would repeat it more than 4 times.',
        'The law was fitted on pools of trillions of tokens, and this one has fewer than 100B. ' +
          'If it is a sample of a larger pool, give the size of the pool.',
        'Token counts are estimated.',
      ]);
    }, 1);
  });

  it('to a score is what the score keeps, with its share', async () => {
    await withRanking(async (run, ranking) => {
      const answer = await answerBudget(run, ranking, { score: 0.6, poolTokens: 1e12 });
      expect(answerSchema.parse(answer)).toEqual(answer);
      const kept = rows.filter(({ score }) => score >= Math.fround(0.6));
      const share = sumTokens(kept) / sumTokens(rows);
      expect(answer.keep).toEqual({ rate: share, low: share, high: share, setBy: 'score', score: 0.6 });
      expect(answer.cutoff).toMatchObject({ documents: kept.length, tokens: sumTokens(kept) });
      expect([answer.model, answer.law, answer.suits?.law]).toEqual([null, null, 'nemotron-cc']);
      expect(answer.pool).toEqual({ tokens: 1e12, kept: share * 1e12 });
      expect(answer.flags).toEqual(['fixed-score']);
      expect(answer.caveats.at(-1)).toContain('another scorer');
      expect(answer.summary).toMatch(
        /^Keep every document with a score of 0.6 or higher, as requested: .*\. By/,
      );
      // A judge's score of .6 means something else.
      const warns = async (scorer: string, question: Question): Promise<boolean> =>
        (await answerBudget({ ...run, scorer }, ranking, question)).caveats.some((caveat) =>
          caveat.includes("the classifier's scores, not the judge's"),
        );
      expect(await warns('lm:small', { score: 0.6 })).toBe(true);
      expect(await warns('lm:small#all', { score: 0.6 })).toBe(false);
      expect(await warns('lm:small', { keep: share })).toBe(false);
      // The same share, asked for as one, keeps the same.
      expect((await answerBudget(run, ranking, { keep: share })).cutoff).toEqual(answer.cutoff);
    });
  });

  it('to a score above or below all documents says so', async () => {
    await withRanking(async (run, ranking) => {
      const above = await answerBudget(run, ranking, { score: 50 });
      expect(above).toMatchObject({
        keep: { rate: 0, setBy: 'score' },
        cutoff: { score: null, documents: 0, tokens: 0 },
      });
      expect(answerSchema.parse(above)).toEqual(above);
      expect(above.suits).toBeUndefined();
      expect(above.flags).toContain('nothing-kept');
      expect(above.caveats).toContain('Nothing is kept: no document has a score of 50 or higher.');
      const below = await answerBudget(run, ranking, { score: -50 });
      expect(below).toMatchObject({ keep: { rate: 1 }, cutoff: { documents: 600 } });
      expect(below.summary).toContain('600 of 600 ranked documents');
    });
  });

  it('takes a model in place of a budget, another law, and other limits', async () => {
    await withRanking(async (run, ranking) => {
      const ask = (question: Question): ReturnType<typeof answerBudget> =>
        answerBudget(run, ranking, { poolTokens: 1e12, ...question });
      expect((await ask({ params: 7e9, tokens: 7e10 })).model).toEqual({
        flops: 6 * 7e9 * 7e10,
        params: 7e9,
        tokens: 7e10,
        tokensPerParam: 10,
      });
      const raw = await ask({ budget: 1e21, pool: 'dclm-refinedweb' });
      expect([raw.law?.name, raw.keep.rate.toFixed(3)]).toEqual(['dclm-refinedweb', '0.052']);
      const overtrained = await ask({ params: 1e9, tokens: 1e12 });
      expect(overtrained.flags).toContain('far-from-compute-optimal');
      expect(overtrained.caveats.join()).toContain('1K tokens per parameter');
      const fixed = await ask({ params: 6.6e9, tokens: 1e12, pool: 'nemotron-cc-6.6b', poolTokens: 1e14 });
      expect([fixed.keep.rate.toFixed(3), fixed.flags.includes('far-from-compute-optimal')]).toEqual([
        '0.094',
        false,
      ]);
      // A law of one model is about that one, unless another is named.
      const longer = await ask({ budget: 1e19, pool: 'nemotron-cc-6.6b' });
      expect(longer.model).toMatchObject({ flops: 1e19, params: 6.6e9 });
      expect(longer.keep.rate).toBeCloseTo(0.0026 * (1e19 / (6 * 6.6e9)) ** 0.13);
      expect(longer.summary).toContain('law for a 6.6B model on any number of tokens');
      expect((await ask({ tokens: 1e12, pool: 'nemotron-cc-6.6b', poolTokens: 1e14 })).model?.params).toBe(
        6.6e9,
      );
      expect((await ask({ params: 1e9, pool: 'nemotron-cc-6.6b' })).model?.params).toBe(1e9);
      expect(
        (await ask({ budget: 6e21, tokens: 1e12, pool: 'nemotron-cc-6.6b', poolTokens: 1e14 })).model?.params,
      ).toBe(1e9);
      const floor = await ask({ budget: 1e22, maxEpochs: 0.5, tokensPerParam: 20 });
      expect(floor.keep.setBy).toBe('data floor');
      expect(floor.repetition?.epochs).toBe(1);
      expect(floor.summary).toContain('at most 0.5 passes');
    });
  });

  it.each([
    [5e18, ['extrapolated', 'below-tested-rates'], 'below 6e18 FLOPs'],
    [6e18, ['below-tested-rates'], 'below 3%'],
    [1e22, [], '1e22'],
    [1.1e22, ['extrapolated'], 'above 6e21 FLOPs'],
  ])('flags what the law was not fitted on: %d FLOPs', async (budget, flags, words) => {
    await withRanking(async (run, ranking) => {
      const answer = await answerBudget(run, ranking, { budget, poolTokens: 1e13 });
      expect(answer.flags.filter((flag) => flag !== 'score-ties')).toEqual(flags);
      expect([answer.summary, ...answer.caveats].join('\n')).toContain(words);
    });
  });

  it.each<[Question, string]>([
    [
      { budget: 1e21, poolTokens: 1e12 },
      'The rate follows the nemotron-cc law for compute-optimal training, F = 4e-5 · C^0.25 (F in %, C in ' +
        'FLOPs); 3.9% to 13% would do about as well; no token is seen twice.',
    ],
    [
      { budget: 1e22, poolTokens: 1e12, maxEpochs: 1, tokensPerParam: 20 },
      'The size of the pool and at most 1 pass over the kept tokens set the rate, above the nemotron-cc law ' +
        'for compute-optimal training, F = 4e-5 · C^0.25 (F in %, C in FLOPs); 18.3% to 23.1% would do ' +
        'about as well; no token is seen twice.',
    ],
    [
      { budget: 1e22, keep: 0.01, poolTokens: 1e12 },
      'By the nemotron-cc law and the size of the pool, this share suits about 3.91e17 FLOPs (3.52e16 to ' +
        '4.34e18 would lose little); 13.5 passes over the kept tokens are worth 95.8B fresh ones.',
    ],
  ])('to %j says why in one sentence', async (question, why) => {
    await withRanking(async (run, ranking) => {
      const { summary } = await answerBudget(run, ranking, question);
      expect(summary.split(/(?<=\.) (?=[A-Z])/)).toEqual([
        expect.stringMatching(/^Keep the best .* in ranking \w+\.$/),
        why,
      ]);
    });
  });

  it('to a share is that share, with a model only if a budget is given too', async () => {
    await withRanking(async (run, ranking) => {
      const share = await answerBudget(run, ranking, { keep: 0.25 });
      expect(share).toMatchObject({
        keep: { rate: 0.25, low: 0.25, high: 0.25, setBy: 'keep' },
        model: null,
        repetition: null,
        law: null,
        flags: ['corpus-far-below-law-range'],
      });
      expect(share.cutoff.documents).toBe(keepByPlainSort(rows, 0.25).length);
      const both = await answerBudget(run, ranking, { keep: 0.25, budget: 1e12 });
      expect(both).toMatchObject({ keep: { rate: 0.25, setBy: 'keep' }, law: null, model: { flops: 1e12 } });
      expect(both.repetition?.epochs).toBeCloseTo((both.model?.tokens ?? 0) / (0.25 * ranking.tokens));
    });
  });

  it('flags a cut through equal scores, and one that keeps nothing', async () => {
    await withRun(async (run) => {
      const ranking = await rankRows(
        run,
        rows.slice(0, 10).map((row) => ({ ...row, score: 0.5, tokens: 100 })),
      );
      expect((await answerBudget(run, ranking, { keep: 0.5 })).flags).toEqual([
        'corpus-far-below-law-range',
        'score-ties',
      ]);
      const nothing = await answerBudget(run, ranking, { keep: 0.05 });
      expect(nothing).toMatchObject({
        cutoff: { score: null, documents: 0, tokens: 0 },
        flags: ['corpus-far-below-law-range', 'nothing-kept'],
      });
      expect(answerSchema.parse(nothing)).toEqual(nothing);
    });
  });

  it.each<[Question, string]>([
    [{}, 'USAGE'],
    [{ poolTokens: 1e12 }, 'USAGE'],
    [{ budget: 1e21, params: 7e9, tokens: 1e12 }, 'USAGE'],
    [{ budget: -1 }, 'BUDGET_INVALID'],
    [{ budget: 0 }, 'BUDGET_INVALID'],
    [{ budget: NaN }, 'BUDGET_INVALID'],
    [{ budget: Infinity }, 'BUDGET_INVALID'],
    [{ params: 1e200, tokens: 1e200 }, 'BUDGET_INVALID'],
    [{ keep: 0 }, 'OPTION_INVALID'],
    [{ keep: 1.5 }, 'OPTION_INVALID'],
    [{ keep: NaN }, 'OPTION_INVALID'],
    [{ budget: 1e21, poolTokens: 3 }, 'OPTION_INVALID'],
  ])('to %j is the error %s', async (question, code) => {
    await withRanking(async (run, ranking) => {
      await expect(answerBudget(run, ranking, question)).rejects.toMatchObject({ code });
    });
  });
});
