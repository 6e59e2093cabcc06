// The ways to ask a server for log probabilities. Which of them a server has is found out by asking it once,
// at opening.

import { z } from 'zod';
import { fail } from '../../run/errors/errors.ts';
import { EndpointProblem } from './exchange.ts';
import {
  type Completion,
  completionSchema,
  findCut,
  findFault,
  type Position,
  sumTolerance,
} from './log-probabilities.ts';
import type { Server } from './server.ts';

/** A prompt as it is sent: its tokens where they are known, else its text. */
export type Prompt = string | readonly number[];

/**
 * The next token: log probabilities of the tokens asked for, and the most likely one where the server says.
 */
export interface NextToken {
  logProbabilities: readonly (number | null)[];
  best: number | null;
}

export interface Routes {
  /** How log probabilities are asked for, for the card. */
  name: string;
  /** Log probabilities of any tokens in the next place. */
  next?: (ids: readonly number[], wanted: readonly number[]) => Promise<NextToken>;
  /** The positions of a prompt that the server repeats; at least as many as tokens were sent. */
  echo?: (prompt: Prompt) => Promise<Position[]>;
  /** The most likely tokens in the next place. */
  top?: (prompt: Prompt) => Promise<Position>;
  /** Why there are none, where there are none. */
  none?: string;
  /** Why the server does not repeat a prompt. */
  noEcho: string;
}

export interface Asking {
  server: Server;
  /** As the settings name it, for errors. */
  name: string;
  topK: number;
  /** Sent with a chat request, where the server's program is known to take it. */
  chatMore: Readonly<Record<string, unknown>>;
}

const probe = 'One, two, three, four, five';

/**
 * Finds the ways that a server has. `encode` gives tokens as the server has them, where they can be known.
 */
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
    if (found !== undefined) return ids === undefined ? found : withChosenTokens(asking, found, ids);
    if (asked === 'completions')
      return { name: 'completions', none: 'it has no /completions', noEcho: 'it has no /completions' };
  }
  return chatRoutes(asking);
}

const llamaToken = z.object({ id: z.number().int(), logprob: z.number().nullish() });
const llamaSchema = z.object({
  tokens_evaluated: z.number().nullish(),
  truncated: z.boolean().nullish(),
  completion_probabilities: z
    .array(z.object({ id: z.number().int(), top_logprobs: z.array(llamaToken).nullish() }))
    .nullish(),
});
/** Enough for answers that are not far-fetched: the whole vocabulary is megabytes. */
const llamaTokens = 256;
const noLlamaEcho = 'llama.cpp does not repeat a prompt, so a whole text would take a request for each token';

/**
 * llama.cpp's own /completion, which gives as many of the next tokens as it is asked for, up to the
 * vocabulary.
 */
async function llamaRoutes(asking: Asking, ids: readonly number[]): Promise<Routes> {
  const { server, name } = asking;
  const read = async (
    prompt: readonly number[],
    count: number,
  ): Promise<{ best: number; known: Map<number, number> } | undefined> => {
    const body = {
      prompt,
      n_predict: 1,
      n_probs: count,
      temperature: 0,
      cache_prompt: true,
      post_sampling_probs: false,
    };
    const answer = await server.ask(`${server.root}/completion`, body, llamaSchema);
    const cut =
      answer.truncated === true
        ? 'it cut the prompt'
        : findCut(answer.tokens_evaluated ?? null, prompt.length);
    if (cut !== undefined) throw fail('LANGUAGE_MODEL_ANSWER', { model: name, problem: cut });
    checkDoubled(asking, answer.tokens_evaluated ?? null, prompt.length);
    const [first] = answer.completion_probabilities ?? [];
    const top = (first?.top_logprobs ?? []).map(({ id, logprob }) => ({
      text: '',
      id,
      logProbability: logprob ?? null,
    }));
    if (first === undefined || top.length === 0) return undefined;
    const fault = findFault([{ text: '', id: first.id, logProbability: null, top }], 1);
    if (fault !== undefined) throw fail('LANGUAGE_MODEL_ANSWER', { model: name, problem: fault });
    return {
      best: first.id,
      known: new Map(
        top.flatMap(({ id, logProbability }) => (logProbability === null ? [] : [[id, logProbability]])),
      ),
    };
  };
  if ((await read(ids, 2)) === undefined) {
    const none = 'its /completion answers without completion_probabilities';
    return { name: 'llama.cpp', none, noEcho: none };
  }
  return {
    name: 'llama.cpp',
    noEcho: noLlamaEcho,
    async next(prompt, wanted) {
      let found = await read(prompt, llamaTokens);
      if (found !== undefined && !wanted.every((id) => found?.known.has(id)))
        found = await read(prompt, server.vocabulary ?? 1 << 20);
      if (found === undefined)
        throw fail('LOG_PROBABILITIES_OFF', { model: name, reason: 'an answer was without them' });
      const { best, known } = found;
      return { best, logProbabilities: wanted.map((id) => known.get(id) ?? null) };
    },
  };
}

