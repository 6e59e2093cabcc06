import { afterEach, describe, expect, it } from '@jest/globals';
import { findCut, findFault } from '../../../models/endpoint/routes/log-probabilities.ts';
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
      'two BOS tokens',
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

  it('may be of another model, which a router falls back on', async () => {
    let by = 'org/model';
    const server = await start({
      ...servers.completions,
      'POST /v1/completions': (asked) => ({ ...completion(asked), model: by }),
    });
    const model = await open(server.url);
    await expect(ask(model, 'Is it so? Answer:', [' yes'])).resolves.toHaveLength(1);
    by = 'org/small';
    await expect(ask(model, 'Is it so? Answer:', [' yes'])).rejects.toMatchObject({
      code: 'LANGUAGE_MODEL_ANSWER',
      message: expect.stringContaining(
        'from the model "org/small", the answers before were from "org/model"',
      ),
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
