// Judges at servers that refuse texts, for a while or for good, and budgets that several processes share.

import { afterAll, describe, expect, it } from '@jest/globals';
import { rm } from 'node:fs/promises';
import { type Judge, openJudge } from '../../../indexer/judges/judge.ts';
import { silent } from '../../../run/progress.ts';
import {
  type LanguageModelServer,
  openLanguageModelServer,
  Refused,
} from '../../models/endpoint/language-model-server.ts';
import { openJudgeRun, plainQuestion } from './judge-run.ts';

const folders: string[] = [];
const running: LanguageModelServer[] = [];
afterAll(async () => {
  for (const server of running) await server.close();
  for (const folder of folders) await rm(folder, { recursive: true });
});

/** A server that answers yes, or refuses what `refuse` gives a status for; it counts `tokens` per prompt. */
async function serve(
  refuse: (prompt: string) => readonly [status: number, message: string] | undefined,
  tokens = 10,
): Promise<LanguageModelServer> {
  const server = await openLanguageModelServer({
    'GET /v1/models': () => ({ data: [{ id: 'm' }] }),
    'POST /v1/completions': ({ prompt, echo }) => {
      if (echo === true) throw new Refused(400, 'no echo');
      const refusal = refuse(String(prompt));
      if (refusal !== undefined) throw new Refused(...refusal);
      const logprobs = {
        tokens: [' yes'],
        token_logprobs: [-0.2],
        top_logprobs: [{ ' yes': -0.2, ' no': -2 }],
      };
      return {
        choices: [{ text: ' yes', logprobs }],
        usage: { prompt_tokens: tokens, completion_tokens: 1 },
      };
    },
  });
  running.push(server);
  return server;
}

async function open(
  { url }: LanguageModelServer,
  settings: object = {},
  folder?: string,
): Promise<{ judge: Judge; folder: string }> {
  const opened = await openJudgeRun(
    [{ name: 'judge', model: 'try', questions: [plainQuestion], ...settings }],
    [{ name: 'try', model: url, requestsAtOnce: 2, route: 'completions' }],
    folder,
  );
  if (folder === undefined) folders.push(opened.folder);
  return { judge: await openJudge(opened.run, 'judge', silent), folder: opened.folder };
}

const texts = (count: number): string[] => Array.from({ length: count }, (_, i) => `text ${i}.`);

describe('a judge at a server that refuses', () => {
  it('everything from some point on ends, and goes on with all texts once it answers again', async () => {
    let left = 60;
    const server = await serve(() => (left-- > 0 ? undefined : [400, 'Invalid request: bad text']));
    const { judge, folder } = await open(server);
    await expect(judge.judge(texts(200))).rejects.toMatchObject({
      code: 'LANGUAGE_MODEL_FAILED',
      message: expect.stringMatching(/refused 2\d texts in a row, and one that it answered before/),
    });
    await judge.close();
    left = Infinity;
    const { judge: again } = await open(server, {}, folder);
    const judged = await again.judge(texts(200));
    expect(judged.every(({ score }) => score !== null)).toBe(true);
    await again.close();
  });

  it('many texts in a row has no score for these, and one for the others', async () => {
    const server = await serve((prompt) =>
      /text [2-9]\d\./.test(prompt) ? [400, 'not allowed'] : undefined,
    );
    const { judge } = await open(server);
    const judged = await judge.judge(texts(120));
    expect(judged.filter(({ reason }) => reason === 'refused')).toHaveLength(80);
    expect(judged.filter(({ score }) => score !== null)).toHaveLength(40);
    await judge.close();
  });

  it.each([402, 403, 404, 405, 413])('with %i ends at the first refusal', async (status) => {
    let left = 30;
    const server = await serve(() => (left-- > 0 ? undefined : [status, 'no more']));
    const { judge } = await open(server);
    await expect(judge.judge(texts(100))).rejects.toMatchObject({
      code: status === 403 ? 'LANGUAGE_MODEL_KEY' : 'LANGUAGE_MODEL_FAILED',
    });
    await judge.close();
  });

  it('one window has no score for its text', async () => {
    const server = await serve((prompt) => (prompt.startsWith('BAD') ? [400, 'not allowed'] : undefined));
    const { judge } = await open(server, { windows: 'all', characters: 16 });
    const [bad, good] = await judge.judge([`${'a'.repeat(16)}BAD${'b'.repeat(13)}`, 'c'.repeat(32)]);
    expect(bad).toMatchObject({ score: null, reason: 'refused' });
    expect(good?.score).toBeGreaterThan(0.5);
    await judge.close();
  });
});

describe('a budget', () => {
  it('is not exceeded by more than one request, as many as may be sent at once', async () => {
    const server = await serve(() => undefined, 12);
    const { judge } = await open(server, { budget: { tokens: 40 } });
    const before = server.asked.length;
    await expect(judge.judge(texts(40))).rejects.toMatchObject({ code: 'JUDGE_BUDGET' });
    expect(server.asked.length - before).toBe(4);
    await judge.close();
  });

  it('is kept by several processes together', async () => {
    const server = await serve(() => undefined, 12);
    const { judge: first, folder } = await open(server, { budget: { tokens: 650 } });
    const others = await Promise.all(
      [1, 2, 3].map(async () => (await open(server, { budget: { tokens: 650 } }, folder)).judge),
    );
    const judges = [first, ...others];
    const own = (judge: number): string[] => texts(40).map((text) => `${judge}: ${text}`);
    const before = server.asked.length;
    const results = await Promise.allSettled(judges.map((judge, i) => judge.judge(own(i))));
    const asked = server.asked.length - before;
    // About 50 requests spend it; each process may have one more in progress, and what it has not read yet.
    expect(asked).toBeGreaterThanOrEqual(40);
    expect(asked).toBeLessThanOrEqual(70);
    for (const result of results) expect(result).toMatchObject({ reason: { code: 'JUDGE_BUDGET' } });
    for (const judge of judges) await judge.close();
  });
});
