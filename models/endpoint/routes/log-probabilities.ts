// Parses the log probabilities in a server's answer, in both common formats, and checks whether they are
// plausible. Some servers omit them, fill them with zeros, or return those of other tokens, all with status 200.

import { z } from 'zod';
import { formatCountOf } from '../../../run/amounts.ts';
import { usageSchema } from '../usage.ts';

export interface TopToken {
  text: string;
  /** Null if the server does not report it. */
  id: number | null;
  /** Null if it is below what the server reports. */
  logProbability: number | null;
}

/** A token of the answer, with the most likely tokens at its position. */
export interface Position extends TopToken {
  top: TopToken[];
}

export interface Choice {
  text: string;
  /** Undefined if the answer has no log probabilities. */
  positions: Position[] | undefined;
  finish: string | null;
}

export interface Completion {
  choice: Choice;
  /** Prompt tokens, as the server counts them. */
  promptTokens: number | null;
  completionTokens: number | null;
  /** The model that the server says it is from. */
  model: string | null;
}

/** The value some servers use for very unlikely tokens. */
const leastTold = -9999;

const number = z.number().nullish();
const completionsLogProbabilities = z.object({
  tokens: z.array(z.string()),
  token_logprobs: z.array(number),
  top_logprobs: z.array(z.record(z.string(), number).nullish()).nullish(),
});
const topToken = z.object({ token: z.string(), id: z.number().int().nullish(), logprob: number });
const chatLogProbabilities = z.object({
  content: z.array(topToken.extend({ top_logprobs: z.array(topToken).nullish() })),
});
const logProbabilities = z.union([completionsLogProbabilities, chatLogProbabilities]).nullish().catch(null);

const choiceSchema = z.object({
  index: z.literal(0).nullish(),
  text: z.string().nullish(),
  message: z.object({ content: z.string().nullish() }).nullish(),
  logprobs: logProbabilities,
  finish_reason: z.string().nullish(),
});

/** An answer to a request for one choice. */
export const completionSchema = z
  .object({
    choices: z.tuple([choiceSchema]),
    // Whatever comes beside an error is not an answer.
    error: z.null().optional(),
    usage: usageSchema,
    model: z.string().nullish().catch(null),
  })
  .transform(({ choices: [choice], usage, model }): Completion => ({
    choice: {
      text: choice.text ?? choice.message?.content ?? '',
      positions: readPositions(choice.logprobs),
      finish: choice.finish_reason ?? null,
    },
    promptTokens: usage?.prompt_tokens ?? null,
    completionTokens: usage?.completion_tokens ?? null,
    model: model ?? null,
  }));

function readPositions(given: z.output<typeof logProbabilities>): Position[] | undefined {
  if (given === null || given === undefined) return undefined;
  if ('content' in given) {
    return given.content.map(({ top_logprobs: top, ...token }) => ({
      ...readToken(token.token, token.logprob, token.id),
      top: (top ?? []).map(({ token: text, logprob, id }) => readToken(text, logprob, id)),
    }));
  }
  return given.tokens.map((token, at) => ({
    ...readToken(token, given.token_logprobs[at]),
    top: Object.entries(given.top_logprobs?.[at] ?? {}).map(([text, value]) => readToken(text, value)),
  }));
}

/** vLLM and others can write a token as "token_id:123". */
function readToken(text: string, value: number | null | undefined, id?: number | null): TopToken {
  const [, named] = /^token_id:(\d+)$/.exec(text) ?? [];
  return {
    text,
    id: id ?? (named === undefined ? null : Number(named)),
    logProbability: value === null || value === undefined || value <= leastTold ? null : value,
  };
}

/** Rounding can push a log probability slightly above 0, and a sum of 16-bit probabilities above 1. */
const tolerance = 1e-3;
export const sumTolerance = 0.02;

/** What is wrong with the log probabilities of at least `least` tokens; undefined if they are plausible. */
export function findFault(positions: readonly Position[], least: number): string | undefined {
  if (positions.length < least)
    return `it returned log probabilities of ${positions.length} of the ${least} tokens sent`;
  // Only the first token of a text may lack one.
  if (positions.slice(1, least).some(({ logProbability }) => logProbability === null))
    return 'log probabilities are missing in the middle of the text';
  const all = positions
    .flatMap(({ logProbability, top }) => [logProbability, ...top.map((token) => token.logProbability)])
    .filter((value) => value !== null);
  const positive = all.find((value) => value > tolerance);
  if (positive !== undefined) return `it returned the log probability ${positive}, which is above 0`;
  if (all.length > 1 && all.every((value) => value === 0)) return 'all of its log probabilities are 0';
  const over = positions
    .map(({ top }) =>
      top.reduce(
        (sum, { logProbability }) => sum + (logProbability === null ? 0 : Math.exp(logProbability)),
        0,
      ),
    )
    .find((sum) => sum > 1 + sumTolerance);
  if (over !== undefined) return `the probabilities at one position add up to ${over.toFixed(3)}`;
  return undefined;
}

/** What is wrong with an answer that has more positions than were asked for: which one is meant is unknown. */
export function findExcess(positions: readonly unknown[], most: number): string | undefined {
  return positions.length > most
    ? `it returned log probabilities of ${positions.length} tokens, where at most ${most} can be`
    : undefined;
}

/** At most this many characters per token, once runs of one character are collapsed. */
const charactersPerToken = 16;

/** The characters of a text, with runs of one character counted once. */
export function countVaried(text: string): number {
  return text.replace(/(.)\1+/gsu, '$1').length;
}

/** Whether a server truncated a prompt, by its token count: a prompt of `sent` tokens, or a text. */
export function findCut(counted: number | null, sent: number | string): string | undefined {
  if (counted === null) return undefined;
  if (typeof sent === 'string') return findCutText(counted, countVaried(sent));
  return counted < sent
    ? `it read only ${counted} of the ${sent} tokens sent and silently cut the rest`
    : undefined;
}

/** The same for a text of so many characters, by `countVaried`. */
export function findCutText(counted: number | null, characters: number): string | undefined {
  return counted !== null && counted * charactersPerToken < characters
    ? `it read only ${formatCountOf(counted, 'token')} of a prompt of ` +
        `${formatCountOf(characters, 'character')}, which it silently cut`
    : undefined;
}
