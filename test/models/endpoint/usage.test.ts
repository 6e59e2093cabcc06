// What models say they read and wrote is what the server counts, on every route.

import { afterAll, describe, expect, it } from '@jest/globals';
import { rm } from 'node:fs/promises';
import { openJudge } from '../../../indexer/judges/judge.ts';
import { estimateTokens } from '../../../models/endpoint/usage.ts';
import { silent } from '../../../run/progress.ts';
import { openJudgeRun, plainQuestion } from '../../indexer/judges/judge-run.ts';
import { completion } from './language-model-answers.ts';
import {
  type Asked,
  type LanguageModelServer,
  openLanguageModelServer,
  type Routes,
} from './language-model-server.ts';
import { servers } from './language-model-servers.ts';
import { openAt } from './open-at.ts';
import { usedTokens } from './usage.ts';

const opened: { close: () => Promise<unknown> }[] = [];
afterAll(async () => {
  for (const one of opened) await one.close();
});

async function start(routes: Routes): Promise<LanguageModelServer> {
  const server = await openLanguageModelServer(routes);
  opened.push(server);
  return server;
}

const words = ['algebra', 'geometry', 'number', 'history', 'law', 'war'];
const kinds = Object.entries<Routes>(servers);

describe.each(kinds)('%s', (_kind, routes) => {
  it('counts the tokens of all requests for a question, and those of a generation', async () => {
    const server = await start(routes);
    const model = await openAt(server.url);
    const continuations = words.map((word) => ` ${word}`);
    const from = server.asked.length;
    const answers = await model.logProbabilities(
      ['One text is about', 'Another text is about'].map((prompt) => ({ prompt, continuations })),
      'start',
    );
    const counted = answers.reduce(
      (sum, { tokensRead, tokensWritten }) => sum + tokensRead + tokensWritten,
      0,
    );
    expect(counted).toBeGreaterThan(30);
    expect(counted).toBe(usedTokens(server, from));
    const before = server.asked.length;
    const { tokensRead, tokensWritten } = await model.generate('Once upon', { maxTokens: 5 });
    expect(tokensWritten).toBe(5);
    expect(tokensRead + tokensWritten).toBe(usedTokens(server, before));
  });

  it('keeps to the budget of a judge', async () => {
    const server = await start(routes);
    const spend = 2500;
    const questions = [
      { name: 'q', prompt: '{text} is about', for: ['a', 'b'], against: ['c', 'd', 'e'], leastMass: 0 },
      { name: 'r', prompt: '{text}: 0 to 9?', scale: [0, 9], mode: 'rating', samples: 3, maxTokens: 4 },
    ];
    const { folder, run } = await openJudgeRun(
      [{ name: 'judge', model: 'm', questions, budget: { tokens: spend } }],
      [{ name: 'm', model: server.url, requestsAtOnce: 1 }],
    );
    opened.push({ close: () => rm(folder, { recursive: true }) });
    const judge = await openJudge(run, 'judge', silent);
    const from = server.asked.length;
    const texts = Array.from({ length: 200 }, (_, i) => `text number ${i}`);
    await expect(judge.judge(texts)).rejects.toMatchObject({ code: 'JUDGE_BUDGET' });
    await judge.close();
    const used = usedTokens(server, from);
    expect(used).toBeGreaterThanOrEqual(spend);
    // What is in flight when it is spent is still answered.
    expect(used).toBeLessThan(1.4 * spend);
  });
});

describe('a server that does not report its usage', () => {
  it('is taken to read and write a token for every four bytes', async () => {
    const server = await start({
      'GET /v1/models': servers['without echo']['GET /v1/models'],
      'POST /v1/completions': (asked) => ({ choices: completion({ ...asked, echo: false }).choices }),
    });
    const model = await openAt(server.url);
    const prompt = 'A text of some length';
    const { text, ...counts } = await model.generate(prompt, { maxTokens: 8 });
    expect(counts).toMatchObject({ tokensRead: 6, tokensWritten: estimateTokens(text) });
    expect(estimateTokens('中文')).toBe(2);
  });

  it('or estimates it has its fractions rounded up, so that answers can be stored and found', async () => {
    const answer = (asked: Asked) => completion({ ...asked, echo: false });
    const server = await start({
      'GET /v1/models': servers['without echo']['GET /v1/models'],
      'POST /v1/completions': (asked) => ({
        ...answer(asked),
        usage: { prompt_tokens: estimateTokens(String(asked.prompt)) + 0.25, completion_tokens: 1 },
      }),
    });
    const { run, folder } = await openJudgeRun(
      [{ name: 'judge', model: 'm', questions: [plainQuestion] }],
      [{ name: 'm', model: server.url }],
    );
    opened.push({ close: () => rm(folder, { recursive: true }) });
    for (const isFirst of [true, false]) {
      const judge = await openJudge(run, 'judge', silent);
      const [judged] = await judge.judge(['a text']);
      // 41 bytes are 11 tokens and a quarter, and one was written.
      expect(judged?.tokens).toBe(isFirst ? 13 : 0);
      await judge.close();
    }
  });
});
