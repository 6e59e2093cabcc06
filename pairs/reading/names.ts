// The names that fields have in files of preference pairs. A new kind of file is usually one more name here.

import { type Row, valueOf } from '../../run/fields/field-path.ts';

/** In the order in which they are looked for. Later names may also be something else in a row with an earlier one. */
export const promptFields = [
  'prompt',
  'instruction',
  'question',
  'query',
  'input',
  'context',
  'history',
  'messages',
  'conversations',
  'conversation',
];

/** A pair of answers of which the first is the better one. */
export const chosenRejected: readonly (readonly [chosen: string, rejected: string])[] = [
  ['chosen', 'rejected'],
  ['chosen_response', 'rejected_response'],
  ['response_chosen', 'response_rejected'],
  ['preferred_output', 'non_preferred_output'],
  ['preferred', 'dispreferred'],
  ['accepted', 'rejected'],
  ['response_j', 'response_k'],
];

export interface TwoAnswers {
  a: string;
  b: string;
  /** The field that says which one is better, and its values for a and b; numbers by their sign. */
  better: string;
  isA: readonly unknown[];
  isB: readonly unknown[];
}

/** Two answers in any order, and a field that says which is the better one. */
export const twoAnswers: readonly TwoAnswers[] = [
  { a: 'conversation_a', b: 'conversation_b', better: 'winner', isA: ['model_a'], isB: ['model_b'] },
  { a: 'response_0', b: 'response_1', better: 'better_response_id', isA: [0], isB: [1] },
  { a: 'human_ref_A', b: 'human_ref_B', better: 'labels', isA: [1], isB: [0] },
  { a: 'response1', b: 'response2', better: 'overall_preference', isA: [-3, -2, -1], isB: [1, 2, 3] },
  {
    a: 'response_a',
    b: 'response_b',
    better: 'winner',
    isA: ['a', 'A', 'model_a'],
    isB: ['b', 'B', 'model_b'],
  },
];

/** Lists of answers to one prompt, and the fields that their items have. */
export const answerLists = [
  'completions',
  'responses',
  'answers',
  'generations',
  'candidates',
  'outputs',
  'all_generated_responses',
];
export const answerTexts = [
  'response',
  'text',
  'answer',
  'completion',
  'generation',
  'output',
  'content',
  'messages',
];
export const answerScores = ['overall_score', 'score', 'rating', 'reward'];
/** Lists of scores beside a list of answers. In ranks, 1 is the best. */
export const scoreLists = ['scores', 'ratings', 'rewards', 'score', 'rating', 'all_rm_scores'];
export const rankNames = ['rank', 'ranks', 'ranking'];

export const chosenScores = [
  'score_chosen',
  'chosen_score',
  'chosen-score',
  'chosen_rating',
  'chosen-rating',
];
export const rejectedScores = chosenScores.map((name) => name.replace('chosen', 'rejected'));

export const labels = {
  id: ['id', 'prompt_id', 'uid', 'uuid', '_id'],
  source: ['source', 'dataset', 'dataset_name', 'origin'],
  category: ['category', 'type', 'task', 'task_type', 'domain', 'subject'],
  language: ['language', 'lang'],
};

/** The first of the fields that has a value. */
export function firstOf(row: Row, names: readonly string[]): { field: string; value: unknown } | undefined {
  for (const field of names) {
    const value = valueOf(row, field);
    if (value !== undefined && value !== null && value !== '') return { field, value };
  }
  return undefined;
}

/** A finite number, also as text. */
export function scoreIn(value: unknown): number | null {
  const score =
    typeof value === 'number'
      ? value
      : typeof value === 'string' && value.trim() !== ''
        ? Number(value)
        : Number.NaN;
  return Number.isFinite(score) ? score : null;
}
