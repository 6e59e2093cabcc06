// How a prompt and a continuation become tokens, and how tokens are fitted into a context. All back-ends that
// know tokens do it this way, which is that of the common evaluation harnesses, so that their numbers can be
// compared.

import { fail } from '../run/errors/errors.ts';
import type { CutSide } from './language-model.ts';

/** Tokens of a text, without a beginning token. */
export type Encode = (text: string) => readonly number[];

export interface Joined {
  ids: readonly number[];
  /** The first so many are the prompt's. */
  promptTokens: number;
}

/**
 * Moves trailing blanks of the prompt into the continuation: tokens begin with a blank, they do not end with
 * one.
 */
export function joinTexts(prompt: string, continuation: string): { prompt: string; continuation: string } {
  const kept = prompt.replace(/(?<![ \t])[ \t]+$/, '');
  return { prompt: kept, continuation: prompt.slice(kept.length) + continuation };
}

/**
 * Tokenizes prompt and continuation as one text. The continuation's tokens begin where the text's differ from
 * the prompt's alone.
 */
export function joinTokens(encode: Encode, prompt: string, continuation: string): Joined {
  if (continuation === '') throw fail('LANGUAGE_MODEL_QUESTION', { problem: 'a continuation is empty' });
  const parts = joinTexts(prompt, continuation);
  const ids = encode(parts.prompt + parts.continuation);
  const head = encode(parts.prompt);
  let promptTokens = 0;
  while (
    promptTokens < head.length &&
    promptTokens < ids.length - 1 &&
    head[promptTokens] === ids[promptTokens]
  ) {
    promptTokens++;
  }
  return { ids, promptTokens };
}

/**
 * Cuts a prompt at one side so that each of its continuations fits, all with the same rest of the prompt.
 * Errors: LANGUAGE_MODEL_QUESTION where a continuation alone does not fit.
 */
export function cutPrompts(
  joined: readonly Joined[],
  room: number,
  side: CutSide,
): { joined: Joined[]; cutTokens: number } {
  const over = Math.max(0, ...joined.map(({ ids }) => ids.length - room));
  const least = Math.min(...joined.map(({ promptTokens }) => promptTokens));
  if (over > 0 && over >= least) {
    const problem = `its longest continuation does not fit into the context of ${room} tokens with any of the prompt`;
    throw fail('LANGUAGE_MODEL_QUESTION', { problem });
  }
  const cut = ({ ids, promptTokens }: Joined): Joined => {
    const rest =
      side === 'start' ? ids.slice(over) : [...ids.slice(0, promptTokens - over), ...ids.slice(promptTokens)];
    return { ids: rest, promptTokens: promptTokens - over };
  };
  return { joined: over === 0 ? [...joined] : joined.map(cut), cutTokens: over };
}

export interface Window {
  /** Tokens that are read, from one position up to before another. */
  from: number;
  to: number;
  /** The first token whose log probability counts. */
  scoredFrom: number;
}

/**
 * Windows over a text's tokens, each at most `room` long. A window after the first begins with the last token
 * of the one before it, so that every token follows some text; the text's first token counts where a
 * beginning token precedes it.
 */
export function textWindows(tokens: number, room: number, hasBeginning: boolean): Window[] {
  const windows: Window[] = [];
  for (let next = 0; next < tokens; next = windows.at(-1)?.to ?? tokens) {
    const from = Math.max(0, next - 1);
    windows.push({
      from,
      to: Math.min(tokens, from + room),
      scoredFrom: next === 0 ? (hasBeginning ? 0 : 1) : next,
    });
  }
  return windows;
}

/** Puts the beginning tokens before a window, which has to be without. Errors: LANGUAGE_MODEL_START. */
export function startWindow(name: string, beginning: readonly number[], ids: readonly number[]): number[] {
  if (beginning.length > 0 && beginning.every((id, at) => ids[at] === id)) {
    throw fail('LANGUAGE_MODEL_START', { model: name, token: String(beginning[0]) });
  }
  return [...beginning, ...ids];
}

/** Tokens without the beginning tokens that a chat template may have written itself. */
export function withoutBeginning(beginning: readonly number[], ids: readonly number[]): readonly number[] {
  return beginning.length > 0 && beginning.every((id, at) => ids[at] === id)
    ? ids.slice(beginning.length)
    : ids;
}

/** A chat prompt whose template opened a thought, with that thought closed, so that the answer comes next. */
export function withEmptyThought(rendered: string): string {
  const opened = rendered.trimEnd();
  return opened.endsWith('<think>') ? `${opened}\n\n</think>\n\n` : rendered;
}
