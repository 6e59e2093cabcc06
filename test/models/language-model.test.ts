// Every back-end keeps the same promises.

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Answer, bitsPerByte, type LanguageModel } from '../../models/language-model.ts';
import { openLanguageModel } from '../../models/open.ts';
import { settingsSchema } from '../../run/settings.ts';
import { findShared } from '../shared/find.ts';
import { everything } from '../long.ts';
import { type LanguageModelServer, openLanguageModelServer } from './endpoint/language-model-server.ts';
import { servers } from './endpoint/language-model-servers.ts';

const folder = findShared('models', 'HuggingFaceTB', 'SmolLM2-135M-Instruct');
const running: LanguageModelServer[] = [];

const atServer = (kind: keyof typeof servers) => async (): Promise<string> => {
  const server = await openLanguageModelServer(servers[kind]);
  running.push(server);
  return server.url;
};

const backEnds: [name: string, model: () => string | Promise<string>][] = [
  ['dummy', () => 'dummy'],
  // Slow, and models/onnx/language-model.test.ts has its numbers.
  ...(folder === undefined || !everything ? [] : [['onnx', () => folder] satisfies [string, () => string]]),
  ['completions', atServer('completions')],
  ['vLLM', atServer('vLLM')],
  ['vLLM, earlier', atServer('vLLM, earlier')],
  ['SGLang', atServer('SGLang')],
  ['llama.cpp', atServer('llama.cpp')],
  ['without echo', atServer('without echo')],
  ['chat', atServer('chat')],
];

function open(model: string, more: Readonly<Record<string, unknown>> = {}): Promise<LanguageModel> {
  const settings = settingsSchema.parse({
    corpus: { files: ['a'] },
    models: [{ name: 'judge', model, threads: 2, ...more }],
  });
  return openLanguageModel(settings, 'judge', process.cwd());
}

