// The shapes of rows that hold preference pairs. The first one that fits a row reads it.

import { formatCountOf } from '../../run/amounts.ts';
import { isRow, type Row, valueOf } from '../../run/fields/field-path.ts';
import { structureIn } from '../../run/fields/field-value.ts';
import type { PairFields } from '../../run/pair-settings.ts';
import type { Scored } from './combine.ts';
import {
  answerLists,
  answerScores,
  answerTexts,
  chosenRejected,
  chosenScores,
  firstOf,
  promptFields,
  rankNames,
  rejectedScores,
  scoreIn,
  scoreLists,
  twoAnswers,
} from './names.ts';

/** The parts of a row, not yet read. */
export interface Parts {
  /** The fields, as `betr pairs check` names them. */
  shape: string;
  prompt: unknown;
  answers:
    | { chosen: unknown; rejected: unknown; scoreChosen: number | null; scoreRejected: number | null }
    | { scored: Scored<unknown>[] };
}

/** The parts of a row, why it has none, or undefined for rows of other shapes. */
type Shape = (row: Row, fields: PairFields) => Parts | { reason: string } | undefined;

export const shapes: readonly Shape[] = [readChosenRejected, readTwoAnswers, readAnswers, explain];

function readChosenRejected(row: Row, fields: PairFields): ReturnType<Shape> {
  const names =
    fields.chosen === undefined && fields.rejected === undefined
      ? chosenRejected.find((pair) => pair.some((name) => !isNothing(valueOf(row, name))))
      : ([fields.chosen ?? 'chosen', fields.rejected ?? 'rejected'] as const);
  if (names === undefined) return undefined;
  const [chosen, rejected] = names;
  const prompt = promptOf(row, fields);
  return {
    shape: [...prompt.fields, chosen, rejected].join(', '),
    prompt: prompt.value,
    answers: {
      chosen: valueOf(row, chosen),
      rejected: valueOf(row, rejected),
      scoreChosen: scoreIn(firstOf(row, chosenScores)?.value),
      scoreRejected: scoreIn(firstOf(row, rejectedScores)?.value),
    },
  };
}

function readTwoAnswers(row: Row, fields: PairFields): ReturnType<Shape> {
  const names = twoAnswers.find(({ a, b, better }) =>
    [a, b, better].every((name) => valueOf(row, name) !== undefined),
  );
  if (names === undefined) return undefined;
  const better = valueOf(row, names.better);
  const isA = names.isA.includes(better);
  if (!isA && !names.isB.includes(better)) return { reason: `"${names.better}" prefers neither answer` };
  const prompt = promptOf(row, fields);
  const [first, second] = [valueOf(row, names.a), valueOf(row, names.b)];
  return {
    shape: [...prompt.fields, names.a, names.b, names.better].join(', '),
    prompt: prompt.value,
    answers: {
      chosen: isA ? first : second,
      rejected: isA ? second : first,
      scoreChosen: null,
      scoreRejected: null,
    },
  };
}

function readAnswers(row: Row, fields: PairFields): ReturnType<Shape> {
  for (const field of answerLists) {
    const list = structureIn(valueOf(row, field));
    if (!Array.isArray(list) || list.length === 0) continue;
    const items: readonly unknown[] = list;
    const beside = scoresBeside(row, items.length);
    const scored = items.flatMap((item, at): Scored<unknown>[] => {
      const score = beside?.scores[at] ?? (isRow(item) ? scoreOf(item) : null);
      const answer = isRow(item) ? (firstOf(item, answerTexts)?.value ?? item) : item;
      return score === null ? [] : [{ answer, score }];
    });
    if (scored.length < 2)
      return {
        reason: `"${field}" has ${formatCountOf(scored.length, 'answer')} with a score, and a pair needs 2`,
      };
    const prompt = promptOf(row, fields);
    const isUltraFeedback = items.some((item) => isRow(item) && isRow(item['annotations']));
    const shape = [...prompt.fields, field, ...(beside === undefined ? [] : [beside.field])].join(', ');
    return {
      shape: `${isUltraFeedback ? 'UltraFeedback' : 'scored answers'}: ${shape}`,
      prompt: prompt.value,
      answers: { scored },
    };
  }
  return undefined;
}

/** Rows that hold something else. */
function explain(row: Row): { reason: string } {
  if (['completion', 'label'].every((name) => valueOf(row, name) !== undefined))
    return { reason: 'one answer with a label, and a pair has two answers' };
  return { reason: 'no chosen and rejected answer, and no list of answers with scores' };
}

function isNothing(value: unknown): boolean {
  return value === undefined || value === null;
}

function promptOf(row: Row, { prompt }: PairFields): { fields: string[]; value: unknown } {
  const found = firstOf(row, prompt === undefined ? promptFields : [prompt]);
  if (found === undefined) return { fields: [], value: undefined };
  // OpenAI's files have the turns and the tools in one object.
  if (found.field === 'input' && isRow(found.value))
    return { fields: ['input.messages'], value: found.value['messages'] };
  const input = found.field === 'instruction' ? valueOf(row, 'input') : undefined;
  return typeof found.value === 'string' && typeof input === 'string' && input.trim() !== ''
    ? { fields: ['instruction', 'input'], value: `${found.value}\n\n${input}` }
    : { fields: [found.field], value: found.value };
}

/** A list of as many scores as there are answers. */
function scoresBeside(row: Row, count: number): { field: string; scores: (number | null)[] } | undefined {
  for (const [names, sign] of [
    [scoreLists, 1],
    [rankNames, -1],
  ] as const)
    for (const field of names) {
      const list = structureIn(valueOf(row, field));
      if (Array.isArray(list) && list.length === count)
        return { field, scores: list.map((one) => signed(scoreIn(one), sign)) };
    }
  return undefined;
}

function signed(score: number | null, sign: number): number | null {
  return score === null ? null : sign * score;
}

/** The score of an answer. UltraFeedback's overall scores have errors, so the mean of its ratings comes first. */
function scoreOf(item: Row): number | null {
  const ratings = isRow(item['annotations'])
    ? Object.values(item['annotations']).map((one) => (isRow(one) ? scoreIn(one['Rating']) : null))
    : [];
  const known = ratings.filter((rating) => rating !== null);
  if (known.length > 0 && known.length === ratings.length)
    return known.reduce((sum, rating) => sum + rating, 0) / known.length;
  const score = scoreIn(firstOf(item, answerScores)?.value);
  return score ?? signed(scoreIn(firstOf(item, rankNames)?.value), -1);
}
