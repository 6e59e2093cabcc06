// The routes of vLLM and SGLang that answer for the tokens a request names.

import { z } from 'zod';
import { fail } from '../../../run/errors/errors.ts';
import { EndpointProblem } from '../exchange.ts';
import { sumTolerance } from './log-probabilities.ts';
import {
  type Asking,
  type NextToken,
  type Routes,
  ifThere,
  orFail,
  readNext,
  requestCompletion,
} from './route-requests.ts';
import { addUsage, usageSchema } from '../usage.ts';

const scoresSchema = z.object({
  usage: usageSchema,
  scores: z.array(
    z.array(
      z
        .number()
        .min(0)
        .max(1 + sumTolerance),
    ),
  ),
});
/** vLLM's limit on token ids per request. */
const chosenAtMost = 128;

/** Adds the faster routes of vLLM and SGLang, which score the tokens that the request names. */
export async function withChosenTokens(
  asking: Asking,
  routes: Routes,
  sample: readonly number[],
): Promise<Routes> {
  const { server, name } = asking;
  const viaVllm = async (prompt: readonly number[], wanted: readonly number[]): Promise<NextToken> => {
    const more = { logprobs: 1, logprob_token_ids: wanted, return_tokens_as_token_ids: true };
    const position = await orFail(
      asking,
      readNext(asking, await requestCompletion(asking, prompt, more), 'completions'),
    );
    const known = new Map([position, ...position.top].map(({ id, logProbability }) => [id, logProbability]));
    const missing = wanted.find((id) => !known.has(id));
    if (missing !== undefined)
      throw new EndpointProblem('answer', `it left out the requested token ${missing}`);
    return { best: position.id, logProbabilities: wanted.map((id) => known.get(id) ?? null) };
  };
  const viaSglang = async (prompt: readonly number[], wanted: readonly number[]): Promise<NextToken> => {
    const body = {
      model: server.model,
      query: prompt.slice(0, -1),
      items: [prompt.slice(-1)],
      label_token_ids: wanted,
      apply_softmax: false,
      item_first: false,
    };
    const { scores, usage } = await server.ask(`${server.base}/score`, body, scoresSchema);
    addUsage(usage?.prompt_tokens ?? prompt.length, usage?.completion_tokens ?? 0);
    const row = scores[0] ?? [];
    const sum = row.reduce((total, value) => total + value, 0);
    if (row.length !== wanted.length || sum === 0 || sum > 1 + sumTolerance) {
      throw fail('LANGUAGE_MODEL_ANSWER', {
        model: name,
        problem: `it returned ${row.length} scores that add up to ${sum} for ${wanted.length} tokens`,
      });
    }
    return { best: null, logProbabilities: row.map((value) => (value === 0 ? null : Math.log(value))) };
  };
  const way = server.program === 'vllm' ? viaVllm : server.program === 'sglang' ? viaSglang : undefined;
  // Two, because the most likely token is returned even if it is not requested.
  const wanted = sample.slice(-2);
  if (way === undefined || (await ifThere(() => way(sample, wanted))) === undefined) return routes;
  return {
    ...routes,
    name: server.program,
    async next(prompt, all) {
      const answers: NextToken[] = [];
      for (let from = 0; from < all.length; from += chosenAtMost)
        answers.push(await way(prompt, all.slice(from, from + chosenAtMost)));
      return {
        best: answers[0]?.best ?? null,
        logProbabilities: answers.flatMap(({ logProbabilities }) => logProbabilities),
      };
    },
  };
}
