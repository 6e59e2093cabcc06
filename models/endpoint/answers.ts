// Answers of a server's model: prompts and continuations as the server's routes take them.

import { fail } from '../../run/errors/errors.ts';
import {
  cutPrompts,
  joinTexts,
  joinTokens,
  type Joined,
  startWindow,
  textWindows,
} from '../joined-tokens.ts';
import type { Answer, ContinuationAnswer, CutSide, Question, TextLogProbability } from '../language-model.ts';
import type { Position } from './log-probabilities.ts';
import type { Asking, Routes } from './routes.ts';
import type { ServerTokenizer } from './server-tokenizer.ts';

/** A model at a server, as it was found at opening. */
export interface Opened {
  asking: Asking;
  routes: Routes;
  tokenizer: ServerTokenizer | undefined;
  contextTokens: number | null;
  atOnce: <T>(work: () => Promise<T>) => Promise<T>;
}

/** Answers one question, by the best of the ways that the server has. */
export async function answer(
  open: Opened,
  { prompt, continuations }: Question,
  side: CutSide,
): Promise<Answer> {
  const { routes, tokenizer, atOnce } = open;
  if (tokenizer !== undefined) return answerByTokens(open, tokenizer, { prompt, continuations }, side);
  if (continuations.includes(''))
    throw fail('LANGUAGE_MODEL_QUESTION', { problem: 'a continuation is empty' });
  const { echo, top } = routes;
  if (echo !== undefined) {
    return {
      cutTokens: 0,
      continuations: await Promise.all(
        continuations.map((continuation) =>
          atOnce(() => echoed(open, echo, joinTexts(prompt, continuation))),
        ),
      ),
    };
  }
  // Blanks at the prompt's end go into each of the continuations alike.
  const parts = joinTexts(prompt, '');
  const position = await atOnce(() => orNone(open, top)(parts.prompt));
  return {
    cutTokens: 0,
    continuations: continuations.map((continuation) =>
      fromTop(position, (token) => token.text === parts.continuation + continuation),
    ),
  };
}

async function answerByTokens(
  open: Opened,
  tokenizer: ServerTokenizer,
  { prompt, continuations }: Question,
  side: CutSide,
): Promise<Answer> {
  const { asking, routes, atOnce } = open;
  const texts = continuations.map((continuation) => joinTexts(prompt, continuation));
  const known = new Map<string, readonly number[]>();
  const needed = new Set(texts.flatMap((parts) => [parts.prompt, parts.prompt + parts.continuation]));
  await Promise.all(
    Array.from(needed, (text) => atOnce(async () => known.set(text, await tokenizer.encode(text)))),
  );
  const whole = continuations.map((continuation) =>
    joinTokens((text) => known.get(text) ?? [], prompt, continuation),
  );
  const { joined, cutTokens } = cutPrompts(whole, roomOf(open, tokenizer), side);
  const start = (ids: readonly number[]): number[] => startWindow(asking.name, tokenizer.beginning, ids);
  if (joined.some(({ promptTokens }) => promptTokens + tokenizer.beginning.length === 0)) {
    throw fail('LANGUAGE_MODEL_QUESTION', {
      problem: `its prompt is empty, and ${asking.name} has no beginning token that a first token could follow`,
    });
  }
  const { next, echo, top } = routes;
  if (next !== undefined)
    return {
      cutTokens,
      continuations: await answerNext(joined, start, (ids, wanted) => atOnce(() => next(ids, wanted))),
    };
  /** The likeliest tokens after these, asked for once. */
  const positions = new Map<string, Promise<Position>>();
  const topAfter = (ids: readonly number[], ask: NonNullable<Routes['top']>): Promise<Position> => {
    const position = positions.get(ids.join()) ?? atOnce(() => ask(ids));
    positions.set(ids.join(), position);
    return position;
  };
  const answerOne = async ({ ids, promptTokens }: Joined): Promise<ContinuationAnswer> => {
    const counts = { tokens: ids.length - promptTokens, promptTokens };
    const sent = start(ids);
    if (counts.tokens === 1 && top !== undefined) {
      // A repeated prompt costs the server much more than one generated token.
      const position = await topAfter(sent.slice(0, -1), top);
      const text = position.top.some(({ id }) => id === null)
        ? await atOnce(() => tokenizer.decode(ids.slice(-1)))
        : '';
      const found = fromTop(position, (token) =>
        token.id === null ? token.text === text : token.id === ids.at(-1),
      );
      if (found.logProbability !== null || echo === undefined) return { ...found, ...counts };
    }
    if (echo === undefined) return { logProbability: null, isGreedy: null, ...counts };
    const own = (await atOnce(() => echo(sent))).slice(sent.length - counts.tokens, sent.length);
    return { ...sumOf(asking.name, own), ...counts };
  };
  return { cutTokens, continuations: await Promise.all(joined.map(answerOne)) };
}

