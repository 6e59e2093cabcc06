// The log probabilities in a server's answer, in both forms that servers give them, and whether they can be
// right. Servers leave them out, fill them with zeros, and answer for other tokens than those asked about,
// all with status 200.

import { z } from 'zod';

export interface TopToken {
  text: string;
  /** Null where the server does not say. */
  id: number | null;
  /** Null for "less than what is told". */
  logProbability: number | null;
}

/** A token of the answer, with the most likely ones in its place. */
export interface Position extends TopToken {
  top: TopToken[];
}

export interface Choice {
  text: string;
  /** Undefined where the answer has no log probabilities. */
  positions: Position[] | undefined;
  finish: string | null;
}

export interface Completion {
  choice: Choice;
  /** Tokens of the prompt by the server's count. */
  promptTokens: number | null;
  completionTokens: number | null;
}

/** What servers write for tokens that are very unlikely. */
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

export const completionSchema = z
  .object({
    choices: z
      .array(
        z.object({
          text: z.string().nullish(),
          message: z.object({ content: z.string().nullish() }).nullish(),
          logprobs: logProbabilities,
          finish_reason: z.string().nullish(),
        }),
      )
      .min(1),
    usage: z
      .object({ prompt_tokens: z.number().nullish(), completion_tokens: z.number().nullish() })
      .nullish(),
  })
  .transform(({ choices: [choice], usage }): Completion => ({
    choice: {
      text: choice?.text ?? choice?.message?.content ?? '',
      positions: readPositions(choice?.logprobs),
      finish: choice?.finish_reason ?? null,
    },
    promptTokens: usage?.prompt_tokens ?? null,
    completionTokens: usage?.completion_tokens ?? null,
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

/** Rounding may bring a log probability a little above 0, and in 16 bits a sum of probabilities above 1. */
const tolerance = 1e-3;
export const sumTolerance = 0.02;

/** What is wrong with the log probabilities of `least` tokens or more; undefined where they can be right. */
export function findFault(positions: readonly Position[], least: number): string | undefined {
  if (positions.length < least)
    return `it gave log probabilities of ${positions.length} tokens where ${least} were sent`;
  // Only the first token of a text has none.
  if (positions.slice(1, least).some(({ logProbability }) => logProbability === null))
    return 'it left out log probabilities of tokens in the middle of the text';
  const all = positions
    .flatMap(({ logProbability, top }) => [logProbability, ...top.map((token) => token.logProbability)])
    .filter((value) => value !== null);
  const positive = all.find((value) => value > tolerance);
  if (positive !== undefined) return `it gave ${positive} as a log probability, and none is above 0`;
  if (all.length > 1 && all.every((value) => value === 0)) return 'all of its log probabilities are 0';
  const over = positions
    .map(({ top }) =>
      top.reduce(
        (sum, { logProbability }) => sum + (logProbability === null ? 0 : Math.exp(logProbability)),
        0,
      ),
    )
    .find((sum) => sum > 1 + sumTolerance);
  if (over !== undefined) return `the probabilities of one token's alternatives come to ${over.toFixed(3)}`;
  return undefined;
}

/** A run of the same character or of blanks is few tokens, and other text one for a few characters. */
const charactersPerToken = 16;

/**
 * What is wrong with a server's count of a prompt's tokens: of `sent` tokens, or of a text whose tokens are
 * not known.
 */
export function findCut(counted: number | null, sent: number | string): string | undefined {
  if (counted === null) return undefined;
  if (typeof sent === 'number')
    return counted < sent
      ? `it read ${counted} of the ${sent} tokens sent, and cut the rest in silence`
      : undefined;
  const characters = sent.replace(/(.)\1+/gsu, '$1').length;
  return counted * charactersPerToken < characters
    ? `it read ${counted} tokens of a prompt of ${characters} characters, which was cut in silence`
    : undefined;
}
