// Separates the prompt of a pair from its two answers, wherever the prompt is: in a field of its own, in the answers,
// or only as their common beginning.

import type { Message } from '../pair.ts';
import { isSameTurn } from './messages.ts';
import type { Side } from './side.ts';
import { continueTranscript, readTranscript } from './transcript.ts';

export interface Given {
  prompt: Side | undefined;
  /** A system prompt in a field of its own; '' for none. */
  system: string;
  chosen: Side;
  rejected: Side;
}

/** What else is worth saying about how a row was read. */
export type Trait =
  'Human/Assistant' | 'prompt in the answers' | 'common beginning as the prompt' | 'JSON in strings';

export type Split =
  | { form: 'text'; prompt: string; chosen: string; rejected: string; traits: Trait[] }
  | { form: 'messages'; prompt: Message[]; chosen: Message[]; rejected: Message[]; traits: Trait[] }
  | { reason: string };

/** Separates prompt and answers, or says why that fails. */
export function splitPair(given: Given): Split {
  const { prompt, system, chosen, rejected } = given;
  if ('text' in chosen && 'text' in rejected && (prompt === undefined || 'text' in prompt)) {
    const conversations = readTranscripts(prompt?.text, chosen.text, rejected.text);
    if (conversations !== undefined)
      return splitTurns({ prompt: undefined, system, ...conversations }, ['Human/Assistant']);
    if (system === '') return splitTexts(prompt?.text ?? '', chosen.text, rejected.text);
  }
  const sides = [prompt, chosen, rejected];
  return splitTurns(
    {
      prompt: prompt && turnsOf(prompt, 'user'),
      system,
      chosen: turnsOf(chosen, 'assistant'),
      rejected: turnsOf(rejected, 'assistant'),
    },
    sides.some((side) => side !== undefined && 'turns' in side && side.wasText) ? ['JSON in strings'] : [],
  );
}

function turnsOf(side: Side, role: string): Message[] {
  return 'turns' in side ? side.turns : [{ role, content: side.text }];
}

/** Both sides as whole conversations, if prompt or answers are transcripts. */
function readTranscripts(
  prompt: string | undefined,
  chosen: string,
  rejected: string,
): { chosen: Message[]; rejected: Message[] } | undefined {
  const whole = { chosen: readTranscript(chosen), rejected: readTranscript(rejected) };
  if (whole.chosen !== undefined && whole.rejected !== undefined)
    return { chosen: whole.chosen, rejected: whole.rejected };
  if (prompt === undefined || readTranscript(prompt) === undefined) return undefined;
  return {
    chosen: readTranscript(continueTranscript(prompt, chosen)) ?? [],
    rejected: readTranscript(continueTranscript(prompt, rejected)) ?? [],
  };
}

/** A shorter prompt may also be how both answers begin. */
const fewestCharacters = 20;

function splitTexts(prompt: string, chosen: string, rejected: string): Split {
  if (prompt.trim() === '') {
    const end = commonText(chosen, rejected);
    return {
      form: 'text',
      prompt: chosen.slice(0, end),
      chosen: chosen.slice(end),
      rejected: rejected.slice(end),
      traits: ['common beginning as the prompt'],
    };
  }
  const isInside =
    prompt.length >= fewestCharacters && chosen.startsWith(prompt) && rejected.startsWith(prompt);
  return {
    form: 'text',
    prompt,
    chosen: isInside ? chosen.slice(prompt.length) : chosen,
    rejected: isInside ? rejected.slice(prompt.length) : rejected,
    traits: isInside ? ['prompt in the answers'] : [],
  };
}

/** Some languages have no white space between words. */
const longestWord = 40;

/**
 * Where the common beginning of two texts ends: before the word in which they differ, and, as TRL does, before a
 * space in front of it.
 */
function commonText(a: string, b: string): number {
  let end = 0;
  while (end < a.length && a[end] === b[end]) end++;
  let word = end;
  while (word > 0 && end - word < longestWord && !/\s/.test(a[word - 1] ?? '')) word--;
  if (word === 0 || /\s/.test(a[word - 1] ?? '')) return a[word - 1] === ' ' ? word - 1 : word;
  // Not between the halves of a character.
  return /[\ud800-\udbff]/.test(a[end - 1] ?? '') ? end - 1 : end;
}

interface Conversations {
  prompt: Message[] | undefined;
  system: string;
  chosen: Message[];
  rejected: Message[];
}

function splitTurns({ prompt, system, chosen, rejected }: Conversations, traits: Trait[]): Split {
  const start = system === '' ? [] : [{ role: 'system', content: system }];
  // Some files have a whole conversation beside the pair.
  const own = prompt?.at(-1)?.role === 'assistant' ? undefined : prompt;
  const areWhole = [chosen, rejected].map((side) => side[0] !== undefined && side[0].role !== 'assistant');
  if (!areWhole.includes(true))
    return own === undefined
      ? { reason: 'no prompt' }
      : { form: 'messages', prompt: withSystem(start, own), chosen, rejected, traits };
  const [a, b] = [chosen, rejected].map((side, at) =>
    areWhole[at] === true || own === undefined ? side : [...own, ...side],
  );
  if (a === undefined || b === undefined) return { reason: 'no answer' };
  const end = own !== undefined && startsWith(a, own) && startsWith(b, own) ? own.length : commonTurns(a, b);
  if (typeof end === 'object') return end;
  const common = a.slice(0, end);
  if (own !== undefined && !isIn(own, common))
    return { reason: 'the prompt is not the beginning of both conversations' };
  return {
    form: 'messages',
    prompt: withSystem(start, common),
    chosen: a.slice(end),
    rejected: b.slice(end),
    traits: [...traits, ...whereFrom(own, traits)],
  };
}

/** Transcripts always have the prompt in the answers. */
function whereFrom(prompt: unknown, traits: readonly Trait[]): Trait[] {
  if (traits.includes('Human/Assistant')) return [];
  return [prompt === undefined ? 'common beginning as the prompt' : 'prompt in the answers'];
}

function withSystem(system: readonly Message[], turns: readonly Message[]): Message[] {
  return turns[0]?.role === 'system' ? [...turns] : [...system, ...turns];
}

function startsWith(turns: readonly Message[], start: readonly Message[]): boolean {
  return start.every((turn, at) => isSameTurn(turn, turns[at]));
}

/** A prompt in a field of its own may be any of the user's turns, usually the first or the last one. */
function isIn(prompt: readonly Message[], turns: readonly Message[]): boolean {
  const asked = prompt.findLast(({ role }) => role === 'user');
  return asked !== undefined && turns.some((turn) => isSameTurn(turn, asked));
}

/** How many turns two conversations share before the answers in which they differ. */
function commonTurns(a: readonly Message[], b: readonly Message[]): number | { reason: string } {
  let end = 0;
  while (end < Math.min(a.length, b.length) && isSameTurn(a[end], b[end])) end++;
  if (end === 0) return { reason: 'the two conversations begin with different turns' };
  const [next, other] = [a[end], b[end]];
  if (next !== undefined && other !== undefined && next.role !== 'assistant' && other.role !== 'assistant')
    return { reason: 'the two conversations differ in a turn that is not an answer' };
  // One may end where the other goes on, or both be the same.
  while (end > 0 && (a[end]?.role !== 'assistant' || b[end]?.role !== 'assistant')) end--;
  return end === 0 ? { reason: 'the two conversations have no common prompt' } : end;
}
