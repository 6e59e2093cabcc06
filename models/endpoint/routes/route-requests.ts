// The requests that all routes to log probabilities share, and the checks of their answers.

import { fail } from '../../../run/errors/errors.ts';
import { EndpointProblem } from '../exchange.ts';
import {
  type Completion,
  completionSchema,
  findCut,
  findExcess,
  findFault,
  type Position,
} from './log-probabilities.ts';
import type { LogprobsMode } from './logprobs-mode.ts';
import { chatBody, completionBody } from './request-bodies.ts';
import type { Server } from '../server.ts';
import { addUsage, estimateTokens } from '../usage.ts';

const contentFilter = 'a content filter stopped its answer';

/** A prompt to send: its tokens if they are known, otherwise its text. */
export type Prompt = string | readonly number[];

/** Log probabilities of the requested next tokens, and the most likely token if the server reports it. */
export interface NextToken {
  logProbabilities: readonly (number | null)[];
  best: number | null;
}

export interface Routes {
  /** The route's name, for the card. */
  name: string;
  /** Log probabilities of any tokens as the next one. */
  next?: (ids: readonly number[], wanted: readonly number[]) => Promise<NextToken>;
  /** The positions of a prompt that the server echoes; at least as many as tokens were sent. */
  echo?: (prompt: Prompt) => Promise<Position[]>;
  /** The most likely next tokens. */
  top?: (prompt: Prompt) => Promise<Position>;
  /** Why there are no log probabilities, if there are none. */
  none?: string;
  /** Why the server does not echo prompts. */
  noEcho: string;
  /** How vLLM computes log probabilities. */
  logprobsMode?: LogprobsMode;
}

export interface Asking {
  server: Server;
  /** The model's name in the settings, for errors. */
  name: string;
  /** How many of the most likely tokens to ask a route for. */
  topK: (isChat: boolean) => number;
  /** Extra fields of a chat request, if the server's program accepts them. */
  chatFields: Readonly<Record<string, unknown>>;
  /** Throws if an answer is from another model than the first. Errors: LANGUAGE_MODEL_ANSWER. */
  checkModel: (answered: string | null) => void;
}

const nameLength = 100;

/** Watches which model answers: a router may fall back on another one. `name` is the model's in the settings. */
export function watchModel(name: string): Asking['checkModel'] {
  let first: string | undefined;
  return (answered) => {
    if (answered === null) return;
    first ??= answered;
    if (answered === first) return;
    const [now, before] = [answered, first].map((model) => JSON.stringify(model.slice(0, nameLength)));
    throw fail('LANGUAGE_MODEL_ANSWER', {
      model: name,
      problem: `it is from the model ${now ?? ''}, the answers before were from ${before ?? ''}`,
    });
  };
}

/** Sends a chat request. Errors: those of a server. */
export async function chat(
  { server, chatFields, checkModel }: Asking,
  text: string,
  more: Readonly<Record<string, unknown>>,
): Promise<Completion> {
  const body = chatBody(server.model, text, chatFields, more);
  const completion = await server.ask(`${server.base}/chat/completions`, body, completionSchema);
  checkModel(completion.model);
  report(completion, text, body);
  return completion;
}

/**
 * Sends a request to /completions; generates the most likely token unless `more` overrides that. Errors: those
 * of a server, LANGUAGE_MODEL_ANSWER.
 */
export async function requestCompletion(
  asking: Asking,
  prompt: Prompt,
  more: Readonly<Record<string, unknown>>,
): Promise<Completion> {
  const { server, name, checkModel } = asking;
  const body = completionBody(server.model, prompt, more);
  const completion = await server.ask(`${server.base}/completions`, body, completionSchema);
  checkModel(completion.model);
  report(completion, prompt, body);
  const cut = findCut(completion.promptTokens, typeof prompt === 'string' ? prompt : prompt.length);
  if (cut !== undefined) throw fail('LANGUAGE_MODEL_ANSWER', { model: name, problem: cut });
  if (typeof prompt !== 'string') checkDoubled(asking, completion.promptTokens, prompt.length);
  return completion;
}

/** Reports what a request read and wrote: by the server's count, or else by an estimate. */
function report(
  { choice, promptTokens, completionTokens }: Completion,
  prompt: Prompt,
  { max_tokens: most }: Readonly<Record<string, unknown>>,
): void {
  const read = typeof prompt === 'string' ? estimateTokens(prompt) : prompt.length;
  const written = Math.min(Number(most), estimateTokens(choice.text));
  addUsage(promptTokens ?? read, completionTokens ?? written);
}

/** Throws if the server put another beginning token before the tokens. */
export function checkDoubled({ name }: Pick<Asking, 'name'>, counted: number | null, sent: number): void {
  if (counted !== null && counted > sent)
    throw fail('LANGUAGE_MODEL_START', {
      model: name,
      token: `the server read ${counted} tokens, ${sent} were sent`,
    });
}

/** Throws the refusal of a text if a content filter stopped the answer. */
export function checkFilter({ finish }: Completion['choice']): void {
  if (finish === 'content_filter')
    throw new EndpointProblem('status', contentFilter, { status: 422, said: contentFilter });
}

/** The generated token with its alternatives, or why there is none. */
export function readNext({ name }: Asking, { choice }: Completion, route: string): Position | string {
  checkFilter(choice);
  const { positions } = choice;
  if (positions === undefined || positions.length === 0) return `its /${route} returns no log probabilities`;
  const [position] = positions;
  const fault = findExcess(positions, 1) ?? findFault(positions, 1);
  if (fault !== undefined) throw fail('LANGUAGE_MODEL_ANSWER', { model: name, problem: fault });
  return position === undefined || position.top.length === 0
    ? `its /${route} does not return the most likely tokens`
    : position;
}

/** The result of a request; undefined if the server refuses it or lacks the route. */
export async function ifThere<T>(ask: () => Promise<T>): Promise<T | undefined> {
  try {
    return await ask();
  } catch (error) {
    // Without a status or an answer, the request did not reach the server.
    if (error instanceof EndpointProblem && (error.kind === 'answer' || error.status !== undefined))
      return undefined;
    throw error;
  }
}

export async function orFail<T extends object>(
  { name }: Asking,
  found: T | string | Promise<T | string>,
): Promise<T> {
  const value = await found;
  if (typeof value === 'string') throw fail('LOG_PROBABILITIES_OFF', { model: name, reason: value });
  return value;
}
