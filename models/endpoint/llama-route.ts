// The route of llama.cpp's server: /completion, which answers for any token of the vocabulary.

import { z } from 'zod';
import { fail } from '../../run/errors/errors.ts';
import { findCut, findExcess, findFault } from './log-probabilities.ts';
import { type Asking, type Routes, checkDoubled } from './route-requests.ts';
import { addUsage } from './usage.ts';

const llamaToken = z.object({ id: z.number().int(), logprob: z.number().nullish() });
const llamaSchema = z.object({
  tokens_evaluated: z.number().nullish(),
  truncated: z.boolean().nullish(),
  completion_probabilities: z
    .array(z.object({ id: z.number().int(), top_logprobs: z.array(llamaToken).nullish() }))
    .nullish(),
});
/**
 * Tokens to ask for at first; the whole vocabulary would take megabytes. If a wanted token is missing, the next
 * request asks for more.
 */
const llamaTokens = 256;
const growth = 8;
/** Sets of wanted tokens to remember, which questions ask for after every text. */
const setsAtMost = 1000;
const noLlamaEcho = 'llama.cpp does not echo prompts, so a text would take one request per token';

/** llama.cpp's own /completion, which returns any number of next tokens, up to the whole vocabulary. */
export async function llamaRoutes(asking: Asking, ids: readonly number[]): Promise<Routes> {
  const { server, name } = asking;
  const read = async (
    prompt: readonly number[],
    count: number,
  ): Promise<{ best: number; known: Map<number, number> } | undefined> => {
    const body = {
      prompt,
      n_predict: 1,
      n_probs: count,
      temperature: 0,
      cache_prompt: true,
      post_sampling_probs: false,
    };
    const answer = await server.ask(`${server.root}/completion`, body, llamaSchema);
    const cut =
      answer.truncated === true
        ? 'it truncated the prompt'
        : findCut(answer.tokens_evaluated ?? null, prompt.length);
    if (cut !== undefined) throw fail('LANGUAGE_MODEL_ANSWER', { model: name, problem: cut });
    checkDoubled(asking, answer.tokens_evaluated ?? null, prompt.length);
    addUsage(answer.tokens_evaluated ?? prompt.length, 1);
    const positions = answer.completion_probabilities ?? [];
    const [first] = positions;
    const top = (first?.top_logprobs ?? []).map(({ id, logprob }) => ({
      text: '',
      id,
      logProbability: logprob ?? null,
    }));
    if (first === undefined || top.length === 0) return undefined;
    const fault =
      findExcess(positions, 1) ?? findFault([{ text: '', id: first.id, logProbability: null, top }], 1);
    if (fault !== undefined) throw fail('LANGUAGE_MODEL_ANSWER', { model: name, problem: fault });
    return {
      best: first.id,
      known: new Map(
        top.flatMap(({ id, logProbability }) => (logProbability === null ? [] : [[id, logProbability]])),
      ),
    };
  };
  if ((await read(ids, 2)) === undefined) {
    const none = 'its /completion returns no completion_probabilities';
    return { name: 'llama.cpp', none, noEcho: none };
  }
  const most = server.vocabulary ?? 1 << 20;
  /** How many tokens had the wanted ones among them. */
  const enough = new Map<string, number>();
  return {
    name: 'llama.cpp',
    noEcho: noLlamaEcho,
    async next(prompt, wanted) {
      const key = wanted.join();
      for (let count = enough.get(key) ?? llamaTokens; ; count *= growth) {
        const found = await read(prompt, Math.min(count, most));
        if (found === undefined)
          throw fail('LOG_PROBABILITIES_OFF', { model: name, reason: 'an answer lacks them' });
        const { best, known } = found;
        if (count < most && !wanted.every((id) => known.has(id))) continue;
        if (enough.size < setsAtMost || enough.has(key)) enough.set(key, count);
        return { best, logProbabilities: wanted.map((id) => known.get(id) ?? null) };
      }
    },
  };
}
