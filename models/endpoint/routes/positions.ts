// An opened model at a server, and log probabilities from the positions of a text that it echoes.

import type { Limit } from '../../../run/at-once.ts';
import { fail } from '../../../run/errors/errors.ts';
import type { ContinuationAnswer } from '../../language-model.ts';
import type { Position } from './log-probabilities.ts';
import type { Asking, Routes } from './route-requests.ts';
import type { ServerTokenizer } from '../server-tokenizer.ts';

/** An opened model at a server. */
export interface Opened {
  asking: Asking;
  routes: Routes;
  tokenizer: ServerTokenizer | undefined;
  contextTokens: number | null;
  atOnce: Limit;
}

/** The most tokens of a window: one place is left for the token the server generates. */
export function roomOf({ contextTokens }: Opened, { beginning }: ServerTokenizer): number {
  return contextTokens === null ? Infinity : contextTokens - beginning.length - 1;
}

/**
 * The positions of an echoed text, without a beginning token and the tokens generated after it. Errors:
 * LANGUAGE_MODEL_ANSWER.
 */
export function alignEcho(
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
    problem: 'the tokens it echoed do not match the text',
  });
}

export function sumOf(
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
