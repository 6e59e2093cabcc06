// OpenAI's /completions: the most likely next tokens, and a prompt repeated with its log probabilities.

import { fail } from '../../../run/errors/errors.ts';
import { type Completion, findExcess, findFault, type Position } from './log-probabilities.ts';
import {
  type Asking,
  type Prompt,
  type Routes,
  ifThere,
  orFail,
  readNext,
  requestCompletion,
} from './route-requests.ts';

/** OpenAI's /completions; undefined if the server lacks it. */
export async function completionsRoutes(asking: Asking, sample: Prompt): Promise<Routes | undefined> {
  const complete = (prompt: Prompt, more: Readonly<Record<string, unknown>>): Promise<Completion> =>
    requestCompletion(asking, prompt, more);
  const echo = async (prompt: Prompt): Promise<Position[] | string> => {
    const { choice, completionTokens } = await complete(prompt, { echo: true, logprobs: 1 });
    const { positions } = choice;
    if (positions === undefined) return 'it returns no log probabilities with "echo"';
    const isText = typeof prompt === 'string';
    if (isText ? !choice.text.startsWith(prompt) : positions.length <= (completionTokens ?? 1)) {
      return 'it ignores "echo" and returns only generated text';
    }
    const fault =
      (isText ? undefined : findExcess(positions, prompt.length + 1)) ??
      findFault(positions, isText ? 2 : prompt.length);
    if (fault !== undefined) throw fail('LANGUAGE_MODEL_ANSWER', { model: asking.name, problem: fault });
    return positions;
  };
  // Two tokens can have the same text.
  const byId = asking.server.program === 'vllm' ? { return_tokens_as_token_ids: true } : {};
  const top = async (prompt: Prompt): Promise<Position | string> =>
    readNext(asking, await complete(prompt, { logprobs: asking.topK(false), ...byId }), 'completions');
  const first = await ifThere(() => complete(sample, {}));
  if (first === undefined) return undefined;
  const echoed = await ifThere(() => echo(sample));
  const topped = await ifThere(() => top(sample));
  const noEcho = typeof echoed === 'string' ? echoed : 'it refuses "echo"';
  return {
    name: 'completions',
    noEcho,
    ...(typeof echoed === 'object' ? { echo: (prompt) => orFail(asking, echo(prompt)) } : {}),
    ...(typeof topped === 'object' ? { top: (prompt) => orFail(asking, top(prompt)) } : {}),
    ...(typeof echoed !== 'object' && typeof topped !== 'object'
      ? { none: typeof topped === 'string' ? topped : 'it refuses requests for log probabilities' }
      : {}),
  };
}
