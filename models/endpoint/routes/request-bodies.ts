// The bodies of requests to a language model, whether betr sends them or writes them to a file.

import type { ModelEntry } from '../../../run/model-settings.ts';

/** Alternatives to a token that chat routes report at most. */
const chatTopMost = 20;

/** How many of the most likely tokens a request asks for. */
export function topTokens(
  { topLogProbabilities: top }: Pick<ModelEntry, 'topLogProbabilities'>,
  isChat: boolean,
): number {
  // With one, the answer could be the only token.
  return isChat ? Math.min(chatTopMost, Math.max(2, top)) : Math.max(2, top);
}

/** Lets reasoning models answer immediately, if the template can write an empty thought. */
export const withoutThought = { chat_template_kwargs: { enable_thinking: false } };

/** A request to /chat/completions: the prompt is a user's message, and `fields` are those of the model. */
export function chatBody(
  model: string | undefined,
  text: string,
  fields: Readonly<Record<string, unknown>>,
  more: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  return { ...named(model), messages: [{ role: 'user', content: text }], ...fields, ...more };
}

/** Fields of a chat request for the most likely first tokens of a reply. */
export function chatTop(top: number): Record<string, unknown> {
  return { max_tokens: 1, temperature: 0, logprobs: true, top_logprobs: top };
}

/** A request to /completions; generates the most likely token unless `more` overrides that. */
export function completionBody(
  model: string | undefined,
  prompt: string | readonly number[],
  more: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  return { ...named(model), prompt, max_tokens: 1, temperature: 0, ...more };
}

function named(model: string | undefined): { model?: string } {
  return model === undefined ? {} : { model };
}
