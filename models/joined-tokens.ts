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

/** The end of a prompt that is tokenized with each continuation has at least this many characters. */
const tailCharacters = 24;

/**
 * Tokenizes a prompt with each of its continuations, as one text each. A continuation begins at the first token
 * that differs from the tokens of the prompt alone. Yields texts and takes their tokens. A long prompt is
 * tokenized once, and only its last words with each continuation: what follows a prompt can change its last tokens,
 * but no others. Where the last words have other tokens alone than in the prompt, the whole is tokenized.
 */
export function* joining(
  prompt: string,
  continuations: readonly string[],
): Generator<readonly string[], Joined[], readonly (readonly number[])[]> {
  if (continuations.includes(''))
    throw fail('LANGUAGE_MODEL_QUESTION', { problem: 'a continuation is empty' });
  const { prompt: kept, continuation: blanks } = joinTexts(prompt, '');
  const tail = kept.slice(Math.max(0, kept.lastIndexOf(' ', kept.length - tailCharacters)));
  const ends = continuations.map((continuation) => blanks + continuation);
  const [head = [], tailAlone = [], ...tails] = yield [kept, tail, ...ends.map((end) => tail + end)];
  const joined = tails.map((ids) => replaceTail(head, tailAlone, ids));
  const missing = [...joined.keys()].filter((at) => joined[at] === undefined);
  const whole = missing.length === 0 ? [] : yield missing.map((at) => kept + (ends[at] ?? ''));
  for (const [i, at] of missing.entries()) joined[at] = whole[i];
  return joined.map((ids = []) => ({
    ids,
    promptTokens: Math.min(commonLength(head, ids), ids.length - 1),
  }));
}

/** The tokens of a text whose tail has others now; undefined if the tail's own tokens are not those in the text. */
function replaceTail(
  whole: readonly number[],
  tail: readonly number[],
  other: readonly number[],
): readonly number[] | undefined {
  let agreed = 0;
  while (agreed < tail.length && agreed < whole.length && tail.at(-1 - agreed) === whole.at(-1 - agreed))
    agreed++;
  const first = tail.length - agreed;
  // Two equal tokens show that both continue alike.
  return commonLength(tail, other) < first + 2
    ? undefined
    : [...whole.slice(0, whole.length - agreed), ...other.slice(first)];
}

/** For each sequence, the longest other one that it begins with, if any. Of equal ones, each begins with the last. */
export function findBegun(sequences: readonly (readonly unknown[])[]): { continues?: number }[] {
  return sequences.map((sequence, at) => {
    let continues: number | undefined;
    for (const [other, beginning] of sequences.entries()) {
      const isShorter =
        beginning.length < sequence.length || (beginning.length === sequence.length && other < at);
      const isLonger = beginning.length >= (sequences[continues ?? -1]?.length ?? 0);
      if (isShorter && isLonger && beginsWith(sequence, beginning)) continues = other;
    }
    return continues === undefined ? {} : { continues };
  });
}

/** Compares from the end, because all sequences begin with the same prompt. */
function beginsWith(sequence: readonly unknown[], beginning: readonly unknown[]): boolean {
  for (let at = beginning.length - 1; at >= 0; at--) if (sequence[at] !== beginning[at]) return false;
  return true;
}

function commonLength(a: readonly number[], b: readonly number[]): number {
  let length = 0;
  while (length < a.length && length < b.length && a[length] === b[length]) length++;
  return length;
}

/** `joining` with a tokenizer at hand. Errors: LANGUAGE_MODEL_QUESTION. */
export function joinAll(encode: Encode, prompt: string, continuations: readonly string[]): Joined[] {
  const steps = joining(prompt, continuations);
  let step = steps.next([]);
  while (step.done !== true) step = steps.next(step.value.map(encode));
  return step.value;
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

/**
 * The tokens to read for each group of sequences, if what a sequence has in common with the beginning of an earlier
 * one is read once.
 */
export function countNew(groups: readonly (readonly (readonly number[])[])[]): number[] {
  const earlier: (readonly number[])[] = [];
  return groups.map((group) =>
    group.reduce((sum, ids) => {
      const shared = Math.max(0, ...earlier.map((other) => commonLength(other, ids)));
      earlier.push(ids);
      return sum + ids.length - shared;
    }, 0),
  );
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
