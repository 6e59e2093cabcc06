// The tokens that a stand-in server says it read and wrote.

import { z } from 'zod';
import type { LanguageModelServer } from './language-model-server.ts';

const answerSchema = z.object({
  usage: z.object({ prompt_tokens: z.number(), completion_tokens: z.number() }).optional(),
  tokens_evaluated: z.number().optional(),
});

/** All tokens of the requests from number `since` on. */
export function usedTokens({ asked }: LanguageModelServer, since: number): number {
  return asked.slice(since).reduce((sum, { answer }) => {
    const { usage, tokens_evaluated: evaluated } = answerSchema.safeParse(answer).data ?? {};
    const ofUsage = usage === undefined ? 0 : usage.prompt_tokens + usage.completion_tokens;
    return sum + ofUsage + (evaluated === undefined ? 0 : evaluated + 1);
  }, 0);
}
