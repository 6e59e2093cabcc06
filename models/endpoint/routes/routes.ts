// The routes to a server's log probabilities. One test request for each at opening shows which of them the
// server has.

import { fail } from '../../../run/errors/errors.ts';
import { findCut, type Position } from './log-probabilities.ts';
import { type Asking, type Prompt, type Routes, chat, ifThere, orFail, readNext } from './route-requests.ts';
import { chatTop } from './request-bodies.ts';
import { llamaRoutes } from './llama-route.ts';
import { completionsRoutes } from './completions-route.ts';
import { withChosenTokens } from './chosen-tokens-route.ts';
import { findLogprobsMode } from './logprobs-mode.ts';

const probe = 'One, two, three, four, five';

/** Finds the routes a server supports. `encode` tokenizes as the server does, if it has a tokenizer route. */
export async function findRoutes(
  asking: Asking,
  asked: 'auto' | 'llama.cpp' | 'completions' | 'chat',
  encode?: (text: string) => Promise<readonly number[]>,
): Promise<Routes> {
  const { program } = asking.server;
  const ids = encode === undefined ? undefined : await encode(probe);
  const isLlama = asked === 'llama.cpp' || (asked === 'auto' && program === 'llamacpp');
  if (isLlama && ids !== undefined) return llamaRoutes(asking, ids);
  if (asked !== 'chat') {
    const found = await completionsRoutes(asking, ids ?? probe);
    if (found !== undefined) {
      const routes = ids === undefined ? found : await withChosenTokens(asking, found, ids);
      const logprobsMode = await findLogprobsMode(asking, ids ?? probe);
      return logprobsMode === undefined ? routes : { ...routes, logprobsMode };
    }
    if (asked === 'completions')
      return { name: 'completions', none: 'it has no /completions', noEcho: 'it has no /completions' };
  }
  return chatRoutes(asking);
}

/** OpenAI's /chat/completions; the prompt is sent as a user message. */
async function chatRoutes(asking: Asking): Promise<Routes> {
  const noEcho = 'a chat route does not echo prompts';
  const top = async (prompt: Prompt): Promise<Position | string> => {
    const completion = await chat(asking, String(prompt), chatTop(asking.topK(true)));
    const cut = findCut(completion.promptTokens, String(prompt));
    if (cut !== undefined) throw fail('LANGUAGE_MODEL_ANSWER', { model: asking.name, problem: cut });
    return readNext(asking, completion, 'chat/completions');
  };
  const found = await ifThere(() => top(probe));
  if (typeof found === 'object')
    return { name: 'chat', noEcho, top: (prompt) => orFail(asking, top(prompt)) };
  return { name: 'chat', noEcho, none: found ?? 'it refuses requests for log probabilities' };
}
