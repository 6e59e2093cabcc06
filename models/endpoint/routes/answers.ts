// Answers to questions from a model at a server.

import { fail } from '../../../run/errors/errors.ts';
import { cutPrompts, findBegun, joining, joinTexts, type Joined, startWindow } from '../../joined-tokens.ts';
import type { Answer, ContinuationAnswer, CutSide, Question } from '../../language-model.ts';
import type { Position } from './log-probabilities.ts';
import type { Routes } from './route-requests.ts';
import type { ServerTokenizer } from '../server-tokenizer.ts';
import { countUsage, type Usage } from '../usage.ts';
import { alignEcho, type Opened, roomOf, sumOf } from './positions.ts';

/** Answers a question through the best route of the server. */
export function answer(open: Opened, question: Question, side: CutSide): Promise<Answer> {
  return countUsage(() => answerOnce(open, question, side));
}

type Uncounted = Omit<Answer, keyof Usage>;

async function answerOnce(
  open: Opened,
  { prompt, continuations }: Question,
  side: CutSide,
): Promise<Uncounted> {
  const { routes, tokenizer, atOnce } = open;
  if (tokenizer !== undefined) return answerByTokens(open, tokenizer, { prompt, continuations }, side);
  if (continuations.includes(''))
    throw fail('LANGUAGE_MODEL_QUESTION', { problem: 'a continuation is empty' });
  const { echo, top } = routes;
  if (echo !== undefined) {
    const all = await Promise.all(
      continuations.map((continuation) => atOnce(() => echoed(open, echo, joinTexts(prompt, continuation)))),
    );
    const begun = findBegun(all.map(({ pieces }) => pieces));
    return {
      cutTokens: 0,
      continuations: all.map(({ found }, at) => ({ ...found, ...begun[at] })),
    };
  }
  // Trailing blanks of the prompt move into every continuation, but a reply does not begin with those of a message.
  const parts = routes.name === 'chat' ? { prompt, continuation: '' } : joinTexts(prompt, '');
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
): Promise<Uncounted> {
  const { asking, routes, atOnce } = open;
  const steps = joining(prompt, continuations);
  let step = steps.next([]);
  while (step.done !== true)
    step = steps.next(await Promise.all(step.value.map((text) => atOnce(() => tokenizer.encode(text)))));
  const whole = step.value;
  const { joined, cutTokens } = cutPrompts(whole, roomOf(open, tokenizer), side);
  const start = (ids: readonly number[]): number[] => startWindow(asking.name, tokenizer.beginning, ids);
  if (joined.some(({ promptTokens }) => promptTokens + tokenizer.beginning.length === 0)) {
    throw fail('LANGUAGE_MODEL_QUESTION', {
      problem: `its prompt is empty, and ${asking.name} has no BOS token to put before a first token`,
    });
  }
  const { next, echo, top } = routes;
  const begun = findBegun(joined.map(({ ids }) => ids));
  const told = (answers: readonly ContinuationAnswer[]): Uncounted => ({
    cutTokens,
    continuations: answers.map((one, at) => ({ ...one, ...begun[at] })),
  });
  if (next !== undefined)
    return told(await answerNext(joined, start, (ids, wanted) => atOnce(() => next(ids, wanted))));
  /** The most likely tokens after a sequence, requested once for each sequence. */
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
      // Echoing a prompt costs the server much more than generating a token.
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
  return told(await Promise.all(joined.map(answerOne)));
}

/** Scores token by token, with one request for all tokens that follow the same sequence. */
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

/** Scores a continuation by echo: its tokens are those that end beyond the prompt. `pieces` are the whole text's. */
async function echoed(
  { asking }: Opened,
  echo: NonNullable<Routes['echo']>,
  parts: { prompt: string; continuation: string },
): Promise<{ found: ContinuationAnswer; pieces: string[] }> {
  const text = parts.prompt + parts.continuation;
  const { positions, offset } = alignEcho(asking.name, await echo(text), text);
  let end = offset;
  const own = positions.filter((position) => {
    end += position.text.length;
    return end > parts.prompt.length;
  });
  return {
    found: { ...sumOf(asking.name, own), tokens: own.length, promptTokens: positions.length - own.length },
    pieces: positions.map((position) => position.text),
  };
}

function fromTop({ top }: Position, isIt: (token: Position['top'][number]) => boolean): ContinuationAnswer {
  const found = top.find(isIt);
  const most = Math.max(...top.map(({ logProbability }) => logProbability ?? -Infinity));
  return {
    logProbability: found?.logProbability ?? null,
    tokens: found === undefined ? null : 1,
    promptTokens: null,
    // A longer token may cover the continuation, so a missing one says nothing about greedy decoding.
    isGreedy: found === undefined ? null : found.logProbability === most,
  };
}

function orNone({ asking }: Opened, top: Routes['top']): NonNullable<Routes['top']> {
  if (top === undefined)
    throw fail('LOG_PROBABILITIES_OFF', {
      model: asking.name,
      reason: 'the server has no route for them',
    });
  return top;
}
