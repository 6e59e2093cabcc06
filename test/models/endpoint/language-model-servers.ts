// Stand-ins for servers of language models: each has the routes, takes the fields and answers in the form
// that its documentation says.

import { z } from 'zod';
import { beginning, decode, encode, logProbabilityAfter } from './character-model.ts';
import { Refused, type Routes } from './language-model-server.ts';
import {
  chatCompletion,
  checkLength,
  completion,
  content,
  cutAtStop,
  write,
} from './language-model-answers.ts';

function models(id: string, more: Record<string, unknown>): unknown {
  return { object: 'list', data: [{ id, object: 'model', ...more }] };
}

const openTokens: Routes = {
  'POST /tokenize': ({ prompt, add_special_tokens: special }) => {
    const tokens = [...(special === true ? [beginning] : []), ...encode(String(prompt))];
    return { tokens, count: tokens.length, max_model_len: 512 };
  },
  'POST /detokenize': ({ tokens }) => ({ prompt: decode(tokens ?? []) }),
};

export const servers = {
  /** OpenAI's own completions, and servers like it: text alone, and it repeats a prompt. */
  completions: {
    'GET /v1/models': () => models('m', { owned_by: 'organization-owner' }),
    'POST /v1/completions': (asked) => {
      checkLength(asked, 512);
      return completion(asked);
    },
  },
  /**
   * vllm/entrypoints: a beginning token, tokens in place of text, prompt log probabilities, log probabilities
   * of named tokens.
   */
  vLLM: {
    'GET /v1/models': () => models('m', { owned_by: 'vllm', max_model_len: 512 }),
    ...openTokens,
    'POST /v1/completions': (asked) => {
      checkLength(asked, 512);
      if ((asked.logprob_token_ids ?? []).length > 128)
        throw new Refused(400, 'logprob_token_ids: at most 128');
      return completion(asked, { addsBeginning: true });
    },
  },
  /** Of earlier versions, which pass logprob_token_ids by. */
  'vLLM, earlier': {
    'GET /v1/models': () => models('m', { owned_by: 'vllm', max_model_len: 512 }),
    ...openTokens,
    'POST /v1/completions': (asked) =>
      completion({ ...asked, logprob_token_ids: undefined }, { addsBeginning: true }),
  },
  /** SGLang: /v1/score gives probabilities of named tokens. */
  SGLang: {
    'GET /v1/models': () => models('m', { owned_by: 'sglang', max_model_len: 512 }),
    ...openTokens,
    'POST /v1/completions': (asked) => completion(asked, { addsBeginning: true }),
    'POST /v1/score': ({ query = [], items = [], label_token_ids: wanted = [] }) => ({
      scores: items.map((item) =>
        wanted.map((id) => Math.exp(logProbabilityAfter([...query, ...item].at(-1) ?? 0, id))),
      ),
      object: 'scoring',
      usage: { prompt_tokens: query.length + items.flat().length, completion_tokens: 0 },
    }),
  },
  /** llama.cpp's server: it passes echo by, and answers in the chat's form. */
  'llama.cpp': {
    'GET /v1/models': () =>
      models('m.gguf', { owned_by: 'llamacpp', meta: { n_ctx: 512, n_vocab: 98, ftype: 'Q8_0' } }),
    'POST /tokenize': ({ content: text = '', add_special: special }) => ({
      tokens: [...(special === true ? [beginning] : []), ...encode(text)],
    }),
    'POST /detokenize': ({ tokens }) => ({ content: decode(tokens ?? []) }),
    'POST /completion': (asked) => {
      const { ids, prompt } = write({ ...asked, max_tokens: 1 }, false);
      return {
        content: decode(ids),
        truncated: false,
        tokens_evaluated: prompt.length,
        completion_probabilities: z
          .object({ content: z.array(z.unknown()) })
          .parse(content(ids, prompt.at(-1) ?? 0, asked.n_probs ?? 0)).content,
      };
    },
    'POST /v1/completions': (asked) => {
      const { ids, prompt } = write(asked, true);
      return {
        choices: [
          {
            text: cutAtStop(decode(ids), asked.stop),
            logprobs: content(ids, prompt.at(-1) ?? 0, Number(asked.logprobs ?? 0)),
            finish_reason: 'length',
          },
        ],
        usage: { prompt_tokens: prompt.length, completion_tokens: ids.length },
      };
    },
  },
  /** A completions route that refuses echo, as most gateways do. */
  'without echo': {
    'GET /v1/models': () => models('m', { owned_by: 'gateway' }),
    'POST /v1/completions': (asked) => {
      if (asked.echo === true) throw new Refused(400, 'echo is not supported');
      checkLength(asked, 512);
      return completion(asked);
    },
  },
  /** A chat route alone, and no list of models. */
  chat: { 'POST /v1/chat/completions': chatCompletion },
} satisfies Record<string, Routes>;
