// What servers do beside answering: they are busy, break off, refuse, and have other models.

import { afterEach, describe, expect, it, jest } from '@jest/globals';
import type { ServerResponse } from 'node:http';
import { addressesOf } from '../../../models/endpoint/server.ts';
import { z } from 'zod';
import { encode, likeliest, logProbabilityAfter, logProbabilityOf } from './character-model.ts';
import { completion } from './language-model-answers.ts';
import { type LanguageModelServer, openLanguageModelServer, Refused } from './language-model-server.ts';
import { servers } from './language-model-servers.ts';
import { ask, openAt as open } from './open-at.ts';

const running: LanguageModelServer[] = [];
afterEach(async () => {
  for (const server of running.splice(0)) await server.close();
});

async function start(...given: Parameters<typeof openLanguageModelServer>): Promise<LanguageModelServer> {
  const server = await openLanguageModelServer(...given);
  running.push(server);
  return server;
}

describe('a server', () => {
  it('without log probabilities still generates, and says what it lacks', async () => {
    const model = await open(
      (
        await start({
          'GET /v1/models': () => ({ data: [{ id: 'm' }] }),
          'POST /v1/completions': (asked) => completion({ ...asked, logprobs: undefined, echo: false }),
        })
      ).url,
    );
    expect(model.lacks.logProbabilities).toContain('no log probabilities');
    await expect(ask(model, 'a', ['b'])).rejects.toMatchObject({ code: 'LOG_PROBABILITIES_OFF' });
    expect((await model.generate('a', { maxTokens: 3 })).text).toHaveLength(3);
  });

  it('of llama.cpp is asked for more tokens until the answers are among them, and then at once', async () => {
    const llama = servers['llama.cpp'];
    const server = await start({
      ...llama,
      'GET /v1/models': () => ({
        data: [{ id: 'm', owned_by: 'llamacpp', meta: { n_ctx: 512, n_vocab: 10_000 } }],
      }),
      // As if the answers were among the least likely tokens of a large vocabulary.
      'POST /completion': (asked) =>
        llama['POST /completion']({ ...asked, n_probs: asked.n_probs === 10_000 ? 98 : 1 }),
    });
    const model = await open(server.url);
    const before = server.asked.length;
    const words = ['u', 'v', 'w', 'x', 'y', 'z'];
    for (const prompt of ['Hello', 'Yellow'])
      for (const [at, { logProbability }] of (await ask(model, prompt, words)).entries())
        expect(logProbability).toBeCloseTo(logProbabilityOf(prompt, words[at] ?? ''), 9);
    const counts = server.asked
      .slice(before)
      .flatMap(({ route, body }) => (route === 'POST /completion' ? [body.n_probs] : []));
    expect(counts).toEqual([256, 2048, 10_000, 10_000]);
  });

  it('of llama.cpp that takes biases is asked to raise the answers, and for more where that fails', async () => {
    const llama = servers['llama.cpp'];
    const words = ['u', 'v', 'w', 'x', 'y', 'z'];
    let lists = 4096;
    const server = await start({
      ...llama,
      'GET /v1/models': () => ({
        data: [{ id: 'm', owned_by: 'llamacpp', meta: { n_ctx: 512, n_vocab: 10_000 } }],
      }),
      'POST /completion': (asked) => {
        if (asked.post_sampling_probs !== true)
          return llama['POST /completion']({ ...asked, n_probs: asked.n_probs === 10_000 ? 98 : 4 });
        const last = z.array(z.number()).parse(asked.prompt).at(-1) ?? 0;
        const biases = new Map(asked.logit_bias);
        const raised = likeliest(last)
          .map((id) => ({ id, prob: Math.exp(logProbabilityAfter(last, id) + (biases.get(id) ?? 0)) }))
          .sort((a, b) => b.prob - a.prob);
        const sum = raised.reduce((total, { prob }) => total + prob, 0);
        const top = raised.slice(0, lists).map(({ id, prob }) => ({ id, prob: Math.fround(prob / sum) }));
        return {
          tokens_evaluated: asked.prompt?.length,
          completion_probabilities: [{ id: 2, top_probs: top }],
        };
      },
    });
    const model = await open(server.url);
    const countsOf = async (prompt: string): Promise<(number | undefined)[]> => {
      const before = server.asked.length;
      for (const [at, { logProbability, isGreedy }] of (await ask(model, prompt, words)).entries()) {
        expect(logProbability).toBeCloseTo(logProbabilityOf(prompt, words[at] ?? ''), 4);
        expect(isGreedy).toBe(likeliest(encode(prompt).at(-1) ?? 0)[0] === encode(words[at] ?? '')[0]);
      }
      return server.asked
        .slice(before)
        .flatMap(({ route, body }) => (route === 'POST /completion' ? [body.n_probs] : []));
    };
    expect(await countsOf('Hello')).toEqual([256, 2048, 10_000]);
    expect(await countsOf('Yellow')).toEqual([4096]);
    expect(await countsOf('Helium')).toEqual([4096]);
    lists = 3;
    expect(await countsOf('Mild')).toEqual([4096, 10_000]);
  });

  it('is retried while it is busy and after an incomplete answer', async () => {
    const busy = new Map([
      [1, 429],
      [2, 503],
    ]);
    const server = await start(servers.completions, (response, _route, number) => {
      const status = busy.get(number);
      if (status !== undefined) response.writeHead(status).end('busy');
      if (number === 4)
        response.writeHead(200, { 'content-length': '1000' }).write('{"choices":', () => response.destroy());
      if (number === 6) response.writeHead(200).end('{"choices":[{"te');
      return status !== undefined || number === 4 || number === 6;
    });
    const model = await open(server.url);
    expect((await ask(model, 'a', ['b']))[0]?.logProbability).toBeCloseTo(logProbabilityOf('a', 'b'), 9);
  });

  it.each([
    ['nobody answers', 'LANGUAGE_MODEL_UNREACHABLE', (response: ServerResponse) => response.destroy()],
    [
      'is overloaded',
      'LANGUAGE_MODEL_UNREACHABLE',
      (response: ServerResponse) => response.writeHead(503).end('{"error":"loading"}'),
    ],
    [
      'breaks the connection in the middle of an answer',
      'LANGUAGE_MODEL_CUT_OFF',
      (response: ServerResponse) =>
        response.writeHead(200, { 'content-length': '1000' }).write('{', () => response.destroy()),
    ],
    [
      'ends its answer early',
      'LANGUAGE_MODEL_CUT_OFF',
      (response: ServerResponse) => response.writeHead(200).end('{"data":['),
    ],
    [
      'refuses the key',
      'LANGUAGE_MODEL_KEY',
      (response: ServerResponse) => response.writeHead(401).end('{"error":{"message":"bad key sk-secret"}}'),
    ],
    [
      'does not have the model',
      'LANGUAGE_MODEL_NAME',
      (response: ServerResponse) =>
        response.writeHead(404).end('{"error":{"message":"The model `m` does not exist."}}'),
    ],
  ])('%s: %s', async (_what, code, spoil) => {
    const environment = jest.replaceProperty(process, 'env', { ...process.env, MY_KEY: 'sk-secret' });
    const server = await start(servers.completions, (response) => {
      spoil(response);
      return true;
    });
    const failure = await open(server.url, { keyVariable: 'MY_KEY', endpointModel: 'm' }).catch(
      (error: unknown) => error,
    );
    environment.restore();
    expect(failure).toMatchObject({ code });
    expect(String(failure)).not.toContain('sk-secret');
    if (code === 'LANGUAGE_MODEL_KEY') expect(String(failure)).toContain('MY_KEY');
  });

  it('must have the model in the settings, which must name one if the server has several', async () => {
    const server = await start({
      ...servers.completions,
      'GET /v1/models': () => ({ data: [{ id: 'org/one' }, { id: 'two' }] }),
    });
    await expect(open(server.url, { endpointModel: 'three' })).rejects.toMatchObject({
      code: 'LANGUAGE_MODEL_NAME',
      message: expect.stringContaining('org/one, two'),
    });
    await expect(open(server.url)).rejects.toMatchObject({ code: 'LANGUAGE_MODEL_NAME' });
    await open(server.url, { endpointModel: 'one' });
    expect(server.asked.at(-1)?.body.model).toBe('one');
  });

  it('gets at most requestsAtOnce concurrent requests', async () => {
    let [now, most] = [0, 0];
    const server = await start(
      {
        ...servers.completions,
        'POST /v1/completions': (asked) => completion(asked),
      },
      (response) => {
        most = Math.max(most, ++now);
        response.once('finish', () => now--);
        return false;
      },
    );
    const model = await open(server.url, { requestsAtOnce: 2 });
    await ask(model, 'a', Array.from('bcdefghij'));
    expect(most).toBeLessThanOrEqual(2);
  });

  it('reports a prompt that is too long', async () => {
    const server = await start({
      ...servers.completions,
      'POST /v1/completions': (asked) => {
        if ((asked.prompt ?? '').length > 100)
          throw new Refused(400, "This model's maximum context length is 100 tokens.");
        return completion(asked);
      },
    });
    const model = await open(server.url);
    await expect(ask(model, 'a'.repeat(200), ['b'])).rejects.toMatchObject({
      code: 'LANGUAGE_MODEL_QUESTION',
      message: expect.stringContaining('100 tokens'),
    });
  });

  it('is found by its host, its base, or a route', () => {
    for (const [address, root, base, query] of [
      ['http://h:1', 'http://h:1', 'http://h:1/v1', ''],
      ['http://h:1/', 'http://h:1', 'http://h:1/v1', ''],
      ['http://h:1/v1', 'http://h:1', 'http://h:1/v1', ''],
      ['http://h:1/v1/chat/completions', 'http://h:1', 'http://h:1/v1', ''],
      ['http://h:1/p/v1/completions?k=1', 'http://h:1/p', 'http://h:1/p/v1', '?k=1'],
      ['https://g/v1beta/openai/', 'https://g', 'https://g/v1beta/openai', ''],
    ])
      expect(addressesOf(address ?? '')).toEqual({ root, base, query });
  });
});