/** Answers token by token, asking once for all tokens that may follow the same ones. */
async function answerNext(
  joined: readonly Joined[],
  start: (ids: readonly number[]) => number[],
  next: NonNullable<Routes['next']>,
): Promise<ContinuationAnswer[]> {
  const steps = new Map<string, { before: readonly number[]; wanted: Set<number> }>();
  const stepsOf = ({
    ids,
    promptTokens,
  }: Joined): { key: string; before: readonly number[]; token: number }[] =>
    ids.slice(promptTokens).map((token, at) => {
      const before = ids.slice(0, promptTokens + at);
      return { key: before.join(), before, token };
    });
  for (const one of joined) {
    for (const { key, before, token } of stepsOf(one)) {
      const step = steps.get(key) ?? { before, wanted: new Set() };
      step.wanted.add(token);
      steps.set(key, step);
    }
  }
  const answers = new Map<string, { known: Map<number, number | null>; best: number | null }>();
  await Promise.all(
    Array.from(steps, async ([key, { before, wanted }]) => {
      const { best, logProbabilities } = await next(start(before), [...wanted]);
      answers.set(key, {
        best,
        known: new Map([...wanted].map((token, at) => [token, logProbabilities[at] ?? null])),
      });
    }),
  );
  return joined.map((one) => {
    const found = stepsOf(one).map(({ key, token }) => ({
      value: answers.get(key)?.known.get(token) ?? null,
      best: answers.get(key)?.best ?? null,
      token,
    }));
    return {
      logProbability: found.reduce<number | null>(
        (sum, { value }) => (sum === null || value === null ? null : sum + value),
        0,
      ),
      isGreedy: found.some(({ best }) => best === null)
        ? null
        : found.every(({ best, token }) => best === token),
      tokens: found.length,
      promptTokens: one.promptTokens,
    };
  });
}

/** A continuation in a text that the server repeats: its tokens are those that reach beyond the prompt. */
async function echoed(
  { asking }: Opened,
  echo: NonNullable<Routes['echo']>,
  parts: { prompt: string; continuation: string },
): Promise<ContinuationAnswer> {
  const text = parts.prompt + parts.continuation;
  const { positions, offset } = alignEcho(asking.name, await echo(text), text);
  let end = offset;
  const own = positions.filter((position) => {
    end += position.text.length;
    return end > parts.prompt.length;
  });
  return { ...sumOf(asking.name, own), tokens: own.length, promptTokens: positions.length - own.length };
}

/**
 * The positions of a repeated text, without a beginning token and without what was generated after it.
 * Errors: LANGUAGE_MODEL_ANSWER.
 */
function alignEcho(
  name: string,
  all: readonly Position[],
  text: string,
): { positions: Position[]; offset: number; hasBeginning: boolean } {
  for (const first of [0, 1]) {
    let end = 0;
    const rest = all.slice(first);
    const count = rest.findIndex((position) => (end += position.text.length) >= text.length) + 1;
    const positions = rest.slice(0, count);
    if (count > 0 && positions.map((position) => position.text).join('') === text)
      return { positions, offset: 0, hasBeginning: first === 1 };
  }
  throw fail('LANGUAGE_MODEL_ANSWER', {
    model: name,
    problem: 'the tokens that it repeated are not those of the text',
  });
}

