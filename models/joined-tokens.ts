// Tokenizes a prompt with its continuation, and fits the tokens into a context. All back-ends with a tokenizer
// do it as the common evaluation harnesses do, so their numbers are comparable.

import { fail } from '../run/errors/errors.ts';
import type { CutSide } from './language-model.ts';

/** Tokens of a text, without a beginning token. */
export type Encode = (text: string) => readonly number[];

export interface Joined {
  ids: readonly number[];
  /** The number of leading tokens that belong to the prompt. */
  promptTokens: number;
}

/** Moves trailing blanks of the prompt into the continuation, because tokens begin with blanks. */
export function joinTexts(prompt: string, continuation: string): { prompt: string; continuation: string } {
  const kept = prompt.replace(/(?<![ \t])[ \t]+$/, '');
  return { prompt: kept, continuation: prompt.slice(kept.length) + continuation };
}

/**
 * Tokenizes prompt and continuation as one text. The continuation begins at the first token that differs from
 * the tokens of the prompt alone.
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
 * Truncates a prompt on one side so that its longest continuation fits; all continuations get the same prompt.
 * Errors: LANGUAGE_MODEL_QUESTION if nothing of the prompt would be left.
 */
export function cutPrompts(
  joined: readonly Joined[],
  room: number,
  side: CutSide,
): { joined: Joined[]; cutTokens: number } {
  const over = Math.max(0, ...joined.map(({ ids }) => ids.length - room));
  const least = Math.min(...joined.map(({ promptTokens }) => promptTokens));
  if (over > 0 && over >= least) {
    const problem = `its longest continuation leaves no room for the prompt in the context of ${room} tokens`;
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
  /** The tokens to read; `to` is exclusive. */
  from: number;
  to: number;
  /** The first token whose log probability counts. */
  scoredFrom: number;
}

/**
 * Splits a text's tokens into windows of at most `room`. Each window begins with the last token of the previous
 * one, so every token has some context. The first token of the text counts if a beginning token precedes it.
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

/** Puts the beginning tokens before a window. Errors: LANGUAGE_MODEL_START if it already has them. */
export function startWindow(name: string, beginning: readonly number[], ids: readonly number[]): number[] {
  if (beginning.length > 0 && beginning.every((id, at) => ids[at] === id)) {
    throw fail('LANGUAGE_MODEL_START', { model: name, token: String(beginning[0]) });
  }
  return [...beginning, ...ids];
}

/** Removes the beginning tokens, which some chat templates write. */
export function withoutBeginning(beginning: readonly number[], ids: readonly number[]): readonly number[] {
  return beginning.length > 0 && beginning.every((id, at) => ids[at] === id)
    ? ids.slice(beginning.length)
    : ids;
}

/** Closes the thought that the chat template of a reasoning model opens, so the answer comes next. */
export function withEmptyThought(rendered: string): string {
  const opened = rendered.trimEnd();
  return opened.endsWith('<think>') ? `${opened}\n\n</think>\n\n` : rendered;
}
