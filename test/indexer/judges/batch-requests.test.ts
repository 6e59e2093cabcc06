// The requests in a batch file are those that the judge's model sends itself.

import { afterAll, describe, expect, it } from '@jest/globals';
import { rm } from 'node:fs/promises';
import { batchRequest, modelOf } from '../../../indexer/judges/batch-requests.ts';
import { openJudge } from '../../../indexer/judges/judge.ts';
import { silent } from '../../../run/progress.ts';
import { chatCompletion } from '../../models/endpoint/language-model-answers.ts';
import { openLanguageModelServer } from '../../models/endpoint/language-model-server.ts';
import { servers } from '../../models/endpoint/language-model-servers.ts';
import { openJudgeRun } from './judge-run.ts';

const opened: { close: () => Promise<unknown> }[] = [];
afterAll(async () => {
  for (const one of opened) await one.close();
});

const question = { name: 'q', prompt: '{text} Answer a or b: ', for: ['a'], against: ['b'], leastMass: 0 };

describe.each([
  ['vLLM, chat', { ...servers.vLLM, 'POST /v1/chat/completions': chatCompletion }, true],
  ['chat', servers.chat, true],
  ['completions', servers['without echo'], false],
])('%s', (_name, routes, chat) => {
  it.each([question, { ...question, mode: 'rating' }])('has the same body in a file: %j', async (asked) => {
    const server = await openLanguageModelServer(routes);
    opened.push(server);
    const { folder, run } = await openJudgeRun(
      [{ name: 'judge', model: 'm', questions: [asked] }],
      [{ name: 'm', model: server.url, endpointModel: 'm', chat, topLogProbabilities: 50 }],
    );
    opened.push({ close: () => rm(folder, { recursive: true }) });
    const judge = await openJudge(run, 'judge', silent);
    expect(judge.model.source.topK).toBe(chat ? 20 : 50);
    await judge.judge(['A text.']);
    const [request] = judge.requests(['A text.']);
    if (request === undefined) throw new Error('no request');
    const { url, body } = batchRequest(modelOf(run, judge), 'm', judge.model.chatFields, request);
    const sent = server.asked.at(-1);
    expect(sent?.route).toBe(`POST ${url}`);
    const live = sent?.body ?? {};
    // The seed of a rating is that of the one sample.
    expect(live).toEqual(asked === question ? body : { ...body, seed: 1 });
    expect('chat_template_kwargs' in live).toBe(routes !== servers.chat && chat);
    await judge.close();
  });
});
