import { describe, expect, it } from '@jest/globals';
import { answerBudget } from '../../ranking/answer.ts';
import { readRanking } from '../../ranking/generation.ts';
import { withServer } from './serve.ts';

describe('GET /rank', () => {
  it('is the same object as the command line gives, tagged by the generation', async () => {
    await withServer(async ({ ask, run }) => {
      const reply = await ask('/rank?budget=1e21&poolTokens=1T');
      expect(reply.status).toBe(200);
      const ranking = await readRanking(run);
      expect(reply.json).toEqual(await answerBudget(run, ranking, { budget: 1e21, poolTokens: 1e12 }));
      const tag = reply.headers.get('etag') ?? '';
      expect(tag).toContain(ranking.generation);
      expect(await ask('/rank?budget=1e21&poolTokens=1T', { headers: { 'If-None-Match': tag } })).toMatchObject({ status: 304, text: '' });
    });
  });

  it.each([
    ['/rank?budget=0', 400, 'BUDGET_INVALID', '"0"'],
    ['/rank?budget=-1', 400, 'BUDGET_INVALID', '"-1"'],
    ['/rank?budget=NaN', 400, 'BUDGET_INVALID', '"NaN"'],
    ['/rank?budget=1e400', 400, 'BUDGET_INVALID', '"1e400"'],
    ['/rank?budget=', 400, 'BUDGET_INVALID', '""'],
    ['/rank', 400, 'USAGE', 'FLOPs'],
    ['/rank?budget=1e21&budget=1e22', 400, 'PARAMETER_REPEATED', '1e21, 1e22'],
    ['/rank?budgets=1e21', 400, 'PARAMETER_UNKNOWN', '"budgets"'],
    ['/rank?__proto__=1', 400, 'PARAMETER_UNKNOWN', '"__proto__"'],
    ['/rank?budget=1e21&pool=mine', 400, 'OPTION_INVALID', '"mine"'],
    ['/rank?budget=1e21&maxEpochs=-4', 400, 'OPTION_INVALID', '"-4"'],
    ['/rank?keep=1.5', 400, 'OPTION_INVALID', '"1.5"'],
    ['/nothing', 404, 'ROUTE_UNKNOWN', '/nothing'],
    ['/%ff', 404, 'ROUTE_UNKNOWN', '/%ff'],
  ])('%s is refused with status %d and the code %s', async (path, status, code, words) => {
    await withServer(async ({ ask }) => {
      const reply = await ask(path);
      expect(reply.headers.get('content-type')).toContain('application/problem+json');
      expect(reply).toMatchObject({ status, json: { status, code } });
      expect(reply.json).toHaveProperty('detail', expect.stringContaining(words));
      expect(reply.headers.get('x-powered-by')).toBeNull();
    });
  });

  it('says what to do while there is no ranking', async () => {
    await withServer(async ({ ask }) => {
      expect(await ask('/rank?budget=1e21')).toMatchObject({ status: 409, json: { code: 'STEP_MISSING' } });
      expect(await ask('/readyz')).toMatchObject({ status: 503, json: { ready: false, problem: { code: 'STEP_MISSING' } } });
      expect(await ask('/healthz')).toMatchObject({ status: 200, json: { ok: true } });
    }, []);
  });
});
