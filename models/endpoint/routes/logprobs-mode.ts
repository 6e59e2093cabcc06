// vLLM's --logprobs-mode, which the server does not report: whether its log probabilities are the model's own
// (raw_logprobs) or change with the sampling settings of a request (processed_logprobs). betr asks at
// temperature 0, where both are the same unless the server's defaults have a penalty.

import { type Asking, type Prompt, ifThere, readNext, requestCompletion } from './route-requests.ts';

export type LogprobsMode = 'raw_logprobs' | 'processed_logprobs';

/** More than numbers of 16 bits differ when a question is repeated. */
const tolerance = 0.1;

/** The mode of a vLLM server, by asking at two temperatures; undefined if it cannot be told. */
export async function findLogprobsMode(asking: Asking, prompt: Prompt): Promise<LogprobsMode | undefined> {
  if (asking.server.program !== 'vllm') return undefined;
  const likely = async (temperature: number): Promise<Map<number, number>> => {
    const more = { logprobs: 2, temperature, return_tokens_as_token_ids: true };
    const position = await ifThere(async () =>
      readNext(asking, await requestCompletion(asking, prompt, more), 'completions'),
    );
    const top = typeof position === 'object' ? position.top : [];
    return new Map(
      top.flatMap(({ id, logProbability }) =>
        id === null || logProbability === null ? [] : [[id, logProbability]],
      ),
    );
  };
  const [cold, hot] = [await likely(0), await likely(2)];
  const changes = [...cold].flatMap(([id, value]) => {
    const other = hot.get(id);
    return other === undefined ? [] : [Math.abs(other - value)];
  });
  if (changes.length === 0) return undefined;
  return Math.max(...changes) > tolerance ? 'processed_logprobs' : 'raw_logprobs';
}