describe.each(backEnds)('%s', (_name, modelOf) => {
  let place: string;
  let model: LanguageModel;
  const one = async (prompt: string, continuation: string) => {
    const [answer] = await model.logProbabilities([{ prompt, continuations: [continuation] }], 'start');
    return answer?.continuations[0];
  };
  beforeAll(async () => {
    place = await modelOf();
    model = await open(place);
  });
  afterAll(async () => {
    await model.close();
    for (const server of running.splice(0)) await server.close();
  });

  it('has a card that says where its numbers come from, the same each time', async () => {
    const again = await open(place);
    expect(model.name).toBe('judge');
    expect(model.answersLater).toBe(false);
    expect(model.fingerprint).toMatch(/^[0-9a-f]{64}$/);
    expect(again.fingerprint).toBe(model.fingerprint);
    expect(again.source).toEqual(model.source);
    expect(model.source.topK === null).toBe(model.source.precision === 'exact');
    await again.close();
  });

  it('gives log probabilities, which do not depend on what is asked with them', async () => {
    const questions = [
      { prompt: 'The sum of two odd numbers is', continuations: [' even', ' odd', ' e', 'x', ' '] },
      { prompt: 'The sum of two even numbers is', continuations: [' even', 'e'] },
    ];
    const together = await model.logProbabilities(questions, 'start');
    const alone = await Promise.all(questions.map((question) => model.logProbabilities([question], 'start')));
    // What questions share is read once.
    const told = (answers: readonly Answer[]) =>
      answers.map(({ continuations: of, cutTokens }) => [of, cutTokens]);
    expect(told(together)).toEqual(told(alone.flat()));
    const readIn = (answers: readonly Answer[]): number =>
      answers.reduce((sum, { tokensRead }) => sum + tokensRead, 0);
    expect(readIn(together)).toBeGreaterThan(0);
    expect(readIn(together)).toBeLessThanOrEqual(readIn(alone.flat()));
    const all = together.flatMap(({ continuations }) => continuations);
    expect(all).toHaveLength(7);
    const known = all.flatMap(({ logProbability }) => logProbability ?? []);
    // A server that reports only its most likely tokens leaves others unknown, but not every one.
    if (model.continuations === 'any') expect(known).toHaveLength(7);
    else expect(known.length).toBeGreaterThan(0);
    for (const logProbability of known) expect(logProbability).toBeLessThanOrEqual(0);
    for (const tokens of all.flatMap((one) => one.tokens ?? [])) expect(tokens).toBeGreaterThan(0);
  });

  it('moves blanks at the end of a prompt into the continuation', async () => {
    const [blank, none] = [await one('One and one is ', 'two'), await one('One and one is', ' two')];
    expect(blank).toEqual(none);
  });

  it('multiplies probabilities along a continuation', async () => {
    if (model.continuations === 'one token') {
      expect(await one('It is a', ' very large')).toMatchObject({ logProbability: null });
      return;
    }
    const [whole, first, second] = [
      await one('It is a', ' very large'),
      await one('It is a', ' very'),
      await one('It is a very', ' large'),
    ];
    expect(whole?.logProbability).toBeCloseTo(
      (first?.logProbability ?? 0) + (second?.logProbability ?? 0),
      4,
    );
    expect(whole?.tokens).toBe((first?.tokens ?? 0) + (second?.tokens ?? 0));
  });

  it('says which continuation begins another', async () => {
    const [answer] = await model.logProbabilities(
      [{ prompt: 'It is a', continuations: [' very large one', ' very', ' small', ' very large'] }],
      'start',
    );
    const continues = answer?.continuations.map((found) => found.continues);
    expect(continues).toEqual(
      model.continuations === 'any'
        ? [3, undefined, undefined, 1]
        : Array.from({ length: 4 }, () => undefined),
    );
  });

  it('cuts a prompt that is too long at the side that is named, and says so, or refuses it', async () => {
    const short = await open(place, { contextTokens: 32 });
    const prompt = `${'begin '.repeat(400)}middle${' end'.repeat(400)}`;
    const questions = [{ prompt, continuations: [' end', ' b'] }];
    if (short.beginning === null) {
      // Its tokens are not known, so it is up to the server.
      await expect(short.logProbabilities(questions, 'start')).rejects.toMatchObject({
        code: 'LANGUAGE_MODEL_QUESTION',
      });
    } else {
      const [[atStart], [atEnd]] = [
        await short.logProbabilities(questions, 'start'),
        await short.logProbabilities(questions, 'end'),
      ];
      expect(atStart?.cutTokens).toBeGreaterThan(500);
      expect(atEnd?.cutTokens).toBe(atStart?.cutTokens);
      // The one has read " end" alone, the other "begin" alone.
      expect(atStart?.continuations).not.toEqual(atEnd?.continuations);
      const [ends] = await short.logProbabilities(
        [{ prompt: ' end'.repeat(400), continuations: [' end', ' b'] }],
        'start',
      );
      expect(ends?.continuations).toEqual(atStart?.continuations);
    }
    await short.close();
  });

  it('gives the log probability of a whole text, in windows where it is long, or says why not', async () => {
    const text = 'The sum of two odd numbers is even.';
    const reason = model.lacks.textLogProbability;
    if (reason !== undefined) {
      expect(reason.length).toBeGreaterThan(10);
      await expect(model.textLogProbability(text)).rejects.toMatchObject({ code: 'LANGUAGE_MODEL_CANNOT' });
      return;
    }
    const whole = await model.textLogProbability(text);
    expect(whole).toMatchObject({ bytes: 35, windows: 1 });
    expect(whole.logProbability).toBeLessThan(0);
    expect(bitsPerByte(whole)).toBeCloseTo(-whole.logProbability / 35 / Math.LN2, 9);
    expect(whole.tokens - whole.scoredTokens).toBe(
      whole.tokens === 0 || (model.beginning ?? '') !== '' ? 0 : 1,
    );
    expect(await model.textLogProbability('')).toEqual({
      logProbability: 0,
      tokens: 0,
      scoredTokens: 0,
      bytes: 0,
      windows: 0,
    });
    if (model.beginning === null) return;
    const short = await open(place, { contextTokens: 16 });
    const windows = await short.textLogProbability(text.repeat(4));
    expect(windows.windows).toBeGreaterThan(1);
    expect(windows.tokens - windows.scoredTokens).toBe(model.beginning === '' ? 1 : 0);
    await short.close();
  });

  it('refuses a continuation without text', async () => {
    await expect(one('One and one is', '')).rejects.toMatchObject({ code: 'LANGUAGE_MODEL_QUESTION' });
  });

  it('generates, the same again from the same seed, up to a stop text', async () => {
    const sampling = { maxTokens: 6, seed: 3 };
    const written = await model.generate('Once upon a time', sampling);
    expect(written.tokens).toBeGreaterThan(0);
    expect(written.tokens).toBeLessThanOrEqual(6);
    expect(await model.generate('Once upon a time', sampling)).toEqual(written);
    const [stop = ''] = written.text.trimEnd().slice(-1);
    const stopped = await model.generate('Once upon a time', { ...sampling, stop: [stop] });
    expect(stopped.text).toBe(written.text.slice(0, written.text.indexOf(stop)));
  });
});