function sumOf(
  model: string,
  positions: readonly Position[],
): Pick<ContinuationAnswer, 'logProbability' | 'isGreedy'> {
  if (positions.some(({ logProbability }) => logProbability === null)) {
    throw fail('LANGUAGE_MODEL_ANSWER', {
      model,
      problem: 'a token of a continuation has no log probability',
    });
  }
  return {
    logProbability: positions.reduce((sum, position) => sum + (position.logProbability ?? 0), 0),
    isGreedy: positions.some(({ top }) => top.length === 0)
      ? null
      : positions.every(({ logProbability, top }) =>
          top.every((other) => (other.logProbability ?? -Infinity) <= (logProbability ?? 0)),
        ),
  };
}

function fromTop({ top }: Position, isIt: (token: Position['top'][number]) => boolean): ContinuationAnswer {
  const found = top.find(isIt);
  const most = Math.max(...top.map(({ logProbability }) => logProbability ?? -Infinity));
  return {
    logProbability: found?.logProbability ?? null,
    tokens: found === undefined ? null : 1,
    promptTokens: null,
    // The most likely text may begin with another continuation's first token, so nothing is known of one that
    // is not there.
    isGreedy: found === undefined ? null : found.logProbability === most,
  };
}

/** The log probability of a whole text, by repeating it. Errors: as `answer`. */
export async function scoreText(open: Opened, text: string): Promise<TextLogProbability> {
  const { asking, routes, tokenizer, atOnce } = open;
  const { echo } = routes;
  const bytes = Buffer.byteLength(text);
  if (echo === undefined)
    throw fail('LANGUAGE_MODEL_CANNOT', {
      model: asking.name,
      what: 'give the log probability of a whole text',
      reason: routes.noEcho,
    });
  if (text === '') return { logProbability: 0, tokens: 0, scoredTokens: 0, bytes, windows: 0 };
  if (tokenizer === undefined) {
    const { positions } = alignEcho(asking.name, await atOnce(() => echo(text)), text);
    const scored = positions.slice(positions[0]?.logProbability === null ? 1 : 0);
    return {
      logProbability: sumOf(asking.name, scored).logProbability ?? 0,
      tokens: positions.length,
      scoredTokens: scored.length,
      bytes,
      windows: 1,
    };
  }
  const ids = await tokenizer.encode(text);
  const windows = textWindows(ids.length, roomOf(open, tokenizer), tokenizer.beginning.length > 0);
  const sums = await Promise.all(
    windows.map(async ({ from, to, scoredFrom }) => {
      const sent = startWindow(asking.name, tokenizer.beginning, ids.slice(from, to));
      const positions = await atOnce(() => echo(sent));
      return (
        sumOf(asking.name, positions.slice(sent.length - (to - scoredFrom), sent.length)).logProbability ?? 0
      );
    }),
  );
  return {
    logProbability: sums.reduce((total, sum) => total + sum, 0),
    tokens: ids.length,
    scoredTokens: ids.length - (windows[0]?.scoredFrom ?? 0),
    bytes,
    windows: windows.length,
  };
}

/** Tokens of a window that is sent, where one is generated after it. */
export function roomOf({ contextTokens }: Opened, { beginning }: ServerTokenizer): number {
  return contextTokens === null ? Infinity : contextTokens - beginning.length - 1;
}

function orNone({ asking }: Opened, top: Routes['top']): NonNullable<Routes['top']> {
  if (top === undefined)
    throw fail('LOG_PROBABILITIES_OFF', {
      model: asking.name,
      reason: 'the server has no way to ask for them',
    });
  return top;
}
