// A row of a file as preference pairs: its shape says where prompt and answers are, and `splitPair` tells them apart.

import { isRow, type Row, valueOf } from '../../run/fields/field-path.ts';
import { structureIn } from '../../run/fields/field-value.ts';
import type { CombineRule, PairsSettings } from '../../run/pair-settings.ts';
import type { Message, PairForm } from '../pair.ts';
import { combine } from './combine.ts';
import { type Parts, shapes } from './shapes.ts';
import { readSide } from './side.ts';
import { type Split, splitPair } from './split.ts';

/** A pair as its row has it. */
export interface FoundPair {
  form: PairForm;
  prompt: string;
  chosen: string;
  rejected: string;
  tools: string | null;
  scoreChosen: number | null;
  scoreRejected: number | null;
}

/** The pairs of a row and what it was taken for, or why it gives none. */
export type RowPairs = { shape: string; pairs: FoundPair[] } | { reason: string };

/** Reads a row of any shape. */
export function readRow(row: Row, { fields, combine: rule }: PairsSettings): RowPairs {
  const parts = shapes.reduce<ReturnType<(typeof shapes)[number]>>(
    (found, shape) => found ?? shape(row, fields),
    undefined,
  );
  if (parts === undefined || 'reason' in parts) return parts ?? { reason: 'no pair' };
  const tools = readTools(row);
  if (typeof tools === 'object' && tools !== null) return tools;
  const system = systemOf(row);
  const told = new Set<string>();
  const pairs: FoundPair[] = [];
  let reason = 'all answers have the same score';
  for (const { chosen, rejected, scoreChosen, scoreRejected } of listPairs(parts.answers, rule)) {
    const split = readPair(parts.prompt, system, chosen, rejected);
    if ('reason' in split) {
      reason = split.reason;
      continue;
    }
    told.add(split.form === 'text' ? 'text' : 'messages');
    for (const trait of split.traits) told.add(trait);
    if (split.form === 'messages' && split.prompt[0]?.role === 'system') told.add('system prompt');
    if (tools !== null) told.add('tools');
    pairs.push({ ...write(split), tools, scoreChosen, scoreRejected });
  }
  return pairs.length === 0 ? { reason } : { shape: `${parts.shape} (${[...told].join(', ')})`, pairs };
}

type Answers = Exclude<Parts['answers'], { scored: unknown }>;

function listPairs(answers: Parts['answers'], rule: CombineRule): Answers[] {
  if (!('scored' in answers)) return [answers];
  return combine(answers.scored, rule).map(([better, worse]) => ({
    chosen: better.answer,
    rejected: worse.answer,
    scoreChosen: better.score,
    scoreRejected: worse.score,
  }));
}

function readPair(promptValue: unknown, system: string, chosenValue: unknown, rejectedValue: unknown): Split {
  let chosen = readSide(chosenValue);
  let rejected = readSide(rejectedValue);
  const prompt = readSide(promptValue);
  for (const [side, name] of [
    [prompt, 'prompt'],
    [chosen, 'chosen'],
    [rejected, 'rejected'],
  ] as const)
    if (side !== undefined && 'reason' in side) return { reason: `${name}: ${side.reason}` };
  if (chosen === undefined || 'reason' in chosen) return { reason: 'chosen is missing' };
  if (rejected === undefined || 'reason' in rejected) return { reason: 'rejected is missing' };
  // An answer that is itself JSON looks like turns; then the other one does not.
  if ('turns' in chosen && chosen.wasText && 'text' in rejected) chosen = { text: String(chosenValue) };
  else if ('turns' in rejected && rejected.wasText && 'text' in chosen)
    rejected = { text: String(rejectedValue) };
  const split = splitPair({
    prompt: prompt !== undefined && 'reason' in prompt ? undefined : prompt,
    system,
    chosen,
    rejected,
  });
  return 'reason' in split ? split : checkPair(split);
}

/** The pair, or why nobody can learn from it. */
function checkPair(split: Exclude<Split, { reason: string }>): Split {
  const { prompt, chosen, rejected } = split;
  if (isEmpty(prompt)) return { reason: 'the prompt is empty' };
  if (isEmpty(chosen)) return { reason: 'chosen is empty' };
  if (isEmpty(rejected)) return { reason: 'rejected is empty' };
  if (split.form === 'messages')
    for (const [side, name] of [
      [split.chosen, 'chosen'],
      [split.rejected, 'rejected'],
    ] as const)
      if (side.at(-1)?.role !== 'assistant')
        return { reason: `${name} ends with a turn that is not an answer` };
  return same(chosen) === same(rejected) ? { reason: 'chosen and rejected are equal' } : split;
}

function isEmpty(side: string | readonly Message[]): boolean {
  return typeof side === 'string'
    ? side.trim() === ''
    : side.every((turn) => (turn.content ?? '').trim() === '' && turn['tool_calls'] === undefined);
}

function same(side: string | readonly Message[]): string {
  return typeof side === 'string'
    ? side.trim()
    : JSON.stringify(side.map((turn) => ({ ...turn, content: turn.content?.trim() })));
}

function write(
  split: Exclude<Split, { reason: string }>,
): Pick<FoundPair, 'form' | 'prompt' | 'chosen' | 'rejected'> {
  if (split.form === 'text')
    return { form: 'text', prompt: split.prompt, chosen: split.chosen, rejected: split.rejected };
  return {
    form: 'messages',
    prompt: JSON.stringify(split.prompt),
    chosen: JSON.stringify(split.chosen),
    rejected: JSON.stringify(split.rejected),
  };
}

function systemOf(row: Row): string {
  const system = valueOf(row, 'system') ?? valueOf(row, 'system_prompt');
  return typeof system === 'string' ? system.trim() : '';
}

/** The tools as JSON, null for none, or why they cannot be used. */
function readTools(row: Row): string | null | { reason: string } {
  const input = valueOf(row, 'input');
  const value = structureIn(valueOf(row, 'tools') ?? (isRow(input) ? input['tools'] : undefined));
  if (value === undefined || value === null || value === '') return null;
  if (!Array.isArray(value)) return { reason: 'tools is not a list' };
  return value.length === 0 ? null : JSON.stringify(value);
}
