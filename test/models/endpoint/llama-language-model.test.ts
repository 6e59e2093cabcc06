// A real server, llama.cpp, with a real model, against the float weights' numbers. It is skipped, and says
// so, where the program, the model or the numbers are missing.

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { openEndpointModel } from '../../../models/endpoint/language-model.ts';
import type { LanguageModel } from '../../../models/language-model.ts';
import { settingsSchema } from '../../../run/settings.ts';
import { freePort } from '../../free-port.ts';
import { everything } from '../../long.ts';
import { findShared } from '../../shared/find.ts';
import { until } from '../../until.ts';
import { findLlamaModel } from './llama-model.ts';

const program = findShared('tools', 'llama-server');
const golden = findShared('golden', 'language-model', 'smollm2-135m.json');
const gguf = program === undefined || golden === undefined ? undefined : findLlamaModel();
const goldenSchema = z.object({
  continuations: z.array(
    z.object({
      prompt: z.string(),
      continuations: z.array(
        z.object({
          text: z.string(),
          prompt_tokens: z.number(),
          tokens: z.number(),
          float: z.object({ sum: z.number() }),
        }),
      ),
    }),
  ),
});

const describeReal =
  program === undefined || gguf === undefined || golden === undefined ? describe.skip : describe;
describeReal('llama.cpp with SmolLM2-135M-Instruct', () => {
  let server: ChildProcess;
  let url = '';
  const open = (more: Readonly<Record<string, unknown>> = {}): Promise<LanguageModel> => {
    const { models } = settingsSchema.parse({
      corpus: { files: ['a'] },
      models: [{ name: 'judge', model: url, ...more }],
    });
    const [settings] = models;
    if (settings === undefined) throw new Error('no model');
    return openEndpointModel({ ...settings, model: url }, { attempts: 2, firstWaitMs: 1, longestWaitMs: 1 });
  };

  beforeAll(async () => {
    const port = await freePort();
    url = `http://127.0.0.1:${port}`;
    const options = [
      '-m',
      gguf ?? '',
      '--host',
      '127.0.0.1',
      '--port',
      String(port),
      '-t',
      '2',
      '-np',
      '2',
      '-c',
      '2048',
    ];
    server = spawn(program ?? '', options, { stdio: 'ignore' });
    const isUp = (): Promise<boolean> =>
      fetch(`${url}/health`).then(
        ({ ok }) => ok,
        () => false,
      );
    await until(isUp, { what: 'the server', everyMs: 100 });
  });
  afterAll(() => void server.kill('SIGKILL'));

  it('answers for any continuation by its own route, with the tokens that it was sent', async () => {
    const model = await open();
    expect(model).toMatchObject({
      beginning: '',
      contextTokens: 1024,
      continuations: 'any',
      source: { route: 'llama.cpp', precision: 'exact', quantization: 'Q4_1' },
    });
    const rows = goldenSchema.parse(JSON.parse(readFileSync(golden ?? '', 'utf8'))).continuations;
    for (const { prompt, continuations } of everything ? rows : rows.slice(0, 1)) {
      const [answer] = await model.logProbabilities(
        [{ prompt, continuations: continuations.map(({ text }) => text) }],
        'start',
      );
      for (const [at, { tokens, prompt_tokens: promptTokens, float }] of continuations.entries()) {
        const found = answer?.continuations[at];
        expect(found).toMatchObject({ tokens, promptTokens });
        // 4-bit weights and rounded activations.
        expect(Math.abs((found?.logProbability ?? 0) - float.sum)).toBeLessThan(0.5 * tokens);
      }
    }
  });

  it('raises answers far down its list, with the numbers that the whole list has', async () => {
    const model = await open();
    const words = [' mathematics', ' cooking', ' nutrition', ' astronomy', ' organic'];
    const next = z.object({
      completion_probabilities: z.tuple([
        z.object({ top_logprobs: z.array(z.object({ token: z.string(), logprob: z.number() })) }),
      ]),
    });
    for (const text of ['A short text.', 'Rinse the lentils.', 'Every ideal is finitely generated.']) {
      const prompt = `${text}\n\nThis text belongs to a textbook on`;
      const [answer] = await model.logProbabilities([{ prompt, continuations: words }], 'start');
      const response = await fetch(`${url}/completion`, {
        method: 'POST',
        // From the cache, the server's numbers are others.
        body: JSON.stringify({ prompt, n_predict: 1, n_probs: 49_152, temperature: 0, cache_prompt: false }),
      });
      const [{ top_logprobs: whole }] = next.parse(await response.json()).completion_probabilities;
      for (const [at, word] of words.entries()) {
        const there = whole.find(({ token }) => token === word)?.logprob ?? Number.NaN;
        // A first text is read again for a longer list, from the cache.
        if (text !== 'A short text.')
          expect(Math.abs((answer?.continuations[at]?.logProbability ?? 0) - there)).toBeLessThan(1e-3);
      }
    }
  });

  it('ignores echo, so its completions answer for the likeliest tokens alone', async () => {
    const model = await open({ route: 'completions' });
    expect(model.source).toMatchObject({ route: 'completions', precision: 'top-k', topK: 20 });
    expect(model.lacks.textLogProbability).toContain('ignores "echo"');
    const [answer] = await model.logProbabilities(
      [{ prompt: 'The capital of France is', continuations: [' Paris', ' Constantinople'] }],
      'start',
    );
    expect(answer?.continuations[0]).toMatchObject({ tokens: 1, isGreedy: true });
    expect(answer?.continuations[0]?.logProbability).toBeCloseTo(-0.26, 1);
    expect(answer?.continuations[1]).toMatchObject({ logProbability: null });
  });

  it('takes control tokens in a text for text, and talks by its chat route', async () => {
    const chat = await open({ chat: true });
    expect(chat.source.route).toBe('chat');
    expect((await chat.generate('What is 2+2?', { maxTokens: 16 })).text).toContain('4');
    const model = await open();
    const [answer] = await model.logProbabilities(
      [{ prompt: 'Hello <|im_end|>', continuations: [' world'] }],
      'start',
    );
    expect(answer?.continuations[0]).toMatchObject({ tokens: 1, promptTokens: 8 });
  });

  it('has one model, and can go away', async () => {
    await expect(open({ endpointModel: 'another' })).rejects.toMatchObject({ code: 'LANGUAGE_MODEL_NAME' });
    const model = await open();
    const writing = model.generate('Once upon a time', { maxTokens: 900 });
    setTimeout(() => server.kill('SIGKILL'), 300);
    await expect(writing).rejects.toMatchObject({ code: 'LANGUAGE_MODEL_UNREACHABLE' });
  });
});
