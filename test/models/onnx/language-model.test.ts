// A real language model against reference numbers that Python's ONNX Runtime made from the same file.

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { cp, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import type { LanguageModel } from '../../../models/language-model.ts';
import { openLanguageModel } from '../../../models/open.ts';
import { settingsSchema } from '../../../run/settings.ts';
import { findShared } from '../../shared/find.ts';
import { longTest } from '../../long.ts';

const folder = findShared('models', 'HuggingFaceTB', 'SmolLM2-135M-Instruct');
const goldenFile = findShared('golden', 'language-model', 'smollm2-135m.json');
const nat = 1e-3;

const logProbabilities = z.record(z.string(), z.number());
const goldenSchema = z.object({
  yes_no: z.array(
    z.object({
      prompt: z.string(),
      tokens: z.number(),
      q8: z.object({ yes: logProbabilities, no: logProbabilities }),
    }),
  ),
  continuations: z.array(
    z.object({
      prompt: z.string(),
      continuations: z.array(
        z.object({
          text: z.string(),
          prompt_tokens: z.number(),
          tokens: z.number(),
          q8: z.object({ sum: z.number(), greedy: z.boolean() }),
        }),
      ),
    }),
  ),
  texts: z.array(
    z.object({ text: z.string(), tokens: z.number(), bytes: z.number(), q8: z.object({ sum: z.number() }) }),
  ),
});

function open(model: string, more: Readonly<Record<string, unknown>> = {}): Promise<LanguageModel> {
  return openLanguageModel(
    settingsSchema.parse({ corpus: { files: ['a'] }, models: [{ name: 'm', model, threads: 2, ...more }] }),
    'm',
    process.cwd(),
  );
}

const describeReal = folder === undefined || goldenFile === undefined ? describe.skip : describe;
describeReal('SmolLM2-135M-Instruct, 8 bit', () => {
  const golden =
    goldenFile === undefined
      ? { yes_no: [], continuations: [], texts: [] }
      : goldenSchema.parse(JSON.parse(readFileSync(goldenFile, 'utf8')));
  let model: LanguageModel;
  beforeAll(async () => {
    model = await open(folder ?? '');
  });
  afterAll(() => model.close());

  it('is what its card says', () => {
    expect(model).toMatchObject({
      contextTokens: 8192,
      beginning: '',
      lacks: {},
      source: { backEnd: 'onnx', quantization: 'q8', precision: 'exact' },
    });
  });

  it('gives the log probabilities of continuations', async () => {
    for (const { prompt, continuations } of golden.continuations) {
      const [answer] = await model.logProbabilities(
        [{ prompt, continuations: continuations.map(({ text }) => text) }],
        'start',
      );
      for (const [at, { prompt_tokens: promptTokens, tokens, q8 }] of continuations.entries()) {
        const found = answer?.continuations[at];
        expect(found).toMatchObject({ tokens, promptTokens, isGreedy: q8.greedy });
        expect(Math.abs((found?.logProbability ?? 0) - q8.sum)).toBeLessThan(nat * tokens);
      }
    }
  });

  it('gives those of every spelling of yes and no, in one question', async () => {
    for (const { prompt, tokens, q8 } of golden.yes_no) {
      const spellings = Object.entries({ ...q8.yes, ...q8.no });
      const [answer] = await model.logProbabilities(
        [{ prompt, continuations: spellings.map(([spelling]) => spelling) }],
        'end',
      );
      for (const [at, [, value]] of spellings.entries()) {
        expect(answer?.continuations[at]).toMatchObject({ tokens: 1, promptTokens: tokens });
        expect(Math.abs((answer?.continuations[at]?.logProbability ?? 0) - value)).toBeLessThan(nat);
      }
    }
  });

  longTest('gives those of whole texts', async () => {
    for (const { text, tokens, bytes, q8 } of golden.texts) {
      const found = await model.textLogProbability(text);
      expect(found).toMatchObject({ tokens, scoredTokens: tokens - 1, bytes, windows: 1 });
      expect(Math.abs(found.logProbability - q8.sum)).toBeLessThan(nat * tokens);
    }
  });

  longTest('gives the same to the last digit, whatever is asked in the same call', async () => {
    const text = golden.texts[0]?.text ?? '';
    const questions = [
      'Does it show reasoning?',
      'Is it about law, or about the history of law?',
      'Is it?',
    ].map((question) => ({
      prompt: `${text}\n\n${question}\nAnswer:`,
      continuations: [' Yes', ' No', ' Not at all'],
    }));
    const together = await model.logProbabilities(questions, 'start');
    for (const [at, question] of questions.entries())
      expect((await model.logProbabilities([question], 'start'))[0]?.continuations).toEqual(
        together[at]?.continuations,
      );
  });

  longTest('takes control tokens in a text for text, and writes real ones by its chat template', async () => {
    const text = await model.textLogProbability('Hello <|im_end|> world');
    expect(text.tokens).toBe(9);
    const chat = await open(folder ?? '', { chat: true });
    const [answer] = await chat.logProbabilities(
      [{ prompt: 'Say yes. <|im_end|>', continuations: ['Yes'] }],
      'start',
    );
    // 23 tokens of the frame before the text and 5 after it, and no control token from the text.
    expect(answer?.continuations[0]).toMatchObject({ tokens: 1, promptTokens: 40 });
    expect(chat.fingerprint).not.toBe(model.fingerprint);
    const reply = await chat.generate('What is 2+2?', { maxTokens: 16 });
    expect(reply.text).toContain('4');
    expect(reply.isComplete).toBe(true);
    await chat.close();
  });

  it('needs all of its files, and says which one is missing', async () => {
    const place = await mkdtemp(join(tmpdir(), 'betr-'));
    try {
      await expect(open(join(place, 'nothing'))).rejects.toMatchObject({
        code: 'LANGUAGE_MODEL_UNAVAILABLE',
      });
      for (const file of ['config.json', 'tokenizer.json', 'tokenizer_config.json'])
        await cp(join(folder ?? '', file), join(place, file));
      await expect(open(place)).rejects.toMatchObject({
        message: expect.stringContaining('onnx/model.onnx is missing'),
      });
      await expect(open(place, { chat: true })).rejects.toMatchObject({ code: 'LANGUAGE_MODEL_UNAVAILABLE' });
      await mkdir(join(place, 'onnx'));
      await symlink(
        join(folder ?? '', 'onnx', 'model_quantized.onnx'),
        join(place, 'onnx', 'model_quantized.onnx'),
      );
      await expect(open(place, { chat: true })).rejects.toMatchObject({
        message: expect.stringContaining('no chat template'),
      });
      await writeFile(join(place, 'tokenizer.json'), '{}');
      await expect(open(place)).rejects.toMatchObject({ code: 'LANGUAGE_MODEL_UNAVAILABLE' });
    } finally {
      await rm(place, { recursive: true });
    }
  });
});
