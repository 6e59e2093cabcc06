// Servers that answer rightly get the right numbers out of every route; wrong and missing log probabilities are refused.

import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { ServerResponse } from 'node:http';
import { openEndpointModel } from '../../../models/endpoint/language-model.ts';
import { findCut, findFault } from '../../../models/endpoint/log-probabilities.ts';
import { addressesOf } from '../../../models/endpoint/server.ts';
import type { LanguageModel } from '../../../models/language-model.ts';
import { settingsSchema } from '../../../run/settings.ts';
import {
  type Asked,
  beginning,
  completion,
  encode,
  type LanguageModelServer,
  logProbabilityAfter,
  logProbabilityOf,
  openLanguageModelServer,
  Refused,
  servers,
} from './language-model-servers.ts';

const running: LanguageModelServer[] = [];
const pace = { attempts: 3, firstWaitMs: 1, longestWaitMs: 5 };
const keyNames = ['BETR_MODEL_KEY', 'OPENAI_API_KEY', 'MY_KEY'];

beforeEach(() => keyNames.forEach((name) => delete process.env[name]));
afterEach(async () => {
  keyNames.forEach((name) => delete process.env[name]);
  for (const server of running.splice(0)) await server.close();
});

type Routes = Record<string, (asked: Asked) => unknown>;
async function start(
  routes: Routes,
  spoil?: (response: ServerResponse, route: string, number: number) => boolean,
): Promise<LanguageModelServer> {
  const server = await openLanguageModelServer(routes, spoil);
  running.push(server);
  return server;
}
function open(url: string, more: Readonly<Record<string, unknown>> = {}): Promise<LanguageModel> {
  const [model] = settingsSchema.parse({
    corpus: { files: ['a'] },
    models: [{ name: 'judge', model: url, ...more }],
  }).models;
  if (model === undefined) throw new Error('no model');
  return openEndpointModel(model, pace);
}
/** The answer to one question. */
async function ask(model: LanguageModel, prompt: string, continuations: readonly string[]) {
  const [answer] = await model.logProbabilities([{ prompt, continuations }], 'start');
  return answer?.continuations ?? [];
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
});

describe('wrong log probabilities', () => {
  type Answer = Record<string, unknown> & {
    choices: [
      {
        logprobs: {
          token_logprobs: (number | null)[];
          tokens: string[];
          top_logprobs: (Record<string, number> | null)[];
        };
      },
    ];
  };
  /** vLLM's routes with another answer once the model is open. */
  const spoilt = (
    change: (answer: ReturnType<typeof completion>, asked: Asked) => unknown,
  ): { routes: Routes; spoil: () => void } => {
    let isSpoilt = false;
    return {
      spoil: () => (isSpoilt = true),
      routes: {
        ...servers['vLLM, earlier'],
        'POST /v1/completions': ({ logprob_token_ids: _, ...asked }) => {
          const answer = completion(asked, { addsBeginning: true });
          return isSpoilt ? change(answer, asked) : answer;
        },
      },
    };
  };
  const edit =
    (change: (logprobs: Answer['choices'][0]['logprobs']) => void) =>
    (answer: ReturnType<typeof completion>) => {
      const copy: Answer = JSON.parse(JSON.stringify(answer));
      change(copy.choices[0].logprobs);
      return copy;
    };
  const cases: [
    what: string,
    change: (answer: ReturnType<typeof completion>, asked: Asked) => unknown,
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
      'none is above 0',
    ],
    [
      'of too few tokens',
      edit((all) => {
        all.token_logprobs.splice(2, 5);
        all.tokens.splice(2, 5);
      }),
      'LANGUAGE_MODEL_ANSWER',
      'of 18 tokens where 22 were sent',
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
      'none is above 0',
    ],
    [
      'of a generated token, echo ignored',
      (_answer, asked) => completion({ ...asked, echo: false }),
      'LOG_PROBABILITIES_OFF',
      'ignores "echo"',
    ],
    [
      'switched off',
      (_answer, { logprobs: _, ...asked }) => completion(asked),
      'LOG_PROBABILITIES_OFF',
      'without log probabilities',
    ],
    [
      'of a prompt that was cut in silence',
      (answer) => ({ ...answer, usage: { prompt_tokens: 5, completion_tokens: 1 } }),
      'LANGUAGE_MODEL_ANSWER',
      'read 5 of the',
    ],
    [
      'of a prompt that begins twice',
      (answer, { prompt = '' }) => ({ ...answer, usage: { prompt_tokens: prompt.length + 1 } }),
      'LANGUAGE_MODEL_START',
      'twice',
    ],
    ['in another form', () => ({ choices: [] }), 'LANGUAGE_MODEL_ANSWER', 'another form'],
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
    expect(findFault([position(-0.1, -0.2)], 1)).toContain('come to 1.7');
    expect(findFault([position(-0.1)], 2)).toContain('of 1 tokens where 2 were sent');
    expect(findFault([{ ...token(null), top: [] }, position(-1, -2)], 2)).toBeUndefined();
  });

  it("a silent cut is found by the server's count, with or without our own", () => {
    expect(findCut(99, 100)).toContain('99 of the 100 tokens');
    expect(findCut(100, 100)).toBeUndefined();
    expect(findCut(null, 100)).toBeUndefined();
    expect(findCut(512, 'some words '.repeat(2000))).toContain('cut in silence');
    expect(findCut(4000, 'some words '.repeat(2000))).toBeUndefined();
    expect(findCut(3, ' '.repeat(5000))).toBeUndefined();
  });
});

describe('a server', () => {
  it('without log probabilities still generates, and says what it lacks', async () => {
    const model = await open(
      (
        await start({
          'GET /v1/models': () => ({ data: [{ id: 'm' }] }),
          'POST /v1/completions': ({ logprobs: _, ...asked }) => completion({ ...asked, echo: false }),
        })
      ).url,
    );
    expect(model.lacks.logProbabilities).toContain('without log probabilities');
    await expect(ask(model, 'a', ['b'])).rejects.toMatchObject({ code: 'LOG_PROBABILITIES_OFF' });
    expect((await model.generate('a', { maxTokens: 3 })).text).toHaveLength(3);
  });

  it('is tried again while it is busy, and after an answer that broke off', async () => {
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
      'breaks off mid-answer',
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
    process.env['MY_KEY'] = 'sk-secret';
    const server = await start(servers.completions, (response) => {
      spoil(response);
      return true;
    });
    const failure = await open(server.url, { keyVariable: 'MY_KEY', endpointModel: 'm' }).catch(
      (error: unknown) => error,
    );
    expect(failure).toMatchObject({ code });
    expect(String(failure)).not.toContain('sk-secret');
    if (code === 'LANGUAGE_MODEL_KEY') expect(String(failure)).toContain('MY_KEY');
  });

  it('has to have the model that is named, and a name where it has several', async () => {
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

  it('that is busy is asked no more than so many things at once', async () => {
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

  it('that takes no prompt so long says so', async () => {
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

  it('is found by its host, its base or a route', () => {
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