/** OpenAI's /completions. Undefined where the server has no such route. */
async function completionsRoutes(asking: Asking, sample: Prompt): Promise<Routes | undefined> {
  const complete = (prompt: Prompt, more: Readonly<Record<string, unknown>>): Promise<Completion> =>
    requestCompletion(asking, prompt, more);
  const echo = async (prompt: Prompt): Promise<Position[] | string> => {
    const { choice, completionTokens } = await complete(prompt, { echo: true, logprobs: 1 });
    const { positions } = choice;
    if (positions === undefined) return 'it answers "echo" without log probabilities';
    const isText = typeof prompt === 'string';
    if (isText ? !choice.text.startsWith(prompt) : positions.length <= (completionTokens ?? 1)) {
      return 'it ignores "echo" and answers with generated text alone';
    }
    const fault = findFault(positions, isText ? 2 : prompt.length);
    if (fault !== undefined) throw fail('LANGUAGE_MODEL_ANSWER', { model: asking.name, problem: fault });
    return positions;
  };
  // Two tokens can have the same text.
  const byId = asking.server.program === 'vllm' ? { return_tokens_as_token_ids: true } : {};
  const top = async (prompt: Prompt): Promise<Position | string> =>
    readNext(asking, await complete(prompt, { logprobs: asking.topK, ...byId }), 'completions');
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

const scoresSchema = z.object({
  scores: z.array(
    z.array(
      z
        .number()
        .min(0)
        .max(1 + sumTolerance),
    ),
  ),
});
/** vLLM takes no more token ids. */
const chosenAtMost = 128;

/** Adds the shorter ways of vLLM and SGLang, which answer for the tokens that are named. */
async function withChosenTokens(asking: Asking, routes: Routes, sample: readonly number[]): Promise<Routes> {
  const { server, name } = asking;
  const viaVllm = async (prompt: readonly number[], wanted: readonly number[]): Promise<NextToken> => {
    const more = { logprobs: 1, logprob_token_ids: wanted, return_tokens_as_token_ids: true };
    const position = await orFail(
      asking,
      readNext(asking, await requestCompletion(asking, prompt, more), 'completions'),
    );
    const known = new Map([position, ...position.top].map(({ id, logProbability }) => [id, logProbability]));
    const missing = wanted.find((id) => !known.has(id));
    if (missing !== undefined)
      throw new EndpointProblem('answer', `it left out token ${missing}, which it was asked for`);
    return { best: position.id, logProbabilities: wanted.map((id) => known.get(id) ?? null) };
  };
  const viaSglang = async (prompt: readonly number[], wanted: readonly number[]): Promise<NextToken> => {
    const body = {
      model: server.model,
      query: prompt.slice(0, -1),
      items: [prompt.slice(-1)],
      label_token_ids: wanted,
      apply_softmax: false,
      item_first: false,
    };
    const { scores } = await server.ask(`${server.base}/score`, body, scoresSchema);
    const row = scores[0] ?? [];
    const sum = row.reduce((total, value) => total + value, 0);
    if (row.length !== wanted.length || sum === 0 || sum > 1 + sumTolerance) {
      throw fail('LANGUAGE_MODEL_ANSWER', {
        model: name,
        problem: `its scores of ${wanted.length} tokens are ${row.length} numbers with a sum of ${sum}`,
      });
    }
    return { best: null, logProbabilities: row.map((value) => (value === 0 ? null : Math.log(value))) };
  };
  const way = server.program === 'vllm' ? viaVllm : server.program === 'sglang' ? viaSglang : undefined;
  // Two, as the likeliest token may be there without having been asked for.
  const wanted = sample.slice(-2);
  if (way === undefined || (await ifThere(() => way(sample, wanted))) === undefined) return routes;
  return {
    ...routes,
    name: server.program,
    async next(prompt, all) {
      const answers: NextToken[] = [];
      for (let from = 0; from < all.length; from += chosenAtMost)
        answers.push(await way(prompt, all.slice(from, from + chosenAtMost)));
      return {
        best: answers[0]?.best ?? null,
        logProbabilities: answers.flatMap(({ logProbabilities }) => logProbabilities),
      };
    },
  };
}

/** OpenAI's /chat/completions, in which a prompt is a user's message. */
async function chatRoutes(asking: Asking): Promise<Routes> {
  const noEcho = 'a chat route does not repeat a prompt';
  const top = async (prompt: Prompt): Promise<Position | string> => {
    const completion = await chat(asking, String(prompt), {
      max_tokens: 1,
      temperature: 0,
      logprobs: true,
      top_logprobs: Math.min(20, asking.topK),
    });
    const cut = findCut(completion.promptTokens, String(prompt));
    if (cut !== undefined) throw fail('LANGUAGE_MODEL_ANSWER', { model: asking.name, problem: cut });
    return readNext(asking, completion, 'chat/completions');
  };
  const found = await ifThere(() => top(probe));
  if (typeof found === 'object')
    return { name: 'chat', noEcho, top: (prompt) => orFail(asking, top(prompt)) };
  return { name: 'chat', noEcho, none: found ?? 'it refuses requests for log probabilities' };
}

/** A chat request. Errors: those of a server. */
export function chat(
  { server, chatMore }: Asking,
  text: string,
  more: Readonly<Record<string, unknown>>,
): Promise<Completion> {
  const body = { ...named(server), messages: [{ role: 'user', content: text }], ...chatMore, ...more };
  return server.ask(`${server.base}/chat/completions`, body, completionSchema);
}

/**
 * A request to /completions; one token, the most likely one, unless `more` says otherwise. Errors: those of a
 * server, LANGUAGE_MODEL_ANSWER.
 */
export async function requestCompletion(
  asking: Asking,
  prompt: Prompt,
  more: Readonly<Record<string, unknown>>,
): Promise<Completion> {
  const { server, name } = asking;
  const body = { ...named(server), prompt, max_tokens: 1, temperature: 0, ...more };
  const completion = await server.ask(`${server.base}/completions`, body, completionSchema);
  const cut = findCut(completion.promptTokens, typeof prompt === 'string' ? prompt : prompt.length);
  if (cut !== undefined) throw fail('LANGUAGE_MODEL_ANSWER', { model: name, problem: cut });
  if (typeof prompt !== 'string') checkDoubled(asking, completion.promptTokens, prompt.length);
  return completion;
}

function named({ model }: Server): { model?: string } {
  return model === undefined ? {} : { model };
}

/** A server that puts a beginning token before tokens that have one already. */
function checkDoubled({ name }: Pick<Asking, 'name'>, counted: number | null, sent: number): void {
  if (counted !== null && counted > sent)
    throw fail('LANGUAGE_MODEL_START', {
      model: name,
      token: `the server read ${counted} tokens of ${sent}`,
    });
}

/** The one generated token of an answer, with its alternatives; else why there is none. */
function readNext({ name }: Asking, { choice: { positions } }: Completion, route: string): Position | string {
  if (positions === undefined || positions.length === 0)
    return `its /${route} answers without log probabilities`;
  const [position] = positions.slice(-1);
  const fault = findFault(positions, 1);
  if (fault !== undefined) throw fail('LANGUAGE_MODEL_ANSWER', { model: name, problem: fault });
  return position === undefined || position.top.length === 0
    ? `its /${route} answers without the most likely tokens`
    : position;
}

/** What a request gives; undefined where the server refuses it or does not have the route. */
async function ifThere<T>(ask: () => Promise<T>): Promise<T | undefined> {
  try {
    return await ask();
  } catch (error) {
    if (error instanceof EndpointProblem) return undefined;
    throw error;
  }
}

async function orFail<T extends object>(
  { name }: Asking,
  found: T | string | Promise<T | string>,
): Promise<T> {
  const value = await found;
  if (typeof value === 'string') throw fail('LOG_PROBABILITIES_OFF', { model: name, reason: value });
  return value;
}
