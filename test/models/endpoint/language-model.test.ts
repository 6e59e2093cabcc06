// Servers that answer rightly get the right numbers out of every route; wrong and missing log probabilities
// are refused.

import { afterEach, describe, expect, it } from '@jest/globals';
import { findCut, findFault } from '../../../models/endpoint/log-probabilities.ts';
import { beginning, encode, logProbabilityAfter, logProbabilityOf } from './character-model.ts';
import {
  type Asked,
  type LanguageModelServer,
  openLanguageModelServer,
  type Routes,
} from './language-model-server.ts';
import { type Completion, completion } from './language-model-answers.ts';
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

describe('wrong log probabilities', () => {
  type Logprobs = NonNullable<Completion['choices'][0]['logprobs']>;
  /** vLLM's routes with another answer once the model is open. */
  const spoilt = (
    change: (answer: Completion, asked: Asked) => unknown,
  ): { routes: Routes; spoil: () => void } => {
    let isSpoilt = false;
    return {
      spoil: () => (isSpoilt = true),
      routes: {
        ...servers['vLLM, earlier'],
        'POST /v1/completions': (asked) => {
          const answer = completion({ ...asked, logprob_token_ids: undefined }, { addsBeginning: true });
          return isSpoilt ? change(answer, asked) : answer;
        },
      },
    };
  };
  const edit = (change: (logprobs: Logprobs) => void) => (answer: Completion) => {
    const copy = structuredClone(answer);
    const [{ logprobs }] = copy.choices;
    if (logprobs !== null) change(logprobs);
    return copy;
  };
  const cases: [
    what: string,
    change: (answer: Completion, asked: Asked) => unknown,
    code: string,
    says: string,
  ][] = [
    [
      'all zero',
      edit((all) => {
        all.token_logprobs = all.token_logprobs.map(() => 0);
        all.top_logprobs = all.top_logprobs.map(() => null);
      }),
      'LANGUAGE_MODEL_ANSWER',
      'all of its log probabilities are 0',
    ],
    [
      'positive',
      edit((all) => {
        all.token_logprobs[3] = 0.7;
      }),
      'LANGUAGE_MODEL_ANSWER',
      'which is above 0',
    ],
    [
      'of too few tokens',
      edit((all) => {
        all.token_logprobs.splice(2, 5);
        all.tokens.splice(2, 5);
      }),
      'LANGUAGE_MODEL_ANSWER',
      'of 18 of the 22 tokens sent',
    ],
    [
      'left out in the middle',
      edit((all) => {
        all.token_logprobs[4] = null;
      }),
      'LANGUAGE_MODEL_ANSWER',
      'in the middle',
    ],
    [
      'probabilities, not their logarithms',
      edit((all) => {
        all.token_logprobs = all.token_logprobs.map((value) => (value === null ? null : Math.exp(value)));
      }),
      'LANGUAGE_MODEL_ANSWER',
      'which is above 0',
    ],
    [
      'of a generated token, echo ignored',
      (_answer, asked) => completion({ ...asked, echo: false }),
      'LOG_PROBABILITIES_OFF',
      'ignores "echo"',
    ],
    [
      'switched off',
      (_answer, asked) => completion({ ...asked, logprobs: undefined }),
      'LOG_PROBABILITIES_OFF',
      'no log probabilities',
    ],
    [
      'of a prompt that was silently cut',
      (answer) => ({ ...answer, usage: { prompt_tokens: 5, completion_tokens: 1 } }),
      'LANGUAGE_MODEL_ANSWER',
      'read only 5 of the',
    ],
    [
      'of a prompt that begins twice',
      (answer, { prompt = '' }) => ({ ...answer, usage: { prompt_tokens: prompt.length + 1 } }),
      'LANGUAGE_MODEL_START',
      'two beginning tokens',
    ],
    ['in another format', () => ({ choices: [] }), 'LANGUAGE_MODEL_ANSWER', 'unexpected format'],
  ];
  it.each(cases)('%s are refused', async (_what, change, code, says) => {
    const { routes, spoil } = spoilt(change);
    const model = await open((await start(routes)).url);
    await expect(ask(model, 'Is it so? Answer:', [' yes'])).resolves.toHaveLength(1);
    spoil();
    await expect(ask(model, 'Is it so? Answer:', [' yes'])).rejects.toMatchObject({
      code,
      message: expect.stringContaining(says),
    });
  });

  it('are found in single answers', () => {
    const token = (logProbability: number | null) => ({ text: 'a', id: null, logProbability });
    const position = (...values: (number | null)[]) => ({
      ...token(values[0] ?? null),
      top: values.map(token),
    });
    expect(findFault([position(-0.1, -3)], 1)).toBeUndefined();
    expect(findFault([position(0, -20)], 1)).toBeUndefined();
    expect(findFault([position(0, 0)], 1)).toContain('all of its log probabilities are 0');
    expect(findFault([position(-0.1, -0.2)], 1)).toContain('add up to 1.7');
    expect(findFault([position(-0.1)], 2)).toContain('of 1 of the 2 tokens sent');
    expect(findFault([{ ...token(null), top: [] }, position(-1, -2)], 2)).toBeUndefined();
  });

  it("a silent cut is found by the server's count, with or without our own", () => {
    expect(findCut(99, 100)).toContain('99 of the 100 tokens');
    expect(findCut(100, 100)).toBeUndefined();
    expect(findCut(null, 100)).toBeUndefined();
    expect(findCut(512, 'some words '.repeat(2000))).toContain('silently cut');
    expect(findCut(4000, 'some words '.repeat(2000))).toBeUndefined();
    expect(findCut(3, ' '.repeat(5000))).toBeUndefined();
  });
});
