// Answers of the stand-ins for language model servers, from the character model.

import { z } from 'zod';
import { beginning, decode, encode, likeliest, logProbabilityAfter, tempered } from './character-model.ts';
import { type Asked, Refused } from './language-model-server.ts';

export interface Written {
  ids: number[];
  prompt: number[];
}

/** The prompt's tokens and the likeliest tokens after it. */
export function write(
  { prompt = '', max_tokens: most = 16, stop = [] }: Asked,
  addsBeginning: boolean,
): Written {
  const read =
    typeof prompt === 'string' ? [...(addsBeginning ? [beginning] : []), ...encode(prompt)] : prompt;
  const ids: number[] = [];
  while (ids.length < most && !stop.some((end) => decode(ids).includes(end)))
    ids.push(likeliest(ids.at(-1) ?? read.at(-1) ?? beginning)[0] ?? 0);
  return { ids, prompt: [...read] };
}

export function cutAtStop(text: string, stop: readonly string[] = []): string {
  const at = Math.min(...stop.map((end) => text.indexOf(end)).filter((place) => place >= 0));
  return Number.isFinite(at) ? text.slice(0, at) : text;
}

export interface Completion {
  choices: [
    {
      text: string;
      finish_reason: string;
      logprobs: {
        tokens: string[];
        token_logprobs: (number | null)[];
        top_logprobs: (Record<string, number> | null)[];
      } | null;
    },
  ];
  usage: { prompt_tokens: number; completion_tokens: number };
}

/** An answer in the older form: tokens, token_logprobs, top_logprobs. */
export function completion(
  asked: Asked,
  { addsBeginning = false, alternatives = 20, isProcessed = false } = {},
): Completion {
  const temperature = isProcessed && (asked.temperature ?? 0) > 0 ? (asked.temperature ?? 1) : 1;
  const { ids, prompt } = write(asked, addsBeginning);
  const all = [...prompt, ...ids];
  const from = asked.echo === true ? 0 : prompt.length;
  const show = (id: number): string =>
    asked.return_tokens_as_token_ids === true ? `token_id:${id}` : decode([id]);
  const count = Math.min(alternatives, typeof asked.logprobs === 'number' ? asked.logprobs : 0);
  const shown = all.slice(from);
  const named = asked.logprob_token_ids;
  return {
    choices: [
      {
        text:
          (asked.echo === true ? decode(prompt.filter((id) => id !== beginning)) : '') +
          cutAtStop(decode(ids), asked.stop),
        finish_reason: asked.stop?.some((end) => decode(ids).includes(end)) === true ? 'stop' : 'length',
        logprobs:
          asked.logprobs === undefined
            ? null
            : {
                tokens: shown.map(show),
                token_logprobs: shown.map((id, at) =>
                  from + at === 0 ? null : tempered(all[from + at - 1] ?? 0, id, temperature),
                ),
                top_logprobs: shown.map((_, at) => {
                  const before = all[from + at - 1];
                  return from + at === 0 || before === undefined
                    ? null
                    : Object.fromEntries(
                        [...likeliest(before).slice(0, count), ...(named ?? [])].map((id) => [
                          show(id),
                          tempered(before, id, temperature),
                        ]),
                      );
                }),
              },
      },
    ],
    usage: { prompt_tokens: prompt.length, completion_tokens: ids.length },
  };
}

/** An answer in the chat's form: content with top_logprobs. */
export function content(ids: readonly number[], before: number, count: number): unknown {
  return {
    content: ids.map((id, at) => {
      const last = ids[at - 1] ?? before;
      return {
        id,
        token: decode([id]),
        logprob: logProbabilityAfter(last, id),
        top_logprobs: likeliest(last)
          .slice(0, count)
          .map((token) => ({ id: token, token: decode([token]), logprob: logProbabilityAfter(last, token) })),
      };
    }),
  };
}

export function chatCompletion(asked: Asked): unknown {
  const text = asked.messages?.at(-1)?.content ?? '';
  checkLength({ ...asked, prompt: text }, 512);
  const { ids, prompt } = write({ ...asked, prompt: text }, true);
  const logprobs =
    asked.logprobs === true
      ? {
          content: z
            .object({
              content: z.array(
                z.object({ token: z.string(), logprob: z.number(), top_logprobs: z.array(z.unknown()) }),
              ),
            })
            .parse(content(ids, prompt.at(-1) ?? 0, asked.top_logprobs ?? 0)).content,
        }
      : null;
  return {
    object: 'chat.completion',
    choices: [
      {
        index: 0,
        message: { role: 'assistant', content: cutAtStop(decode(ids), asked.stop) },
        finish_reason: 'length',
        logprobs,
      },
    ],
    usage: { prompt_tokens: prompt.length + 4, completion_tokens: ids.length },
  };
}

/** A prompt that is too long, in vLLM's words. */
export function checkLength({ prompt, max_tokens: most = 16 }: Asked, context: number): void {
  const length = (prompt ?? '').length + most;
  if (length > context)
    throw new Refused(
      400,
      `This model's maximum context length is ${context} tokens. However, you requested ${length} ` +
        `tokens (${length - most} in the messages, ${most} in the completion).`,
    );
}
