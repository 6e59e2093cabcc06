// The answer to one request of a batch file, parsed and checked.

import { z } from 'zod';
import { joinTexts } from '../../models/joined-tokens.ts';
import {
  completionSchema,
  countVaried,
  findExcess,
  findCutText,
  findFault,
} from '../../models/endpoint/routes/log-probabilities.ts';
import { readRefusal } from '../../models/endpoint/refusal.ts';
import { estimateTokens, usageSchema } from '../../models/endpoint/usage.ts';
import { readRating, replyOf, type Told } from './ask.ts';
import type { AskedQuestion } from './questions.ts';

/**
 * failed: the server answered with an error, or without usable log probabilities; truncated: it read only a part of
 * the prompt, or stopped in the middle of its answer; other model: another model than the request's answered.
 */
export type AnswerProblem = { problem: 'failed' | 'truncated' | 'other model'; reason: string };

/** What has to be known of a request to read its answer. */
export interface Awaited {
  question: AskedQuestion;
  /** The model that the request names. */
  model: string | undefined;
  /** The prompt's characters, with runs of one character counted once. */
  characters: number;
  /** The prompt's tokens, for servers that do not count them. */
  estimate: number;
  /** The blanks at the prompt's end, which belong to the answers. */
  blanks: string;
}

export function awaitedOf(
  question: AskedQuestion,
  prompt: string,
  { model, isChat }: { model: string | undefined; isChat: boolean },
): Awaited {
  const isPlain = isChat || question.mode === 'rating';
  return {
    question,
    model,
    characters: countVaried(prompt),
    estimate: estimateTokens(prompt),
    blanks: isPlain ? '' : joinTexts(prompt, '').continuation,
  };
}

const lineSchema = z.object({
  response: z.object({ status_code: z.number().nullish(), body: z.unknown() }).nullish(),
  error: z.unknown().optional(),
});
const choicesSchema = z.object({
  choices: z
    .array(
      z.object({
        index: z.number().nullish(),
        text: z.string().nullish(),
        message: z.object({ content: z.string().nullish() }).nullish(),
        finish_reason: z.string().nullish(),
      }),
    )
    .min(1)
    .refine((choices) =>
      [...choices.keys()].every((at) =>
        choices.some(({ index }) => index === undefined || index === null || index === at),
      ),
    ),
});
const errorSchema = z.object({ code: z.number() });

const modelSchema = z.object({ model: z.string().nullish() });
const ratingSchema = z
  .object({
    error: z.null().optional(),
    usage: usageSchema,
  })
  .transform(({ usage }) => ({
    promptTokens: usage?.prompt_tokens ?? null,
    completionTokens: usage?.completion_tokens ?? null,
  }));

/** Services answer with the dated name of a model, and servers may leave out the owner or a folder. */
function isSameModel(named: string, asked: string): boolean {
  const [ofNamed, ofAsked] = [named, asked].map((name) =>
    name.slice(name.lastIndexOf('/') + 1).toLowerCase(),
  );
  return ofNamed === ofAsked || (ofNamed ?? '').replace(/-\d{4}-?\d{2}-?\d{2}$/, '') === ofAsked;
}

/** The reply in a line of an answer file; `first` is the first token, where its alternatives count. */
export function readAnswer(row: unknown, awaited: Awaited): (Told & { first?: string }) | AnswerProblem {
  const line = lineSchema.safeParse(row).data;
  if (line === undefined) return failed('it has neither a response nor an error');
  const status = line.response?.status_code ?? undefined;
  const body = line.response?.body;
  const isError = line.error !== null && line.error !== undefined;
  if (isError || (status ?? 200) !== 200 || body === undefined || body === null)
    return readError(status, line.error ?? body);
  const named = modelSchema.safeParse(body).data?.model;
  if (typeof named === 'string' && awaited.model !== undefined && !isSameModel(named, awaited.model))
    return { problem: 'other model', reason: `it is from the model "${named}", not "${awaited.model}"` };
  const isRating = awaited.question.mode === 'rating';
  const rating = isRating ? ratingSchema.safeParse(body).data : undefined;
  const completion = isRating ? undefined : completionSchema.safeParse(body).data;
  const counts = rating ?? completion;
  if (counts === undefined)
    return failed('its body is not a completion with one choice for each that was asked for');
  const { promptTokens, completionTokens } = counts;
  const cut = findCutText(promptTokens, awaited.characters);
  if (cut !== undefined) return { problem: 'truncated', reason: cut };
  const tokens = (promptTokens ?? awaited.estimate) + (completionTokens ?? estimateWritten(body));
  if (completion === undefined) return readRatings(body, awaited.question, tokens);
  const { positions = [], finish } = completion.choice;
  if (finish === 'content_filter') return failed('a content filter stopped it');
  const [position] = positions;
  if (position === undefined) return failed('it has no log probabilities');
  const fault = findExcess(positions, 1) ?? findFault(positions, 1);
  if (fault !== undefined) return failed(fault);
  if (position.top.length === 0) return failed('it has only one log probability; top_logprobs is missing');
  const known = new Map(
    [position, ...position.top].map(({ text, logProbability }) => [text, logProbability]),
  );
  const logs = awaited.question.groups.map(({ continuations }) =>
    continuations.map((continuation) => known.get(awaited.blanks + continuation) ?? null),
  );
  return { reply: replyOf(logs), tokens, first: position.text };
}

function readRatings(body: unknown, question: AskedQuestion, tokens: number): Told | AnswerProblem {
  const choices = choicesSchema.safeParse(body).data?.choices ?? [];
  if (choices.length < question.samples)
    return { problem: 'truncated', reason: `it has ${choices.length} of ${question.samples} answers` };
  const ratings = choices
    .slice(0, question.samples)
    .map(({ text, message }) => readRating(text ?? message?.content ?? '', question));
  const isCut = choices.some(
    ({ finish_reason: finish }, at) => finish === 'length' && (ratings[at] ?? null) === null,
  );
  if (isCut) return { problem: 'truncated', reason: 'it stopped before its rating; raise maxTokens' };
  return { reply: { ratings }, tokens };
}

function estimateWritten(body: unknown): number {
  const choices = choicesSchema.safeParse(body).data?.choices ?? [];
  return choices.reduce((sum, { text, message }) => sum + estimateTokens(text ?? message?.content ?? ''), 0);
}

/** A text that is too long is a reply: asking again would not help. */
function readError(status: number | undefined, error: unknown): Told | AnswerProblem {
  const said = messageIn(error);
  return readRefusal(status ?? errorSchema.safeParse(error).data?.code ?? 0, said)?.kind === 'length'
    ? { reply: { reason: 'too long' }, tokens: 0 }
    : failed(`${status === undefined ? 'an error' : `HTTP ${status}`}${said === '' ? '' : `: ${said}`}`);
}

const messageSchema = z.union([
  z.string(),
  z.object({ message: z.string() }).transform(({ message }) => message),
  z.object({ error: z.object({ message: z.string() }) }).transform(({ error }) => error.message),
]);

function messageIn(error: unknown): string {
  return messageSchema.safeParse(error).data ?? '';
}

function failed(reason: string): AnswerProblem {
  return { problem: 'failed', reason };
}
