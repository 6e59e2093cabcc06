import { describe, expect, it } from '@jest/globals';
import { answerBudget } from '../../../ranking/budget/answer.ts';
import { readRanking } from '../../../ranking/generation.ts';
import { makeScoredRows } from '../../ranking/synthetic.ts';
import { shareServer, withServer } from '../serve.ts';
import { answerSchema, type Question } from '../../../ranking/budget/question.ts';

const server = shareServer(makeScoredRows(900));

describe('GET /rank', () => {
  it.each<[string, Question]>([
    ['budget=1e21&poolTokens=1T', { budget: 1e21, poolTokens: 1e12 }],
    ['budget=1e%2B21&poolTokens=1T', { budget: 1e21, poolTokens: 1e12 }],
    ['budget=1e+21&poolTokens=1T', { budget: 1e21, poolTokens: 1e12 }],
    [
      'params=7B&tokens=70e9&pool=dclm-refinedweb&poolTokens=24T',
      { params: 7e9, tokens: 7e10, pool: 'dclm-refinedweb', poolTokens: 2.4e13 },
    ],
    [
      'budget=1e20&tokensPerParam=20&maxEpochs=2&poolTokens=1e10',
      { budget: 1e20, tokensPerParam: 20, maxEpochs: 2, poolTokens: 1e10 },
    ],
    ['keep=10%25', { keep: 0.1 }],
    ['score=0.6', { score: 0.6 }],
    ['score=-1.5e-1&poolTokens=1T', { score: -0.15, poolTokens: 1e12 }],
    ['score=0.9&benchmarks=mmlu,gsm8k', { score: 0.9, benchmarks: ['mmlu', 'gsm8k'] }],
    ['score=1e+9', { score: 1e9 }],
    ['score=-1e%2B9', { score: -1e9 }],
    [
      'budget=1e21&poolTokens=1T&benchmarks=mmlu,gsm8k',
      { budget: 1e21, poolTokens: 1e12, benchmarks: ['mmlu', 'gsm8k'] },
    ],
    ['keep=0.37&without=gsm8k', { keep: 0.37, without: ['gsm8k'] }],
  ])('?%s is the same object as the command line gives', async (query, question) => {
    const { ask, run } = server();
    const reply = await ask(`/rank?${query}`);
    expect(reply.status).toBe(200);
    expect(answerSchema.parse(reply.json)).toEqual(reply.json);
    expect(reply.json).toEqual(await answerBudget(run, await readRanking(run), question));
    // What is remembered is what was answered.
    expect((await ask(`/rank?${query}`)).json).toEqual(reply.json);
  });

  it('is tagged by the generation, and not sent again to who has it', async () => {
    const { ask, run } = server();
    const tag = (await ask('/rank?budget=1e21')).headers.get('etag') ?? '';
    expect(tag).toContain((await readRanking(run)).generation);
    for (const known of [tag, tag.replace('W/', ''), `"other", ${tag}`, '*'])
      expect(await ask('/rank?budget=1e21', { headers: { 'If-None-Match': known } })).toMatchObject({
        status: 304,
        text: '',
      });
    expect((await ask('/rank?budget=1e21', { headers: { 'If-None-Match': '"other"' } })).status).toBe(200);
    // Of a question that nobody has asked before, and of one that has no answer.
    expect(await ask('/rank?budget=1.01e21', { headers: { 'If-None-Match': tag } })).toMatchObject({
      status: 304,
      text: '',
    });
    for (const wrong of ['budget=0', 'budget=1e21&foo=1', 'budget=1e21&benchmarks=nope'])
      for (const known of [tag, '*'])
        expect((await ask(`/rank?${wrong}`, { headers: { 'If-None-Match': known } })).status).toBe(400);
  });

  it('tells which budgets a share suits', async () => {
    const reply = await server().ask('/rank?keep=0.1&poolTokens=6.3T');
    const { suits } = answerSchema.parse(reply.json);
    // F = 4e-5 · C^0.25 % = 10 % at C = (10 / 4e-5)^4, and the band reaches a factor of √(10/3) in F to
    // either side.
    expect((suits?.at.flops ?? 0) / (10 / 4e-5) ** 4).toBeCloseTo(1);
    expect((suits?.to?.flops ?? 0) / (suits?.from.flops ?? 1)).toBeCloseTo((10 / 3) ** 4);
    expect(reply.text).toContain('suits about 3.91e21 FLOPs');
  });

  it.each([
    ['/rank?budget=0', 400, 'BUDGET_INVALID', '"0"'],
    ['/rank?budget=-1', 400, 'BUDGET_INVALID', '"-1"'],
    ['/rank?budget=NaN', 400, 'BUDGET_INVALID', '"NaN"'],
    ['/rank?budget=1e400', 400, 'BUDGET_INVALID', '"1e400"'],
    ['/rank?budget=', 400, 'BUDGET_INVALID', '""'],
    ['/rank?budget=1e21x', 400, 'BUDGET_INVALID', '"1e21x"'],
    ['/rank', 400, 'USAGE', 'FLOPs'],
    ['/rank?budget=1e21&params=1e9&tokens=1e9', 400, 'USAGE', 'one or two'],
    ['/rank?budget=1e21&budget=1e22', 400, 'PARAMETER_REPEATED', '1e21, 1e22'],
    ['/rank?budgets=1e21', 400, 'PARAMETER_UNKNOWN', '"budgets"'],
    ['/rank?__proto__=1', 400, 'PARAMETER_UNKNOWN', '"__proto__"'],
    ['/rank?budget=1e21&pool=mine', 400, 'OPTION_INVALID', '"mine"'],
    ['/rank?budget=1e21&pool=..%2Fkeys', 400, 'OPTION_INVALID', '"../keys"'],
    [
      '/rank?budget=1e21&benchmarks=',
      400,
      'OPTION_INVALID',
      'benchmarks is "", but it must be names of benchmarks, separated by commas.',
    ],
    [
      '/compare?budgets=',
      400,
      'OPTION_INVALID',
      'budgets is "", but it must be a string of 1 or more characters.',
    ],
    ['/rank?budget=1e21&maxEpochs=-4', 400, 'OPTION_INVALID', '"-4"'],
    [
      '/rank?budget=1e21&maxEpochs=0',
      400,
      'OPTION_INVALID',
      'maxEpochs is "0", but it must be a number above 0 and at most 1e30, such as 4.',
    ],
    [
      '/rank?budget=1e21&tokensPerParam=x',
      400,
      'OPTION_INVALID',
      'tokensPerParam is "x", but it must be a number above 0 and at most 1e30, such as 20.',
    ],
    [
      '/rank?budget=1e21&poolTokens=3',
      400,
      'OPTION_INVALID',
      'poolTokens is "3", but it must be at least the ',
    ],
    ['/rank?keep=1.5', 400, 'OPTION_INVALID', '"1.5"'],
    ['/rank?score=high', 400, 'OPTION_INVALID', 'score is "high", but it must be a score, such as 0.6'],
    ['/rank?score=', 400, 'OPTION_INVALID', '""'],
    ['/rank?score=NaN', 400, 'OPTION_INVALID', '"NaN"'],
    ['/rank?score=0.6&keep=0.1', 400, 'USAGE', 'A score sets the cutoff alone'],
    ['/rank?score=0.6&budget=1e21', 400, 'USAGE', 'A score sets the cutoff alone'],
    ['/compare?budgets=1e21&score=0.6', 400, 'PARAMETER_UNKNOWN', '"score"'],
    ['/rank?budget=1e21&benchmarks=gsm9k', 400, 'BENCHMARK_UNKNOWN', 'gsm8k, arc_easy, mmlu'],
    ['/rank?budget=1e21&without=gsm8k,arc_easy,mmlu', 400, 'OPTION_INVALID', 'not all'],
    ['/rank?budget=1e21&benchmarks=gsm8k&without=mmlu', 400, 'OPTION_INVALID', 'left out'],
    ['/compare?budgets=1e21,0', 400, 'BUDGET_INVALID', '"0"'],
    ['/compare', 400, 'USAGE', 'Give budgets'],
    ['/compare?poolTokens=1T', 400, 'USAGE', 'or both to compare'],
    [`/compare?budgets=${Array.from({ length: 21 }, () => '1e21').join(',')}`, 400, 'USAGE', 'at most 20'],
    ['/curve?from=1e22&to=1e21', 400, 'OPTION_INVALID', '1e+22'],
    ['/curve?points=1', 400, 'OPTION_INVALID', '"1"'],
    ['/nothing', 404, 'ROUTE_UNKNOWN', '/nothing'],
    ['/%ff', 404, 'ROUTE_UNKNOWN', '/%ff'],
  ])('%s is refused with status %d and the code %s', async (path, status, code, words) => {
    const reply = await server().ask(path);
    expect(reply.headers.get('content-type')).toContain('application/problem+json');
    expect(reply).toMatchObject({
      status,
      json: { status, code, type: `/docs#${code}`, title: expect.any(String), values: expect.any(Object) },
    });
    expect(reply.json).toHaveProperty('detail', expect.stringContaining(words));
    expect(reply.headers.get('x-powered-by')).toBeNull();
  });

  it('says what to do while there is no ranking', async () => {
    await withServer(async ({ ask }) => {
      for (const path of ['/rank?budget=1e21', '/compare?budgets=1e21', '/curve'])
        expect(await ask(path)).toMatchObject({ status: 409, json: { code: 'STEP_MISSING' } });
      expect(await ask('/readyz')).toMatchObject({
        status: 503,
        json: { ready: false, problem: { code: 'STEP_MISSING' } },
      });
      expect(await ask('/healthz')).toMatchObject({ status: 200, json: { ok: true } });
      expect(await ask('/rankings')).toMatchObject({
        status: 200,
        json: { rankings: [], problem: { code: 'STEP_MISSING' } },
      });
      expect(await ask('/benchmarks')).toMatchObject({
        status: 200,
        json: { benchmarks: [{ name: 'sums', scored: false }] },
      });
    }, []);
  });
});
