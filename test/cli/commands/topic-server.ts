// A stand-in for a language model server that knows which texts are about space: it answers " Yes" with the share
// of their words that are, and less for texts with a cookie banner. It reports its most likely tokens only.

import { createHash } from 'node:crypto';
import {
  type LanguageModelServer,
  openLanguageModelServer,
  Refused,
} from '../../models/endpoint/language-model-server.ts';

const space =
  /\b(?:star|orbit|planet|comet|galaxy|moon|rocket|light|sun|probe|dust|field|crater|lens|nova|ring)\b/gi;

/** The log probabilities of the answers after a prompt. */
export function topicAnswers(prompt: string): Record<' Yes' | ' No' | ' Perhaps', number> {
  const words = prompt.split(/\s+/).length;
  const noise = createHash('sha256').update(prompt).digest().readUInt16LE() / 65_536 / 100;
  const share = (prompt.match(space) ?? []).length / words - (prompt.includes('cookies') ? 0.1 : 0);
  const yes = 0.9 * Math.min(0.98, Math.max(0.01, share + noise));
  return { ' Yes': Math.log(yes), ' No': Math.log(0.9 - yes), ' Perhaps': Math.log(0.1) };
}

/** The server's answer to a prompt. */
export function topicCompletion(prompt: string): object {
  const answers = topicAnswers(prompt);
  const [best = ' Yes'] = Object.entries(answers)
    .sort(([, a], [, b]) => b - a)
    .map(([token]) => token);
  return {
    id: 'cmpl-1',
    object: 'text_completion',
    choices: [
      {
        index: 0,
        text: best,
        finish_reason: 'length',
        logprobs: {
          tokens: [best],
          token_logprobs: [Math.max(...Object.values(answers))],
          top_logprobs: [answers],
        },
      },
    ],
    usage: { prompt_tokens: prompt.split(/\s+/).length, completion_tokens: 1 },
  };
}

/** It refuses prompts that `isRefused` says. */
export function openTopicServer(
  isRefused: (prompt: string) => boolean = () => false,
): Promise<LanguageModelServer> {
  return openLanguageModelServer({
    'GET /v1/models': () => ({
      object: 'list',
      data: [{ id: 'topics', object: 'model', owned_by: 'gateway' }],
    }),
    // It ignores "echo", as most gateways do.
    'POST /v1/completions': ({ prompt }) => {
      if (isRefused(String(prompt))) throw new Refused(400, 'This content is not allowed');
      return topicCompletion(String(prompt));
    },
  });
}
