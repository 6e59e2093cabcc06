import { afterEach, describe, expect, it } from '@jest/globals';
import { beginning, encode, logProbabilityAfter, logProbabilityOf } from './character-model.ts';
import { completion } from './language-model-answers.ts';
import { type LanguageModelServer, openLanguageModelServer } from './language-model-server.ts';
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

describe('the right numbers', () => {
  const prompt = 'Is it so? Answer:';
  const expected = [' yes', ' no', 'q'].map((continuation) => logProbabilityOf(prompt, continuation));

  it.each(['completions', 'vLLM', 'vLLM, earlier', 'SGLang', 'llama.cpp'] as const)(
    'come from %s',
    async (kind) => {
      const server = await start(servers[kind]);
      const model = await open(server.url);
      const found = await ask(model, prompt, [' yes', ' no', 'q']);
      found.forEach(({ logProbability, tokens, promptTokens }, at) => {
        expect(logProbability).toBeCloseTo(expected[at] ?? 0, 9);
        expect(tokens).toBe([4, 3, 1][at]);
        expect(promptTokens).toBe(prompt.length);
      });
      expect(model.source).toMatchObject({
        precision: 'exact',
        route:
          kind === 'vLLM'
            ? 'vllm'
            : kind === 'SGLang'
              ? 'sglang'
              : kind === 'vLLM, earlier'
                ? 'completions'
                : kind,
      });
    },
  );

  it.each(['without echo', 'chat'] as const)('come from %s, of the likeliest tokens alone', async (kind) => {
    const server = await start(servers[kind]);
    const model = await open(server.url, { topLogProbabilities: 20 });
    const all = Array.from({ length: 95 }, (_, i) => String.fromCharCode(32 + i));
    const found = await ask(model, prompt, all);
    const told = found.filter(({ logProbability }) => logProbability !== null);
    // One of the twenty may be the line break.
    expect([19, 20]).toContain(told.length);
    found.forEach(({ logProbability }, at) => {
      if (logProbability !== null)
        expect(logProbability).toBeCloseTo(logProbabilityOf(prompt, all[at] ?? ''), 9);
    });
    expect(found.filter(({ isGreedy }) => isGreedy === true)).toHaveLength(1);
    expect(model.source).toMatchObject({ precision: 'top-k', topK: 20 });
  });

  it.each([
    ['completions', false],
    ['vLLM', true],
  ] as const)('are those of a whole text from %s', async (kind, hasBeginning) => {
    const model = await open((await start(servers[kind])).url);
    const text = 'A text of its own.';
    const ids = encode(text);
    const first = hasBeginning ? logProbabilityAfter(beginning, ids[0] ?? 0) : 0;
    const found = await model.textLogProbability(text);
    expect(found).toMatchObject({ tokens: 18, scoredTokens: hasBeginning ? 18 : 17, bytes: 18, windows: 1 });
    expect(found.logProbability).toBeCloseTo(first + logProbabilityOf('A', text.slice(1)), 9);
  });

  it('have the beginning token before every window, once', async () => {
    const server = await start(servers.vLLM);
    const model = await open(server.url, { contextTokens: 20 });
    const from = server.asked.length;
    expect((await model.textLogProbability('x'.repeat(100))).windows).toBe(6);
    const sent = server.asked
      .slice(from)
      .flatMap(({ body }) => (Array.isArray(body.prompt) ? [body.prompt] : []));
    expect(sent).toHaveLength(6);
    for (const ids of sent) expect(ids.filter((id) => id === beginning)).toEqual(ids.slice(0, 1));
  });

  it.each(['vLLM', 'vLLM, earlier'] as const)(
    "have vLLM's logprobs mode beside them, from %s, and do not depend on it",
    async (kind) => {
      const processing = await start({
        ...servers[kind],
        'POST /v1/completions': (asked) =>
          completion(kind === 'vLLM' ? asked : { ...asked, logprob_token_ids: undefined }, {
            addsBeginning: true,
            isProcessed: true,
          }),
      });
      const [raw, processed] = [await open((await start(servers[kind])).url), await open(processing.url)];
      expect([raw.source.logprobsMode, processed.source.logprobsMode]).toEqual([
        'raw_logprobs',
        'processed_logprobs',
      ]);
      const found = await ask(processed, prompt, [' yes', ' no', 'q']);
      found.forEach(({ logProbability }, at) => expect(logProbability).toBeCloseTo(expected[at] ?? 0, 9));
      // Everything but the opening is asked at temperature 0, and told by id.
      for (const { body } of processing.asked.filter((one) => one.body.logprob_token_ids !== undefined))
        expect(body).toMatchObject({ temperature: 0, return_tokens_as_token_ids: true });
      expect((await open((await start(servers.SGLang)).url)).source.logprobsMode).toBeUndefined();
    },
  );

  it('are asked of vLLM in one request for all answers of one token', async () => {
    const server = await start(servers.vLLM);
    const model = await open(server.url);
    const from = server.asked.length;
    const letters = Array.from({ length: 95 }, (_, i) => String.fromCharCode(32 + i));
    await ask(model, 'a', [...letters, '\n']);
    expect(server.asked.slice(from).filter(({ body }) => body.logprob_token_ids !== undefined)).toHaveLength(
      1,
    );
  });

  it('come from an earlier vLLM as one generated token; for longer ones it repeats the prompt', async () => {
    const server = await start(servers['vLLM, earlier']);
    const model = await open(server.url);
    const from = server.asked.length;
    const letters = Array.from({ length: 95 }, (_, i) => String.fromCharCode(32 + i));
    const found = await ask(model, 'Is it so? Answer:', letters);
    found.forEach(({ logProbability, tokens }, at) => {
      expect(logProbability).toBeCloseTo(logProbabilityOf('Is it so? Answer:', letters[at] ?? ''), 9);
      expect(tokens).toBe(1);
    });
    const completions = server.asked.slice(from).filter(({ route }) => route === 'POST /v1/completions');
    const echoes = completions.filter(({ body }) => body.echo === true);
    expect(completions.length - echoes.length).toBe(1);
    // Twenty are among the likeliest; one of them may be the line break.
    expect([75, 76]).toContain(echoes.length);
  });
});
